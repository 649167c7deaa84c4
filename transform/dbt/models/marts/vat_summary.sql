-- VAT by month and account: what operations collected and may deduct, apart from what returns and their payments
-- settled (445), without opening balances.
with line as (
    select
        line.*,
        {{ pennylane_line_is_of('line', pennylane_vat_settlements()) }} as settles
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    where line.account_number like '445%'
        and {{ pennylane_line_counts('line') }}
        and not {{ pennylane_line_is_of('line', pennylane_opening_entries()) }}
)

select
    line.company_id,
    line.company_name,
    date_trunc('month', line.date)::date as month,
    line.account_number,
    max(account.account_label) as account_label,
    case
        when line.account_number like '4457%' then 'collected'
        when line.account_number like '44567%' then 'credit to carry forward'
        when line.account_number like '44562%' then 'deductible on assets'
        when line.account_number like '4456%' then 'deductible'
        when line.account_number like '4455%' then 'to pay'
        when line.account_number like '4452%' then 'due within the EU'
        when line.account_number like '4458%' then 'to be settled'
        else 'other'
    end as vat_kind,
    -- FR_200 is 20.0 %, FR_55 5.5 %; other codes are not rates.
    max(account.vat_rate) as vat_rate_code,
    coalesce(sum(line.debit) filter (where not line.settles), 0) as debits,
    coalesce(sum(line.credit) filter (where not line.settles), 0) as credits,
    case
        when line.account_number like '4457%'
            then coalesce(sum(line.credit - line.debit) filter (where not line.settles), 0)
        else 0
    end as collected,
    case
        when line.account_number like '4456%' and line.account_number not like '44567%'
            then coalesce(sum(line.debit - line.credit) filter (where not line.settles), 0)
        else 0
    end as deductible,
    coalesce(sum(line.credit - line.debit) filter (where not line.settles), 0) as vat_due,
    coalesce(sum(line.credit - line.debit) filter (where line.settles), 0) as settled
from line
left join {{ ref('stg_pennylane__ledger_accounts') }} as account
    on account.company_id = line.company_id and account.id = line.ledger_account_id
group by line.company_id, line.company_name, date_trunc('month', line.date), line.account_number

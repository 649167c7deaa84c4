-- VAT by month and account, from the lines of the accounts 445 (TVA), without opening balances.
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
    sum(line.debit) as debits,
    sum(line.credit) as credits,
    sum(line.credit) - sum(line.debit) as vat_due
from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
left join {{ ref('stg_pennylane__ledger_accounts') }} as account
    on account.company_id = line.company_id and account.id = line.ledger_account_id
left join {{ ref('stg_pennylane__journals') }} as journal
    on journal.company_id = line.company_id and journal.id = line.journal_id
where line.account_number like '445%' and not {{ pennylane_carries_forward('journal') }}
group by line.company_id, line.company_name, date_trunc('month', line.date), line.account_number

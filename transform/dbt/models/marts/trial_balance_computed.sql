-- Debits and credits of every account in every fiscal year, summed from the lines.
select
    fiscal_year.company_id,
    fiscal_year.company_name,
    fiscal_year.start_date as period_start,
    fiscal_year.end_date as period_end,
    line.account_number,
    max(account.account_label) as account_label,
    sum(line.debit) as debits,
    sum(line.credit) as credits,
    sum(line.debit) - sum(line.credit) as balance
from {{ ref('stg_pennylane__fiscal_years') }} as fiscal_year
inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    on line.company_id = fiscal_year.company_id
    and line.date between fiscal_year.start_date and fiscal_year.end_date
left join {{ ref('stg_pennylane__ledger_accounts') }} as account
    on account.company_id = line.company_id and account.id = line.ledger_account_id
group by
    fiscal_year.company_id,
    fiscal_year.company_name,
    fiscal_year.start_date,
    fiscal_year.end_date,
    line.account_number

-- Debit minus credit of every account by fiscal year, openings included: the ledger is read once for several rules.
{{ config(materialized='ephemeral') }}
select
    line.company_id,
    line.company_name,
    line.account_number,
    year.start_date,
    sum(line.debit - line.credit) as balance,
    min(line.date) as first_date,
    max(line.date) as last_date
from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
left join {{ ref('stg_pennylane__fiscal_years') }} as year
    on year.company_id = line.company_id and line.date between year.start_date and year.end_date
group by line.company_id, line.company_name, line.account_number, year.start_date

-- Debit minus credit of every account by fiscal year, openings included: the ledger is read once for several rules.
{{ config(materialized='ephemeral') }}
with boundary as (
    select * from {{ pennylane_year_boundaries() }} as known
),

period as (
    select
        company_id,
        min(company_name) as company_name,
        account_number,
        width_bucket(date, (select days from boundary)) as number,
        sum(debit - credit) as balance,
        min(date) as first_date,
        max(date) as last_date
    from {{ ref('stg_pennylane__ledger_entry_lines') }}
    group by company_id, account_number, 4
)

select
    period.company_id,
    period.company_name,
    period.account_number,
    year.start_date,
    sum(period.balance) as balance,
    min(period.first_date) as first_date,
    max(period.last_date) as last_date
from period
left join {{ ref('stg_pennylane__fiscal_years') }} as year
    on year.company_id = period.company_id and period.first_date between year.start_date and year.end_date
group by period.company_id, period.company_name, period.account_number, year.start_date

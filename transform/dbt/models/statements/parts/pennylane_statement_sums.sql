-- Debit minus credit of every account by month and fiscal year: the ledger is read once, and the statements sum
-- these rows. Entries that close the accounts of classes 6 and 7 into the result (12) are set aside.
{{ config(materialized='ephemeral') }}
with day as (
    select distinct on (year.company_id, day.date)
        year.company_id,
        day.date::date as date,
        year.start_date as fiscal_year_start
    from {{ ref('stg_pennylane__fiscal_years') }} as year
    cross join lateral generate_series(year.start_date, year.end_date, interval '1 day') as day (date)
    order by year.company_id, day.date, year.start_date
),

closing as (
    select distinct result.company_id, result.ledger_entry_id
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as result
    where result.account_number >= '12' and result.account_number < '13'
        and exists (
            select from {{ ref('stg_pennylane__ledger_entry_lines') }} as closed
            where closed.ledger_entry_id = result.ledger_entry_id
                and closed.company_id = result.company_id
                and closed.account_number >= '6' and closed.account_number < '8'
        )
)

select
    line.company_id,
    day.fiscal_year_start,
    date_trunc('month', line.date)::date as month,
    coalesce(line.account_number, '') as account_number,
    max(line.date) as last_day,
    sum(line.debit) - sum(line.credit) as balance
from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
left join day on day.company_id = line.company_id and day.date = line.date
left join closing
    on closing.company_id = line.company_id and closing.ledger_entry_id = line.ledger_entry_id
where closing.ledger_entry_id is null
group by line.company_id, day.fiscal_year_start, date_trunc('month', line.date), coalesce(line.account_number, '')

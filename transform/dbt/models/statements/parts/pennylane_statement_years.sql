-- The fiscal years, each with the one before, and with the day from which its balances are summed: the first day
-- of the latest year whose opening balances are posted. Without any, everything is summed.
{{ config(materialized='ephemeral') }}
with opened as (
    select
        year.company_id,
        year.company_name,
        year.start_date,
        year.end_date,
        exists (
            select from {{ ref('pennylane', 'opening_entries') }} as opening
            where opening.company_id = year.company_id and opening.period_start = year.start_date
        ) as is_opened
    from {{ ref('stg_pennylane__fiscal_years') }} as year
),

summed as (
    select
        company_id,
        company_name,
        start_date,
        end_date,
        coalesce(
            max(start_date) filter (where is_opened) over (partition by company_id order by start_date),
            '-infinity'
        ) as summed_from
    from opened
)

select
    company_id,
    company_name,
    start_date as fiscal_year_start,
    end_date as fiscal_year_end,
    summed_from,
    lag(start_date) over former as previous_start,
    lag(end_date) over former as previous_end,
    lag(summed_from) over former as previous_summed_from
from summed
window former as (partition by company_id order by start_date)

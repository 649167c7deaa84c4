-- Each company's first day, and the day as of which delays are counted: today, or the last day of its books.
{{ config(materialized='ephemeral') }}
select
    company_id,
    min(first_date) as first_day,
    least(max(last_date), (now() at time zone 'Europe/Paris')::date) as as_of
from {{ ref('pennylane', 'pennylane_control_balances') }}
group by company_id

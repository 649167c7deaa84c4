-- The movements of every account by fiscal year: without openings that repeat earlier lines.
{{ config(materialized='ephemeral') }}
select company_id, company_name, account_number, coalesce(start_date, first_date) as start_date, balance, last_date
from {{ ref('pennylane', 'pennylane_control_balances') }}
union all
select opened.company_id, opened.company_name, opened.account_number, opened.start_date, -opened.balance, null
from {{ ref('pennylane', 'pennylane_control_opened') }} as opened
inner join {{ ref('pennylane', 'pennylane_control_days') }} as day on day.company_id = opened.company_id
where opened.start_date > day.first_day

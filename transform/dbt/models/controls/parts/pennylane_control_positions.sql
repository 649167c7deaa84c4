-- What every account holds now. Openings that repeat earlier lines count once.
{{ config(materialized='ephemeral') }}
select
    balance.company_id,
    balance.company_name,
    balance.account_number,
    sum(balance.balance) as balance,
    max(balance.last_date) as last_date
from {{ ref('pennylane', 'pennylane_control_balances') }} as balance
inner join {{ ref('pennylane', 'pennylane_control_days') }} as day on day.company_id = balance.company_id
where not balance.is_opening or balance.start_date <= day.first_day
group by balance.company_id, balance.company_name, balance.account_number

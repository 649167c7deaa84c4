-- What every account holds now.
{{ config(materialized='ephemeral') }}
select company_id, company_name, account_number, sum(balance) as balance, max(last_date) as last_date
from {{ ref('pennylane', 'pennylane_control_movements') }}
group by company_id, company_name, account_number

-- What the entries that open fiscal years say, by account.
{{ config(materialized='ephemeral') }}
select
    line.company_id,
    line.company_name,
    opening.period_start as start_date,
    line.account_number,
    sum(line.debit - line.credit) as balance
from {{ ref('pennylane', 'pennylane_control_openings') }} as opening
inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    on line.company_id = opening.company_id
    and line.date = opening.period_start
    and line.ledger_entry_id = opening.ledger_entry_id
group by line.company_id, line.company_name, opening.period_start, line.account_number

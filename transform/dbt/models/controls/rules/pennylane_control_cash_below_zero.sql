-- A till (53) never holds less than nothing.
{{ config(materialized='ephemeral') }}
with daily as (
    select line.company_id, line.company_name, line.account_number, line.date, sum(line.debit - line.credit) as moved
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    inner join {{ ref('pennylane', 'pennylane_control_days') }} as day on day.company_id = line.company_id
    left join {{ ref('pennylane', 'pennylane_control_openings') }} as opening
        on opening.company_id = line.company_id and opening.ledger_entry_id = line.ledger_entry_id
    where line.account_number like '53%' and (opening.ledger_entry_id is null or opening.period_start <= day.first_day)
    group by line.company_id, line.company_name, line.account_number, line.date
),

held as (
    select
        daily.*,
        sum(moved) over (partition by company_id, account_number order by date) as balance
    from daily
)

select distinct on (company_id, account_number)
    company_id,
    company_name,
    'error' as severity,
    date,
    null::text as document,
    account_number,
    balance as amount,
    format(
        'La caisse %s est négative le %s : %s.',
        account_number, {{ pennylane_day_fr('date') }}, {{ pennylane_amount_fr('balance') }}
    ) as sentence_fr,
    format(
        'The till %s is below zero on %s: %s.',
        account_number, {{ pennylane_day_en('date') }}, {{ pennylane_amount_en('balance') }}
    ) as sentence_en,
    jsonb_build_object('account_number', account_number) as ids
from held
where balance < 0
order by company_id, account_number, date

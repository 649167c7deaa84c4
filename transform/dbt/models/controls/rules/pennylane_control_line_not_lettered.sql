-- A line of a third party whose account is lettered (lettrable) should be lettered within 90 days.
{{ config(materialized='ephemeral') }}
with line as (
    select
        line.company_id,
        line.company_name,
        line.id,
        line.ledger_entry_id,
        line.ledger_account_id,
        line.account_number,
        line.date,
        line.debit - line.credit as balance
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    where line.lettered_ledger_entry_lines_ids = '[]'
        and line.account_number ~ '^4[0126]'
        and not exists (
            select from {{ ref('pennylane', 'pennylane_control_openings') }} as opening
            where opening.company_id = line.company_id and opening.ledger_entry_id = line.ledger_entry_id
        )
)

select
    line.company_id,
    line.company_name,
    'info' as severity,
    line.date,
    entry.piece_number as document,
    line.account_number,
    line.balance as amount,
    format(
        'Compte %s : %s du %s non lettré depuis %s jours.',
        line.account_number, {{ pennylane_amount_fr('line.balance') }}, {{ pennylane_day_fr('line.date') }},
        day.as_of - line.date
    ) as sentence_fr,
    format(
        'Account %s: %s of %s, not lettered for %s days.',
        line.account_number, {{ pennylane_amount_en('line.balance') }}, {{ pennylane_day_en('line.date') }},
        day.as_of - line.date
    ) as sentence_en,
    jsonb_build_object('ledger_entry_line_id', line.id, 'ledger_entry_id', line.ledger_entry_id) as ids
from line
inner join {{ ref('pennylane', 'pennylane_control_days') }} as day on day.company_id = line.company_id
inner join {{ ref('stg_pennylane__ledger_accounts') }} as account
    on account.company_id = line.company_id and account.id = line.ledger_account_id
left join {{ ref('stg_pennylane__ledger_entries') }} as entry
    on entry.company_id = line.company_id and entry.id = line.ledger_entry_id
where line.balance <> 0
    and account.letterable is true
    and line.date < day.as_of - 90

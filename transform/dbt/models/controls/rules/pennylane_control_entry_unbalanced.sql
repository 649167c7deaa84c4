-- In every entry, debits equal credits.
{{ config(materialized='ephemeral') }}
with entry as (
    select company_id, company_name, ledger_entry_id, max(date) as date, sum(debit - credit) as amount
    from {{ ref('stg_pennylane__ledger_entry_lines') }}
    group by company_id, company_name, ledger_entry_id
    having sum(debit - credit) <> 0
)

select
    entry.company_id,
    entry.company_name,
    'error' as severity,
    entry.date,
    coalesce(described.piece_number, described.entry_label) as document,
    null::text as account_number,
    entry.amount,
    format(
        'L''écriture du %s n''est pas équilibrée : écart de %s.', {{ pennylane_day_fr('entry.date') }},
        {{ pennylane_amount_fr('entry.amount') }}
    ) as sentence_fr,
    format(
        'The entry of %s is not balanced: a difference of %s.', {{ pennylane_day_en('entry.date') }},
        {{ pennylane_amount_en('entry.amount') }}
    ) as sentence_en,
    jsonb_build_object('ledger_entry_id', entry.ledger_entry_id) as ids
from entry
left join {{ ref('stg_pennylane__ledger_entries') }} as described
    on described.company_id = entry.company_id and described.id = entry.ledger_entry_id

-- In every entry, debits equal credits.
--
-- Days are summed first, each amount times a number of its entry: the sum is zero if all entries of the day balance,
-- and only then, but for a coincidence of one in some billions. That takes a third of the time of summing each entry.
{{ config(materialized='ephemeral') }}
with suspect as (
    select company_id, coalesce(date, 'infinity') as date
    from {{ ref('stg_pennylane__ledger_entry_lines') }}
    group by company_id, coalesce(date, 'infinity')
    having sum((debit - credit) * hashint8(ledger_entry_id)) <> 0
),

entry as (
    select
        line.company_id,
        line.company_name,
        line.ledger_entry_id,
        max(line.date) as date,
        sum(line.debit - line.credit) as amount
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    -- An array, because PostgreSQL cannot estimate how few entries these are, and a join would suffer from it.
    where line.ledger_entry_id = any(array(
        select distinct doubtful.ledger_entry_id
        from suspect
        inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as doubtful
            on doubtful.company_id = suspect.company_id and coalesce(doubtful.date, 'infinity') = suspect.date
    ))
    group by line.company_id, line.company_name, line.ledger_entry_id
    having sum(line.debit - line.credit) <> 0
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

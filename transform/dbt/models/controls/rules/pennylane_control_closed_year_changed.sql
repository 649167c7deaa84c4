-- Nothing of a closed fiscal year changes. The year's own last change stands for its closing.
{{ config(materialized='ephemeral') }}
with changed as (
    select
        line.company_id,
        line.company_name,
        line.ledger_entry_id,
        year.end_date,
        min(line.date) as date,
        sum(line.debit) as amount,
        max(greatest(line.created_at, line.updated_at)) as changed_at
    from {{ ref('stg_pennylane__fiscal_years') }} as year
    inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        on line.company_id = year.company_id and line.date between year.start_date and year.end_date
    where year.status in ('closed', 'frozen') and greatest(line.created_at, line.updated_at) > year.updated_at
    group by line.company_id, line.company_name, line.ledger_entry_id, year.end_date
)

select
    changed.company_id,
    changed.company_name,
    'error' as severity,
    changed.date,
    coalesce(entry.piece_number, entry.entry_label) as document,
    null::text as account_number,
    changed.amount,
    format(
        'L''écriture du %s a changé le %s, après la clôture de l''exercice du %s.', {{ pennylane_day_fr('changed.date') }},
        {{ pennylane_day_fr('changed.changed_at') }}, {{ pennylane_day_fr('changed.end_date') }}
    ) as sentence_fr,
    format(
        'The entry of %s changed on %s, after the fiscal year to %s was closed.', {{ pennylane_day_en('changed.date') }},
        {{ pennylane_day_en('changed.changed_at') }}, {{ pennylane_day_en('changed.end_date') }}
    ) as sentence_en,
    jsonb_build_object('ledger_entry_id', changed.ledger_entry_id) as ids
from changed
left join {{ ref('stg_pennylane__ledger_entries') }} as entry
    on entry.company_id = changed.company_id and entry.id = changed.ledger_entry_id

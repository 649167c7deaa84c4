-- Every line is in a fiscal year. A company whose fiscal years are not loaded is left out.
{{ config(materialized='ephemeral') }}
with outside as (
    select line.company_id, line.company_name, line.ledger_entry_id, line.date, sum(line.debit) as amount
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    inner join (
        select company_id, first_date, last_date
        from {{ ref('pennylane', 'pennylane_control_balances') }}
        where start_date is null
        group by company_id, first_date, last_date
    ) as found
        on found.company_id = line.company_id and line.date between found.first_date and found.last_date
    where not exists (
        select from {{ ref('stg_pennylane__fiscal_years') }} as year
        where year.company_id = line.company_id and line.date between year.start_date and year.end_date
    )
    group by line.company_id, line.company_name, line.ledger_entry_id, line.date
)

select
    outside.company_id,
    outside.company_name,
    'error' as severity,
    outside.date,
    coalesce(entry.piece_number, entry.entry_label) as document,
    null::text as account_number,
    outside.amount,
    format('L''écriture du %s n''est dans aucun exercice.', {{ pennylane_day_fr('outside.date') }}) as sentence_fr,
    format('The entry of %s is in no fiscal year.', {{ pennylane_day_en('outside.date') }}) as sentence_en,
    jsonb_build_object('ledger_entry_id', outside.ledger_entry_id) as ids
from outside
left join {{ ref('stg_pennylane__ledger_entries') }} as entry
    on entry.company_id = outside.company_id and entry.id = outside.ledger_entry_id
where exists (
    select from {{ ref('stg_pennylane__fiscal_years') }} as known where known.company_id = outside.company_id
)

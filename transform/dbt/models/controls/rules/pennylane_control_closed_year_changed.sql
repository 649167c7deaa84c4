-- Nothing of a closed fiscal year changes. The audit trail tells what did, deletions too. For what was before it began,
-- and for lines that are new (a first load adds old ones, too), Pennylane's own time decides: later than the year's
-- last change, which stands for its closing.
{{ config(materialized='ephemeral') }}
{%- set trails = [] %}
{%- for raw in pennylane_raw_tables(source('pennylane', 'fiscal_years')) if pennylane_is_on('pennylane_history') %}
  {%- set kept = pennylane_history_kept(raw.schema) %}
  {%- if 'ledger_entries' in kept and 'ledger_entry_lines' in kept and 'fiscal_years' in kept %}
    {%- do trails.append([raw, 'company_id' in kept['fiscal_years']]) %}
  {%- endif %}
{%- endfor %}
-- Since when each company has an audit trail, by Pennylane's clock.
with trail as (
    {%- for raw, is_firm in trails %}
    select distinct
        {{- pennylane_company(raw, is_firm) }}
        (
            select kept.since at time zone 'UTC' from {{ adapter.quote(pennylane_history_schema(raw.schema)) }}._kept as kept
            where kept.table_name = 'ledger_entry_lines'
        ) as since
    from {{ raw }} as raw
    {%- if is_firm %}
    left join {{ pennylane_firm_companies(raw) }} as firm on firm.id = raw.company_id
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- else %}
    select null::bigint as company_id, null::text as company_name, null::timestamp as since
    where false
    {%- endfor %}
),

told as (
    select
        company_id,
        company_name,
        ledger_entry_id,
        period_end as end_date,
        coalesce(old_date, new_date) as date,
        affects_figures,
        change = 'deleted' as is_deleted,
        case when change = 'deleted' then greatest(old_balance, 0) end as deleted_amount,
        changed_at at time zone 'UTC' as changed_at
    from {{ ref('pennylane', 'changes_after_closing') }}
    where ledger_entry_id is not null and change <> 'added'
    union all
    select
        line.company_id,
        line.company_name,
        line.ledger_entry_id,
        year.end_date,
        line.date,
        true,
        false,
        null,
        greatest(line.created_at, line.updated_at)
    from {{ ref('stg_pennylane__fiscal_years') }} as year
    inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        on line.company_id = year.company_id and line.date between year.start_date and year.end_date
    left join trail on trail.company_id = year.company_id
    where year.status in ('closed', 'frozen')
        and greatest(line.created_at, line.updated_at) > year.updated_at
        and (
            greatest(line.created_at, line.updated_at) < coalesce(trail.since, 'infinity')
            or line.created_at > year.updated_at
        )
),

changed as (
    select
        company_id,
        company_name,
        ledger_entry_id,
        end_date,
        min(date) as date,
        bool_or(affects_figures) as affects_figures,
        bool_or(is_deleted) as is_deleted,
        sum(deleted_amount) as deleted_amount,
        max(changed_at) as changed_at
    from told
    group by company_id, company_name, ledger_entry_id, end_date
),

found as (
    select
        changed.*,
        line.amount,
        changed.is_deleted and line.amount is null as is_gone
    from changed
    left join (
        select line.company_id, line.ledger_entry_id, sum(line.debit) as amount
        from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        where (line.company_id, line.ledger_entry_id) in (select company_id, ledger_entry_id from changed)
        group by line.company_id, line.ledger_entry_id
    ) as line
        on line.company_id = changed.company_id and line.ledger_entry_id = changed.ledger_entry_id
)

select
    found.company_id,
    found.company_name,
    case when found.affects_figures then 'error' else 'info' end as severity,
    found.date,
    coalesce(entry.piece_number, entry.entry_label) as document,
    null::text as account_number,
    coalesce(found.amount, found.deleted_amount) as amount,
    format(
        'L''écriture du %s a %s le %s, après la clôture de l''exercice du %s%s.', {{ pennylane_day_fr('found.date') }},
        case when found.is_gone then 'été supprimée' else 'changé' end,
        {{ pennylane_day_fr('found.changed_at') }}, {{ pennylane_day_fr('found.end_date') }},
        case when found.affects_figures then '' else ', sans effet sur les montants' end
    ) as sentence_fr,
    format(
        'The entry of %s %s on %s, after the fiscal year to %s was closed%s.', {{ pennylane_day_en('found.date') }},
        case when found.is_gone then 'was deleted' else 'changed' end,
        {{ pennylane_day_en('found.changed_at') }}, {{ pennylane_day_en('found.end_date') }},
        case when found.affects_figures then '' else ', without effect on amounts' end
    ) as sentence_en,
    jsonb_build_object('ledger_entry_id', found.ledger_entry_id) as ids
from found
left join {{ ref('stg_pennylane__ledger_entries') }} as entry
    on entry.company_id = found.company_id and entry.id = found.ledger_entry_id

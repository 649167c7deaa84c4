-- Changes of entries and lines dated in a fiscal year that was closed or frozen at that time.
{%- set tables = ['ledger_entries', 'ledger_entry_lines'] %}
{%- set years = source('pennylane', 'fiscal_years') %}
{%- set schemas = [] %}
{%- for raw in pennylane_raw_tables(years) %}
  {%- set kept = pennylane_history_kept(raw.schema) %}
  {%- if tables[0] in kept and tables[1] in kept and raw.identifier in kept
      and pennylane_has_columns(raw, ['start', 'finish', 'status', 'updated_at']) %}
    {%- do schemas.append([raw.schema, 'company_id' in kept[raw.identifier]]) %}
  {%- endif %}
{%- endfor %}
{%- if schemas %}
-- What was known about each fiscal year, and from when to when.
with version as (
    {%- for schema, is_firm in schemas %}
    {%- set history = adapter.quote(pennylane_history_schema(schema)) ~ '.fiscal_years' %}
    {%- set raw = adapter.quote(schema) ~ '.fiscal_years' %}
    select
        '{{ schema }}{{ '/' if is_firm }}'::text{{ ' || history.company_id' if is_firm }} as place,
        past.id, past.start, past.finish, past.status, past.updated_at,
        coalesce(history.known_from, '-infinity') as known_from, history.changed_at as known_until
    from {{ history }} as history
    cross join lateral jsonb_populate_record(null::{{ raw }}, history.record) as past
    where history.record is not null
    union all
    select
        '{{ schema }}{{ '/' if is_firm }}'::text{{ ' || present.company_id' if is_firm }} as place,
        present.id, present.start, present.finish, present.status, present.updated_at,
        coalesce(
            (
                select max(history.changed_at) from {{ history }} as history
                where history.id = present.id
                {{- ' and history.company_id = present.company_id' if is_firm }}
            ),
            '-infinity'
        ),
        'infinity'
    from {{ raw }} as present
    where present._sdc_deleted_at is null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

year as (
    select
        *,
        status in ('closed', 'frozen') as is_closed,
        lag(status) over (partition by place, id order by known_until) not in ('closed', 'frozen') as was_open
    from version
),

-- Entries that were posted shortly before a year was closed may be read in the same run as its closing: by
-- Pennylane's own clock, their change is the earlier one. The time is unknown if the year was closed before.
closed as (
    select
        *,
        max(updated_at) filter (where is_closed and was_open)
            over (partition by place, id order by known_until) as closed_at
    from year
),

change as (
    {%- for schema, is_firm in schemas %}
    {%- set outer = loop %}
    {%- for name in tables %}
    {%- set history = adapter.quote(pennylane_history_schema(schema)) ~ '.' ~ name %}
    {%- set table = api.Relation.create(database=target.database, schema=schema, identifier=name) %}
    select
        {{- pennylane_company(table, is_firm) }}
        '{{ schema }}{{ '/' if is_firm }}'::text{{ ' || raw.company_id' if is_firm }} as place,
        '{{ name }}'::text as table_name, raw.change_id, raw.id, raw.change, raw.changed_at,
        raw.record, raw.became,
        case when raw.change <> 'returned' then raw.record end as old,
        case
            when raw.change = 'added' then coalesce(
                (
                    select later.record from {{ history }} as later
                    where later.id = raw.id and later.change_id > raw.change_id and later.record is not null
                    {{- ' and later.company_id = raw.company_id' if is_firm }}
                    order by later.change_id
                    limit 1
                ),
                to_jsonb(present)
            )
            when raw.became is not null then raw.record || raw.became
        end as new
    from {{ history }} as raw
    left join {{ table }} as present
        on present.id = raw.id and raw.change = 'added'
        {{- ' and present.company_id = raw.company_id' if is_firm }}
    {%- if is_firm %}
    left join {{ pennylane_firm_companies(table) }} as firm on firm.id = raw.company_id
    {%- endif %}
    where {{ pennylane_history_shows('raw') }}
    {{ 'union all' if not (loop.last and outer.last) }}
    {%- endfor %}
    {%- endfor %}
)

select
    change.company_id,
    change.company_name,
    closed.start as period_start,
    closed.finish as period_end,
    change.changed_at,
    change.table_name,
    case when change.table_name = 'ledger_entries' then change.id
        else (coalesce(change.new, change.old) ->> 'ledger_entry_id')::bigint end as ledger_entry_id,
    case when change.table_name = 'ledger_entry_lines' then change.id end as ledger_entry_line_id,
    change.change,
    change.change <> 'updated' or change.became ?| array[
        'date', 'debit', 'credit', 'ledger_account_id', 'ledger_account_number', 'journal_id', 'ledger_entry_id'
    ] as affects_figures,
    (change.old ->> 'date')::date as old_date,
    (change.new ->> 'date')::date as new_date,
    change.old ->> 'ledger_account_number' as old_account_number,
    change.new ->> 'ledger_account_number' as new_account_number,
    (change.old ->> 'debit')::numeric - (change.old ->> 'credit')::numeric as old_balance,
    (change.new ->> 'debit')::numeric - (change.new ->> 'credit')::numeric as new_balance,
    {{ pennylane_history_differences('change') }} as differences,
    change.change_id
from change
inner join closed
    on closed.place = change.place
    and closed.is_closed
    and change.changed_at > closed.known_from and change.changed_at <= closed.known_until
    and (
        (change.old ->> 'date')::date between closed.start and closed.finish
        or (change.new ->> 'date')::date between closed.start and closed.finish
    )
    and (change.new ->> 'updated_at')::timestamp < closed.closed_at is not true
{%- else %}
select
    null::bigint as company_id,
    null::text as company_name,
    null::date as period_start,
    null::date as period_end,
    null::timestamptz as changed_at,
    null::text as table_name,
    null::bigint as ledger_entry_id,
    null::bigint as ledger_entry_line_id,
    null::text as change,
    null::boolean as affects_figures,
    null::date as old_date,
    null::date as new_date,
    null::text as old_account_number,
    null::text as new_account_number,
    null::numeric as old_balance,
    null::numeric as new_balance,
    null::text as differences,
    null::bigint as change_id
where false
{%- endif %}

-- Every change of a row since the audit trail began: what it was, and what it became.
with change as (
    {%- set tables = pennylane_history_everywhere() %}
    {%- for schema, name, keys in tables %}
    select
        {{- pennylane_company(api.Relation.create(database=target.database, schema=schema, identifier=name)) }}
        '{{ name }}'::text as table_name,
        concat_ws('/', {{ pennylane_history_columns(keys) }}) as row_key,
        change_id, change, known_from, changed_at, record, became
    from {{ adapter.quote(pennylane_history_schema(schema)) }}.{{ adapter.quote(name) }}
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        null::bigint as company_id, null::text as company_name,
        null::text as table_name, null::text as row_key, null::bigint as change_id, null::text as change,
        null::timestamptz as known_from, null::timestamptz as changed_at, null::jsonb as record, null::jsonb as became
    where false
    {%- endfor %}
)

select
    change.company_id,
    change.company_name,
    change.table_name,
    change.row_key,
    change.changed_at,
    change.change,
    {{ pennylane_history_differences('change') }} as differences,
    change.known_from,
    change.record,
    change.change_id
from change
where {{ pennylane_history_shows('change') }}

-- Every change of a row since the audit trail began: what it was, and what it became.
with change as (
    {%- set tables = pennylane_history_everywhere() %}
    {%- for schema, name, keys in tables %}
    {%- set is_firm = name == 'companies' or 'company_id' in keys and name != 'company' %}
    {%- set raw = api.Relation.create(database=target.database, schema=schema) %}
    select
        {{- pennylane_company(raw, is_firm) }}
        '{{ name }}'::text as table_name,
        concat_ws('/', {{ pennylane_history_columns(pennylane_history_own_keys(keys), 'raw') }}) as row_key,
        raw.change_id, raw.change, raw.known_from, raw.changed_at, raw.record, raw.became
    from (
        select *{{ ', id as company_id' if name == 'companies' }}
        from {{ adapter.quote(pennylane_history_schema(schema)) }}.{{ adapter.quote(name) }}
    ) as raw
    {%- if is_firm %}
    left join {{ pennylane_firm_companies(raw) }} as firm on firm.id = raw.company_id
    {%- endif %}
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

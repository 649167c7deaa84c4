{#- No table has lost rows since they were delivered: target-postgres-exact counts them in `_sdc_deliveries`
    (docs/state.md). A missing table is skipped, because it may no longer be selected. -#}
-- depends_on: {{ ref('pennylane', 'sync_metadata') }} (so that a failure prevents no view from being built)
{%- set memories = {} -%}
{%- for schema in pennylane_schemas() if execute -%}
  {%- do memories.update({schema: load_relation(api.Relation.create(
      database=target.database, schema=schema, identifier='_sdc_deliveries'
  ))}) -%}
{%- endfor -%}
{%- set tables = [] -%}
{%- for table in pennylane_streams() %}
-- depends_on: {{ source('pennylane', table) }}
{%- do tables.extend(pennylane_raw_tables(source('pennylane', table)) | selectattr('schema', 'in', memories)) -%}
{%- endfor -%}
{%- for table in tables if memories[table.schema] %}
select delivery.table_name, delivery.rows as delivered_rows, content.rows, content.batched_at
from {{ memories[table.schema] }} as delivery
cross join (select count(*) as rows, max(_sdc_batched_at) as batched_at from {{ table }}) as content
where delivery.table_name = '{{ table.identifier }}' and delivery.version is not null
    and (content.rows < delivery.rows or coalesce(content.batched_at < delivery.batched_at, delivery.batched_at is not null))
{{ 'union all' if not loop.last }}
{%- else %}
select null::text as table_name where false
{%- endfor %}

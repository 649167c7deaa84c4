{#- How many rows of each table each process of the target was the last to write, as of now.
    `_sdc_sync_started_at` is when the process began, in milliseconds. Markers are not records.

    since: SQL; counts only processes that began later. -#}
{%- macro pennylane_counted(since) -%}
{%- set tables = [] -%}
{%- for table in pennylane_streams() if table != 'sync_log' -%}
  {%- do tables.extend(pennylane_raw_tables(source('pennylane', table))) -%}
{%- endfor -%}
with since as (
    select {{ since }} as process
)
{% for raw in tables %}
{%- set table = raw.identifier %}
select '{{ table }}' as table_name, _sdc_sync_started_at as process, count(*) as records
from {{ raw }}
where _sdc_sync_started_at > (select process from since){{ ' and not (' ~ pennylane_markers()[table] ~ ')' if table in pennylane_markers() }}
group by _sdc_sync_started_at
{{ 'union all' if not loop.last }}
{%- else %}
select null::text as table_name, null::bigint as process, null::bigint as records
where false
{%- endfor %}
{%- endmacro -%}

-- One row a table: when it was last known to be complete, and how many rows it has.
with successes as (
    select table_name, max(execution_date) as last_success
    from {{ ref('etl_logs') }}
    where status = 'success'
    group by table_name
),

totals as (
    {%- for table in streams() if table != 'sync_log' %}
    {%- set view = ref('stg_' ~ table) %}
    {%- if execute and load_relation(source('pennylane', table)) %}
    select '{{ table }}' as table_name, count(*) as total_records from {{ view }}
    union all
    {%- endif %}
    {%- endfor %}
    select null, null where false
)

select
    totals.table_name::text as table_name,
    greatest(successes.last_success, bookmark.read_at) as last_sync_date,
    totals.total_records::bigint as total_records
from totals
left join successes on successes.table_name = totals.table_name
left join {{ ref('bookmarks') }} as bookmark on bookmark.table_name = totals.table_name

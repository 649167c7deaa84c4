-- One row per table: when it was last known to be complete, and how many rows it has.
with successes as (
    select table_name, max(execution_date) as last_success
    from {{ ref('pennylane', 'etl_logs') }}
    where status = 'success'
    group by table_name
),

totals as (
    {%- for table in pennylane_streams() if table != 'sync_log' %}
    {%- set view = ref('stg_pennylane__' ~ table) %}
    {%- if execute and load_relation(source('pennylane', table)) %}
    select '{{ table }}' as table_name, count(*) as total_records from {{ view }}
    union all
    {%- endif %}
    {%- endfor %}
    select null::text as table_name, null::bigint as total_records where false
)

select
    totals.table_name,
    success.moment as last_sync_date,
    totals.total_records,
    {{ pennylane_local('success.moment') }} as last_sync_date_local,
    -- Clocks differ by seconds, but nothing was read in the future.
    greatest(
        floor(extract(epoch from now() at time zone 'utc' - success.moment) / 60), 0
    )::integer as minutes_since_last_success
from totals
left join successes on successes.table_name = totals.table_name
left join {{ ref('pennylane_bookmarks') }} as bookmark on bookmark.table_name = totals.table_name
cross join lateral (select greatest(successes.last_success, bookmark.read_at) as moment) as success

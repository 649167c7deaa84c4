-- One row per table: when it was last known to be complete, and how many rows it has.
with log as materialized (
    select table_name, execution_date, status, error_message
    from {{ ref('pennylane', 'etl_logs') }}
),

runs as (
    select
        table_name,
        max(execution_date) filter (where status = 'success') as last_success,
        max(execution_date) filter (where status <> 'running') as last_run
    from log
    group by table_name
),

last_runs as (
    select distinct on (log.table_name) log.*
    from log
    inner join runs on runs.table_name = log.table_name and runs.last_run = log.execution_date
    where log.status <> 'running'
    order by log.table_name, log.error_message
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
    )::integer as minutes_since_last_success,
    last_run.status as last_status,
    last_run.error_message as last_error,
    {{ pennylane_local('last_run.execution_date') }} as last_run_date_local
from totals
left join runs on runs.table_name = totals.table_name
left join last_runs as last_run on last_run.table_name = totals.table_name
left join (
    select table_name, max(read_at) as read_at from {{ ref('pennylane_bookmarks') }} group by table_name
) as bookmark on bookmark.table_name = totals.table_name
cross join lateral (select greatest(runs.last_success, bookmark.read_at) as moment) as success

-- One row per table and run. The tap's report on a stream counts only if its rows are known to be loaded.
with runs as (
    select * from {{ ref('pennylane_sync_runs') }}
),

entries as (
    {{ pennylane_live_rows(source('pennylane', 'sync_log'), {
        'run_id': ['text', 'run_id'],
        'stream': ['text', 'table_name'],
        'mode': ['text', 'mode'],
        'started_at': ['timestamp without time zone', 'started_at'],
        'ended_at': ['timestamp without time zone', 'ended_at'],
        'records': ['bigint', 'records'],
        'tombstones': ['bigint', 'tombstones'],
        'status': ['text', 'status'],
        'error': ['text', 'error'],
        '_sdc_sync_started_at': ['bigint', 'process'],
    }) }}
),

counted as (
    select table_name, process, max(records) as records
    from (
        select * from {{ ref('pennylane_counted_rows') }}
        union all
        select table_name, process, records from {{ ref('pennylane_uncounted_rows') }}
    ) as both_counts
    group by table_name, process
),

-- Far fewer than entries, which are read as seldom as possible.
reports as (
    select distinct process, run_id from entries
),

-- The tap records its run. For concurrent runs, only this tells which target belongs to which run.
named as (
    select reports.process, max(runs.id) as id
    from reports
    inner join runs on runs.run_id = reports.run_id
    group by reports.process
),

-- Any other process of the target belongs to the latest run that began before it and had not ended.
moments as (
    select
        process,
        to_timestamp(process / 1000.0) at time zone 'utc' as moment,
        null::integer as id,
        bool_or(has_told) as has_told
    from (
        select process, true as has_told from reports
        union all
        select process, false from counted
    ) as seen
    group by process
    union all
    select null, started_at, id, null from runs
),

placed as (
    select process, moment, has_told, max(id) over (order by moment, id nulls last) as id
    from moments
),

processes as (
    select placed.process, placed.has_told, coalesce(named.id, runs.id) as id
    from placed
    left join named on named.process = placed.process
    left join runs on runs.id = placed.id and placed.moment <= runs.ended_at + interval '2 seconds'
    where placed.process is not null
),

by_run as (
    select id, max(process) as process, bool_or(has_told) as has_told
    from processes
    group by id
),

-- For failed runs, what the target confirmed: bookmarks that advanced, with nothing left to read.
moved as (
    select runs.id, bookmark.key as table_name
    from runs
    cross join lateral jsonb_each(runs.payload::jsonb #> '{singer_state,bookmarks}') as bookmark
    where runs.status = 'failed'
        and not bookmark.value ? 'scan'
        and bookmark.value <> '{}'  -- an included child stream has none of its own
        and bookmark.value is distinct from (
            select earlier.payload::jsonb #> array['singer_state', 'bookmarks', bookmark.key]
            from runs as earlier
            where earlier.id < runs.id
                and earlier.pipeline = runs.pipeline
                and earlier.payload like '%"singer_state"%'
            order by earlier.id desc
            limit 1
        )
),

confirmed as (
    select id, table_name from moved
    {%- for child, parent in pennylane_included().items() %}
    union all
    select id, '{{ child }}' from moved where table_name = '{{ parent }}'
    {%- endfor %}
),

-- The tables of a run that reported none: those of the latest run that reported any.
owed as (
    select distinct table_name from entries
    where process = (select max(process) from reports)
    union all
    select '(all)' where not exists (select from reports)
),

told_of_company as (
    select
        coalesce(runs.run_id, entries.run_id) as run_id,
        runs.id,
        entries.table_name,
        entries.company_name,
        entries.company_id in (select firm.company_id from {{ ref('stg_pennylane__companies') }} as firm) as is_of_firm,
        entries.started_at,
        entries.ended_at,
        -- Where parts of a table are read by themselves, tombstones are their markers.
        entries.records + case
            when entries.table_name in ('{{ pennylane_markers() | join("', '") }}') then 0
            else entries.tombstones
        end as records_extracted,
        entries.process,
        case when entries.status <> 'success' then coalesce(entries.error, 'The stream was cut off') end as error,
        case
            when runs.status = 'failed' and confirmed.id is null
                and entries.records + entries.tombstones > 0
                then runs.error
        end as error_of_run
    from entries
    left join processes on processes.process = entries.process
    left join runs on runs.id = processes.id
    left join confirmed on confirmed.id = runs.id and confirmed.table_name = entries.table_name
    where entries.mode is distinct from 'not due'
),

-- A firm's run tells of each company. Together they are one row, whose error names the first that failed.
told as (
    select
        run_id,
        id,
        table_name,
        min(started_at) as started_at,
        extract(epoch from sum(ended_at - started_at)) as seconds,
        sum(records_extracted)::bigint as records_extracted,
        process,
        coalesce(
            (
                select string_agg(first.text, '; ' order by first.text)
                from (
                    select failed.text
                    from unnest(array_agg(
                        case
                            when is_of_firm and strpos(error, company_name) = 0 then company_name || ': '
                            else ''
                        end || error
                    ) filter (where error is not null)) as failed (text)
                    order by failed.text
                    limit 3
                ) as first
            ) || case
                when count(error) > 3 then '; and ' || count(error) - 3 || ' more companies'
                else ''
            end,
            max(error_of_run)
        ) as error,
        case when count(error) + count(error_of_run) > 0 then 'failed' else 'success' end as status
    from told_of_company
    group by run_id, id, table_name, process
),

untold as (
    select
        runs.run_id,
        runs.id,
        owed.table_name,
        runs.started_at,
        null::numeric as seconds,
        null::bigint as records_extracted,
        by_run.process,
        case when confirmed.id is null then runs.error end as error,
        case when confirmed.id is null then runs.status else 'success' end as status
    from runs
    cross join owed
    left join by_run on by_run.id = runs.id
    left join confirmed on confirmed.id = runs.id and confirmed.table_name = owed.table_name
    where runs.status <> 'success'
        and by_run.has_told is not true
        -- What an older run reported may have been deleted.
        and (runs.started_at >= {{ pennylane_log_begins('pennylane_log_days') }} or runs.id = (select max(id) from runs))
),

told_and_untold as (
    select * from told
    union all
    select * from untold
),

-- One row per run and table: if the sources disagree, the worse one.
once as (
    select distinct on (run_id, table_name) *
    from told_and_untold
    order by
        run_id,
        table_name,
        case status when 'failed' then 0 when 'running' then 1 else 2 end,
        started_at desc,
        process desc nulls last
)

select
    log.run_id || ':' || log.table_name as id,
    log.started_at as execution_date,
    log.table_name,
    log.records_extracted,
    coalesce(counted.records, 0) as records_loaded,
    log.status,
    case
        when log.status = 'failed' then coalesce(log.error, 'The stream was cut off')
    end as error_message,
    round(log.seconds, 3) as execution_time_seconds,
    {{ pennylane_local('log.started_at') }} as execution_date_local,
    log.run_id
from once as log
left join counted on counted.process = log.process and counted.table_name = log.table_name

"""What a health check asks PostgreSQL; the names of tables are filled in."""

TABLES = """
select from pg_tables where schemaname = {schema}
union all
select where to_regclass({log}) is not null
limit 1
"""

FIRST_RUN = """
select from meltano.runs
where state = 'RUNNING' and last_heartbeat_at > now() at time zone 'utc' - interval '5 minutes'
    or state = 'SUCCESS' and ended_at > now() at time zone 'utc' - interval '10 minutes'
limit 1
"""

# The runs in progress, and the last one that ended, unless it was that of one of several companies.
RUNS = """
select run_id, status, error from {pennylane_sync_runs} where status = 'running'
union all
(select run_id, status, error from {pennylane_sync_runs}
where status <> 'running' and split_part(pipeline, ':', 3) <> all({companies}::text[])
order by id desc limit 1)
"""

# A pipeline that has not run for a month, while another has, is no longer used. The view etl_logs
# joins the runs of the tap with those of Meltano.
EXPECTED = """
with entries as (
    select
        coalesce(max(run.pipeline) over (partition by entry.run_id), '') as pipeline,
        entry.stream as table_name,
        min(entry.started_at) over (partition by entry.run_id) as moment
    from {sync_log} as entry
    left join {etl_logs} as log
        on log.table_name = entry.stream and log.execution_date = entry.started_at
    left join {pennylane_sync_runs} as run on run.run_id = log.run_id
),
last_runs as (select pipeline, max(moment) as moment from entries group by pipeline)
select distinct table_name
from entries
inner join last_runs using (pipeline, moment)
where moment > (select max(moment) from entries) - interval '30 days'
"""

# The name of a company is the suffix of its state ID.
COMPANIES = """
select distinct on (name)
    name,
    run_id,
    case when status = 'failed' then error end as error,
    max(started_at) filter (where status = 'success') over (partition by name) as succeeded
from (select *, split_part(pipeline, ':', 3) as name from {pennylane_sync_runs}) as run
where name = any({companies}::text[]) and status <> 'running'
order by name, id desc
"""

NOT_DUE = """
select table_name, max(moment) as moment
from (
    select
        stream as table_name,
        mode,
        status,
        min(started_at) over (partition by run_id) as moment
    from {sync_log}
) as entry
where mode = 'not due' and status = 'success'
group by table_name
"""

# Per table, what is known from etl_logs, which is read only once: it is costly after thousands of
# runs. `(all)` stands for every table while none is known.
LOGGED = """
with log as materialized (
    select
        table_name,
        status,
        error_message,
        run_id,
        execution_date as moment,
        min(execution_date) over (partition by run_id) as began
    from {etl_logs}
),
successes as (
    select table_name, max(began) as succeeded from log where status = 'success' group by table_name
),
last_runs as (
    select distinct on (table_name) table_name, status, error_message, run_id, moment
    from log where status <> 'running'
    order by table_name, moment desc
)
select
    table_name,
    succeeded,
    status,
    error_message,
    run_id,
    moment,
    (
        select min(moment) from log
        where status = 'success' and moment > coalesce({tested_at}, '-infinity'::timestamp)
    ) as untested_since
from last_runs
full join successes using (table_name)
"""

METADATA = """
select table_name, last_sync_date as moment from {sync_metadata} where last_sync_date is not null
"""

FAILED_RUNS = """
select run_id, error, split_part(pipeline, ':', 3) = any({companies}::text[]) as is_of_a_company
from {pennylane_sync_runs} where status = 'failed'
"""

HAS_COMPANY = """
select from information_schema.columns
where table_schema = {schema} and table_name = 'company' and column_name = 'company_name'
"""

COMPANY = """
select company_name as name from {company}
where company_name is not null
order by _sdc_batched_at desc limit 1
"""

# Those that no token of the Company API has loaded.
CLIENTS = """
select
    company_id as id,
    company_name as name,
    last_status as status,
    last_error as why,
    last_sync_date as read
from {sync_companies}
where exists (select from {firm_companies})
    and company_id not in (select company_id from {live_company})
order by company_name, company_id
"""

DIFFERENCES = """
select company_name, account_number, period_start, period_end from {trial_balance_differences}
order by 1, 3, 2
"""

YEARS = "select distinct period_start from {balance}"

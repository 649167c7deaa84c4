-- Runs of the pipeline according to Meltano. A killed run stays RUNNING for ever, without a heartbeat.
{{ config(schema='logs') }}
select
    run.id,
    run.run_id::text as run_id,
    run.started_at,
    coalesce(run.ended_at, run.last_heartbeat_at, run.started_at) as ended_at,
    case
        when run.state = 'SUCCESS' then 'success'
        when run.state = 'RUNNING'
            and run.last_heartbeat_at > now() at time zone 'utc' - interval '5 minutes'
            and run.id = max(run.id) over (partition by run.job_name)
            then 'running'
        else 'failed'
    end as status,
    case
        when run.state = 'RUNNING' then 'The run was killed: Meltano heard no more of it'
        when run.state = 'FAIL' then 'The run failed: '
            || coalesce(nullif(run.payload::jsonb ->> 'error', ''), 'see its log')
    end as error,
    run.payload,
    run.job_name as pipeline
from {{ pennylane_meltano_table('runs', {
    'id': 'integer',
    'run_id': 'uuid',
    'job_name': 'text',
    'state': 'text',
    'started_at': 'timestamp',
    'ended_at': 'timestamp',
    'last_heartbeat_at': 'timestamp',
    'payload': 'text',
}) }} as run
where {{ pennylane_is_our_pipeline('run.job_name') }}
    and run.state in ('RUNNING', 'SUCCESS', 'FAIL')

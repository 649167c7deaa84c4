"""What the page about the pipeline asks PostgreSQL."""

# A run from its first table to its last. Its requests are in the tap's report, loaded last.
RUNS = """
WITH entries AS (
    SELECT
        split_part(log.id, ':', 1) AS run_id,
        log.table_name,
        log.execution_date,
        log.execution_date_local,
        log.execution_date + make_interval(secs => log.execution_time_seconds::double precision)
            AS ended_at,
        log.records_loaded,
        log.status,
        log.error_message,
        entry.requests,
        entry.rate_limited,
        entry.seconds_waited
    FROM etl_logs AS log
    LEFT JOIN sync_log AS entry
        ON entry.stream = log.table_name AND entry.started_at = log.execution_date
),

runs AS (
    SELECT
        run_id,
        min(execution_date) AS began,
        min(execution_date_local) AS started_at,
        CASE
            WHEN bool_or(status = 'running') THEN 'running'
            WHEN bool_or(status = 'failed') THEN 'failed'
            ELSE 'success'
        END AS status,
        CASE
            WHEN bool_or(status = 'running')
                THEN extract(epoch FROM now() AT TIME ZONE 'utc' - min(execution_date))
            ELSE extract(epoch FROM max(ended_at) - min(execution_date))
        END AS seconds,
        count(*) FILTER (WHERE status <> 'running') AS tables,
        count(*) FILTER (WHERE status = 'failed') AS failures,
        sum(records_loaded)::bigint AS rows,
        sum(requests)::bigint AS requests,
        sum(rate_limited)::bigint AS rate_limited,
        sum(seconds_waited) AS seconds_waited,
        (
            array_agg(error_message ORDER BY execution_date) FILTER (WHERE status = 'failed')
        )[1] AS error
    FROM entries
    GROUP BY run_id
)
"""

# Pennylane allows 25 requests in any 5 seconds: 25 at once, and as many in each 5 seconds after.
TIMELINE = f"""{RUNS}
SELECT
    run_id,
    started_at,
    status,
    seconds,
    tables,
    failures,
    rows,
    requests,
    100 * requests / (25 * (floor(seconds / 5) + 1)) AS share,
    rate_limited,
    seconds_waited,
    error
FROM runs
ORDER BY began DESC
"""  # noqa: S608 - both parts are constant

# The latest run; one in progress is compared with the last ones that succeeded.
LATEST = f"""{RUNS}
SELECT
    latest.run_id,
    latest.started_at,
    latest.status,
    latest.seconds,
    latest.rows,
    latest.requests,
    latest.failures,
    latest.error,
    nullif(greatest(typical.seconds - latest.seconds, 0), 0) AS remaining,
    least(latest.seconds / nullif(typical.seconds, 0), 1) AS done
FROM (SELECT * FROM runs ORDER BY began DESC LIMIT 1) AS latest
CROSS JOIN (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::numeric AS seconds
    FROM (
        SELECT seconds FROM runs WHERE status = 'success' ORDER BY began DESC LIMIT 20
    ) AS recent
) AS typical
"""  # noqa: S608 - both parts are constant

WRITTEN = """
SELECT table_name, records_loaded AS rows, status
FROM etl_logs
WHERE split_part(id, ':', 1) = %(run_id)s AND (records_loaded > 0 OR status = 'failed')
ORDER BY records_loaded DESC, table_name
"""

FRESHNESS = """
WITH last_runs AS (
    SELECT DISTINCT ON (table_name) table_name, status
    FROM etl_logs WHERE status <> 'running'
    ORDER BY table_name, execution_date DESC
),

verified AS (
    SELECT
        stream AS table_name,
        max(verified_at) AS verified_at,
        (array_agg(verified_share ORDER BY started_at DESC))[1] AS share
    FROM sync_log
    GROUP BY stream
)

SELECT
    metadata.table_name,
    metadata.last_sync_date_local AS read_at,
    metadata.minutes_since_last_success AS age,
    metadata.total_records AS rows,
    coalesce(last_run.status, 'never') AS status,
    verified.verified_at AT TIME ZONE 'utc' AT TIME ZONE 'Europe/Paris' AS verified_at,
    100 * verified.share AS verification
FROM sync_metadata AS metadata
LEFT JOIN last_runs AS last_run ON last_run.table_name = metadata.table_name
LEFT JOIN verified ON verified.table_name = metadata.table_name
ORDER BY metadata.minutes_since_last_success DESC NULLS FIRST, metadata.table_name
"""

DIFFERENCES = """
SELECT
    company_name, period_start, period_end, account_number,
    debits, reported_debits, credits, reported_credits
FROM trial_balance_differences
ORDER BY company_name, period_start, account_number
"""

# As in `make check-health`, where the limit of the age is HEALTH_MAX_AGE_HOURS: 26 hours.
PROBLEMS = """
WITH last_runs AS (
    SELECT DISTINCT ON (table_name) table_name, status, error_message, execution_date_local
    FROM etl_logs WHERE status <> 'running'
    ORDER BY table_name, execution_date DESC
)

SELECT
    'failed' AS kind,
    'failed' AS remedy,
    string_agg(table_name, ', ' ORDER BY table_name) AS tables,
    error_message AS reason,
    min(execution_date_local) AS since
FROM last_runs WHERE status = 'failed'
GROUP BY error_message
UNION ALL
SELECT
    'stale', 'stale', string_agg(table_name, ', ' ORDER BY table_name), NULL,
    min(last_sync_date_local)
FROM sync_metadata WHERE minutes_since_last_success > 26 * 60
HAVING count(*) > 0
UNION ALL
SELECT 'never', 'never', string_agg(table_name, ', ' ORDER BY table_name), NULL, NULL
FROM sync_metadata WHERE last_sync_date IS NULL AND total_records = 0
HAVING count(*) > 0
ORDER BY kind, tables
"""

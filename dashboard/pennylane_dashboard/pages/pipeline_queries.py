"""What the page about the pipeline asks PostgreSQL."""

# The latest run; one in progress is compared with the last ones that succeeded. It is asked for
# every few seconds, so it reads the runs alone: etl_logs takes seconds after thousands of runs.
LATEST = """
WITH runs AS (
    SELECT
        id,
        run_id,
        status,
        started_at,
        error,
        extract(epoch FROM CASE
            WHEN status = 'running' THEN now() AT TIME ZONE 'utc' ELSE ended_at
        END - started_at) AS seconds
    FROM pennylane_sync_runs
)

SELECT
    latest.run_id,
    latest.started_at AT TIME ZONE 'utc' AT TIME ZONE 'Europe/Paris' AS started_at,
    latest.status,
    latest.seconds,
    latest.error,
    nullif(greatest(typical.seconds - latest.seconds, 0), 0) AS remaining,
    least(latest.seconds / nullif(typical.seconds, 0), 1) AS done
FROM (SELECT * FROM runs ORDER BY id DESC LIMIT 1) AS latest
CROSS JOIN (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::numeric AS seconds
    FROM (SELECT seconds FROM runs WHERE status = 'success' ORDER BY id DESC LIMIT 20) AS recent
) AS typical
"""

# What the run in progress has written so far.
WRITTEN = """
SELECT table_name, sum(records)::bigint AS rows, sum(sum(records)) OVER ()::bigint AS every
FROM pennylane_uncounted_rows
WHERE NOT has_ended AND records > 0
GROUP BY table_name
ORDER BY rows DESC, table_name
"""

# The ids of the newest runs: as a value, they reduce etl_logs early; as a subquery, at its end.
NEWEST = """
SELECT coalesce(array_agg(run_id), '{}')::text AS runs
FROM (SELECT run_id FROM pennylane_sync_runs ORDER BY id DESC LIMIT %(limit)s) AS newest
"""

# Pennylane allows 25 requests in any 5 seconds: 25 at once, and as many in each 5 seconds after.
# The requests are in the tap's report, which is loaded last. An error of a table says more than
# that of its run.
TIMELINE = """
WITH tables AS (
    SELECT
        log.run_id,
        extract(epoch FROM max(
            log.execution_date + make_interval(secs => log.execution_time_seconds::double precision)
        ) - min(log.execution_date)) AS reading,
        count(*) FILTER (WHERE log.status = 'failed') AS failures,
        sum(log.records_loaded)::bigint AS rows,
        min(log.error_message)
            FILTER (WHERE log.error_message NOT LIKE 'The run failed: %%') AS error
    FROM etl_logs AS log
    WHERE log.run_id = any(%(runs)s::text[])
    GROUP BY log.run_id
),

-- The tap numbers its runs itself. That of a firm has an entry for each company.
reported AS (
    SELECT DISTINCT log.run_id, entry.run_id AS tap_run_id
    FROM etl_logs AS log
    INNER JOIN sync_log AS entry
        ON entry.stream = log.table_name AND entry.started_at = log.execution_date
    WHERE log.run_id = any(%(runs)s::text[])
),

reports AS (
    SELECT
        reported.run_id,
        sum(entry.requests)::bigint AS requests,
        sum(entry.rate_limited)::bigint AS rate_limited,
        sum(entry.seconds_waited) AS seconds_waited
    FROM reported
    INNER JOIN sync_log AS entry ON entry.run_id = reported.tap_run_id
    GROUP BY reported.run_id
)

SELECT
    run.run_id,
    run.started_at AT TIME ZONE 'utc' AT TIME ZONE 'Europe/Paris' AS started_at,
    run.status,
    extract(epoch FROM CASE
        WHEN run.status = 'running' THEN now() AT TIME ZONE 'utc' ELSE run.ended_at
    END - run.started_at) AS seconds,
    tables.rows,
    reports.requests,
    100 * reports.requests / (25 * (floor(tables.reading / 5) + 1)) AS share,
    reports.rate_limited,
    reports.seconds_waited,
    tables.failures,
    coalesce(tables.error, run.error) AS error
FROM pennylane_sync_runs AS run
LEFT JOIN tables ON tables.run_id = run.run_id
LEFT JOIN reports ON reports.run_id = run.run_id
WHERE run.run_id = any(%(runs)s::text[])
ORDER BY run.id DESC
"""

FRESHNESS = """
WITH verified AS (
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
    coalesce(metadata.last_status, 'never') AS status,
    verified.verified_at AT TIME ZONE 'utc' AT TIME ZONE 'Europe/Paris' AS verified_at,
    100 * verified.share AS verification
FROM sync_metadata AS metadata
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
WITH metadata AS MATERIALIZED (
    SELECT * FROM sync_metadata
)

SELECT
    'failed' AS kind,
    'failed' AS remedy,
    string_agg(table_name, ', ' ORDER BY table_name) AS tables,
    last_error AS reason,
    min(last_run_date_local) AS since
FROM metadata WHERE last_status = 'failed'
GROUP BY last_error
UNION ALL
SELECT
    'stale', 'stale', string_agg(table_name, ', ' ORDER BY table_name), NULL,
    min(last_sync_date_local)
FROM metadata WHERE minutes_since_last_success > 26 * 60
HAVING count(*) > 0
UNION ALL
SELECT 'never', 'never', string_agg(table_name, ', ' ORDER BY table_name), NULL, NULL
FROM metadata WHERE last_sync_date IS NULL AND total_records = 0
HAVING count(*) > 0
ORDER BY kind, tables
"""

"""Old rows of the record of runs are deleted, and nothing that is told from it changes."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pennylane_launcher.books import deliveries
from pennylane_launcher.running import views

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines import Pipeline

Row = dict[str, Any]
TOLD = (
    (
        "SELECT table_name, last_sync_date, last_status, last_error, last_run_date_local"
        " FROM pennylane.sync_metadata ORDER BY 1"
    ),
    (
        "SELECT company_id, last_sync_date, last_status, failed_tables, last_error"
        " FROM pennylane.sync_companies ORDER BY 1"
    ),
    "SELECT stream, max(verified_at) FROM pennylane_live.sync_log GROUP BY 1 ORDER BY 1",
    "SELECT * FROM pennylane_logs.pennylane_run_totals ORDER BY 1, 2",
    "SELECT * FROM pennylane.etl_logs WHERE execution_date > now() - interval '6 days' ORDER BY 1",
)
# Four runs a day, of which the first finds something. One stream has only failed for a year.
RUNS = """
INSERT INTO pennylane.sync_log (
    run_id, stream, mode, started_at, ended_at, records, tombstones, verified_records, requests,
    rate_limited, seconds_waited, status, verified_at, _sdc_sync_started_at
)
SELECT
    'run ' || day || ' ' || hour, stream, mode, moment, moment,
    CASE WHEN hour = 0 AND status = 'success' AND mode <> 'not due' THEN 3 ELSE 0 END, 0, 0,
    2, 1, 0.5, status,
    CASE WHEN stream = 'retired' AND day = 430 AND hour = 1 THEN moment END,
    extract(epoch FROM moment) * 1000
FROM generate_series(1, 450) AS day, generate_series(0, 3) AS hour
CROSS JOIN LATERAL (
    SELECT date_trunc('day', now() AT TIME ZONE 'utc')
        - make_interval(days => day) + make_interval(hours => hour) AS moment
) AS at
CROSS JOIN LATERAL (VALUES
    ('customers', 'changelog', 'success'),
    ('retired', 'changelog', CASE WHEN day > 420 THEN 'success' ELSE 'failed' END),
    ('quotes', CASE WHEN hour = 2 THEN 'scan' ELSE 'not due' END, 'success')
) AS entry (stream, mode, status)
"""
COUNTED = """
INSERT INTO pennylane_logs.pennylane_counted_rows (table_name, process, records)
SELECT stream, _sdc_sync_started_at, records FROM pennylane.sync_log
WHERE run_id LIKE 'run %' AND records > 0
"""
# Meltano's runs of 20 to 17 days ago. What was delivered by the third is told by its bookmarks.
MELTANO = """
INSERT INTO meltano.runs (
    job_name, state, started_at, ended_at, last_heartbeat_at, payload, payload_flags, run_id
)
SELECT
    job_name, run.state, moment, moment, moment,
    jsonb_build_object('singer_state', jsonb_build_object(
        'bookmarks', jsonb_build_object('customers', jsonb_build_object('read_at', days))
    )),
    run.flags, gen_random_uuid()
FROM (SELECT job_name FROM meltano.runs WHERE job_name LIKE '%-to-target-postgres' LIMIT 1) AS job
CROSS JOIN (VALUES (20, 'SUCCESS', 1), (19, 'SUCCESS', 1), (18, 'FAIL', 2), (17, 'SUCCESS', 1))
    AS run (days, state, flags)
CROSS JOIN LATERAL (
    SELECT now() AT TIME ZONE 'utc' - make_interval(days => days) AS moment
) AS at
ORDER BY days DESC
"""
FAILED = """
SELECT log.* FROM pennylane.etl_logs AS log
JOIN meltano.runs AS run ON run.run_id::text = log.run_id AND run.state = 'FAIL' ORDER BY 1
"""
STATES = """
SELECT payload <> '{}' AS stays FROM meltano.runs
WHERE job_name LIKE '%-to-target-postgres' ORDER BY ended_at
"""


def prune(pipeline: Pipeline) -> None:
    """What `views:build` does after a load that left nothing to build."""
    with views._record(pipeline.url, "pennylane") as record:  # noqa: SLF001
        record.prune_runs()


def told(pipeline: Pipeline) -> list[list[Row]]:
    return [pipeline.query(query) for query in TOLD]


def log(pipeline: Pipeline) -> list[Row]:
    return pipeline.query("SELECT * FROM pennylane.sync_log ORDER BY started_at DESC, run_id")


def kept(rows: Iterable[Row]) -> set[tuple[str, str]]:
    """The rows that docs/warehouse.md says are kept; the latest ones come first."""
    today = datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    streams: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        streams[row["run_id"]].add(row["stream"])
    found, seen = set(), set()
    for row in rows:
        age = (today - row["started_at"]) / timedelta(days=1)
        is_idle = row["status"] == "success" and not row["records"]
        kind = (row["stream"], row["status"], row["mode"] == "not due")
        day = (row["stream"], row["mode"] == "not due", is_idle, row["started_at"].date())
        stands_for_its_run = row["stream"] == min(streams[row["run_id"]])
        is_kept = age <= 7 or not is_idle or day not in seen or stands_for_its_run
        if (age <= 400 and is_kept) or kind not in seen or row["verified_at"]:
            found.add((row["run_id"], row["stream"]))
        seen |= {kind, day}
    return found


def test_old_runs_go_and_nothing_that_is_told_changes(books: Pipeline) -> None:
    pipeline = books.copy()
    pipeline.execute(RUNS)
    pipeline.execute(COUNTED)
    pipeline.execute(MELTANO)
    pipeline.execute(
        "UPDATE pennylane._sdc_deliveries SET rows = (SELECT count(*) FROM pennylane.sync_log)"
        " WHERE table_name = 'sync_log'"
    )
    before, rows, health = told(pipeline), log(pipeline), pipeline.launch("check-health").stdout
    failed = pipeline.query(FAILED)
    assert {row["status"] for row in failed} == {"failed", "success"}
    wanted = kept(rows)
    assert 0 < len(wanted) < len(rows) - 1000
    prune(pipeline)
    after = log(pipeline)
    assert {(row["run_id"], row["stream"]) for row in after} == wanted
    assert told(pipeline) == before
    assert pipeline.launch("check-health").stdout == health
    (remembered,) = pipeline.query(
        "SELECT rows FROM pennylane._sdc_deliveries WHERE table_name = 'sync_log'"
    )
    assert remembered["rows"] == len(after)
    assert deliveries.lost(pipeline.url, "pennylane") == {}
    assert pipeline.query(FAILED) == failed
    assert [row["stays"] for row in pipeline.query(STATES)] == [False, True, True, True, True]
    counted = pipeline.query("SELECT DISTINCT process FROM pennylane_logs.pennylane_counted_rows")
    oldest = datetime.now(UTC) - timedelta(days=402)
    still = {row["_sdc_sync_started_at"] for row in after}
    assert all(
        row["process"] in still for row in counted if row["process"] < oldest.timestamp() * 1000
    )

    # Once a day is enough, and what is deleted later is added to the totals.
    pipeline.execute("UPDATE pennylane.sync_log SET started_at = started_at - interval '1 day'")
    prune(pipeline)
    assert len(log(pipeline)) == len(after)
    totals = told(pipeline)[3]
    pipeline.execute(
        "UPDATE pennylane_logs.pennylane_pruned_runs SET pruned_at = pruned_at - interval '1 day'"
    )
    prune(pipeline)
    assert len(log(pipeline)) < len(after)
    assert told(pipeline)[3] == totals == before[3]


def test_a_load_that_is_under_way_puts_it_off(books: Pipeline) -> None:
    pipeline = books.copy()
    pipeline.execute(RUNS)
    count = len(log(pipeline))
    with deliveries.transaction(pipeline.url) as connection:
        connection.execute(sa.text("SELECT FROM pennylane._sdc_deliveries"))  # as a load does
        prune(pipeline)
    assert len(log(pipeline)) == count
    prune(pipeline)
    assert len(log(pipeline)) < count

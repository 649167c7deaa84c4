"""The record of two concurrent runs, and the age that it reports for each table."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from drafts import Draft
    from pipelines import Pipeline


@pytest.mark.parametrize("tap_knows_its_run", [True, False])
def test_two_runs_at_once_are_a_row_each(books: Pipeline, *, tap_knows_its_run: bool) -> None:
    runs = [str(uuid.uuid4()), str(uuid.uuid4())]
    begin = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=1)
    with psycopg.connect(books.url, row_factory=dict_row) as connection:
        for number, run in enumerate(runs):
            started = begin + timedelta(seconds=number)
            ended = begin + timedelta(seconds=60 + number)
            # Both began before either target did.
            process = int((begin + timedelta(seconds=5 + number)).replace(tzinfo=UTC).timestamp())
            connection.execute(
                "INSERT INTO meltano.runs"
                " (job_name, state, started_at, ended_at, last_heartbeat_at, payload, run_id)"
                " SELECT job_name, 'SUCCESS', %s, %s, %s, '{}', %s FROM meltano.runs LIMIT 1",
                [started, ended, ended, run],
            )
            connection.execute(
                "INSERT INTO pennylane.sync_log (run_id, stream, mode, started_at, ended_at,"
                " records, tombstones, status, _sdc_sync_started_at)"
                " VALUES (%s, 'customers', 'scan', %s, %s, %s, 0, 'success', %s)",
                [
                    run if tap_knows_its_run else str(uuid.uuid4()),
                    started,
                    ended,
                    number + 1,
                    process * 1000,
                ],
            )
        rows = connection.execute(
            "SELECT id, records_extracted, count(*) OVER (PARTITION BY id) AS times"
            " FROM pennylane.etl_logs WHERE execution_date >= %s ORDER BY execution_date",
            [begin],
        ).fetchall()
        connection.rollback()
    assert {row["times"] for row in rows} == {1}
    if tap_knows_its_run:
        assert [(row["id"], row["records_extracted"]) for row in rows] == [
            (f"{runs[0]}:customers", 1),
            (f"{runs[1]}:customers", 2),
        ]


def test_freshness_is_told_in_minutes_and_in_local_time(books: Pipeline) -> None:
    rows = books.query("SELECT *, now() AT TIME ZONE 'utc' AS asked FROM pennylane.sync_metadata")
    assert rows
    for row in rows:
        read = row["last_sync_date"]
        local = read.replace(tzinfo=UTC).astimezone(ZoneInfo("Europe/Paris"))
        assert row["last_sync_date_local"] == local.replace(tzinfo=None)
        assert row["minutes_since_last_success"] == (row["asked"] - read) // timedelta(minutes=1)
    for row in books.query("SELECT * FROM pennylane.etl_logs"):
        began = row["execution_date"].replace(tzinfo=UTC)
        local = began.astimezone(ZoneInfo("Europe/Paris"))
        assert row["execution_date_local"] == local.replace(tzinfo=None)


def test_each_table_tells_how_its_last_run_ended(draft: Draft) -> None:
    (before,) = draft.ask("SELECT * FROM sync_metadata WHERE table_name = 'customers'")
    assert (before["last_status"], before["last_error"]) == ("success", None)
    moment = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=1)
    for number, status in enumerate(["success", "failed"]):
        draft.add(
            "sync_log",
            run_id=f"run-{number}",
            stream="customers",
            mode="scan",
            started_at=moment + timedelta(minutes=number),
            ended_at=moment + timedelta(minutes=number),
            records=0,
            tombstones=0,
            status=status,
            error="a missing scope" if status == "failed" else None,
            _sdc_sync_started_at=int(moment.replace(tzinfo=UTC).timestamp() * 1000) + number,
        )
    (after,) = draft.ask("SELECT * FROM sync_metadata WHERE table_name = 'customers'")
    assert (after["last_status"], after["last_error"]) == ("failed", "a missing scope")
    assert after["last_sync_date"] == moment
    failed = (moment + timedelta(minutes=1)).replace(tzinfo=UTC)
    local = failed.astimezone(ZoneInfo("Europe/Paris")).replace(tzinfo=None)
    assert after["last_run_date_local"] == local
    (last,) = draft.ask("SELECT * FROM etl_logs WHERE run_id = 'run-1'")
    assert last["id"] == "run-1:customers"
    (other,) = draft.ask("SELECT last_status FROM sync_metadata WHERE table_name = 'suppliers'")
    assert other["last_status"] == "success"


def test_local_time_is_that_of_the_setting(books: Pipeline) -> None:
    views = ("build", "--select", "sync_metadata", "--exclude-resource-type", "test")
    copied = books.copy()  # the views that other tests read stay as they were built
    done = copied.dbt(*views, DBT_PENNYLANE_TIME_ZONE="Indian/Reunion")
    assert done.returncode == 0, done.stdout
    rows = copied.query("SELECT last_sync_date, last_sync_date_local FROM pennylane.sync_metadata")
    assert {row["last_sync_date_local"] - row["last_sync_date"] for row in rows} == {
        timedelta(hours=4)
    }

"""`make metrics`: the figures that it serves, and how."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import struct
import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.error import HTTPError

import psycopg
import pytest
from pennylane_launcher import meltano
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.metrics import serving as exporter

from metrics_site import SECRET, Samples, command, parsed, serving, variables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pennylane_launcher.postgres import embedded

    from drafts import Draft
    from metrics_site import Served
    from pipelines import Pipeline

DATABASE_SECRET = "db-secret-91c4"  # noqa: S105
Once = Callable[..., Samples]


@pytest.fixture
def once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Once:
    """Write the metrics of a database to a file, as `metrics --once FILE` does."""

    def call(pipeline: Pipeline, **more: str) -> Samples:
        for name in os.environ.keys() - variables(pipeline.url).keys():
            monkeypatch.delenv(name)
        for name, value in variables(pipeline.url, **more).items():
            monkeypatch.setenv(name, value)
        file = tmp_path / "once.prom"
        assert exporter.write(pipeline.project, demo=False, file=str(file)) == 0
        return parsed(file.read_text())

    return call


@pytest.fixture(scope="module")
def served(books: Pipeline) -> Iterator[Served]:
    """The metrics of books that do not change."""
    with serving(books) as found:
        yield found


def test_the_figures_are_those_of_sql(served: Served, books: Pipeline) -> None:
    found = served.samples()
    assert found["pennylane_up"] == {"": 1}
    assert set(found["pennylane_part_success"].values()) == {1}
    ((company,),) = [
        tuple(row.values()) for row in books.query("SELECT company_id FROM pennylane.company")
    ]
    assert f'pennylane_last_run_success{{company_id="{company}"}} 1.0' in served.get()[0]

    def by_table(query: str) -> dict[str, float]:
        return {row["table_name"]: float(row["value"]) for row in books.query(query)}

    rows = by_table("SELECT table_name, total_records AS value FROM pennylane.sync_metadata")
    assert len(rows) > 20
    assert found["pennylane_table_rows"] == rows
    for name, column in (
        ("records", "records"),
        ("deletions", "tombstones"),
        ("requests", "requests"),
        ("rate_limited_requests", "rate_limited"),
        ("rate_limit_wait_seconds", "seconds_waited"),
    ):
        sums = by_table(
            f"SELECT stream AS table_name, sum({column}) AS value"  # noqa: S608
            " FROM pennylane.sync_log GROUP BY 1"
        )
        assert found[f"pennylane_{name}_total"] == pytest.approx(sums)
    (last,) = books.query("""
        SELECT
            sum(records_loaded) AS rows,
            (SELECT sum(requests) FROM pennylane.sync_log) AS requests,
            (SELECT extract(epoch FROM ended_at - started_at) FROM meltano.runs
                WHERE state = 'SUCCESS' AND job_name LIKE '%tap-pennylane%') AS seconds
        FROM pennylane.etl_logs
    """)
    assert found["pennylane_last_run_rows"][""] == last["rows"] > 1000
    assert found["pennylane_last_run_requests"][""] == last["requests"] > 20
    assert found["pennylane_last_run_duration_seconds"][""] == pytest.approx(float(last["seconds"]))
    assert found["pennylane_runs_total"] == {"success": 1, "failed": 0}
    assert found["pennylane_reconciliation_differences"] == {"": 0}
    (years,) = books.query("SELECT count(DISTINCT period_start) AS n FROM pennylane.trial_balance")
    assert found["pennylane_reconciliation_compared_years"][""] == years["n"]


def test_ages_are_those_of_the_database_s_clock(served: Served, books: Pipeline) -> None:
    query = """
        SELECT extract(epoch FROM now() AT TIME ZONE 'utc' - first) AS read,
            extract(epoch FROM now() AT TIME ZONE 'utc' - verified_at) AS verified
        FROM pennylane.sync_log, (SELECT min(started_at) AS first FROM pennylane.sync_log) AS run
        WHERE stream = 'customers'
    """
    (before,) = books.query(query)
    found = served.samples()
    (after,) = books.query(query)
    for name, column in (("age", "read"), ("verification_age", "verified")):
        value = found[f"pennylane_table_{name}_seconds"]["customers"]
        assert float(before[column]) <= value <= float(after[column])


def test_what_goes_wrong_is_seen_when_the_next_run_ends(
    own_draft: tuple[Pipeline, Draft], tmp_path: Path
) -> None:
    pipeline, _ = own_draft
    memory = tmp_path / "incidents.json"
    incident = {"key": "run", "kind": "run", "members": [""], "text": "…", "since": "2026-01-01"}
    with serving(pipeline, HEALTH_INCIDENTS_FILE=str(memory)) as served:
        assert served.samples()["pennylane_open_incidents"]["run"] == 0
        pipeline.execute("""
            UPDATE pennylane.ledger_entry_lines SET debit = debit + 1
            WHERE id = (SELECT max(id) FROM pennylane.ledger_entry_lines)
        """)
        memory.write_text(json.dumps({"incidents": [incident], "unsent": []}))
        # The costly figures are kept while no run ends.
        before = served.samples()
        assert before["pennylane_reconciliation_differences"] == {"": 0}
        assert before["pennylane_open_incidents"]["run"] == 1
        pipeline.execute("""
            INSERT INTO meltano.runs (job_name, run_id, state, started_at, last_heartbeat_at,
                ended_at, payload, payload_flags, trigger)
            SELECT job_name, gen_random_uuid(), 'FAIL', moment - interval '7 seconds', moment,
                moment, '{"error": "no network"}', 0, ''
            FROM meltano.runs, (SELECT now() AT TIME ZONE 'utc' AS moment) AS now
            WHERE job_name LIKE '%tap-pennylane%'
        """)
        after = served.samples()
    # A run that failed as a whole leaves nothing to compare.
    assert "pennylane_reconciliation_differences" not in after
    assert after["pennylane_last_run_success"] == {"": 0}
    assert after["pennylane_last_run_duration_seconds"][""] == 7
    assert after["pennylane_runs_total"] == {"success": 1, "failed": 1}
    assert after["pennylane_problems"]["run"] == 1


def test_differences_and_findings_are_counted(
    own_draft: tuple[Pipeline, Draft], once: Once
) -> None:
    pipeline, _ = own_draft
    pipeline.execute("""
        UPDATE pennylane.ledger_entry_lines SET debit = debit + 1
        WHERE id = (SELECT max(id) FROM pennylane.ledger_entry_lines)
    """)
    (row,) = pipeline.query("SELECT count(*) AS n FROM pennylane_logs.trial_balance_differences")
    found = once(pipeline)
    assert found["pennylane_reconciliation_differences"][""] == row["n"] > 0
    assert found["pennylane_problems"]["reconciliation"] == 1
    findings = pipeline.query(
        "SELECT rule, severity, count(*) FROM pennylane_marts.controls GROUP BY 1, 2"
    )
    assert found["pennylane_findings"] == {
        f"{row['rule']}:{row['severity']}": row["count"] for row in findings
    }
    assert found["pennylane_findings"]["entry_unbalanced:error"] == 1


def test_what_a_reader_may_read_is_read_as_the_reader(
    own_draft: tuple[Pipeline, Draft], once: Once
) -> None:
    pipeline, _ = own_draft
    pipeline.execute("REVOKE SELECT ON pennylane_marts.controls FROM pennylane_reader")
    found = once(pipeline)
    assert found["pennylane_part_success"] == {"health": 1, "tables": 1, "controls": 0}
    assert "pennylane_findings" not in found
    assert found["pennylane_table_rows"]["customers"] > 0
    # Who may not take on the role reads as who they are.
    found = once(pipeline, DBT_PENNYLANE_READER_ROLE="nobody_s")
    assert set(found["pennylane_part_success"].values()) == {1}


def test_a_database_that_goes_away_is_a_figure_and_no_error(
    own_draft: tuple[Pipeline, Draft], tmp_path: Path
) -> None:
    pipeline, _ = own_draft
    (name,) = re.findall(r"@/(\w+)", pipeline.url)
    memory = tmp_path / "incidents.json"
    incident = {"key": "run", "kind": "run", "members": [""], "text": "…", "since": "2026-01-01"}
    memory.write_text(json.dumps({"incidents": [incident], "unsent": []}))
    maintenance = pipeline.url.replace(f"@/{name}", "@/template1")

    def allow(is_allowed: str) -> None:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {is_allowed}".encode())

    with serving(pipeline, HEALTH_INCIDENTS_FILE=str(memory)) as served:
        allow("false")
        assert served.samples() == {
            "pennylane_up": {"": 0},
            "pennylane_open_incidents": {"database": 0, "run": 1},
        }
        allow("true")
        assert served.samples()["pennylane_up"] == {"": 1}


def test_a_database_without_any_run_says_so(
    books: Pipeline, postgres: embedded.Server, once: Once
) -> None:
    empty = replace(books, url=postgres.url("nothing_loaded"))
    found = once(empty)
    assert found["pennylane_up"] == {"": 1}
    assert found["pennylane_problems"]["untried"] == 1
    assert found["pennylane_part_success"] == {"health": 1, "tables": 0, "controls": 0}
    assert "pennylane_last_run_success" not in found


def test_ctrl_c_ends_it_and_frees_the_port_and_nothing_secret_was_said(
    books: Pipeline, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = f"postgresql://pennylane:{DATABASE_SECRET}@127.0.0.1:1/books"
    with serving(books, TARGET_POSTGRES_SQLALCHEMY_URL=meltano.sqlalchemy(away)) as of_none:
        text, headers = of_none.get()
        assert parsed(text)["pennylane_up"] == {"": 0}
        port = int(of_none.address.rpartition(":")[2])
        monkeypatch.setenv("TARGET_POSTGRES_SQLALCHEMY_URL", meltano.sqlalchemy(away))
        with pytest.raises(LauncherError, match="The metrics cannot be served on 127"):
            exporter.serve(books.project, demo=False, host="127.0.0.1", port=port)
        leave_at_once(port)
        of_none.get()
        of_none.process.send_signal(signal.SIGINT)
        said = "".join(of_none.process.communicate())
        assert of_none.process.returncode == 128 + signal.SIGINT
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
    assert said == "Stopped by SIGINT; all child processes have ended.\n"
    for secret in (SECRET, DATABASE_SECRET):
        assert secret not in text + str(headers) + said + served.get()[0]
    # A page of another site, opened on this machine, may not read them.
    assert "Access-Control-Allow-Origin" not in headers


def leave_at_once(port: int) -> None:
    """Ask, and break the connection before the answer."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")


def test_both_formats_are_served_at_one_address(served: Served) -> None:
    assert served.get()[1]["Content-Type"].startswith("application/openmetrics-text")
    text, headers = served.get(accept="text/plain")
    assert headers["Content-Type"].startswith("text/plain")
    assert "# TYPE pennylane_requests_total counter\n" in text
    with pytest.raises(HTTPError, match="404"):
        served.get("/")


def test_a_file_for_node_exporter_is_replaced_at_once(
    books: Pipeline, once: Once, tmp_path: Path
) -> None:
    file = tmp_path / "pennylane.prom"
    file.write_text("old")
    done = subprocess.run(
        command("--once", str(file)),
        cwd=books.project,
        env=variables(books.url),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [*tmp_path.iterdir()] == [file]
    assert file.stat().st_mode & 0o777 == 0o644
    assert parsed(file.read_text()).keys() == once(books).keys()
    with pytest.raises(LauncherError, match="The metrics cannot be written to "):
        exporter.write(books.project, demo=False, file=str(tmp_path / "missing" / "x.prom"))

"""Airflow runs the pipeline; the only run called directly is the one that is refused."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from pennylane_launcher import meltano
from pennylane_launcher.running.scheduling import airflow, airflow_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Machine

LOAD = "tap-pennylane"
REFUSED = "a-token-that-is-refused"


@pytest.mark.timeout(1800)
def test_it_runs_by_itself(machine: Machine) -> None:
    sandbox = machine.sandbox
    with machine.scheduler() as scheduler:
        # The first load; later runs load what changes below.
        _next_run(machine, "success")
        assert machine.customers() == machine.truth()
        assert not machine.mails.subjects

        # A run that lasts far longer than its interval: no others queue up or start.
        sandbox.fault("*", "latency", seconds=20)
        _loading(machine)
        by_hand = machine.meltano("run", "--no-install", "tap-pennylane", "target-postgres")
        assert by_hand.returncode == 1
        assert (
            "Another 'dev:tap-pennylane-to-target-postgres' pipeline is already" in by_hand.stdout
        )
        launched = machine.launcher("step", "tap-pennylane snake-case target-postgres")
        assert launched.returncode == 1
        assert "is in progress: step of a schedule, process " in launched.stdout
        assert len(machine.runs("running")) == 1
        assert not machine.runs("queued")

        # The scheduler dies during the run.
        cut = machine.runs("running")[0]
        sandbox.change("customers", create=3, delete=1)
        _service(scheduler.pid, "scheduler").kill()
        assert scheduler.wait(120) == 1
        assert "Airflow's scheduler ended" in (scheduler.stdout.read() if scheduler.stdout else "")
    sandbox.clear_faults()

    machine.environment["SCHEDULE_HEALTH_INTERVAL"] = "* * * * *"
    with machine.scheduler() as scheduler:
        # The same run continues; nothing is lost or duplicated.
        ended = machine.wait(lambda: _ended(machine, cut))
        assert ended["state"] == "success"
        assert machine.tries(cut)[LOAD][1] > 1
        assert machine.customers() == machine.truth()
        logged = machine.query(
            "SELECT count(*) AS runs FROM pennylane.etl_logs WHERE table_name = 'customers'"
            " AND status = 'success'"
        )
        assert logged[0]["runs"] >= 2

        _pennylane_is_down(machine)
        _the_token_is_refused(machine)
        _a_scope_is_missing(machine)
    assert scheduler.returncode == 128 + signal.SIGINT


@pytest.fixture
def two_companies(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """All variables of Airflow's own commands, in a project with two companies."""
    monkeypatch.chdir(machine.project)
    for name in os.environ.keys() - machine.environment.keys():
        monkeypatch.delenv(name)
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    env, file = machine.project / ".env", machine.project / "companies.yml"
    before = env.read_text()
    env.write_text(f"FIRST={machine.sandbox.token}\nSECOND={REFUSED}\n")
    file.write_text("first: {token: FIRST}\nsecond: {token: SECOND}\n")
    given = airflow_variables(machine.project, machine.url, dict(os.environ))
    if not machine.query("SELECT FROM pg_tables WHERE schemaname = 'airflow'"):
        airflow(given, "db", "migrate")
    yield given
    env.write_text(before)
    file.unlink()


def test_each_company_has_a_task_of_its_own(
    machine: Machine, two_companies: dict[str, str]
) -> None:
    done = subprocess.run(
        [machine.project / ".cache/airflow/bin/airflow", "dags", "test", "sync"],
        cwd=machine.project,
        env=two_companies,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    rows = machine.query(
        "SELECT * FROM airflow.task_instance WHERE dag_id = 'sync' AND run_id = ("
        " SELECT run_id FROM airflow.dag_run WHERE dag_id = 'sync' ORDER BY id DESC LIMIT 1)"
    )
    states = {
        row["task_id"] + f" {row['rendered_map_index'] or ''}".rstrip(): row["state"]
        for row in rows
    }
    assert states == {
        "companies": "success",
        "tap-pennylane first": "success",
        "tap-pennylane second": "failed",
        "views-build": "success",
        "outcome": "failed",
    }, done.stdout
    assert "Not loaded: second. The log of each one's task says why." in done.stdout
    assert "Pennylane refuses the token (401)" in done.stdout
    assert "SECOND in `.env`" in done.stdout
    assert machine.sandbox.token not in done.stdout
    assert REFUSED not in done.stdout
    loaded = machine.query("SELECT count(*) FROM pennylane_first.customers")
    assert loaded == [{"count": len(machine.truth())}]
    # Loads run side by side, but not while the views are built or the books are tested.
    assert {row["task_id"]: row["pool_slots"] for row in rows if row["task_id"] != "outcome"} == {
        "companies": 1,
        "tap-pennylane": 1,
        "views-build": 4,
    }


def test_reading_the_dag_file_starts_no_meltano(machine: Machine) -> None:
    """Unless `meltano.yml` changed."""
    calls = machine.project / "calls"
    (machine.project / ".venv").unlink()
    program = machine.project / ".venv" / "bin" / "meltano"
    program.parent.mkdir(parents=True)
    real = meltano.command()[0]
    program.write_text(f'#!/bin/sh\necho call >> {calls}\nexec {real} "$@"\n', encoding="utf-8")
    program.chmod(0o755)

    def read() -> str:
        code = "from pennylane_airflow.schedules import schedules; print(schedules())"
        done = subprocess.run(
            [machine.project / ".cache" / "airflow" / "bin" / "python", "-c", code],
            cwd=machine.project,
            env={
                "AIRFLOW_HOME": str(machine.project / "home"),
                "PYTHONPATH": str(machine.project / "orchestrate" / "dags"),
                "SCHEDULE_SYNC_INTERVAL": "*/7 * * * *",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    first = read()
    assert "interval='*/7 * * * *'" in first
    assert "name='verify'" in first
    assert "steps=['dbt:test']" in first
    # The load does what stands before it in the job.
    assert "steps=['tap-pennylane snake-case target-postgres', 'views:build']" in first
    assert read() == first
    assert calls.read_text(encoding="utf-8") == "call\n"
    file = machine.project / "meltano.yml"
    file.write_text(file.read_text(encoding="utf-8").replace("5 * * * *", "0 4 * * 6"))
    assert "interval='0 4 * * 6'" in read()
    assert calls.read_text(encoding="utf-8") == "call\ncall\n"


def _next_run(machine: Machine, state: str) -> dict[str, Any]:
    """Wait for the end of a run that has not begun yet."""
    now = machine.query("SELECT clock_timestamp() AS now")[0]["now"]
    found: list[dict[str, Any]] = machine.wait(
        lambda: [run for run in machine.runs(state) if run["start_date"] > now]
    )
    return found[0]


def _loading(machine: Machine) -> None:
    """Wait until Meltano itself says that a run is under way, which has not begun yet."""
    now = machine.query("SELECT clock_timestamp() AT TIME ZONE 'utc' AS now")[0]["now"]
    question = f"SELECT FROM meltano.runs WHERE state = 'RUNNING' AND started_at > '{now}'"
    machine.wait(lambda: machine.query(question))


def _ended(machine: Machine, run: dict[str, Any]) -> dict[str, Any] | None:
    ended = machine.runs("success") + machine.runs("failed")
    return next((each for each in ended if each["run_id"] == run["run_id"]), None)


def _service(launcher: int, name: str) -> psutil.Process:
    """One of the programs that `make schedule` started."""
    for child in psutil.Process(launcher).children():
        if name in child.cmdline():
            return child
    pytest.fail(f"{name} does not run")


def _pennylane_is_down(machine: Machine) -> None:
    """It is retried, reported once, and resolved afterwards."""
    sandbox = machine.sandbox
    mails = machine.mails
    # About the interrupted run, if a check came in between.
    machine.wait(lambda: not mails.subjects or mails.subjects[-1].startswith("Resolved: "))
    mails.clear()
    sandbox.fault("*", "status", status=503)
    failed = _next_run(machine, "failed")
    assert machine.tries(failed)[LOAD] == ("failed", 2)
    assert machine.tries(failed)["views-build"][0] == "success"
    bookmarks = machine.bookmarks()
    sandbox.change("customers", create=1, update=2)
    _next_run(machine, "failed")
    assert machine.bookmarks() == bookmarks
    sandbox.clear_faults()
    _next_run(machine, "success")
    assert machine.customers() == machine.truth()
    machine.wait(
        lambda: any(subject.startswith("Resolved: ") for subject in machine.mails.subjects)
    )
    assert len(machine.mails.subjects) == 2
    assert "failed" in machine.mails.subjects[0]
    assert sandbox.token not in str(machine.mails.bodies)


def _the_token_is_refused(machine: Machine) -> None:
    """That is not retried, and is resolved by the first run with the right token."""
    machine.mails.clear()
    machine.set_token("a-token-of-before")
    failed = _next_run(machine, "failed")
    assert machine.tries(failed)[LOAD] == ("failed", 1)
    looked = "SELECT FROM airflow.dag_run WHERE dag_id = 'health' AND state = 'success'"
    machine.wait(lambda: machine.query(looked))
    machine.wait(lambda: machine.mails.subjects)
    (subject,), (body,) = machine.mails.subjects, machine.mails.bodies
    assert subject.endswith(": the last run failed")
    assert "refuses the token" in body
    assert "TAP_PENNYLANE_API_TOKEN in `.env`" in body
    machine.set_token(machine.sandbox.token)
    _next_run(machine, "success")
    # Airflow's verdict on an earlier run may come after the next run's load, and be told by itself.
    machine.wait(lambda: f"Resolved: {subject}" in machine.mails.subjects)


def _a_scope_is_missing(machine: Machine) -> None:
    """That is not retried either; what was loaded is in the views."""
    machine.sandbox.change("customers", create=1)
    machine.sandbox.fault("/journals", "status", status=403)
    failed = _next_run(machine, "failed")
    assert machine.tries(failed)[LOAD] == ("failed", 1)
    assert machine.tries(failed)["views-build"][0] == "success"
    assert machine.customers() == machine.truth()
    machine.sandbox.clear_faults()

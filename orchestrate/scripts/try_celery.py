"""Tries the DAGs on Celery: two workers, one killed with all its children in the middle of a load.

    PATH=…redis… .venv/bin/python orchestrate/scripts/try_celery.py

Needs `redis-server` (Debian: redis-server), and `.cache/airflow` (`make schedule` installs it).
Takes about seven minutes: Meltano believes in a killed run for five.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
from pennylane_launcher import embedded, meltano, scheduling
from pennylane_launcher.services import Services
from pennylane_sandbox.pytest_plugin import running

ROOT = Path(__file__).parents[2]
PROGRAM = str(ROOT / ".cache" / "airflow" / "bin" / "airflow")


def main() -> int:
    """Try it in this project's own folder, on a database of its own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        with (
            running("--size", "2000", "--rate-limit", "none") as sandbox,
            embedded.server(folder / ".embedded", keep=False) as server,
        ):
            url = server.url("pennylane")
            mine = meltano.environment(url, api_url=sandbox.url, token=sandbox.token)
            redis, host, one, two = (free_port() for _ in range(4))
            os.environ.clear()
            os.environ.update(
                mine,
                AIRFLOW_HOME=str(folder / "airflow"),
                AIRFLOW__API__PORT=str(host),
                AIRFLOW__CORE__EXECUTOR="CeleryExecutor",
                AIRFLOW__CELERY__BROKER_URL=f"redis://127.0.0.1:{redis}/0",
                AIRFLOW__CELERY__WORKER_CONCURRENCY="2",
                # Longer than a step may take, or Celery hands it out a second time.
                AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT="86400",
                AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT="20",
                AIRFLOW__API_AUTH__JWT_SECRET=secrets.token_hex(32),
                SCHEDULE_SYNC_INTERVAL="* * * * *",
                SCHEDULE_FULL_REFRESH_INTERVAL="@manual",
                SCHEDULE_HEALTH_INTERVAL="@manual",
            )
            variables = scheduling.airflow_variables(ROOT, url, os.environ)
            variables["AIRFLOW__CELERY__RESULT_BACKEND"] = (
                "db+" + variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
            )
            scheduling.airflow(variables, "db", "migrate")
            scheduling.airflow(variables, "pools", "set", "pipeline", "1", "One run at a time")
            with Services(folder / "services") as services:
                broker = ["redis-server", "--port", str(redis), "--bind", "127.0.0.1"]
                services.start("redis", [*broker, "--save", ""], variables)
                for name in ("scheduler", "dag-processor", "api-server"):
                    services.start(name, [PROGRAM, name], variables)
                for number, port in enumerate((one, two), 1):
                    mark = {"AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(port)}
                    command = [PROGRAM, "celery", "worker", "--celery-hostname", f"w{number}@%h"]
                    services.start(f"worker{number}", command, variables | mark)
                sandbox.fault("*", "latency", seconds=2)
                wait(url, "select 1 from meltano.runs where state = 'RUNNING'")
                say("a load is under way; its worker is killed, with all that it started")
                kill_worker_of_the_load()
                sandbox.heal()
                changed = sandbox.change("customers", create=3, update=2, delete=1)
                say(f"meanwhile in Pennylane: {changed}")
                wait(
                    url, "select 1 from airflow.dag_run where dag_id = 'sync' and state = 'success'"
                )
                with psycopg.connect(url) as connection:
                    rows = connection.execute(
                        "select task_id, state, try_number, hostname, start_date, end_date"
                        " from airflow.task_instance_history union all select task_id, state,"
                        " try_number, hostname, start_date, end_date from airflow.task_instance"
                        " order by start_date"
                    ).fetchall()
                    loaded = connection.execute(
                        "select id from pennylane.customers where _sdc_deleted_at is null"
                    ).fetchall()
                for row in rows:
                    say(" ".join(map(str, row)))
                there = sorted(row["id"] for row in sandbox.state("customers"))
                good = sorted(row[0] for row in loaded) == there
                say(f"customers: {len(loaded)} loaded, {len(there)} there: {good}")
                return 0 if good else 1
    finally:
        shutil.rmtree(folder)


def kill_worker_of_the_load() -> None:
    """Kill the worker above `pennylane_launcher step`, and everything below it."""
    home = os.environ["AIRFLOW_HOME"]
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            is_step = "pennylane_launcher step tap-pennylane" in " ".join(process.cmdline())
            if is_step and process.environ().get("AIRFLOW_HOME") == home:
                above = [each for each in process.parents() if "celery" in str(each.cmdline())]
                for each in [above[-1], *above[-1].children(recursive=True)]:
                    each.kill()
                return
    sys.exit("the load ended too early")


def wait(url: str, question: str) -> None:
    """Return when a question has an answer."""
    end = time.monotonic() + 900
    while time.monotonic() < end:
        try:
            with psycopg.connect(url) as connection:
                if connection.execute(question.encode()).fetchone():
                    return
        except psycopg.errors.UndefinedTable:
            pass
        time.sleep(1)
    sys.exit("it does not come")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def say(text: str) -> None:
    """Print with the time."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

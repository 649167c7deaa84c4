"""A separate project folder in which the scheduler runs the real pipeline."""

from __future__ import annotations

import email
import email.policy
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
import pytest
from aiosmtpd.controller import Controller
from pennylane_launcher import meltano
from pennylane_launcher.postgres import embedded
from pennylane_sandbox.pytest_plugin import running
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

ROOT = Path(__file__).parents[2]


@dataclass
class Mails:
    """A mail server that keeps what it gets."""

    subjects: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: ANN401, N802
        """Take a mail."""
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = mail.get_body(("plain",))
        self.subjects.append(str(mail["subject"]))
        self.bodies.append(str(body.get_content()) if body else "")
        return "250 OK"

    def clear(self) -> None:
        """Forget the mails received so far."""
        self.subjects.clear()
        self.bodies.clear()


@dataclass(frozen=True)
class Machine:
    """A machine with the project on it: its folder, its variables, its database."""

    project: Path
    sandbox: Sandbox
    url: str
    environment: dict[str, str]
    mails: Mails

    def query(self, text: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(text.encode()).fetchall()

    def runs(self, state: str) -> list[dict[str, Any]]:
        """The scheduler's runs of the schedule `sync` in a state, in their order."""
        return self.query(
            "SELECT * FROM airflow.dag_run"  # noqa: S608
            f" WHERE dag_id = 'sync' AND state = '{state}' ORDER BY start_date"
        )

    def tries(self, run: dict[str, Any]) -> dict[str, tuple[str, int]]:
        """State and number of the last attempt of each task of a run."""
        rows = self.query(
            f"SELECT * FROM airflow.task_instance WHERE run_id = '{run['run_id']}'"  # noqa: S608
            " AND dag_id = 'sync'"
        )
        return {row["task_id"]: (row["state"], row["try_number"]) for row in rows}

    def set_token(self, token: str) -> None:
        """Write the token into `.env`."""
        line = f"TAP_PENNYLANE_API_TOKEN={token}\n"
        (self.project / ".env").write_text(line, encoding="utf-8")

    def customers(self) -> set[int]:
        """Return the customers that are loaded and not deleted."""
        rows = self.query("SELECT id FROM pennylane.customers WHERE _sdc_deleted_at IS NULL")
        assert len({row["id"] for row in rows}) == len(rows)
        return {row["id"] for row in rows}

    def truth(self) -> set[int]:
        """Return the customers in the sandbox."""
        return {row["id"] for row in self.sandbox.state("customers")}

    def bookmarks(self) -> str:
        """The state of the pipeline."""
        (row,) = self.query("SELECT completed_state FROM meltano.state")
        return str(row["completed_state"])

    def meltano(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Meltano by hand."""
        system = {"MELTANO_DATABASE_URI": meltano.system_database(self.url)}
        return self._call([*meltano.command(*arguments)], system | meltano.target(self.url))

    def launcher(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call the launcher."""
        return self._call([sys.executable, "-m", "pennylane_launcher", *arguments], {})

    def _call(self, command: list[str], more: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.project,
            env=self.environment | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    @contextmanager
    def scheduler(self) -> Iterator[subprocess.Popen[str]]:
        """`make schedule`, stopped as Ctrl-C stops it, with nothing left behind."""
        with subprocess.Popen(
            [sys.executable, "-m", "pennylane_launcher", "schedule"],
            cwd=self.project,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                said = []
                for line in process.stdout or ():
                    said.append(line)
                    if "until Ctrl-C" in line:
                        break
                else:
                    pytest.fail("".join(said))
                yield process
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)
                    process.communicate()
        assert not self.processes()

    def wait(self, condition: Callable[[], Any]) -> Any:  # noqa: ANN401 - what it answers
        """What a condition answers, as soon as it is true."""
        deadline = time.monotonic() + 240
        while not (found := condition()):
            assert time.monotonic() < deadline, "it does not come"
            time.sleep(0.2)
        return found

    def processes(self) -> list[str]:
        """What works in this machine's folder: all that the scheduler started, and its children."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.cwd() == str(self.project):
                    found.append(f"{process.pid} {process.cmdline()}")
        return found


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """The project in a folder of its own, with a small sandbox and a mail server."""
    project = Path(tempfile.mkdtemp())
    project.chmod(0o755)
    copy(project)
    with running("--size", "100", "--rate-limit", "none") as sandbox:
        mails = Mails()
        controller = Controller(mails, hostname="127.0.0.1", port=free_port())
        controller.start()
        try:
            with embedded.server(project / ".embedded", keep=False) as server:
                environment = variables(sandbox, controller.port)
                machine = Machine(project, sandbox, server.url("pennylane"), environment, mails)
                machine.set_token(sandbox.token)
                yield machine
        finally:
            controller.stop()
            shutil.rmtree(project)


def copy(project: Path) -> None:
    """Make the project's folder: what is installed is used where it is."""
    for name in ("orchestrate", "transform"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    # Only the views about runs, to be quick: those that a health check asks.
    logs = "+etl_logs +sync_companies +sync_metadata +trial_balance_differences"
    text = (ROOT / "meltano.yml").read_text(encoding="utf-8")
    quick = text.replace(
        "args: build --exclude-resource-type test\n", f"args: run --select {logs}\n"
    )
    assert quick != text
    (project / "meltano.yml").write_text(quick, encoding="utf-8")
    shutil.copy(ROOT / "logging.yaml", project)
    (project / ".meltano").mkdir()
    for name in meltano.PLUGINS:
        (project / ".meltano" / name).symlink_to(ROOT / ".meltano" / name)
    (project / ".venv").symlink_to(ROOT / ".venv")
    (project / ".cache").mkdir()
    (project / ".cache" / "airflow").symlink_to(ROOT / ".cache" / "airflow")


def variables(sandbox: Sandbox, smtp: int) -> dict[str, str]:
    """The variables of a machine that is as impatient as a test."""
    foreign = (*meltano.OURS, "AIRFLOW", "SCHEDULE_", "SMTP_", "ALERT_", "HEALTH_")
    base = {
        name: value
        for name, value in meltano.python(os.environ).items()
        if not name.startswith(foreign)
    }
    return base | {
        "TAP_PENNYLANE_API_URL": sandbox.url,
        "TAP_PENNYLANE_MAX_RETRIES": "0",
        "TAP_PENNYLANE__SELECT": '["customers.*", "journals.*", "sync_log.*"]',
        "TAP_PENNYLANE_REFRESH_HOURS": '{"journals": 0}',
        # Shorter than the run that is made to last, but longer than others, so that waiting
        # for the next run does not mean waiting for an idle one first.
        "SCHEDULE_SYNC_INTERVAL": "* * * * * */30",
        "SCHEDULE_VERIFY_INTERVAL": "@manual",
        "SCHEDULE_HEALTH_INTERVAL": "@manual",
        "AIRFLOW__API__PORT": str(free_port()),
        # A busy machine needs more than Airflow's 30 seconds to import what the DAG's file imports.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "240",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "1",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "2",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
        "ALERT_EMAIL_TO": "books@example.com",
        "ALERT_EMAIL_FROM": "pennylane@example.com",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp),
        "SMTP_STARTTLS": "false",
    }


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

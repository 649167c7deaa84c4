"""The systems that are measured: the tap alone, the entire pipeline, and dlt.

Each reads one stream completely, from a sandbox in a separate process; the pipelines write to the
same PostgreSQL. The rows are counted, and a wrong count aborts the measurement.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
from pennylane_launcher import meltano
from pennylane_launcher.postgres import embedded
from pennylane_launcher.postgres.cluster import SUPERUSER, Cluster
from pennylane_launcher.postgres.place import Place
from pennylane_sandbox.pytest_plugin import Sandbox, running
from psycopg import sql
from watch import Run, cpu_seconds, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROJECT = Path(__file__).parents[1]
DLT = PROJECT / ".cache" / "bench" / "bin" / "python"
BUDGET = 25
"""Requests per window that Pennylane allows."""
WINDOW = 5
"""Length of the rate limit's window in seconds."""
LIVE = ("ledger_entry_lines", "ledger_entries", "customers", "customer_invoices", "transactions")
"""The views whose rows are counted after each `sync`."""
UNLIMITED = 1_000_000
"""A request budget per window that is never used up."""


@dataclass(frozen=True)
class Database:
    """A database on the server, dropped after the block that created it."""

    name: str
    url: str

    def count(self, table: str) -> int:
        """The row count of a table."""
        with psycopg.connect(self.url) as connection:
            query = sql.SQL("select count(*) from {}").format(sql.Identifier(*table.split(".")))
            row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0


class World:
    """A sandbox and a PostgreSQL, each in its own process."""

    def __init__(
        self, sandbox: Sandbox, size: int, server: embedded.Server, postmaster: int
    ) -> None:
        """Find the processes."""
        self.sandbox = sandbox
        self.expected = {"ledger_entry_lines": size}
        """Rows per stream; if nobody counted them, the number that the first system found."""
        self._server = server
        self._postmaster = psutil.Process(postmaster)
        self._sandbox = next(
            child
            for child in psutil.Process().children()
            if any("pennylane-sandbox" in part for part in child.cmdline())
        )

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A new database for the duration of the block."""
        name = f"bench_{uuid.uuid4().hex[:8]}"
        yield Database(name, self._server.url(name))
        with psycopg.connect(self._server.url(SUPERUSER), autocommit=True) as connection:
            drop = sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
            connection.execute(drop)
            connection.execute("checkpoint")

    def beside(self) -> dict[str, float]:
        """The CPU-seconds of both so far."""
        return {
            "sandbox": cpu_seconds(self._sandbox),
            "postgres": cpu_seconds(self._postmaster, descendants=True),
        }

    def tap(self, stream: str, *, concurrency: int, budget: int) -> dict[str, Any]:
        """The tap alone, pinned to one core, with its output written to a file."""
        with tempfile.TemporaryDirectory() as folder, self._measured() as measured:
            config = {
                "api_token": self.sandbox.token,
                "api_url": self.sandbox.url,
                "concurrency": concurrency,
                "requests_per_window": budget,
            }
            arguments = []
            for name, content in (("config", config), ("catalog", _catalog(stream))):
                path = Path(folder, name)
                path.write_text(json.dumps(content), "utf-8")
                arguments += [f"--{name}", str(path)]
            done = run([_program("tap-pennylane"), *arguments], one_core=True)
            measured(done, _log_of(done)["records"], stream)
        log = _log_of(done)
        took = datetime.fromisoformat(log["ended_at"]) - datetime.fromisoformat(log["started_at"])
        return measured.numbers | {
            "stream_seconds": round(took.total_seconds(), 2),
            "stream_rows_per_second": round(log["records"] / took.total_seconds()),
        }

    def pipeline(
        self,
        stream: str,
        database: Database,
        *,
        concurrency: int,
        budget: int,
    ) -> dict[str, Any]:
        """`meltano run tap-pennylane target-postgres` with that stream selected.

        Args:
            stream: What to read.
            database: Where to.
            concurrency: The tap's setting.
            budget: The tap's own request budget, in 5 seconds.
        """
        environment = meltano.environment(
            database.url, api_url=self.sandbox.url, token=self.sandbox.token
        ) | {
            "TAP_PENNYLANE__SELECT": json.dumps([f"{stream}.*"]),
            "TAP_PENNYLANE_CONCURRENCY": str(concurrency),
            "TAP_PENNYLANE_REQUESTS_PER_WINDOW": str(budget),
        }
        blocks = ("run", "tap-pennylane", "target-postgres")
        command = meltano.command(*blocks, env_file=Path(os.devnull))
        with self._measured() as measured:
            done = run(command, environment=environment, folder=PROJECT)
            measured(done, database.count(f"{meltano.SCHEMA}.{stream}"), stream)
        return measured.numbers

    def sync(
        self,
        database: Database,
        variables: Mapping[str, str] | None = None,
        *,
        budget: int = BUDGET,
        counted: bool = True,
    ) -> dict[str, Any]:
        """`meltano run sync`, which the schedules run: all default streams, and the views.

        Args:
            database: Where to.
            variables: Other settings.
            budget: The tap's own request budget, in 5 seconds.
            counted: Whether nothing changes meanwhile, so that the views must have every row.

        Raises:
            RuntimeError: The views have other rows than Pennylane.
        """
        environment = meltano.environment(
            database.url, api_url=self.sandbox.url, token=self.sandbox.token
        ) | {"TAP_PENNYLANE_REQUESTS_PER_WINDOW": str(budget), **(variables or {})}
        command = meltano.command("run", "sync", env_file=Path(os.devnull))
        with self._measured() as measured:
            done = run(command, environment=environment, folder=PROJECT)
            there = {name: self.sandbox.sizes[name] for name in LIVE}
            measured(done, there["ledger_entry_lines"])
        live = {name: database.count(f"{meltano.SCHEMA}_live.{name}") for name in LIVE}
        if counted and live != there:
            msg = f"the views have {live}, and Pennylane {there}"
            raise RuntimeError(msg)
        return measured.numbers

    def dlt(
        self, stream: str, database: Database, folder: Path, *, nested: bool = True
    ) -> dict[str, Any]:
        """The dlt pipeline; a second run with the same folder continues from its state.

        Args:
            stream: What to read.
            database: Where to.
            folder: Where dlt works.
            nested: Whether lists become tables, which is its default; else JSON columns.
        """
        command = [str(DLT), str(Path(__file__).with_name("dlt_pipeline.py"))]
        command += ["--api-url", self.sandbox.url, "--token", self.sandbox.token]
        # psycopg2 needs a host in its place, and dlt a password; the socket's folder prevails.
        url = database.url.replace(f"{SUPERUSER}@/", f"{SUPERUSER}:none@localhost/")
        command += ["--database", url, "--stream", stream, "--folder", str(folder)]
        variables = {"DLT_DATA_DIR": str(folder), "RUNTIME__DLTHUB_TELEMETRY": "false"}
        environment = meltano.python(os.environ) | variables
        with self._measured() as measured:
            done = run([*command, *([] if nested else ["--json"])], environment=environment)
            measured(done, database.count(f"dlt.{stream}"), stream)
        return measured.numbers

    @contextmanager
    def _measured(self) -> Iterator[_Measured]:
        self.sandbox.control("DELETE", "stats")
        measured = _Measured(self, self.beside())
        yield measured
        if not measured.numbers:
            msg = "nothing was measured"
            raise RuntimeError(msg)


class _Measured:
    """The numbers of one run, and the costs of the processes beside it."""

    def __init__(self, world: World, before: dict[str, float]) -> None:
        self._world = world
        self._before = before
        self.numbers: dict[str, Any] = {}

    def __call__(self, done: Run, rows: int, stream: str | None = None) -> None:
        """Take them, and check a stream's number of rows.

        Raises:
            RuntimeError: Not all rows came.
        """
        after = self._world.beside()
        stats = self._world.sandbox.stats
        if stream and rows != self._world.expected.setdefault(stream, rows):
            msg = f"{rows} rows of {stream} came, and not {self._world.expected[stream]}"
            raise RuntimeError(msg)
        beside = {name: round(after[name] - used, 2) for name, used in self._before.items()}
        self.numbers = {
            "rows": rows,
            "requests": stats["total"],
            "requests_by_path": stats["requests"],
            "rate_limited": stats["rate_limited"],
            "busiest_window": stats["busiest_window"],
            "rows_per_second": round(rows / done.seconds),
            **done.measured(),
            "cpu_beside": beside,
        }


@contextmanager
def postgres() -> Iterator[tuple[embedded.Server, int]]:
    """A PostgreSQL for the duration of the block, started like the project's own."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, ".embedded")
        try:
            with embedded.server(place) as server:
                lines = (Cluster(Place.of(place)).place.data / "postmaster.pid").read_text("utf-8")
                yield server, int(lines.split("\n", 1)[0])
        finally:  # its data may be elsewhere
            embedded.remove(place)


@contextmanager
def world(
    server: tuple[embedded.Server, int], size: int, *, limit: str = "none", latency_ms: int = 0
) -> Iterator[World]:
    """A sandbox with a number of ledger lines, beside the server.

    Args:
        server: As `postgres` made it.
        size: Ledger entry lines of the company.
        limit: What the sandbox allows, as 25/5.
        latency_ms: Of each answer.
    """
    options = ("--size", size, "--rate-limit", limit, "--latency-ms", latency_ms)
    with running(*map(str, options)) as sandbox:
        yield World(sandbox, size, *server)


def settings() -> set[str]:
    """The settings that the tap has."""
    found = json.loads(run([_program("tap-pennylane"), "--about", "--format=json"]).output)
    return set(found["settings"]["properties"])


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _catalog(stream: str) -> dict[str, Any]:
    found = run([_program("tap-pennylane"), "--discover"])
    catalog: dict[str, Any] = json.loads(found.output)
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if not metadata["breadcrumb"]:
                wanted = entry["tap_stream_id"] in {stream, "sync_log"}
                metadata["metadata"]["selected"] = wanted
    return catalog


def _log_of(done: Run) -> dict[str, Any]:
    """The stream's row in the tap's record of runs, which is sent last."""
    for line in done.output.splitlines()[-10:]:
        message = json.loads(line)
        if message["type"] == "RECORD" and message["stream"] == "sync_log":
            record: dict[str, Any] = message["record"]
            return record
    msg = "the tap sent no record of its run"
    raise RuntimeError(msg)

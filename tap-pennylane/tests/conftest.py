"""Runs the tap as a command, in a process of its own for each run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import running
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox


FOLLOWED = sorted(
    name
    for name, stream in TapPennylane(validate_config=False).streams.items()
    if name != "sync_log"
    and stream.selected_by_default
    and stream.changelog
    and "{" not in stream.path
)
"""The streams, except child streams, that follow a changelog."""


@dataclass
class Run:
    """The outcome of a run of the tap: messages, log and exit code."""

    exit_code: int
    log: str
    messages: list[dict[str, Any]]
    records: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    activated: dict[str, int] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for message in self.messages:
            if message["type"] == "RECORD":
                self.records[message["stream"]].append(message["record"])
            elif message["type"] == "ACTIVATE_VERSION":
                self.activated[message["stream"]] = message["version"]
            elif message["type"] == "STATE":
                self.state = message["value"]

    @property
    def log_rows(self) -> dict[str, dict[str, Any]]:
        """The record of runs, by stream."""
        return {row["stream"]: row for row in self.records["sync_log"]}


class Warehouse:
    """The tables of target-postgres-exact: rows by stream and id, and which are deleted."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in FOLLOWED}

    def load(self, run: Run) -> Warehouse:
        """Upsert, mark deletions and activate versions, as target-postgres does."""
        for message in run.messages:
            table = self.rows.get(message.get("stream", ""))
            if table is None:
                continue
            if message["type"] == "RECORD":
                record = {"version": message["version"], **message["record"]}
                if record["_sdc_deleted_at"]:  # the contents of the row stay
                    given = {name: value for name, value in record.items() if value is not None}
                    record = {**table.get(record["id"], {}), **given}
                table[record["id"]] = record
            elif message["type"] == "ACTIVATE_VERSION":
                for row in table.values():
                    if row["version"] < message["version"]:
                        row["_sdc_deleted_at"] = "gone"
        return self

    def live(self, name: str) -> dict[int, dict[str, Any]]:
        """The rows that are not deleted."""
        return {id_: row for id_, row in self.rows[name].items() if not row.get("_sdc_deleted_at")}

    def viewed(self, name: str) -> dict[int, dict[str, Any]]:
        """The rows that the dbt views show: no entries that have only deleted lines."""
        rows = self.live(name)
        if name == "ledger_entries":
            lines = self.rows["ledger_entry_lines"].values()
            named = {row.get("ledger_entry_id") for row in lines if row.get("_sdc_deleted_at")}
            living = self.live("ledger_entry_lines").values()
            hidden = named - {row["ledger_entry_id"] for row in living}
            rows = {id_: row for id_, row in rows.items() if id_ not in hidden}
        return rows

    def assert_equals(self, sandbox: Sandbox, *, raw: bool = False) -> None:
        """Every table that follows a changelog equals the sandbox's current records.

        So do the views, or if `raw` is true, the tables themselves.
        """
        seen = self.live if raw else self.viewed
        for name in FOLLOWED:
            wanted = {item["id"]: item["updated_at"] for item in sandbox.state(name)}
            got = {id_: row["updated_at"] for id_, row in seen(name).items()}
            assert got == wanted, name


@pytest.fixture
def warehouse() -> Warehouse:
    """An empty warehouse."""
    return Warehouse()


@pytest.fixture
def followed() -> list[str]:
    """The streams, except child streams, that follow a changelog."""
    return FOLLOWED


@dataclass(frozen=True)
class WarmTap:
    """Runs the tap as a command, in a process that need not import it."""

    process: subprocess.Popen[str]
    folder: Path

    def run(self, arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end."""
        outputs = [self.folder / name for name in ("output", "log")]
        order = {
            "arguments": arguments,
            "output_1": str(outputs[0]),
            "output_2": str(outputs[1]),
            "variables": dict(os.environ),
            "folder": str(Path.cwd()),
        }
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{json.dumps(order)}\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        said, log = (output.read_bytes() for output in outputs)
        return subprocess.CompletedProcess(arguments, code, said, log)


@pytest.fixture(scope="session")
def warm_tap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmTap]:
    """The tap, imported once for all tests."""
    program = Path(__file__).with_name("warm_tap.py")
    with subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield WarmTap(process, tmp_path_factory.mktemp("tap"))
        process.communicate()


@pytest.fixture
def run_tap(tmp_path: Path, warm_tap: WarmTap) -> Callable[..., Run]:
    """Run the tap with settings, arguments, a state and a selection (default: everything).

    `through` is a command that starts it anew. A run that goes on from a state begins in another
    second than the last one, as real runs do: Pennylane's clock has whole seconds.
    """
    began = [time.monotonic()]

    def run(
        *arguments: str,
        streams: list[str] | None = None,
        without: tuple[str, ...] = (),
        state: dict[str, Any] | None = None,
        through: tuple[str, ...] = (),
        **config: Any,
    ) -> Run:
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
        command = ["--config", f"{tmp_path}/config.json"]
        if streams is not None:
            command += ["--catalog", str(_catalog(tmp_path, streams, without))]
        if state is not None:
            (tmp_path / "state.json").write_text(json.dumps(state), encoding="utf-8")
            command += ["--state", str(tmp_path / "state.json")]
            time.sleep(max(0.0, began[0] + 1.2 - time.monotonic()))
        began[0] = time.monotonic()
        command += arguments
        if through:
            anew = [*through, sys.executable, "-m", "tap_pennylane", *command]
            done = subprocess.run(anew, capture_output=True, check=False)
        else:
            done = warm_tap.run(command)
        return Run(
            done.returncode,
            done.stderr.decode(),
            [json.loads(line, parse_float=Decimal) for line in done.stdout.splitlines()]
            if "--discover" not in arguments
            else [],
        )

    return run


@pytest.fixture
def read(run_tap: Callable[..., Run], sandbox: Sandbox) -> Callable[..., Run]:
    """Run the tap against the sandbox that the tests share."""

    def run(*arguments: str, **options: Any) -> Run:
        settings = {"api_token": sandbox.token, "api_url": sandbox.url, "requests_per_window": 1000}
        return run_tap(*arguments, **{**settings, **options})

    return run


@pytest.fixture
def company(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A company of its own for each test, which may change it; of 400 lines, if none are asked."""
    size = getattr(request, "param", 400)
    with running("--size", str(size), "--rate-limit", "none") as sandbox:
        yield sandbox


@pytest.fixture
def load(run_tap: Callable[..., Run], company: Sandbox) -> Callable[..., Run]:
    """Run the tap against the test's own company, without retries, with the request count reset."""

    def run(*arguments: str, **options: Any) -> Run:
        settings = {"api_token": company.token, "api_url": company.url, "max_retries": 0}
        company.control("DELETE", "stats")
        return run_tap(*arguments, **{**settings, "requests_per_window": 1_000_000, **options})

    return run


def _catalog(folder: Path, streams: list[str], without: tuple[str, ...]) -> Path:
    """A catalog that selects only these streams, without some fields."""
    catalog = json.loads(_discovered())
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if not metadata["breadcrumb"]:
                metadata["metadata"]["selected"] = entry["tap_stream_id"] in streams
            elif metadata["breadcrumb"][-1] in without:
                metadata["metadata"]["selected"] = False
    path = folder / "catalog.json"
    path.write_text(json.dumps(catalog), encoding="utf-8")
    return path


@cache
def _discovered() -> bytes:
    """The catalog, discovered once for all tests: it depends on no setting."""
    command = [sys.executable, "-m", "tap_pennylane", "--discover"]
    return subprocess.run(command, capture_output=True, check=True).stdout

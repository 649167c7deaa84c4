"""Runs whose processes are killed, each followed at once by the same command.

`RECOVERY_KILLS` and `RECOVERY_SEED` choose how many, and which; a failure prints the seed.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
import pytest
import yaml
from pennylane_launcher import meltano
from pennylane_launcher.postgres import embedded
from pennylane_launcher.postgres.place import Place
from pennylane_sandbox.pytest_plugin import running
from tap_pennylane.streams import STREAMS
from tap_pennylane.streams.child import ChildStream
from tap_pennylane.streams.exports import ExportStream
from tap_pennylane.streams.sync_log import SyncLog
from target_postgres_exact import turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

    from pipelines import Pipeline

INSTALLED = Path(__file__).parents[1] / ".meltano"
KILLS = int(os.environ.get("RECOVERY_KILLS", "4"))
SEED = int(os.environ.get("RECOVERY_SEED", "20261126"))
LAUNCHER = "pennylane_launcher"
VICTIMS = [LAUNCHER, "meltano", "tap-pennylane", "mapper-snake-case", "target-postgres-exact"]
OTHERS = (ChildStream, ExportStream, SyncLog)
LISTS: list[Any] = [stream for stream in STREAMS if not issubclass(stream, OTHERS)]
EVERYTHING = {"TAP_PENNYLANE_REFRESH_HOURS": json.dumps({one.name: 0 for one in LISTS})}
"""Settings with which no collection is left for later."""
MANY = "/ledger_entry_lines"
PAGES = 100
"""Of that list."""
AGAIN = 16 + 25 + 4
"""Most pages that are read again though they landed, those that were ready and those of the second
since the last STATE message; and the requests of a run's beginning."""
CHANGING = ["customers", "customer_invoices", "products", "transactions", "ledger_entries"]


@dataclass
class Run:
    """A run in the background: `make run`, unless another command is given."""

    pipeline: Pipeline
    command: list[str] | None = None
    variables: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] = field(init=False)
    said: str = ""

    def __post_init__(self) -> None:
        """Start it."""
        given = {
            "MELTANO_ENVIRONMENT": "prod",
            "TAP_PENNYLANE_API_URL": self.pipeline.sandbox.url,
            "TAP_PENNYLANE_API_TOKEN": self.pipeline.sandbox.token,
            "TAP_PENNYLANE_REQUESTS_PER_WINDOW": "25",
            "TAP_PENNYLANE_WINDOW_SECONDS": "2",
            "TAP_PENNYLANE_REFRESH_HOURS": '{"journals": 0}',  # requested by every run
        }
        system = (
            meltano.environment(self.pipeline.url)
            if self.pipeline.url
            else meltano.python(os.environ)
        )
        self.process = subprocess.Popen(
            self.command or [sys.executable, "-m", LAUNCHER, "run"],
            cwd=self.pipeline.project,
            env=system | given | self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def part(self, program: str) -> psutil.Process | None:
        """The process that runs a program, if there is one now."""
        with suppress(psutil.Error):
            whole = psutil.Process(self.process.pid)
            if program == LAUNCHER:
                return whole
            for one in whole.children(recursive=True):
                with suppress(psutil.Error):
                    command = one.cmdline()
                    names = {Path(part).name for part in command[:2]}
                    if program in names and "--discover" not in command:
                        return one
        return None

    def wait_for(self, program: str) -> psutil.Process | None:
        """Wait until a program is running; None if the run ended before."""
        while self.process.poll() is None:
            if found := self.part(program):
                return found
            time.sleep(0.02)
        return None

    def end(self) -> str:
        """Wait for the end; returns the output."""
        if self.process.stdout and not self.process.stdout.closed:
            self.said, _ = self.process.communicate()
        return self.said


def assert_same(pipeline: Pipeline) -> None:
    """Every table has the sandbox's rows, with their texts, whole numbers and flags."""
    for stream in LISTS:
        keys = stream.primary_keys
        wanted = {
            tuple(str(row[k]) for k in keys): row for row in pipeline.sandbox.rows(stream.path)
        }
        is_entries = stream.name == "ledger_entries"
        live = pipeline.live_entries() if is_entries else pipeline.live(stream.name)
        found = {tuple(str(row[k]) for k in keys): row for row in live}
        assert len(found) == len(live)
        assert found.keys() == wanted.keys(), stream.name
        for key, row in found.items():
            for column, value in row.items():
                expected = wanted[key].get(column)
                if column in wanted[key] and type(value) is type(expected):
                    assert value == expected, (stream.name, key, column)


def copy_project(project: Path, folder: Path) -> None:
    """Make another clone of a project, with real processes to kill (see forked_programs.py)."""
    for part in project.iterdir():
        if part.name not in {".meltano", ".embedded", "meltano.yml"}:
            (folder / part.name).symlink_to(part)
    shutil.copy(project / "meltano.yml", folder)
    (folder / ".meltano").mkdir()
    for kind in meltano.PLUGINS:
        (folder / ".meltano" / kind).symlink_to(INSTALLED / kind)


@pytest.fixture(scope="module")
def quick(
    pipeline_of: Callable[[Sandbox], Pipeline], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    """A pipeline without views, in a folder of its own."""
    with running("--size", "300", "--rate-limit", "none") as sandbox:
        pipeline = pipeline_of(sandbox)
        folder = tmp_path_factory.mktemp("quick")
        copy_project(pipeline.project, folder)
        content = yaml.safe_load((pipeline.project / "meltano.yml").read_text(encoding="utf-8"))
        jobs = {job["name"]: job for job in content["jobs"]}
        jobs["verify"]["tasks"] = ["bookmarks:check"]  # there is nothing that it could test
        tasks = jobs["sync"]["tasks"]
        load = next(n for n, task in enumerate(tasks) if str(task).startswith("tap-pennylane"))
        del tasks[load + 1 :]
        (folder / "meltano.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
        yield replace(pipeline, project=folder)


@pytest.fixture
def start() -> Iterator[Callable[..., Run]]:
    """Start runs; those that a failed test leaves behind are ended."""
    started: list[Run] = []

    def begin(*arguments: Any, **options: Any) -> Run:
        started.append(Run(*arguments, **options))
        return started[-1]

    yield begin
    for run in started:
        run.process.kill()
        run.end()


@pytest.mark.timeout(0 if "RECOVERY_KILLS" in os.environ else 1200)
def test_after_any_kill_the_same_command_goes_on(
    quick: Pipeline, start: Callable[..., Run]
) -> None:
    """Nothing is lost, doubled or falsely deleted, and nobody waits for the dead."""
    chance = random.Random(SEED)  # noqa: S311 - a history, not a secret
    log = logging.getLogger("recovery")
    run = start(quick)
    for number in range(KILLS):
        victim = VICTIMS[number % len(VICTIMS)]
        delay = chance.uniform(0, 10 if victim in {LAUNCHER, "meltano"} else 4)
        log.info("kill %d of seed %d: %s after %.1f s", number, SEED, victim, delay)
        process = run.wait_for(victim)
        time.sleep(delay)
        if process and process.is_running():
            process.kill()
        else:  # it ended by itself, and so does the run
            run.end()
        killed, begin, before = run, time.monotonic(), quick.sandbox.stats["total"]
        name = chance.choice(CHANGING)
        run = start(quick)
        assert run.wait_for("meltano"), (run.end(), killed.end())
        log.info("past the lock after %.1f s", time.monotonic() - begin)
        assert run.wait_for("tap-pennylane"), (run.end(), killed.end())
        while quick.sandbox.stats["total"] == before and run.process.poll() is None:
            time.sleep(0.02)
        log.info("first request after %.1f s", time.monotonic() - begin)
        quick.sandbox.change(name, create=2, update=3, delete=chance.randrange(2))
        killed.end()
    said = run.end()
    if run.process.returncode:  # the last kill was of a process of the run itself
        said = start(quick).end()
    last = start(quick, variables=EVERYTHING)
    said = last.end()
    assert last.process.returncode == 0, said
    assert_same(quick)
    left = [*(quick.project / ".meltano" / "run").glob("*/*.config.json")]
    assert left == []


def test_a_second_run_beside_a_live_one_is_refused_by_name(
    quick: Pipeline, tmp_path: Path, start: Callable[..., Run]
) -> None:
    clone = replace(quick, project=tmp_path)
    copy_project(quick.project, tmp_path)
    sync = meltano.command("run", "sync")
    step = [sys.executable, "-m", LAUNCHER, "step", "tap-pennylane snake-case target-postgres"]
    by_launcher = [(quick, None), (clone, None), (quick, sync), (clone, step)]
    by_meltano = [(quick, None), (clone, sync)]
    for command, name, others in (
        (None, "make run", by_launcher),
        (sync, "meltano run", by_meltano),
    ):
        quick.sandbox.fault("/journals", "latency", seconds=300, times=1)
        quick.sandbox.control("DELETE", "stats")
        live = start(quick, command)
        while not quick.sandbox.stats["requests"].get("/journals"):
            assert live.process.poll() is None, live.end()
            time.sleep(0.1)
        for run in [start(*one) for one in others]:
            said = run.end()
            assert run.process.returncode == 1, said
            holder = f"{name}, process {live.process.pid} on host {socket.gethostname()} (role "
            assert f"Another run into schema 'pennylane' is in progress: {holder}" in said, said[
                -3000:
            ]
        assert live.process.poll() is None
        assert quick.sandbox.stats["requests"]["/me"] == 1
        quick.sandbox.clear_faults()
        said = live.end()
        assert live.process.returncode == 0, said


def _landed(pipeline: Pipeline) -> bool:
    """Whether lines have arrived in the warehouse."""
    (table,) = pipeline.query("SELECT to_regclass('pennylane.ledger_entry_lines') AS name")
    return bool(table["name"] and pipeline.live("ledger_entry_lines"))


@pytest.mark.parametrize("how", ["SIGTERM", "Ctrl-C", "kill -9"])
def test_a_stop_of_meltano_loses_no_bookmark_of_what_landed(
    pipeline_of: Callable[[Sandbox], Pipeline], quick: Pipeline, start: Callable[..., Run], how: str
) -> None:
    with running("--size", str(PAGES * 100), "--rate-limit", "none") as sandbox:
        pipeline = replace(pipeline_of(sandbox), project=quick.project)
        variables = {
            "TAP_PENNYLANE__SELECT": '["ledger_entry_lines.*", "sync_log.*"]',
            "TAP_PENNYLANE_WINDOW_SECONDS": "1",
        }
        sync = meltano.command("run", "sync")
        first = start(pipeline, sync, variables)
        sandbox.fault(MANY, "latency", seconds=10, skip=PAGES // 2, times=None)  # until some landed
        while not _landed(pipeline):
            assert first.process.poll() is None, first.end()
            time.sleep(0.05)
        if how == "Ctrl-C":
            os.killpg(first.process.pid, signal.SIGINT)
        else:
            first.process.send_signal(signal.SIGTERM if how == "SIGTERM" else signal.SIGKILL)
        sandbox.clear_faults()
        first.end()
        with psycopg.connect(pipeline.url, autocommit=True) as connection:
            assert turns.take(connection, turns.LOAD, "pennylane", keep=False) is None
        landed = len(pipeline.live("ledger_entry_lines"))
        assert 0 < landed < PAGES * 100
        before = sandbox.stats["requests"][MANY]
        second = start(pipeline, sync, variables)
        said = second.end()
        assert second.process.returncode == 0, (said, first.said)
        assert sandbox.stats["requests"][MANY] - before <= PAGES - landed // 100 + AGAIN
        wanted = {item["id"] for item in sandbox.state("ledger_entry_lines")}
        assert {row["id"] for row in pipeline.live("ledger_entry_lines")} == wanted


def test_postgres_is_killed_in_the_middle(quick: Pipeline, start: Callable[..., Run]) -> None:
    embedded_one = replace(quick, url="")
    variables = {"MELTANO_ENVIRONMENT": "dev"}
    first = start(embedded_one, variables=variables)
    assert first.wait_for("target-postgres-exact"), first.end()
    time.sleep(1)
    file = Place.of(quick.project / ".embedded").data / "postmaster.pid"
    os.kill(int(file.read_text().splitlines()[0]), signal.SIGKILL)
    said = first.end()
    assert first.process.returncode == 1, said
    assert said.splitlines()[-1].startswith("The run failed after "), said
    second = start(embedded_one, variables=variables | EVERYTHING)
    said = second.end()
    assert second.process.returncode == 0, said
    with embedded.server(quick.project / ".embedded", keep=False) as server:
        assert_same(replace(quick, url=server.url("pennylane")))

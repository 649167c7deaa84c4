"""Servers, a company that was loaded into one, and a project whose plugins are small."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from pennylane_launcher import meltano
from pennylane_launcher.monitoring import alerts
from pennylane_launcher.postgres import embedded
from pennylane_launcher.postgres.cluster import Cluster
from pennylane_launcher.postgres.place import Place
from pennylane_sandbox.pytest_plugin import Sandbox, running
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).parents[2]
TABLES = {
    "bank_establishments", "company", "customers", "fiscal_years", "journals", "ledger_accounts",
    "ledger_entries", "ledger_entry_lines", "trial_balance",
}  # fmt: skip
EXPLAINED = [
    line.partition("…")[0]
    for line in re.findall(
        r"^\| `([^`]+)`",
        (ROOT / "docs" / "alerts.md").read_text().partition("\n## What is new")[0],
        flags=re.MULTILINE,
    )
]
"""How the lines begin that docs/alerts.md explains: all that a check may print."""
TAKES_BOOKS = re.compile(r"\b(?:books|draft|shown): ")
"""How a test takes a fixture for which a company is loaded, with all views: half a minute."""
SHARES = {"launcher": 1, "tests": 2}
"""On how many workers the tests of a folder do so."""
LAST_LINE = "id = (select max(id) from pennylane.ledger_entry_lines)"
Check = Callable[..., tuple[int, list[str]]]


class _SharedBooks(LoadFileScheduling):  # type: ignore[misc] # it has no types
    """Gives the files that take the fixture `books` to few workers, each of which loads it once."""

    def _split_scope(self, nodeid: str) -> str:
        return _scope(super()._split_scope(nodeid))


@cache
def _scope(file: str) -> str:
    folder = file.partition("/")[0]
    source = (ROOT / file).read_text(encoding="utf-8")
    if folder not in SHARES or not TAKES_BOOKS.search(source):
        return file
    return f"books of {folder} {zlib.crc32(file.encode()) % SHARES[folder]}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _SharedBooks | None:
    return _SharedBooks(config, log) if config.getoption("dist") == "loadfile" else None


@dataclass
class Books:
    """The real pipeline in a folder of its own, between a sandbox and a database."""

    folder: Path
    sandbox: Sandbox
    url: str

    def settings(self) -> dict[str, str]:
        return {
            "TARGET_POSTGRES_SQLALCHEMY_URL": meltano.sqlalchemy(self.url),
            "TAP_PENNYLANE_API_URL": self.sandbox.url,
            "TAP_PENNYLANE_API_TOKEN": self.sandbox.token,
            "TAP_PENNYLANE_REQUESTS_PER_WINDOW": "100000",
            "TAP_PENNYLANE_REFRESH_HOURS": '{"journals": 0}',  # requested by every run
            "TAP_PENNYLANE_MAX_RETRIES": "0",
            "MELTANO_ENVIRONMENT": "prod",
        }

    def launch(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        return self._call([sys.executable, "-m", "pennylane_launcher", *arguments], settings)

    def meltano(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Call `meltano run` directly."""
        system = {"MELTANO_DATABASE_URI": meltano.system_database(self.url)}
        variables = system | meltano.target(self.url) | settings
        return self._call(meltano.command("run", *arguments), variables)

    def load(self, **settings: str) -> "subprocess.CompletedProcess[str]":
        """A run without the views."""
        blocks = ("tap-pennylane", "snake-case", "target-postgres")
        return self.meltano(*blocks, **settings)

    def _call(self, command: list[str], more: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment() | self.settings() | more,
            capture_output=True,
            text=True,
            check=False,
        )

    def execute(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            done = connection.execute(query.encode())
            return done.fetchall() if done.description else []

    @contextmanager
    def changed(self, change: str, back: str) -> Iterator[None]:
        """Change something in the database for the duration of the block."""
        self.execute(change)
        try:
            yield
        finally:
            self.execute(back)

    @contextmanager
    def wrong_debit(self, by: str = "1") -> Iterator[None]:
        """Make a ledger line wrong by an amount for the duration of the block."""
        change = (
            f"update pennylane.ledger_entry_lines set debit = debit {{}} {by} where {LAST_LINE}"  # noqa: S608
        )
        with self.changed(change.format("+"), change.format("-")):
            yield

    def log(self) -> list[dict[str, Any]]:
        text = (self.folder / "logs" / "tap-pennylane.log").read_text()
        return [json.loads(line) for line in text.splitlines()]


def environment() -> dict[str, str]:
    ours = (*meltano.OURS, "HEALTH_", "ALERT_", "SMTP_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def project(folder: Path) -> Path:
    """This project, with the plugins that are installed here."""
    content = yaml.safe_load((ROOT / "meltano.yml").read_text())
    for kind, plugins in content["plugins"].items():
        for plugin in plugins:
            if plugin.pop("pip_url", None) is None:
                plugin["executable"] = str(ROOT / plugin["executable"])
                continue
            programs = ROOT / ".meltano" / kind / plugin["name"] / "venv" / "bin"
            plugin["executable"] = str(programs / plugin["executable"])
    tap = content["plugins"]["extractors"][0]
    tap["select"] = [f"{table}.*" for table in sorted({*TABLES, "sync_log"})]
    (folder / "meltano.yml").write_text(yaml.safe_dump(content))
    (folder / "logging.yaml").write_text((ROOT / "logging.yaml").read_text())
    (folder / "transform").symlink_to(ROOT / "transform")
    return folder


@pytest.fixture(scope="session")
def books(postgres: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """A company that was loaded once, with its views."""
    with running("--size", "300", "--rate-limit", "none") as sandbox:
        loaded = Books(project(tmp_path_factory.mktemp("project")), sandbox, postgres.url("health"))
        done = loaded.launch("run")
        assert done.returncode == 0, done.stdout + done.stderr
        # Meltano logs JSON lines: none is shown raw, and routine ones are not shown.
        assert '{"' not in done.stdout
        assert "loaded; bringing the views up to date" in done.stdout
        assert "testing the books" in done.stdout
        assert "Ended 'customers'" not in done.stdout
        yield loaded


@pytest.fixture
def check(
    books: Books,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, list[str]]]:
    """Run a check with an empty memory; returns the exit code and the lines."""
    for name in os.environ.keys() - environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("HEALTH_INCIDENTS_FILE", str(tmp_path / "memory" / "incidents.json"))
    for name, value in books.settings().items():
        monkeypatch.setenv(name, value)

    def ask(*outcomes: str, changes: bool = True) -> tuple[int, list[str]]:
        capsys.readouterr()
        code = alerts.check_health(books.folder, changes=changes, outcomes=outcomes)
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if not line.startswith(tuple(EXPLAINED))] == []
        return code, lines

    return ask


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account may enter, like most checkouts."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    embedded.remove(path / ".embedded")
    shutil.rmtree(path)


SMALL_PROJECT = """
default_environment: dev
project_id: test
send_anonymous_usage_stats: false
plugins:
  extractors:
    - name: tap-pennylane
      namespace: tap_pennylane
      executable: ./tap
      capabilities: [discover, catalog]
      settings: [{name: api_token, sensitive: true}, {name: api_url}]
  loaders:
    - name: target-postgres
      namespace: target_postgres
      executable: ./target
      settings:
        [{name: sqlalchemy_url, sensitive: true}, {name: host}, {name: default_target_schema}]
  utilities:
    - name: views
      namespace: views
      executable: ./views
      commands: {build: {args: build}, test: {args: test}}
jobs:
  - {name: sync, tasks: [tap-pennylane target-postgres, "views:build"]}
  - {name: verify, tasks: ["views:test"]}
environments: [{name: dev}, {name: prod}]
"""
SMALL_TAP = f"""#!{sys.executable}
import json, pathlib, sys, time
if "--discover" in sys.argv:
    print(json.dumps({{"streams": STREAMS}}))
    sys.exit()
config = json.loads(pathlib.Path(sys.argv[sys.argv.index("--config") + 1]).read_text())
print("warning: token", config["api_token"], file=sys.stderr)
pathlib.Path("seen").write_text(config["api_url"])
BEHAVIOUR
"""
SMALL_TARGET = f"""#!{sys.executable}
import sys
for line in sys.stdin:
    pass
"""
SMALL_VIEWS = """#!/bin/sh
echo "$1" >> built
"""


@dataclass
class SmallProject:
    """A project whose tap and target are a few lines that do what a test is about.

    Meltano, the sandbox and PostgreSQL are the real ones.
    """

    folder: Path

    def behave(self, line: str, streams: str = "[]") -> None:
        """Set what the tap does and which streams it offers."""
        text = SMALL_TAP.replace("BEHAVIOUR", line).replace("STREAMS", streams)
        (self.folder / "tap").write_text(text)

    def launch(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the launcher as a process."""
        base = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TAP_", "TARGET_", "MELTANO_", "POSTGRES_"))
        }
        return subprocess.run(
            [sys.executable, "-m", "pennylane_launcher", *arguments],
            cwd=self.folder,
            env=base | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def psql(self, statement: str) -> str:
        done = self.launch("psql", "-Atqc", statement)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def asleep(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """Run the launcher until its tap sleeps."""
        with subprocess.Popen(
            [sys.executable, "-m", "pennylane_launcher", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            while not (self.folder / "asleep").exists():
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)
            yield process

    def assert_stopped(self) -> None:
        assert not Cluster(Place.of(self.folder / ".embedded")).running()


@pytest.fixture
def small(folder: Path) -> SmallProject:
    """A small project."""
    project = SmallProject(folder)
    (folder / "meltano.yml").write_text(SMALL_PROJECT)
    project.behave("")
    (folder / "target").write_text(SMALL_TARGET)
    (folder / "views").write_text(SMALL_VIEWS)
    for name in ("tap", "target", "views"):
        (folder / name).chmod(0o755)
    return project


@pytest.fixture
def checkout(folder: Path) -> Path:
    """The project in a folder of its own, installed, before anyone created a `.env`."""
    project(folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


@pytest.fixture
def leave_out_views(checkout: Path) -> Callable[[], None]:
    """Stop runs in the checkout from building views, which takes most of their time."""

    def leave_out() -> None:
        content = yaml.safe_load((checkout / "meltano.yml").read_text())
        for plugin in content["plugins"]["utilities"]:
            if plugin["name"] == "dbt":
                plugin["executable"] = shutil.which("true")
        (checkout / "meltano.yml").write_text(yaml.safe_dump(content))

    return leave_out


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """A server for the whole session."""
    directory = tmp_path_factory.mktemp("postgres") / ".embedded"
    with embedded.server(directory, keep=False) as running:
        yield running

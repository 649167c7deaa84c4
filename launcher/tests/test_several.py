"""`make run` with `companies.yml`: companies side by side."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
import pytest
import yaml
from pennylane_launcher import meltano
from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pennylane_launcher.postgres import embedded
    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import SmallProject

TWIN = "another-token-of-the-first"
REFUSED = "a-token-that-is-refused"
SLEEPING = """
import os, signal
name = os.environ["MELTANO_RUN_STATE_ID_SUFFIX"]
state = {"type": "STATE", "value": {"bookmarks": {"customers": name}}}
def stop(signum, frame):
    print(json.dumps(state), flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
pathlib.Path(f"asleep_{name}").touch()
time.sleep(60)
"""
CONFIRMING_TARGET = f"""#!{sys.executable}
import json, sys
for line in sys.stdin:
    print(json.dumps(json.loads(line)["value"]), flush=True)
"""


@dataclass
class Office:
    """The real pipeline of several companies, with only some views, to be quick."""

    folder: Path
    url: str
    sandbox: Sandbox

    def run(self, *command: str) -> tuple[int, str]:
        ours = (*meltano.OURS, "HEALTH_", "ALERT_", "SMTP_")
        base = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        variables = {
            "MELTANO_DATABASE_URI": meltano.system_database(self.url),
            "MELTANO_ENVIRONMENT": "prod",
            "TAP_PENNYLANE_API_URL": self.sandbox.url,
            "TAP_PENNYLANE_MAX_RETRIES": "0",
            "TAP_PENNYLANE__SELECT": '["company.*", "customers.*", "sync_log.*"]',
        }
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=base | variables | meltano.target(self.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def launch(self, *arguments: str) -> tuple[int, str]:
        return self.run(sys.executable, "-m", "pennylane_launcher", *arguments)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def customers(self) -> list[int]:
        """How many each company has in the views."""
        found = self.ask("SELECT count(*) FROM pennylane_live.customers GROUP BY company_id")
        return sorted(count for (count,) in found)

    def kept(self) -> str:
        """All that is in the folder, except where the tokens belong."""
        return "".join(
            path.read_text(errors="replace")
            for path in self.folder.rglob("*")
            if path.is_file() and path.name not in {".env", "other"} and ".venv" not in path.parts
        )


@pytest.fixture
def office(checkout: Path, postgres: embedded.Server) -> Iterator[Office]:
    content = yaml.safe_load((checkout / "meltano.yml").read_text())
    for plugin in content["plugins"]["utilities"]:
        if plugin["name"] == "dbt":
            models = "+etl_logs stg_pennylane__customers"
            plugin["commands"]["run"]["args"] = f"run --select {models}"
            plugin["commands"]["test"]["args"] = "--version"
    (checkout / "meltano.yml").write_text(yaml.safe_dump(content))
    with running("--size", "100", "--companies", "2", "--rate-limit", "none") as sandbox:
        yield Office(checkout, postgres.url("several"), sandbox)


def test_companies_side_by_side(office: Office) -> None:
    sandbox = office.sandbox
    other = sandbox.alone(sandbox.companies[1]["id"])
    sandbox.add_token(TWIN)
    office.write("other", f"{other.token}\n")
    office.write(".env", f"FIRST={sandbox.token}\nTWIN_TOKEN={TWIN}\nREFUSED_TOKEN={REFUSED}\n")
    office.write(
        "companies.yml",
        "first: {token: FIRST}\nother: {token_file: other, schema: theirs}\n"
        "twin: {token: TWIN_TOKEN}\nrefused: {token: REFUSED_TOKEN}\n",
    )
    # A refused token, and a second token of one company, hold nobody up.
    code, said = office.launch("run", "--jobs", "4")
    assert code == 1
    mine, theirs = len(sandbox.state("customers")), len(other.state("customers"))
    assert f"\n  first: First load: {mine + 1} records." in said, said
    assert f"\n  other: First load: {theirs + 1} records." in said
    assert "\n  refused: failed: Pennylane refuses the token (401)" in said
    assert "REFUSED_TOKEN in `.env`" in said
    twin = "\n  twin: failed: its token belongs to a company that 'first' reads already: "
    assert twin in said
    assert "2 of 4 companies failed: refused, twin." in said
    assert office.ask("SELECT count(*) FROM pennylane_first.customers") == [(mine,)]
    assert office.ask("SELECT count(*) FROM theirs.customers") == [(theirs,)]
    assert office.customers() == sorted([mine, theirs])
    failed = office.ask(
        "SELECT DISTINCT pipeline FROM pennylane.etl_logs AS log"
        " JOIN pennylane_logs.pennylane_sync_runs USING (run_id) WHERE log.status = 'failed'"
    )
    assert failed == [("prod:tap-pennylane-to-target-postgres:refused",)]
    text = (office.folder / "logs" / "tap-pennylane.log").read_text()
    log = [json.loads(line) for line in text.splitlines()]
    told = [line for line in log if "(401)" in str(line)]
    assert any(line.get("job_name", "").endswith(":refused") for line in told), told

    # From now on, the second entry is refused before any request.
    sandbox.control("DELETE", "stats")
    code, said = office.launch("run", "--company", "twin")
    assert code == 1
    assert twin in said
    assert not sandbox.stats["requests"]

    sandbox.change("customers", create=2, delete=1)
    code, said = office.launch("run", "--company", "first")
    assert code == 0, said
    assert "\n  first: 2 records changed, 1 deleted: customers" in said
    assert "Building the views" not in said
    assert office.customers() == sorted([mine + 1, theirs])
    _meltano_alone(office)
    kept = office.kept()
    assert not [True for token in (sandbox.token, other.token, TWIN, REFUSED) if token in kept]


def _meltano_alone(office: Office) -> None:
    """`meltano run` for one of them goes on from its bookmarks."""
    states = office.ask("SELECT state_id FROM meltano.state ORDER BY 1")
    office.write(
        ".env",
        f"FIRST={office.sandbox.token}\nTAP_PENNYLANE_API_TOKEN={office.sandbox.token}\n"
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA=pennylane_first\n",
    )
    blocks = ("bookmarks:check", "tap-pennylane", "snake-case", "target-postgres")
    code, said = office.run(*meltano.command("run", "--state-id-suffix", "first", *blocks))
    assert code == 0, said
    assert "is read completely again" not in said
    modes = office.ask(
        "SELECT mode FROM pennylane_first.sync_log WHERE stream = 'customers' ORDER BY started_at"
    )
    assert modes[-1] == ("changelog",)
    assert office.ask("SELECT state_id FROM meltano.state ORDER BY 1") == states


def test_ctrl_c_ends_all_and_keeps_their_bookmarks(small: SmallProject) -> None:
    definition = (small.folder / "meltano.yml").read_text()
    (small.folder / "meltano.yml").write_text(
        definition.replace("./tap", "./tap-pennylane").replace("discover,", "discover, state,")
    )
    small.behave(SLEEPING)
    (small.folder / "tap").rename(small.folder / "tap-pennylane")
    (small.folder / "target").write_text(CONFIRMING_TARGET)
    (small.folder / ".env").write_text(
        "A=the-token-of-a\nB=the-token-of-b\nTAP_PENNYLANE_API_URL=x\n"
    )
    (small.folder / "companies.yml").write_text("a: {token: A}\nb: {token: B}\n")
    small.launch("up")
    with subprocess.Popen(
        [sys.executable, "-m", "pennylane_launcher", "run"],
        cwd=small.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        while not all((small.folder / f"asleep_{name}").exists() for name in "ab"):
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate()
    assert process.returncode == 128 + signal.SIGINT, printed
    for name in "ab":
        assert f"  {name}: stopping; writing what was read first" in printed
        assert f"  {name}: tap-pennylane: warning: token ***" in printed
    kept = small.psql("select state_id || completed_state from meltano.state order by 1")
    assert [
        f'"customers": "{name}"' in line for name, line in zip("ab", kept.splitlines(), strict=True)
    ]
    assert not [each for each in children if each.is_running()]
    assert not list(small.folder.glob(".meltano/**/*.config.json"))
    small.launch("down")
    small.assert_stopped()


@pytest.mark.parametrize(
    "arguments", [["run", "--company", "b"], ["step", "views:build", "--company", "b"]]
)
def test_a_wrong_name_is_one_sentence(small: SmallProject, arguments: list[str]) -> None:
    (small.folder / "companies.yml").write_text("a: {token: A}\n")
    result = small.launch(*arguments)
    assert result.returncode == 78
    assert result.stderr == "companies.yml has no company 'b'. It has a.\n"
    assert not (small.folder / ".embedded").exists()

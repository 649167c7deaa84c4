"""`make run` as seen at the terminal: what changed, or why it failed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest
from pennylane_launcher import meltano
from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

    from pipelines import Pipeline


@dataclass(frozen=True)
class MakeRun:
    """The launcher's `run` between one sandbox and one database."""

    pipeline: Pipeline

    def __call__(self, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run it; variables take precedence over those of the sandbox and the database."""
        given = {
            "MELTANO_ENVIRONMENT": "prod",
            "TARGET_POSTGRES_SQLALCHEMY_URL": self.pipeline.url,
            "TAP_PENNYLANE_API_URL": self.pipeline.sandbox.url,
            "TAP_PENNYLANE_API_TOKEN": self.pipeline.sandbox.token,
            "TAP_PENNYLANE_REQUESTS_PER_WINDOW": "100000",
            "TAP_PENNYLANE_REFRESH_HOURS": json.dumps(
                {"bank_accounts": 0, "journals": 0, "ledger_accounts": 0}
            ),
            "TAP_PENNYLANE_MAX_RETRIES": "1",
        }
        parts = meltano.target(self.pipeline.url)
        return subprocess.run(
            [sys.executable, "-m", "pennylane_launcher", "run", *options],
            cwd=self.pipeline.project,
            env=meltano.environment(self.pipeline.url) | parts | given | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def make_run(pipeline_of: Callable[[Sandbox], Pipeline]) -> Iterator[MakeRun]:
    # A sandbox of its own: what changed in the minute before a first load is read once more.
    with running("--size", "2000", "--rate-limit", "none") as sandbox:
        yield MakeRun(pipeline_of(sandbox))


def test_a_run_says_what_changed_and_a_failed_one_why(make_run: MakeRun) -> None:
    sandbox, pipeline = make_run.pipeline.sandbox, make_run.pipeline

    done = make_run(TAP_PENNYLANE_API_TOKEN="refused-token-1")  # noqa: S106
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("The run failed after ")
    assert "Pennylane refuses the token (401)" in last
    assert "the environment variable TAP_PENNYLANE_API_TOKEN" in last
    assert "api_token" not in done.stdout + done.stderr
    assert "refused-token-1" not in done.stdout + done.stderr
    assert "No load has ever completed here" in done.stdout
    assert "debits" not in done.stdout

    done = make_run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "First load: " in done.stdout
    assert "testing the books" in done.stdout
    assert " agrees: " in done.stdout

    done = make_run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing changed since the last run" in done.stdout

    sandbox.change("customers", create=2, update=1, delete=1)
    sandbox.change("journals", create=1)
    done = make_run()
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = (line for line in done.stdout.splitlines() if " changed, " in line)
    # Each customer has a separate ledger account.
    assert told == (
        "6 records changed, 1 deleted:"
        " customers +3 \N{MINUS SIGN}1, ledger_accounts +2, journals +1."
    )
    views = done.stdout.partition("loaded; bringing the views up to date")[2]
    assert "loading " not in views
    # The views are as they were, and the tests run hourly.
    assert "Building the views" not in views
    assert "testing the books" not in views

    sandbox.fault("/bank_accounts", "status", status=403)
    done = make_run()
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "'bank_accounts' was not loaded: Pennylane refuses /bank_accounts" in last
    assert "The tables hold the books as of " in done.stdout
    assert "debits" not in done.stdout
    assert " agrees: " not in done.stdout
    sandbox.clear_faults()

    with psycopg.connect(pipeline.url) as connection:
        connection.execute("update pennylane.ledger_entry_lines set debit = debit + 1000")
    done = make_run()
    assert done.returncode == 1
    assert "The load is complete, but the views or their tests failed: dbt: " in done.stderr
    assert "DOES NOT AGREE" in done.stdout

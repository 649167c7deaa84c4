"""The reconciliation if the machine's clock is an hour slower or faster than Pennylane's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest
from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pennylane_sandbox.pytest_plugin import Sandbox

    from pipelines import Pipeline

HOUR = 3600


@pytest.fixture
def pipeline_of(
    pipeline_of: Callable[[Sandbox], Pipeline], project_with: Callable[..., Path]
) -> Callable[[Sandbox], Pipeline]:
    """Make a pipeline that builds the reconciliation alone."""
    project = project_with("+trial_balance_differences")
    return lambda sandbox: replace(pipeline_of(sandbox), project=project)


def test_on_a_slow_machine_the_last_hour_is_compared(
    pipeline_of: Callable[[Sandbox], Pipeline],
) -> None:
    with running("--size", "500", "--rate-limit", "none") as sandbox:
        pipeline = pipeline_of(sandbox)
        sandbox.control("POST", "clock", advance_seconds=HOUR)
        sandbox.change("ledger_entries", update=3, create=3)
        sandbox.control("POST", "clock", advance_seconds=60)
        done = pipeline.sync()
        assert done.returncode == 0, done.stdout
        with psycopg.connect(pipeline.url) as connection:
            row = connection.execute(
                "UPDATE pennylane.ledger_entry_lines SET debit = debit + 1000 WHERE id = "
                "(SELECT id FROM pennylane.ledger_entry_lines ORDER BY updated_at DESC LIMIT 1) "
                "RETURNING ledger_account_number, updated_at > _sdc_extracted_at"
            ).fetchone()
        assert row
        account, is_newer_than_the_machine = row
        assert is_newer_than_the_machine
        done = pipeline.dbt("test", "--select", "trial_balance_agrees")
        assert done.returncode == 1
        assert done.stdout.count(f"Account {account}, ") == 1


def test_on_a_fast_machine_new_lines_are_no_difference(
    pipeline_of: Callable[[Sandbox], Pipeline],
) -> None:
    with running("--size", "500", "--rate-limit", "none") as sandbox:
        pipeline = pipeline_of(sandbox)
        sandbox.control("POST", "clock", advance_seconds=-HOUR)
        done = pipeline.sync()
        assert done.returncode == 0, done.stdout
        sandbox.control("POST", "clock", advance_seconds=60)
        # The lines have the change, the trial balance does not have it yet.
        sandbox.change("ledger_entries", create=3)
        lines = [f"{name}.*" for name in ("ledger_entries", "ledger_entry_lines", "sync_log")]
        done = pipeline.run(TAP_PENNYLANE__SELECT=json.dumps(lines))
        assert done.returncode == 0, done.stdout
        done = pipeline.dbt("test", "--select", "trial_balance_agrees")
        assert done.returncode == 0, done.stdout
        (row,) = pipeline.query(
            "SELECT max(line.updated_at) > max(asked_at) AS is_newer, "
            "max(line.updated_at) < max(trial_balance._sdc_extracted_at) AS machine_is_fast "
            "FROM pennylane.trial_balance, pennylane.ledger_entry_lines AS line"
        )
        assert row == {"is_newer": True, "machine_is_fast": True}

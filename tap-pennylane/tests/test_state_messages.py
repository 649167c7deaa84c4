"""STATE messages are few, small compared with the records, and the last one is complete."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Run

CHILDREN = ["customer_contacts", "quote_invoice_lines", "transaction_matched_invoices"]


def test_state_takes_a_twentieth_of_the_output_at_most(
    run_tap: Callable[..., Run], company: Sandbox, tmp_path: Path
) -> None:
    """With child streams, whose bookmarks move every few lists."""
    settings = {
        "api_token": company.token,
        "api_url": company.url,
        "requests_per_window": 300,
        "window_seconds": 1,
    }
    run = run_tap(streams=[*CHILDREN, "quotes", "customers", "transactions"], **settings)
    assert run.exit_code == 0, run.log
    files = ["--config", f"{tmp_path}/config.json", "--catalog", f"{tmp_path}/catalog.json"]
    command = [sys.executable, "-m", "tap_pennylane", *files]
    lines = subprocess.run(command, capture_output=True, check=True).stdout.splitlines()
    states = [line for line in lines if json.loads(line)["type"] == "STATE"]
    assert lines[0] == states[0], "what the run starts from comes first"
    assert len(states) > 1
    assert lines[-1] == states[-1], "the last message"
    records = [line for line in lines if json.loads(line)["type"] == "RECORD"]
    assert len(set(records)) == len(records)
    size = sum(map(len, lines))
    assert sum(map(len, states[:-1])) <= 0.05 * size
    bookmarks = json.loads(states[-1])["value"]["bookmarks"]
    assert all("scan" not in bookmarks[name] for name in CHILDREN)
    # The next run has nothing to read.
    again = run_tap(
        streams=[*CHILDREN, "quotes", "customers", "transactions"],
        state=json.loads(states[-1])["value"],
        **settings,
    )
    assert not again.records

"""Messages are written whole, several at once; STATE is rare, small, and complete at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest
from singer_sdk.singerlib import RecordMessage, StateMessage
from tap_pennylane import messages
from tap_pennylane.messages import MessageWriter

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
    assert sum(map(len, states)) <= 0.05 * size
    bookmarks = json.loads(states[-1])["value"]["bookmarks"]
    assert all("scan" not in bookmarks[name] for name in CHILDREN)
    # The next run has nothing to read.
    again = run_tap(
        streams=[*CHILDREN, "quotes", "customers", "transactions"],
        state=json.loads(states[-1])["value"],
        **settings,
    )
    assert not again.records


@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="only Linux tells apart what is written")
def test_several_records_are_written_at_once_and_no_line_is_cut_in_two(
    run_tap: Callable[..., Run], company: Sandbox, tmp_path: Path
) -> None:
    settings = {"api_token": company.token, "api_url": company.url, "requests_per_window": 1000}
    run = run_tap(streams=["ledger_entry_lines"], **settings)
    files = ["--config", f"{tmp_path}/config.json", "--catalog", f"{tmp_path}/catalog.json"]
    reader, writer = os.pipe2(os.O_DIRECT)  # each read returns what one call wrote
    with subprocess.Popen(
        [sys.executable, "-m", "tap_pennylane", *files], stdout=writer, stderr=subprocess.DEVNULL
    ) as process:
        os.close(writer)
        pieces = list(iter(lambda: os.read(reader, 1 << 16), b""))
        os.close(reader)
    assert process.returncode == 0
    lines = b"".join(pieces).splitlines(keepends=True)
    assert sum(b'"RECORD"' in line for line in lines) == len(run.records["ledger_entry_lines"])
    # The system cuts what is longer, the SCHEMA message for example.
    short = [line for line in lines if len(line) <= messages.PIECE]
    assert all(any(line in piece for piece in pieces) for line in short)
    assert len(pieces) < len(lines) / 3


def test_all_states_together_are_a_small_share(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "STATE_SECONDS", 0)
    writer = MessageWriter()
    for number in range(20_000):
        writer.write_message(RecordMessage(stream="customers", record={"id": number}))
        # Of a firm with many companies: ten kilobytes.
        writer.write_message(StateMessage(value={"delivered": number, "rest": "x" * 10_000}))
    writer.flush()
    lines = capfdbinary.readouterr().out.splitlines(keepends=True)
    states = [line for line in lines if b'"STATE"' in line]
    assert 3 < len(states) < 20
    assert sum(map(len, states)) <= 0.05 * sum(map(len, lines)) + len(states[0])
    delivered = -1
    for line in lines:
        message = msgspec.json.decode(line)
        if message["type"] == "STATE":
            assert message["value"]["delivered"] == delivered
        else:
            delivered = message["record"]["id"]
    assert lines[-1] == states[-1]

"""A process is killed, or asked to stop, at any point of a load: the next one resumes."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import running
from tap_pennylane import messages
from tap_pennylane.replication.windows import MANY_PAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Run

CONCURRENCY = 8
A_FEW = 8
PACE = 30
"""Requests per second in tests in which a kill may lose the bookmarks of one second."""


@pytest.fixture(scope="module")
def large() -> Iterator[Sandbox]:
    """A company whose load takes a while."""
    with running("--size", "60000", "--rate-limit", "none") as sandbox:
        yield sandbox


def settings(sandbox: Sandbox) -> dict[str, Any]:
    return {
        "api_token": sandbox.token,
        "api_url": sandbox.url,
        "requests_per_window": 1_000_000,
        "page_size": 100,
        "concurrency": CONCURRENCY,
    }


def interrupted(
    config: Path, catalog: list[str], after: int, with_signal: signal.Signals
) -> tuple[int, list[dict[str, Any]]]:
    """Run the tap, signal it after a number of messages; return exit code and messages."""
    command = [sys.executable, "-m", "tap_pennylane", "--config", str(config), *catalog]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if len(lines) == after:
                process.send_signal(with_signal)
    whole = [line for line in lines if line.endswith(b"\n")]
    if with_signal == signal.SIGTERM:
        assert whole == lines, "a message was cut in half"
    return process.returncode, [json.loads(line, parse_float=Decimal) for line in whole]


@pytest.mark.parametrize(
    ("stream", "after", "with_signal", "twice"),
    [
        ("ledger_entry_lines", 15_000, signal.SIGKILL, PACE + CONCURRENCY + A_FEW),
        ("ledger_entry_lines", 54_000, signal.SIGTERM, CONCURRENCY + A_FEW),
        ("ledger_entries", 6_000, signal.SIGKILL, PACE + CONCURRENCY + A_FEW),
        # Windows of a few days are read in parallel, and a window is read from its beginning.
        ("transactions", 3_000, signal.SIGKILL, PACE + CONCURRENCY * MANY_PAGES // 2 + A_FEW),
    ],
)
def test_a_killed_first_load_goes_on_where_it_stopped(
    run_tap: Callable[..., Run],
    large: Sandbox,
    tmp_path: Path,
    stream: str,
    after: int,
    with_signal: signal.Signals,
    twice: int,
) -> None:
    # A first run, which ends at once, writes the config and catalog of the run to be killed.
    pace = {"requests_per_window": PACE, "window_seconds": 1}
    slowly = pace if with_signal == signal.SIGKILL else {}
    large.fault("/me", "status", status=401, times=1)
    run_tap(**{**settings(large), **slowly}, streams=[stream])
    catalog = ["--catalog", str(tmp_path / "catalog.json")]
    large.control("DELETE", "stats")
    code, messages = interrupted(tmp_path / "config.json", catalog, after, with_signal)
    assert code == (-signal.SIGKILL if with_signal == signal.SIGKILL else 128 + signal.SIGTERM)
    states = [message["value"] for message in messages if message["type"] == "STATE"]
    assert len(json.dumps(states[-1])) < 10_000
    assert not [message for message in messages if message["type"] == "ACTIVATE_VERSION"]
    before = {m["record"]["id"] for m in messages if m["type"] == "RECORD"}

    second = run_tap(**settings(large), streams=[stream, "sync_log"], state=states[-1])
    assert second.exit_code == 0, second.log
    assert second.log_rows[stream]["mode"] == "resumed scan"
    rest = {record["id"] for record in second.records[stream]}
    everything = {item["id"] for item in large.state(stream)}
    assert before | rest == everything
    assert len(before & rest) <= twice * 100
    requests = large.stats["requests"][f"/{stream}"]
    large.control("DELETE", "stats")
    assert run_tap(**settings(large), streams=[stream]).exit_code == 0
    assert requests <= large.stats["requests"][f"/{stream}"] + twice
    assert second.activated[stream] == states[-1]["bookmarks"][stream]["scan"]["version"]


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="only Linux makes pipes small")
def test_a_signal_cuts_no_message_that_is_longer_than_the_pipe(
    run_tap: Callable[..., Run], large: Sandbox, tmp_path: Path
) -> None:
    large.fault("/me", "status", status=401, times=1)
    run_tap(**settings(large), streams=["customer_invoices"])  # writes config and catalog
    files = ["--config", f"{tmp_path}/config.json", "--catalog", f"{tmp_path}/catalog.json"]
    with subprocess.Popen(
        [sys.executable, "-m", "tap_pennylane", *files],
        bufsize=0,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},  # as in a container
    ) as process:
        assert process.stdout
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        out = process.stdout.readline() + process.stdout.read(1)
        process.send_signal(signal.SIGTERM)
        time.sleep(1)  # it must arrive while the pipe is full
        out += process.stdout.read()
    assert process.returncode == 128 + signal.SIGTERM
    lines = out.splitlines(keepends=True)
    assert any(len(line) > messages.PIECE for line in lines)
    assert [json.loads(line)["type"] for line in lines][:2] == ["STATE", "SCHEMA"]
    assert lines[-1].endswith(b"\n")

"""The benchmarks run; their results are for people to judge."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]


def measured(file: Path, *parts: str) -> tuple[list[dict[str, Any]], str]:
    """Run some parts at the smallest scale; returns the numbers, and what was printed."""
    program = [sys.executable, "benchmarks/run.py", "--scale", "tiny", "--results", str(file)]
    done = subprocess.run(
        [*program, *parts], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    run, *lines = map(json.loads, file.read_text("utf-8").splitlines())
    assert run["run"]["scale"] == "tiny"
    assert all(line["measured"]["rate_limited"] == 0 for line in lines)
    _assert_printed_again(file, done.stdout)
    return lines, done.stdout


def test_the_program_measures_and_keeps_what_it_measured(tmp_path: Path) -> None:
    lines, printed = measured(tmp_path / "numbers.jsonl", "limit", "compressed")
    assert [line["system"] for line in lines] == ["tap", "tap", "meltano run"]
    for line in lines:
        assert line["measured"]["rows"] == 500
        assert line["measured"]["cpu_by_program"]["tap-pennylane"] > 0
    assert lines[-1]["measured"]["cpu_beside"]["postgres"] > 0
    assert "| 500 lines into PostgreSQL at 2500/5 |" in printed


def test_scheduled_runs_are_measured_by_what_changed(tmp_path: Path) -> None:
    runs, printed = measured(tmp_path / "numbers.jsonl", "operations")
    plain = [line for line in runs if not line["parameters"].get("verifying")]
    first, idle, changed, edited = (line["measured"] for line in plain)
    assert (first["rows"], idle["rows"]) == (500, 500)
    # With the lines of new invoices; the program itself compares the rows with the sandbox's.
    assert changed["rows"] > 500
    assert 0 < idle["requests"] < min(first["requests"], changed["requests"], edited["requests"])
    assert "| 30 entries edited, 2 deleted, 500 lines | ≤ 30 requests, ≤ 12 s" in printed


def test_a_schedule_is_measured_by_how_long_changes_take(tmp_path: Path) -> None:
    (schedule,), printed = measured(tmp_path / "numbers.jsonl", "schedule")
    assert schedule["measured"]["changes"] == 5
    assert schedule["measured"]["longest_delay"] > 0
    assert "| A run every 1 s: the rate limit | never exceeded |" in printed


def _assert_printed_again(file: Path, printed: str) -> None:
    """The tables can be made from the stored numbers alone."""
    tables = [sys.executable, "benchmarks/tables.py", str(file), "--print"]
    again = subprocess.run(tables, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert again.stdout in printed


def test_a_simulated_firm_shows_how_long_its_changes_wait() -> None:
    program = [sys.executable, "benchmarks/sizing.py", "--sizes", "20", "--beside", "200"]
    done = subprocess.run(program, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("| 20 "))
    requests, minutes, median, _, worst, tokens = map(float, row.split("|")[2:-1])
    assert 20 * 3 < requests < 20 * 6  # three changelogs, and what is due now and then
    assert minutes == 10  # the interval
    assert 0 < median < worst < 15
    assert tokens == 1
    # A run that loads a large company lets the others pass after 15 minutes, not at its end.
    beside = re.search(r"is loaded: ([0-9.]+) minutes", done.stdout)
    assert beside
    assert 10 < float(beside[1]) < 20

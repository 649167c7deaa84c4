"""The benchmarks run; their results are for people to judge."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def test_the_program_measures_and_keeps_what_it_measured(tmp_path: Path) -> None:
    file = tmp_path / "numbers.jsonl"
    program = [sys.executable, "benchmarks/run.py", "--scale", "tiny", "--results", str(file)]
    done = subprocess.run(
        [*program, "limit", "compressed"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    run, *lines = map(json.loads, file.read_text("utf-8").splitlines())
    assert run["run"]["scale"] == "tiny"
    assert [line["system"] for line in lines] == ["tap", "tap", "meltano run"]
    for line in lines:
        assert line["measured"]["rows"] == 500
        assert line["measured"]["rate_limited"] == 0
        assert line["measured"]["cpu_by_program"]["tap-pennylane"] > 0
    assert lines[-1]["measured"]["cpu_beside"]["postgres"] > 0
    assert "| 500 lines into PostgreSQL at 2500/5 |" in done.stdout
    tables = [sys.executable, "benchmarks/tables.py", str(file), "--print"]
    again = subprocess.run(tables, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert again.stdout in done.stdout

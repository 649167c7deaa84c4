"""What a run costs for the companies of an accounting firm, with the tap alone.

    python benchmarks/firm.py --companies 200 --size 500

Loads all companies: without a limit, or with `--limited` at the Firm API's. Then, at that limit and
with 150 ms of latency, runs again with nothing changed (first, the files' changelogs are due, too),
and with changes in a tenth of the companies. Prints a line per run:
requests, the seconds that they need at least (a sliding window of one second), those that the run
took, CPU-seconds per company, and the share of STATE messages in what was written.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pennylane_sandbox.pytest_plugin import FIRM_TOKEN, Sandbox, running

BUDGET = 5
"""Requests in any second."""

UNLIMITED = {"requests_per_window": 1_000_000, "window_seconds": 1}
CHANGED = ("customer_invoices", "supplier_invoices", "ledger_entries")


def read(sandbox: Sandbox, folder: Path, title: str, **settings: Any) -> None:
    """Run the tap from the state of the last run, and print what it cost."""
    state, output = folder / "state.json", folder / "output.jsonl"
    config = {"api": "firm", "api_token": FIRM_TOKEN, "api_url": sandbox.url, **settings}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, "-m", "tap_pennylane", "--config", f"{folder}/config.json"]
    if state.exists():
        command += ["--state", str(state)]
    sandbox.control("DELETE", "stats")
    before, began = _cpu(), time.monotonic()
    with output.open("wb") as written, (folder / "log").open("wb") as log:
        done = subprocess.run(command, stdout=written, stderr=log, check=False)
    seconds, cpu = time.monotonic() - began, _cpu() - before
    if done.returncode:
        sys.exit((folder / "log").read_text(encoding="utf-8")[-2000:])
    states = total = 0
    last = b""
    with output.open("rb") as lines:
        for line in lines:
            total += len(line)
            if line.startswith(b'{"type":"STATE"'):
                states += len(line)
                last = line
    state.write_text(json.dumps(json.loads(last)["value"]), encoding="utf-8")
    stats = sandbox.stats
    requests, companies = stats["total"], len(sandbox.companies)
    floor = (requests - 1) // BUDGET
    print(
        f"{title}: {requests:,} requests, at least {floor:,} s at the limit; {seconds:.1f} s, "
        f"{cpu / companies:.3f} CPU-s per company; {total / 1e6:.1f} MB, "
        f"{states / total:.1%} STATE; {stats['rate_limited']} times 429",
        flush=True,
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print one line per run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--companies", type=int, default=200)
    parser.add_argument("--size", type=int, default=500)
    parser.add_argument("--limited", action="store_true", help="the first load, too")
    options = parser.parse_args()
    firm = ("--companies", str(options.companies), "--size", str(options.size))
    with (
        tempfile.TemporaryDirectory() as folder,
        running(*firm, "--rate-limit", "none") as sandbox,
    ):
        place = Path(folder)
        if options.limited:
            sandbox.limit(f"{BUDGET}/1", latency_ms=150)
        read(sandbox, place, "first load", **({} if options.limited else UNLIMITED))
        sandbox.limit(f"{BUDGET}/1", latency_ms=150)
        read(sandbox, place, "nothing changed, files due", verify_requests=0)
        read(sandbox, place, "nothing changed", verify_requests=0)
        for company in sandbox.companies[::10]:
            for name in CHANGED:
                sandbox.of(company["id"]).change(name, create=2, update=2)
        read(sandbox, place, "a tenth of the companies changed", verify_requests=0)


if __name__ == "__main__":
    main()

"""How many companies one token can follow, and how fresh their rows are.

    python benchmarks/sizing.py             # measure, simulate, print a table
    python benchmarks/sizing.py --publish   # and write it into docs/sizing.md, with its picture

First, the tap reads a small firm of the sandbox, which shows what a company costs in requests.
Then firms of several sizes live for a day of simulated time (`simulated_firm.py`): each company
changes now and then, and run follows run. Their changes show how long one waits to be delivered.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from pennylane_sandbox.pytest_plugin import FIRM_TOKEN, Sandbox, running
from simulated_firm import HOUR, LIMIT, Costs, Firm, Outcome
from sizing_drawing import drawing
from tap_pennylane.streams import FIRM_STREAMS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "sizing.md"
SIZES = (1, 10, 100, 1_000, 10_000)
LINES = 500
"""Ledger entry lines per company."""
CHANGES_PER_HOUR = 0.2
"""So that a twentieth of the companies changes within a quarter of an hour."""
TARGET = 15.0
"""Within how many minutes every change shall be delivered."""
LARGE = 1_000_000
"""Ledger entry lines of the company that is loaded while the others are followed."""
CHANGED = ("customer_invoices", "supplier_invoices", "ledger_entries")


class Tap:
    """Runs the tap again and again, and counts its requests."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        """Begin without a state."""
        self._sandbox = sandbox
        self._folder = folder

    def requests(self, **settings: Any) -> float:
        """Run it, and return the requests per company."""
        state, config = self._folder / "state.json", self._folder / "config.json"
        firm = {"api": "firm", "api_token": FIRM_TOKEN, "api_url": self._sandbox.url}
        config.write_text(
            json.dumps({**firm, "requests_per_window": 99_999, "verify_requests": 0, **settings}),
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "tap_pennylane", "--config", str(config)]
        command += ["--state", str(state)] if state.exists() else []
        self._sandbox.control("DELETE", "stats")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr[-2000:])
        last = [line for line in done.stdout.splitlines() if line.startswith('{"type":"STATE"')][-1]
        state.write_text(json.dumps(json.loads(last)["value"]), encoding="utf-8")
        total: int = self._sandbox.stats["total"]
        return (total - 1) / len(self._sandbox.companies)  # without the list of companies


def measure() -> tuple[int, Costs]:
    """Return the requests of a company's first load, and what it costs from then on."""
    # A trial balance is read when lines have moved, whatever its hours.
    hours = {vars(one)["name"]: one.refresh_hours for one in FIRM_STREAMS if not one.replaces_parts}
    with (
        tempfile.TemporaryDirectory() as folder,
        running("--companies", "4", "--size", str(LINES), "--rate-limit", "none") as sandbox,
    ):
        tap = Tap(sandbox, Path(folder))
        first = tap.requests()
        tap.requests()  # the files' changelog is due

        def due(hour: int) -> float:
            return tap.requests(refresh_hours={n: 0 for n, one in hours.items() if one == hour})

        idle = tap.requests()
        often = {hour: due(hour) - idle for hour in (1, 6, 24)}
        all_due = dict.fromkeys([*hours, "trial_balance"], 0)
        weekly = tap.requests(verify_requests=9999, verify_days=all_due) - idle
        for company in sandbox.companies:
            for name in CHANGED:
                sandbox.of(company["id"]).change(name, create=1, update=1)
        changed = tap.requests() - idle
    more = (often[1], often[6], often[24], weekly, changed)
    return math.ceil(first), Costs(math.ceil(idle), *map(math.ceil, more))


class Row(NamedTuple):
    """What was found for one size."""

    companies: int
    requests: float
    """Per run."""
    minutes: float
    """From run to run."""
    median: float
    """Minutes until a change is delivered."""
    late: float
    """The 99th percentile."""
    worst: float
    tokens: int
    """How many tokens deliver every change within `TARGET`."""


def live(companies: int, costs: Costs, first_loads: tuple[int, ...] = ()) -> Outcome:
    """Let a firm live for a day, or for as long as ten runs take."""
    hours = max(24.0, companies * costs.idle / LIMIT[0] / HOUR * 10)
    firm = Firm(companies, costs, changes_per_hour=CHANGES_PER_HOUR, first_loads=first_loads)
    return firm.run_for(hours)


def simulate(companies: int, costs: Costs) -> Row:
    """Simulate one size, and find out how many tokens it needs."""
    outcome = live(companies, costs)
    delays = sorted(one / 60 for one in outcome.delays)
    tokens = max(1, int(companies * costs.idle / (LIMIT[0] * 60 * TARGET)))
    while max(live(math.ceil(companies / tokens), costs).delays) > 60 * TARGET:
        tokens += 1
    return Row(
        companies,
        statistics.mean(outcome.requests),
        statistics.mean(outcome.seconds) / 60,
        statistics.median(delays),
        delays[int(len(delays) * 0.99)],
        delays[-1],
        tokens,
    )


def table(rows: list[Row]) -> str:
    """Return the rows as a table in Markdown."""
    columns = (
        "Companies",
        "Requests per run",
        "Minutes from run to run",
        "Minutes until a change is delivered: median",
        "99 %",
        "worst",
        f"Tokens for {TARGET:g} minutes",
    )
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    lines += [
        f"| {row.companies:,} | {row.requests:,.0f} | {row.minutes:.1f} | {row.median:.1f} "
        f"| {row.late:.1f} | {row.worst:.1f} | {row.tokens} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, simulate, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--publish", action="store_true", help="write docs/sizing.md and .svg")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument(
        "--beside", type=int, default=1_000, help="companies that are loaded beside a large one"
    )
    options = parser.parse_args()
    first, costs = measure()
    print(f"A company of {LINES} lines: first load {first} requests, then {costs}", flush=True)
    rows = []
    for companies in options.sizes:
        rows.append(simulate(companies, costs))
        print(rows[-1], flush=True)
    large = LARGE // 100 + LARGE // 250
    beside = max(live(options.beside, costs, first_loads=(large,)).delays) / 60
    print(table(rows))
    print(
        f"{options.beside:,} companies while one of {LARGE:,} lines is loaded: "
        f"{beside:.1f} minutes at worst"
    )
    if options.publish:
        text = PAGE.read_text(encoding="utf-8")
        text = re.sub(r"(?s)(<!-- table -->\n).*?(<!-- end -->)", rf"\1{table(rows)}\n\2", text)
        PAGE.write_text(text, encoding="utf-8")
        delays = {
            row.companies: (row.worst, row.late, row.median)
            for row in rows
            if row.companies >= SIZES[1]
        }
        PAGE.with_suffix(".svg").write_text(drawing(delays, TARGET), encoding="utf-8")


if __name__ == "__main__":
    main()

"""How fast the FEC is loaded into PostgreSQL, and how much memory the tap needs for it.

    python benchmarks/exports.py --size 1000000

Runs the project's own `meltano run` with only the stream `fec`, from a sandbox with this number of
ledger entry lines into an embedded PostgreSQL, and compares the table with the sandbox's trial
balance. Do not run it beside another `meltano run` of this project.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
from pennylane_launcher import meltano
from pennylane_launcher.postgres import embedded
from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from pennylane_sandbox.pytest_plugin import Sandbox

PROJECT = Path(__file__).parents[1]
TAP, TARGET = "tap-pennylane", "target-postgres"
PROGRAM = "target-postgres-exact"
"""The target's executable."""


def peaks(meltano_run: subprocess.Popen[bytes]) -> dict[str, int]:
    """The peak memory of the tap and of the target until the run ends, in bytes."""
    found = {TAP: 0, PROGRAM: 0}
    while meltano_run.poll() is None:
        for process in psutil.Process(meltano_run.pid).children(recursive=True):
            try:
                words, memory = process.cmdline(), process.memory_info().rss
            except psutil.Error:  # it just ended
                continue
            names = {Path(word).name for word in words[:2]}
            found |= {name: max(found[name], memory) for name in found.keys() & names}
        time.sleep(0.2)
    return found


def load(sandbox: Sandbox, url: str) -> tuple[float, dict[str, int]]:
    """Run the pipeline; return its seconds and the peak memory of its parts."""
    environment = {
        **meltano.environment(url, api_url=sandbox.url, token=sandbox.token),
        "TAP_PENNYLANE__SELECT": '["fec.*"]',
    }
    began = time.monotonic()
    command = meltano.command("run", TAP, TARGET, env_file=Path(os.devnull))
    with subprocess.Popen(command, cwd=PROJECT, env=environment) as process:
        found = peaks(process)
    if process.returncode:
        sys.exit("the run failed")
    return time.monotonic() - began, found


def balances(sandbox: Sandbox) -> dict[str, tuple[Decimal, Decimal]]:
    """Debits and credits by account over all fiscal years, according to the trial balances."""
    totals: dict[str, tuple[Decimal, Decimal]] = {}
    for row in sandbox.rows("/trial_balance"):
        debits, credits_ = totals.get(row["number"], (Decimal(0), Decimal(0)))
        totals[row["number"]] = (
            debits + Decimal(row["debits"]),
            credits_ + Decimal(row["credits"]),
        )
    return totals


def main() -> None:
    """Print the measurements; the exit code is 1 if the table differs from the trial balance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    size = parser.parse_args().size
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded.server(Path(folder) / ".embedded", keep=False) as server,
        running("--size", str(size)) as sandbox,
    ):
        url = server.url("benchmark")
        seconds, memory = load(sandbox, url)
        with psycopg.connect(url) as connection:
            found = {
                account: (debits, credits_)
                for account, debits, credits_ in connection.execute(
                    "SELECT coalesce(comp_aux_num, compte_num), sum(debit), sum(credit) "
                    "FROM pennylane.fec GROUP BY 1"
                )
            }
            (rows,) = connection.execute("SELECT count(*) FROM pennylane.fec").fetchone() or (0,)
        exact = found == balances(sandbox) and rows == size
    print(
        f"fec: {rows:,} rows in {seconds:.0f} s with start-up, {rows / seconds:,.0f} rows/s; "
        f"tap {memory[TAP] / 1e6:.0f} MB, target {memory[PROGRAM] / 1e6:.0f} MB at most; "
        f"{'agrees' if exact else 'DOES NOT AGREE'} with the trial balance to the cent"
    )
    sys.exit(not exact)


if __name__ == "__main__":
    main()

"""How much of the API's rate limit a first load uses, at several latencies.

    python benchmarks/limit_utilisation.py --lines 20000 --concurrency 1 8 --latency-ms 50 400 1500

Reads the ledger entry lines of a sandbox that allows 25 requests in 5 s, with the tap alone, and
compares the time of the stream with its floor, (requests - 25) / 5 per s, and with what a sliding
window admits: 25 requests at once, the next 25 five seconds later, and so on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from pennylane_sandbox.pytest_plugin import running

TAP = [sys.executable, "-m", "tap_pennylane"]


def measured(lines: int, latency: int, concurrency: int, folder: Path) -> dict[str, Any]:
    """Read all lines once; the stream's row of the sync log, and what the sandbox saw."""
    catalog = json.loads(
        subprocess.run([*TAP, "--discover"], capture_output=True, check=True).stdout
    )
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if not metadata["breadcrumb"]:
                wanted = entry["tap_stream_id"] in {"ledger_entry_lines", "sync_log"}
                metadata["metadata"]["selected"] = wanted
    (folder / "catalog.json").write_text(json.dumps(catalog), encoding="utf-8")
    options = ("--size", str(lines), "--rate-limit", "25/5", "--latency-ms", str(latency))
    with running(*options) as sandbox:
        config = {"api_token": sandbox.token, "api_url": sandbox.url, "concurrency": concurrency}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        arguments = ["--config", f"{folder}/config.json", "--catalog", f"{folder}/catalog.json"]
        run = subprocess.run([*TAP, *arguments], capture_output=True, check=True)
        stats = sandbox.stats
    row = json.loads(
        next(line for line in run.stdout.splitlines() if b'"run_id"' in line and b"RECORD" in line)
    )
    return {
        **row["record"],
        "rate_limited": stats["rate_limited"],
        "busiest": stats["busiest_window"],
    }


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--latency-ms", type=int, nargs="+", default=[50, 400, 1500])
    given = parser.parse_args()
    print("| latency | concurrency | requests | floor | window | time | 429s | busiest 5 s |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for latency in given.latency_ms:
            for concurrency in given.concurrency:
                row = measured(given.lines, latency, concurrency, Path(folder))
                took = datetime.fromisoformat(row["ended_at"]) - datetime.fromisoformat(
                    row["started_at"]
                )
                floor = (row["requests"] - 25) / 5
                print(
                    f"| {latency} ms | {concurrency} | {row['requests']} | {floor:.1f} s "
                    f"| {(row['requests'] - 1) // 25 * 5} s | {took.total_seconds():.1f} s "
                    f"| {row['rate_limited']} | {row['busiest']} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()

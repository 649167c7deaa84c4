"""Measure, and report which targets were met: `make bench`.

    python benchmarks/run.py                     # everything, half an hour
    python benchmarks/run.py --quick             # small sizes, two minutes
    python benchmarks/run.py limit dlt           # some parts
    python benchmarks/run.py schedule            # a run per minute, which only this asks for
    python benchmarks/run.py --publish           # everything, into benchmarks/results and docs

Prints tables, and stores the raw numbers as JSON lines: one for the run, then one per measurement.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import operations
import parts
import psutil
import tables
from operations import ON_DEMAND
from parts import NEED_DLT, SCALES
from systems import DLT, PROJECT, postgres

PARTS = {**parts.PARTS, **operations.PARTS}
KEPT = PROJECT / ".cache" / "benchmarks"
"""Folder for unpublished numbers."""


def main() -> None:
    """Measure the requested parts."""
    parser = argparse.ArgumentParser(description="Measure speed, memory and requests.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"any of {', '.join(PARTS)}")
    parser.add_argument("--scale", choices=SCALES, default="full", help="how much (full)")
    parser.add_argument("--quick", action="store_const", const="quick", dest="scale")
    parser.add_argument(
        "--publish", action="store_true", help="store the numbers in the repository"
    )
    parser.add_argument("--results", type=Path, help="store the numbers in this file")
    given = parser.parse_args()
    if unknown := set(given.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    names = given.parts or [name for name in PARTS if name not in ON_DEMAND]
    if NEED_DLT.intersection(names) and not DLT.exists():
        parser.error("dlt is not installed: `make bench` does it")
    # Ended cleanly, so that no process is left.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    now = datetime.now(UTC)
    folder = tables.RESULTS if given.publish else KEPT
    file = given.results or folder / f"{now:%Y-%m-%dT%H%M}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    header = _circumstances(now, given.scale, names)
    begin = time.monotonic()
    found: list[dict[str, Any]] = []
    with postgres() as started:
        for name in names:
            print(f"{name}: {(PARTS[name].__doc__ or '').splitlines()[0]}", flush=True)
            for line in PARTS[name](started, SCALES[given.scale]):
                found.append(line.json())
                header["minutes"] = round((time.monotonic() - begin) / 60, 1)
                _keep(file, [{"run": header}, *found])
                said = ", ".join(f"{key} {value}" for key, value in line.parameters.items())
                one = line.measured
                print(
                    f"  {line.system}, {said}: {one['rows']:,} rows, {one['requests']:,} requests,"
                    f" {one['seconds']:.1f} s, {one['cpu_seconds']:.1f} CPU-s",
                    flush=True,
                )
    print(f"\n{tables.page(*tables.read(file))}\nNumbers: {file}")
    if given.publish:
        tables.write()


def _keep(file: Path, lines: list[dict[str, Any]]) -> None:
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    file.write_text(text, "utf-8")


def _circumstances(now: datetime, scale: str, parts: list[str]) -> dict[str, Any]:
    names = ("meltano", "singer-sdk", "tap-pennylane")
    return {
        "date": now.isoformat(),
        "command": f'make bench ARGS="{" ".join(sys.argv[1:])}"',
        "scale": scale,
        "parts": parts,
        "commit": _said("git", "describe", "--always", "--dirty"),
        "system": platform.platform(terse=True),
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "load": ", ".join(f"{load:.2f}" for load in os.getloadavg()),
        "versions": {
            "Python": platform.python_version(),
            **{name: version(name) for name in names},
            "meltanolabs-target-postgres": _pinned("meltanolabs-target-postgres"),
            "dlt": _said(str(DLT), "-c", "import dlt; print(dlt.__version__)"),
        },
    }


def _pinned(package: str) -> str:
    lines = (PROJECT / "constraints.txt").read_text("utf-8").splitlines()
    return next(line.split("==")[1] for line in lines if line.startswith(f"{package}=="))


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(": ", 1)[1]
    return platform.processor() or platform.machine()


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "not installed"
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()

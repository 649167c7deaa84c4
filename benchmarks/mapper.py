"""How many records of 40 fields the mapper handles per second, as a process between two pipes.

    python benchmarks/mapper.py --rows 200000

Once with names already in snake_case, like tap-pennylane's, and once with names that all change
and texts that need cleaning. The time includes start-up; "of CPU" is the mapper's own time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAPPER = [sys.executable, "-m", "mapper_snake_case"]
KINDS: list[tuple[str, str | None, Callable[[int], str]]] = [
    ("number", None, lambda row: f"{row}.10"),
    ("integer", None, lambda row: f"{row}"),
    ("string", None, lambda row: f'"Facture fournisseur n{row} du mois de novembre"'),
    ("string", "date-time", lambda _: '"2026-11-22T10:11:12.123456Z"'),
    ("boolean", None, lambda _: "true"),
    ("string", None, lambda _: "null"),
    ("string", None, lambda row: f'"FA-2026-{row:08}"'),
    ("array", None, lambda row: f'[{{"id": {row}, "weight": "0.5"}}]'),
]


def write(file: Path, rows: int, *, untidy: bool) -> None:
    """Write the messages of a stream with 40 columns and a key."""
    names = [f"fieldNumber{i}Amount" if untidy else f"field_number{i}_amount" for i in range(40)]
    columns = list(zip(names, KINDS * 5, strict=True))
    properties = {
        name: {"type": [kind, "null"], **({"format": shape} if shape else {})}
        for name, (kind, shape, _) in columns
    }
    schema = {
        "type": "SCHEMA",
        "stream": "lines",
        "key_properties": [names[1]],
        "schema": {"type": "object", "properties": properties},
    }
    with file.open("w", encoding="utf-8") as lines:
        lines.write(json.dumps(schema) + "\n")
        for row in range(rows):
            values = ", ".join(f'"{name}": {value(row)}' for name, (_, _, value) in columns)
            if untidy:
                values = values.replace(" du mois", "  du\u00a0 mois")
            lines.write(
                f'{{"type": "RECORD", "stream": "lines", "record": {{{values}}}, '
                '"time_extracted": "2026-11-22T10:11:12.123456+00:00"}\n'
            )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "messages.jsonl"
        for untidy in (False, True):
            write(file, rows, untidy=untidy)
            began, before = time.perf_counter(), os.times()
            with (
                file.open("rb") as messages,
                subprocess.Popen(
                    ["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
                ) as reader,
            ):
                subprocess.run(
                    MAPPER,
                    stdin=messages,
                    stdout=reader.stdin,
                    stderr=subprocess.DEVNULL,
                    check=True,
                )
                after = os.times()
            took = time.perf_counter() - began
            cpu = (
                after.children_user
                + after.children_system
                - before.children_user
                - before.children_system
            )
            print(
                f"{'names and texts all change' if untidy else 'nothing to change':28}"
                f"{rows / took:9,.0f} rows/s {rows / cpu:9,.0f} rows/s of CPU"
                f"{file.stat().st_size / rows:8,.0f} bytes a record"
            )


if __name__ == "__main__":
    main()

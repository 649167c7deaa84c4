"""Why an earlier run failed, from the log file."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pennylane_launcher.running.reasons import Reasons

LOG = Path("logs/tap-pennylane.log")


def of(project: Path, run_id: str, words: Callable[[str], str]) -> str:
    """Return the reason; empty if the log lacks it, as for a run of another machine.

    Args:
        project: the project's folder.
        run_id: Meltano's.
        words: rewrites a message for a person.
    """
    reasons = Reasons()
    for line in _lines(project / LOG, run_id):
        reasons.feed(line, words(str(line["event"])))
    return str(reasons)


def _lines(log: Path, run_id: str) -> Iterator[dict[str, Any]]:
    """Return the lines about one run, oldest first."""
    files = [log.with_name(f"{log.name}.{number}") for number in range(9, 0, -1)]
    for file in [*files, log]:
        if not file.exists():
            continue
        with file.open(encoding="utf-8", errors="replace") as lines:
            for text in lines:
                if run_id in text and (line := _parsed(text)):
                    yield line


def _parsed(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) and "event" in line else {}

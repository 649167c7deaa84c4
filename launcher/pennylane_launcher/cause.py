"""Why a run failed as a whole: the sentence of the plugin that ended it, from the log file."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOG = Path("logs/tap-pennylane.log")
PREFIX = "TAP_PENNYLANE_"
SETTING = re.compile(r"(?:\b[Tt]he )?(?:\b[Ss]etting )?'([a-z_]+)'")


def of(project: Path, run_id: str) -> str | None:
    """Return the sentence, without its full stop; None if the log does not hold it.

    Args:
        project: the project's folder.
        run_id: Meltano's.
    """
    last: dict[str, str] = {}
    for line in _lines(project / LOG, run_id):
        last[line["level"]] = line["event"].strip().splitlines()[0].rstrip(".")
    sentence = last.get("critical") or last.get("error")
    return with_environment_names(sentence) if sentence else None


def with_environment_names(sentence: str) -> str:
    """Return a sentence of the tap with its settings called as `.env` calls them."""
    return SETTING.sub(_in_env, sentence)


def _in_env(found: re.Match[str]) -> str:
    name = found[1]
    is_setting = "etting" in found[0] or name.startswith("api_")
    return f"{PREFIX}{name.upper()} in `.env`" if is_setting else found[0]


def _lines(log: Path, run_id: str) -> Iterator[dict[str, Any]]:
    """What the plugins said of one run at the levels `error` and `critical`, oldest first."""
    newest_first = sorted(log.parent.glob(f"{log.name}*"), key=_age)
    for file in reversed([file for file in newest_first if not file.name.endswith(".lock")]):
        with file.open(encoding="utf-8", errors="replace") as lines:
            for text in lines:
                if run_id in text and ('"error"' in text or '"critical"' in text):
                    line = _parsed(text)
                    if line.get("level") in {"error", "critical"} and "plugin_logger" in line:
                        yield line


def _age(file: Path) -> int:
    number = file.suffix.removeprefix(".")
    return int(number) if number.isdecimal() else 0


def _parsed(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) and line.get("event") else {}

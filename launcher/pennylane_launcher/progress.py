"""What is worth showing of a run: Meltano's JSON log in, lines for a person out."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

LOUD = {"warning", "error", "critical"}
# Said by every run, and nothing to worry about or said better elsewhere.
ROUTINE = re.compile(
    r"No state was found|Force option is enabled|Block run completed|Run completed"
    r"|Skipping deselected stream|Reader '[\w-]+' completed processing"
    r"|Ended '\w+': |Using logging configuration from"
    r"|Skipping parse of env var|(?:tap-pennylane|mapper-snake-case) v"
    r"|The `dialect\+driver` configuration option"
)
BEGINNING = re.compile(r"Beginning .*sync of '(\w+)'")


class Progress:
    """Counts what the plugins report, and picks the lines that a person should see."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Begin at nothing.

        Args:
            secrets: texts that are never shown.
        """
        self.rows: Counter[str] = Counter()
        self.requests = 0
        self.stream = ""
        self.loaded = False
        self.exit_codes: set[int] = set()
        """Of the plugins that failed, as Meltano reports them: its own is always 1."""
        self._secrets = [secret for secret in secrets if secret]

    def feed(self, line: str) -> str | None:
        """Take one line of the log, and return what to show of it, if anything."""
        line = line.rstrip()
        try:
            entry = json.loads(line)
        except ValueError:
            return self._redacted(line) or None
        if not isinstance(entry, dict):
            return self._redacted(line)
        if isinstance(metric := entry.get("metric_info"), dict):
            self._count(metric, from_tap=bool(entry.get("producer")))
            return None
        if isinstance(codes := entry.get("exit_codes"), dict):
            self.exit_codes.update(code for code in codes.values() if isinstance(code, int))
        event = str(entry.get("event", ""))
        # A plugin's line that is no log record is seldom good news: a traceback, say.
        plain = "stdio" in entry and "plugin_logger" not in entry
        from_tap = str(entry.get("plugin_logger", "")).startswith("tap")
        if found := BEGINNING.match(event):
            self.stream = found[1]
        elif entry.get("block_type") == "ExtractLoadBlocks" and entry.get("success"):
            self.loaded = True
            return "loaded; now the views are built and tested"
        elif not ROUTINE.match(event) and (plain or from_tap or entry.get("level") in LOUD):
            return self._redacted(f"{entry.get('name', 'meltano')}: {event}")
        return None

    def __str__(self) -> str:
        """Say how far the run is."""
        parts = [f"reading {self.stream}"] if self.stream else ["starting"]
        if self.requests:
            parts.append(f"{self.requests:,} requests")
        if self.rows:
            parts.append(f"{self.rows.total():,} rows of {len(self.rows)} tables")
        return ", ".join(parts)

    def _count(self, metric: dict[str, Any], *, from_tap: bool) -> None:
        value, stream = metric.get("value"), metric.get("tags", {}).get("stream")
        if not from_tap or not isinstance(value, int):
            return
        if metric.get("metric") == "record_count" and value:
            self.rows[str(stream)] += value
        elif metric.get("metric") == "http_request_count":
            self.requests += value

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

"""Turns Meltano's JSON log into the lines that a person should see."""

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import Any

from pennylane_launcher import meltano
from pennylane_launcher.running.changes import Ended
from pennylane_launcher.running.reasons import Reasons

LOUD = {"warning", "error", "critical"}
# Lines of every run that are harmless, or said better elsewhere.
ROUTINE = re.compile(
    r"No state was found|Force option is enabled|Block run completed|Run completed"
    r"|Skipping deselected stream|Reader '[\w-]+' completed processing"
    r"|Ended '\w+': |(?:Extractor|Loader|Mappers|Extractor and loader) failed"
    r"|Using logging configuration from"
    r"|Skipping parse of env var|(?:tap-pennylane|mapper-snake-case) v"
    r"|This Session's transaction has been rolled back"
    r"|The `dialect\+driver` configuration option"
)
UNKNOWN = re.compile(r"Stream `(\w+)` was not found in the catalog")
"""What Meltano says of a pattern of `select`: a warning of a typing error, unless it deselects."""
BEGINNING = re.compile(r"Beginning .*sync of '(\w+)'")
LAST = "sync_log"
"""The stream that the tap sends last: after it, only the target is still busy."""
LOADING, WRITING = "loading", "writing to PostgreSQL"
VIEWS, TESTS = "bringing the views up to date", "testing the books"


class Progress:
    """Counts what the plugins report, and picks the lines that a person should see."""

    def __init__(self, word: Callable[[str], str], *, has_views: bool = True) -> None:
        """Start with nothing counted.

        Args:
            word: rewrites a text for display, at least without secrets.
            has_views: whether the views are built after the load.
        """
        self._has_views = has_views
        self.stage = "starting"
        self.rows: Counter[str] = Counter()
        self.requests = 0
        self.share = 0.0
        """The share of the rate limit in use, as last reported by the tap."""
        self.stream = ""
        self.loaded = False
        self.ended: dict[str, Ended] = {}
        """The streams that the tap delivered completely."""
        self.exit_codes: set[int] = set()
        """Exit codes of the plugins that failed; Meltano's own is always 1."""
        self.reasons = Reasons()
        self._word = word

    @cached_property
    def _left_out(self) -> set[str]:
        return meltano.left_out()

    def feed(self, line: str) -> str | None:
        """Read one line of the log, and return what to show of it, if anything."""
        line = line.rstrip()
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            text = self._word(line)
            self.reasons.feed_plain(text)
            return text or None
        if isinstance(metric := entry.get("metric_info"), dict):
            self._count(metric, from_tap=bool(entry.get("producer")))
            return None
        if isinstance(codes := entry.get("exit_codes"), dict):
            self.exit_codes.update(code for code in codes.values() if isinstance(code, int))
        return self._say(entry)

    def build(self) -> None:
        """Note that the views are being built."""
        self.stage = VIEWS

    def test(self) -> None:
        """Note that the tests are running."""
        self.stage = TESTS

    def _say(self, entry: dict[str, Any]) -> str | None:
        event = str(entry.get("event", ""))
        # A plugin's line outside its log is rarely good news: it may be a traceback.
        plain = "stdio" in entry and "plugin_logger" not in entry
        from_tap = str(entry.get("plugin_logger", "")).startswith("tap")
        if found := BEGINNING.match(event):
            self.stream = found[1]
            self.stage = WRITING if self.stream == LAST else LOADING
        elif from_tap and event.startswith("Ended '"):
            self._end(entry)
        elif entry.get("block_type") == "ExtractLoadBlocks" and entry.get("success"):
            self.loaded = True
            if not self._has_views:
                return None
            self.build()
            return f"loaded; {VIEWS}"
        elif isinstance(cause := entry.get("err"), str):
            # Meltano reports in this way that a step could not start.
            self.reasons.feed(entry, self._word(cause))
        elif (unknown := UNKNOWN.match(event)) and unknown[1] in self._left_out:
            pass  # the Firm API lacks many streams that are off by default
        elif event.strip() and not ROUTINE.match(event):
            text = self._word(event)
            self.reasons.feed(entry, text)
            if plain or from_tap or entry.get("level") in LOUD:
                return f"{entry.get('name', 'meltano')}: {text}"
        return None

    def __str__(self) -> str:
        """Return the progress of the run."""
        if self.stage in {VIEWS, TESTS}:
            return self.stage
        parts = [f"loading {self.stream}" if self.stage == LOADING else self.stage]
        if self.rows:
            parts.append(f"{self.rows.total():,} rows")
        if self.requests:
            parts.append(f"{self.requests:,} request{'s' * (self.requests > 1)}")
        if self.requests and self.stage == LOADING:
            parts.append(f"{100 * self.share:.0f} % of the rate limit")
        return " · ".join(parts)

    def _end(self, entry: dict[str, Any]) -> None:
        if entry.get("status") == "success":
            self.ended[str(entry.get("stream"))] = Ended(
                str(entry.get("mode")),
                int(entry.get("records", 0)),
                int(entry.get("tombstones", 0)),
            )

    def _count(self, metric: dict[str, Any], *, from_tap: bool) -> None:
        value, tags = metric.get("value"), metric.get("tags", {})
        if not from_tap or not isinstance(value, int):
            return
        if metric.get("metric") == "record_count" and value:
            self.rows[str(tags.get("stream"))] += value
        elif metric.get("metric") == "http_request_count":
            self.requests += value
            self.share = float(tags.get("rate_limit_used", self.share))

"""Finds in a run's log the one sentence that explains its failure."""

import re
from typing import Any

STREAM = re.compile(r"Stream '(?P<stream>\w+)' failed: (?P<why>.*)", re.DOTALL)
# These lines say that something failed, but not what.
EMPTY = re.compile(
    r"(?:Extractor|Loader|Mappers|Extractor and loader|Utility|Command|Block|Run)\b.{0,60}"
    r"(?:failed|completed)|\d+ of \d+ streams failed|The target stopped reading|Traceback"
    r"|`?\w[\w:-]*`? (?:failed|exited) with (?:return|exit) code",
)
ANOTHER = re.compile(
    r"Another '.*?' pipeline is already running which started at (?P<began>\S+ \S+?)\."
)
EXCEPTION = re.compile(r"[\w.]*(?:Error|Exception|Interrupt)\b")
PLAIN = {"dbt", "views"}
"""The plugins that report failures in plain lines, not in a log."""
MOST = 8
"""Streams that are named with their reasons; the others are only counted."""


class Reasons:
    """Collects what the parts of a run say about their failure."""

    def __init__(self) -> None:
        """Start without any failure."""
        self._streams: dict[str, str] = {}
        self._said: dict[str, list[str]] = {}

    def feed(self, entry: dict[str, Any], text: str) -> None:
        """Read one line of the log.

        Args:
            entry: its fields.
            text: what it says, without secrets.
        """
        plugin = str(entry.get("name") or "meltano")
        plain = "stdio" in entry and "plugin_logger" not in entry
        if not (EXCEPTION.match(text) or plugin in PLAIN) if plain else not _is_loud(entry):
            return
        if found := STREAM.match(text):
            self._streams[found["stream"]] = found["why"]
        elif not EMPTY.match(text) and not text.startswith((" ", "\t")):
            self._said.setdefault(plugin, []).append(text)

    def feed_plain(self, text: str) -> None:
        """Read a line outside the log, which usually is Meltano's last message."""
        if text.strip() and not EMPTY.match(text) and not text.startswith((" ", "\t")):
            self._said.setdefault("meltano", []).append(text)

    def __str__(self) -> str:
        """Return the reason; empty if none was given."""
        for plugin in self._said:
            if plugin.startswith("target"):
                return self._last(plugin)
        if fatal := [plugin for plugin in self._said if plugin.startswith("tap")]:
            return self._last(fatal[0])
        if self._streams:
            return self._of_the_streams()
        for plugin in sorted(self._said, key=lambda name: name == "meltano"):
            return self._last(plugin)
        return ""

    def _last(self, plugin: str) -> str:
        text = self._said[plugin][-1].strip()
        if found := ANOTHER.match(text):
            return (
                f"another run into this database began at {found['began']} UTC and has not ended,"
                " or it was killed less than five minutes ago. Wait until it has ended, or, if you"
                " are sure that none is running: make run ARGS=--force"
            )
        return f"{plugin}: {text}" if plugin not in {"meltano", "tap-pennylane"} else text

    def _of_the_streams(self) -> str:
        if len(self._streams) == 1:
            ((name, why),) = self._streams.items()
            return f"'{name}' was not loaded: {why}"
        lines = [f"{name}: {why}" for name, why in [*self._streams.items()][:MOST]]
        if more := len(self._streams) - len(lines):
            lines.append(f"and {more} more: see above")
        heading = f"{len(self._streams)} tables were not loaded."
        return "\n  ".join([heading, *lines])


def _is_loud(entry: dict[str, Any]) -> bool:
    return entry.get("level") in {"error", "critical"}

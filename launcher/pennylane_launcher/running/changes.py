"""What a run changed, according to the tap and to the rows before and after."""

from collections.abc import Mapping
from dataclasses import dataclass

MOST = 8
"""Tables that are named; the others are only counted."""
MINUS = "\N{MINUS SIGN}"
RECORD = "sync_log"
"""The record of runs, which grows with every run: not a change of the books."""


@dataclass(frozen=True)
class Ended:
    """How a stream ended, as reported by the tap."""

    mode: str
    records: int
    deleted: int

    @property
    def is_followed(self) -> bool:
        """Whether it was read by its changelog, so that each record is a change."""
        return self.mode == "changelog"


def sentence(
    ended: Mapping[str, Ended], before: Mapping[str, int], after: Mapping[str, int]
) -> str:
    """Say what changed.

    For a stream that follows its changelog, each record is a change. For one with a full read,
    only the numbers of rows before and after are compared.

    Args:
        ended: the streams that were delivered completely.
        before: live rows of each table before the run.
        after: live rows after the run.
    """
    streams = {name: each for name, each in ended.items() if name != RECORD}
    if not any(rows for name, rows in before.items() if name != RECORD):
        total = sum(rows for name, rows in after.items() if name != RECORD)
        return f"First load: {total:,} records."
    changed: dict[str, tuple[int, int]] = {}
    for name, each in streams.items():
        if each.is_followed:
            changed[name] = each.records, each.deleted
        else:
            more = after.get(name, 0) - before.get(name, 0)
            changed[name] = max(more, 0), max(-more, 0)
    changed = {name: counts for name, counts in changed.items() if any(counts)}
    if not changed:
        return (
            "Nothing changed since the last run: the changelogs report no record, and tables"
            " that were read completely have as many rows as before."
        )
    named = sorted(changed, key=lambda name: (-sum(changed[name]), name))
    shown = named if len(named) <= MOST + 1 else named[:MOST]
    parts = [_counted(name, *changed[name]) for name in shown]
    if more := len(named) - len(shown):
        parts.append(f"and {more} more tables")
    total = sum(counts[0] for counts in changed.values())
    deleted = sum(counts[1] for counts in changed.values())
    records = "1 record" if total == 1 else f"{total:,} records"
    return f"{records} changed, {deleted:,} deleted: {', '.join(parts)}."


def _counted(name: str, records: int, deleted: int) -> str:
    signs = [f"+{records:,}"] * bool(records) + [f"{MINUS}{deleted:,}"] * bool(deleted)
    return " ".join([name, *signs])

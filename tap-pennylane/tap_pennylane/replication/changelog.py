"""Finds the records that changed since the bookmark, from the changelogs."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tap_pennylane.api.events import Changelogs, Event, Part, Position


class Traceable(Protocol):
    """A source that can map events to its records."""

    changelogs: Mapping[str, str]

    def changed(self, key: str, events: Sequence[Event]) -> dict[int, bool]:
        """Return the ids of the changed records, and whether each was deleted."""


class Step(NamedTuple):
    """A changelog's position, and the records to deliver before it is reached."""

    path: str
    position: Position
    ids: set[int]


class Changes(NamedTuple):
    """The changes since the bookmark."""

    gone: dict[int, bool]
    """The records in order of their first event, and whether each was deleted."""
    steps: deque[Step]
    positions: dict[str, Position]
    """How far the changelogs were read, by path."""


def read_events(
    changelogs: Changelogs, paths: Iterable[str], since: Mapping[str, Position]
) -> dict[str, list[Part]]:
    """Read each changelog from its position on.

    Raises:
        ExpiredError: A position is older than the events that the API keeps.
        PennylaneError: A changelog can't be read.
    """
    return {path: changelogs.since(path, since[path]) for path in paths}


def trace(source: Traceable, events: Mapping[str, Sequence[Part]]) -> Changes:
    """Find the records that events are about."""
    gone: dict[int, bool] = {}
    steps: deque[Step] = deque()
    for path, key in source.changelogs.items():
        parts = events[path]
        everything = [event for part in parts for event in part.events]
        for identity, is_gone in source.changed(key, everything).items():
            gone[identity] = gone.get(identity, False) or is_gone
        for part in parts:
            steps.append(Step(path, part.position, set(source.changed(key, part.events))))
    return Changes(gone, steps, positions(events))


def positions(events: Mapping[str, Sequence[Part]]) -> dict[str, Position]:
    """Return how far each changelog was read."""
    return {path: parts[-1].position for path, parts in events.items()}


def changed(events: Iterable[Event], key: str) -> dict[int, bool]:
    """Return the records in order of their first event, and whether each was deleted."""
    records: dict[int, bool] = {}
    for event in events:
        record = event.record(key)
        if record is not None:
            records[record] = event.deletes(key)
    return records

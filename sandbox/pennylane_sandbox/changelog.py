"""The changelogs: recent changes, in the order in which they were processed."""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from pennylane_sandbox.calendar import rfc3339
from pennylane_sandbox.clock import Clock
from pennylane_sandbox.model import Json

RETENTION: Final = 4 * 7 * 86_400


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one record; `number` orders the events of a resource."""

    number: int
    id: int
    operation: str
    micros: int
    created_at: str
    more: Json = field(default_factory=dict)

    def shown(self) -> Json:
        """Return the event as the API shows it."""
        processed_at = rfc3339(self.micros)
        return {
            "id": self.id,
            "operation": self.operation,
            **self.more,
            "processed_at": processed_at,
            "updated_at": processed_at,
            "created_at": self.created_at,
        }


class Changes:
    """The events of all resources."""

    def __init__(self, clock: Clock) -> None:
        """Start without events."""
        self._clock = clock
        self._events: dict[str, list[Event]] = {}
        self._shared_instant: int | None = None
        self.is_silent = False
        """Whether changes leave no event for now, as some do in Pennylane."""

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Let no change in this block leave an event."""
        was_silent, self.is_silent = self.is_silent, True
        try:
            yield
        finally:
            self.is_silent = was_silent

    def hold_instant(self) -> None:
        """Let all events until `release_instant` share one instant."""
        self._shared_instant = self._clock.change_instant()

    def release_instant(self) -> None:
        """Give each event its own instant again."""
        self._shared_instant = None

    def instant(self) -> int:
        """Return the instant of the next event, in microseconds."""
        return self._shared_instant or self._clock.change_instant()

    def record(
        self, resource: str, row_id: int, operation: str, created_at: str | None, **more: Any
    ) -> str:
        """Write an event; returns its `processed_at`."""
        micros = self.instant()
        if self.is_silent:
            return rfc3339(micros)
        events = self._events.setdefault(resource, [])
        created_at = created_at or rfc3339(micros)
        events.append(Event(len(events) + 1, row_id, operation, micros, created_at, more))
        return rfc3339(micros)

    def oldest_kept(self) -> int:
        """Return the instant before which events have expired."""
        return self._clock.micros() - RETENTION * 1_000_000

    def since(self, resource: str, micros: int, limit: int) -> tuple[list[Event], bool]:
        """Return the first stored events from an instant on, and whether more follow."""
        start = max(micros, self.oldest_kept())
        events = self._events.get(resource, [])
        return _page(events, bisect_left(events, start, key=lambda event: event.micros), limit)

    def after(self, resource: str, number: int, limit: int) -> tuple[list[Event], bool]:
        """Return the first stored events after one of them, and whether more follow."""
        events = self._events.get(resource, [])
        kept = bisect_left(events, self.oldest_kept(), key=lambda event: event.micros)
        # An event's number is its place, counted from 1.
        return _page(events, max(kept, number), limit)


def _page(events: list[Event], first: int, limit: int) -> tuple[list[Event], bool]:
    return events[first : first + limit], first + limit < len(events)

"""The changelogs' events, and the positions up to which they were consumed."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from itertools import groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tap_pennylane.api.pagination import pages
from tap_pennylane.errors import ExpiredError, PennylaneError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_pennylane.api.ahead import Request
    from tap_pennylane.api.client import Client

PAGE = {"limit": 1000}
"""The query of every page of a changelog: the maximum page size."""

EVENTS_PER_PART = 100
"""How many events lie between two bookmarks, unless more of them share an instant."""

SLACK = timedelta(milliseconds=1)
"""The documentation does not say whether `start_date` is inclusive, so requests begin this much
earlier, and the surplus is dropped."""

LATEST = timedelta(days=1)
"""How late an event may be processed. The position of a changelog without new events follows the
clock at this distance, so that it stays within the four weeks for which events are kept."""

UNPROCESSABLE = 422


class Position(msgspec.Struct, omit_defaults=True):
    """How far a changelog was consumed: an instant, and how many of its events."""

    processed_at: str
    events: int = 0
    """How many events of that instant were consumed."""
    digest: str = ""
    """A hash of those events, to distinguish them from later ones of the same instant."""


class _Reference(msgspec.Struct):
    id: int | None = None


class Event(msgspec.Struct):
    """A change to one record, or to a link between two."""

    id: int
    operation: str
    processed_at: str
    ledger_entry_line: _Reference | None = None
    ledger_entry: _Reference | None = None

    @property
    def instant(self) -> datetime:
        """When it was processed; changelogs are sorted by this."""
        return datetime.fromisoformat(self.processed_at)

    def record(self, key: str) -> int | None:
        """Return the id of the changed record; None if a deleted link no longer names it.

        Args:
            key: `id`, or for a link the field that refers to the record.
        """
        reference = getattr(self, key)
        return reference.id if isinstance(reference, _Reference) else reference

    def deletes(self, key: str) -> bool:
        """Return whether the record itself was deleted; a deleted link only changes its record."""
        return key == "id" and self.operation == "delete"


class Part(NamedTuple):
    """Some events of a changelog, in order, and the position after them."""

    events: list[Event]
    position: Position


class Changelogs:
    """The changelogs of one run. Streams that follow the same changelog share its events."""

    def __init__(self, client: Client) -> None:
        """Prepare to read; nothing is sent yet."""
        self._client = client
        self._began = client.now()
        """When the run began; later events may not have been read."""
        self._read: dict[str, tuple[datetime, list[Event]]] = {}
        self._earliest: dict[str, datetime] = {}

    def expect(self, path: str, position: Position) -> None:
        """Note that the events after a position will be read."""
        start = datetime.fromisoformat(position.processed_at)
        self._earliest[path] = min(start, self._earliest.get(path, start))

    def requests(self) -> Iterator[Request]:
        """Yield the first request for each expected changelog."""
        for path, start in self._earliest.items():
            yield path, {**PAGE, **_opening(start)}

    def since(self, path: str, position: Position) -> list[Part]:
        """Read the events after a position, to the end.

        Args:
            path: The changelog's path.
            position: How far the changelog was consumed before.

        Returns:
            The new events in parts of about a hundred, since an instant is never divided; at least
            one part, perhaps empty.

        Raises:
            ExpiredError: The position is older than the events that the API keeps.
            PennylaneError: The changelog can't be read.
        """
        start = datetime.fromisoformat(position.processed_at)
        events = [event for event in self._from(path, start) if event.instant >= start]
        old = list(islice((event for event in events if event.instant == start), position.events))
        if len(old) == position.events and _digest(old) == position.digest:
            new = events[len(old) :]
        else:
            new = events  # the instant now has different events: consume it again
        parts = list(_parts(new, events[: len(events) - len(new)])) or [Part([], position)]
        last = events[-1].instant if events else start
        quiet = self._began - LATEST
        if last < quiet:
            parts[-1] = Part(parts[-1].events, Position(quiet.isoformat()))
        return parts

    def _from(self, path: str, start: datetime) -> list[Event]:
        known = self._read.get(path)
        if known and known[0] <= start:
            return known[1]
        begin = min(start, self._earliest.pop(path, start))
        try:
            self._read[path] = begin, self._events(path, begin)
        except ExpiredError:
            if begin == start:
                raise
            return self._from(path, start)
        return self._read[path][1]

    def _events(self, path: str, start: datetime) -> list[Event]:
        events: list[Event] = []
        try:
            for page in pages(self._client, path, PAGE, _opening(start)):
                events += msgspec.convert(page, list[Event])
        except msgspec.ValidationError as error:
            msg = f"{path} returned an item that is not an event: {error}"
            raise PennylaneError(msg) from error
        except RefusedError as error:
            if error.status == UNPROCESSABLE:
                msg = f"{path} no longer has the events since {start.isoformat()}"
                raise ExpiredError(msg) from error
            raise
        return events


def _parts(events: Iterable[Event], consumed: list[Event]) -> Iterator[Part]:
    """Divide events between instants; some events of the first instant may already be consumed."""
    part: list[Event] = []
    for instant, group in groupby(events, attrgetter("instant")):
        shared = list(group)
        part += shared
        if consumed and consumed[0].instant == instant:
            shared = consumed + shared
        position = Position(shared[-1].processed_at, len(shared), _digest(shared))
        if len(part) >= EVENTS_PER_PART:
            yield Part(part, position)
            part = []
    if part:
        yield Part(part, position)


def _opening(start: datetime) -> dict[str, Any]:
    """Return the parameter of the first request only; the API refuses it together with a cursor."""
    return {"start_date": (start - SLACK).isoformat()}


def _digest(events: Iterable[Event]) -> str:
    if not events:
        return ""
    text = " ".join(f"{event.id} {event.operation}" for event in events)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()

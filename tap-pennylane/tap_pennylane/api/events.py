"""The events of the changelogs, and how far they were consumed."""

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
"""The query of every page of a changelog: the longest page."""

EVENTS_PER_PART = 100
"""From one bookmark to the next, unless more of them share an instant."""

SLACK = timedelta(milliseconds=1)
"""The API does not say whether its `start_date` is inclusive: ask a little earlier, and drop."""

LATEST = timedelta(days=1)
"""An event may be processed this late. A quiet changelog's position follows the clock at this
distance, so that it does not outlive the four weeks that events are kept."""

UNPROCESSABLE = 422


class Position(msgspec.Struct, omit_defaults=True):
    """How far a changelog was consumed: an instant, and which of its events."""

    processed_at: str
    events: int = 0
    """How many events of that instant were consumed."""
    digest: str = ""
    """Of those events, so that later ones of the same instant are told apart."""


class _Reference(msgspec.Struct):
    id: int | None = None


class Event(msgspec.Struct):
    """A change of one record, or of a link between two."""

    id: int
    operation: str
    processed_at: str
    ledger_entry_line: _Reference | None = None
    ledger_entry: _Reference | None = None

    @property
    def instant(self) -> datetime:
        """When it was processed: the changelog's order."""
        return datetime.fromisoformat(self.processed_at)

    def record(self, key: str) -> int | None:
        """The id of the record that changed; None where a deleted link names none any more.

        Args:
            key: `id`, or the reference that names the record of a link.
        """
        reference = getattr(self, key)
        return reference.id if isinstance(reference, _Reference) else reference

    def deletes(self, key: str) -> bool:
        """Whether the record itself is gone; a deleted link only changes its record."""
        return key == "id" and self.operation == "delete"


class Part(NamedTuple):
    """Some events of a changelog, in order, and the position behind them."""

    events: list[Event]
    position: Position


class Changelogs:
    """The changelogs of one run. Streams that follow the same one share what was read of it."""

    def __init__(self, client: Client) -> None:
        """Read nothing yet."""
        self._client = client
        self._began = client.now()
        """Nothing was read before, so an event of later may not have been seen."""
        self._read: dict[str, tuple[datetime, list[Event]]] = {}
        self._earliest: dict[str, datetime] = {}

    def expect(self, path: str, position: Position) -> None:
        """Be told that somebody will ask for what is behind a position."""
        start = datetime.fromisoformat(position.processed_at)
        self._earliest[path] = min(start, self._earliest.get(path, start))

    def requests(self) -> Iterator[Request]:
        """The first requests of what was told."""
        for path, start in self._earliest.items():
            yield path, {**PAGE, **_opening(start)}

    def since(self, path: str, position: Position) -> list[Part]:
        """Read the events behind a position, to the end.

        Args:
            path: The changelog's path.
            position: What was consumed before.

        Returns:
            The new events, a hundred to a part if they are not of one instant; at least one part.

        Raises:
            ExpiredError: The position is older than what the API keeps.
            PennylaneError: The changelog can't be read.
        """
        start = datetime.fromisoformat(position.processed_at)
        events = [event for event in self._from(path, start) if event.instant >= start]
        old = list(islice((event for event in events if event.instant == start), position.events))
        if len(old) == position.events and _digest(old) == position.digest:
            new = events[len(old) :]
        else:
            new = events  # the instant's events are not those of then: consume it anew
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
            msg = f"{path} answers what is no event: {error}"
            raise PennylaneError(msg) from error
        except RefusedError as error:
            if error.status == UNPROCESSABLE:
                msg = f"{path} no longer knows what happened since {start.isoformat()}"
                raise ExpiredError(msg) from error
            raise
        return events


def _parts(events: Iterable[Event], consumed: list[Event]) -> Iterator[Part]:
    """Cut events between two instants. Of the first one, some may have been consumed before."""
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
    """What only the first request has besides: it is refused beside a cursor."""
    return {"start_date": (start - SLACK).isoformat()}


def _digest(events: Iterable[Event]) -> str:
    if not events:
        return ""
    text = " ".join(f"{event.id} {event.operation}" for event in events)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()

"""What is replicated: a list of the API, and the changelogs that tell what changes in it."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from tap_pennylane.api.query import from_the_end
from tap_pennylane.replication.changelog import changed
from tap_pennylane.replication.scan import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tap_pennylane.api.ahead import Request
    from tap_pennylane.api.collection import Collection, Items
    from tap_pennylane.api.events import Event
    from tap_pennylane.replication.bookmark import Range
    from tap_pennylane.replication.scan import Pages


class Source:
    """A collection, and what names its changed records."""

    replaces = False
    """Whether records that are sent again void those that were sent before: see `children.py`."""

    def __init__(
        self,
        collection: Collection,
        changelogs: Mapping[str, str] | None = None,
        *,
        scan_by: str | None = None,
        first_day: Callable[[], str | None] = lambda: None,
        opening_pages: int = 0,
        keeps_ids: bool = False,
    ) -> None:
        """Describe it; nothing is sent yet.

        Args:
            collection: What is read.
            changelogs: The changelogs to follow, and what names the record in their events.
            scan_by: What a whole read that was cut off goes on by, `id` or `date`; None where it
                starts over.
            first_day: The day on which the company's books begin, if that can be told.
            opening_pages: How many requests of a whole read are known beforehand: none, the first
                page, or the first and the last.
            keeps_ids: Whether somebody will ask for the ids of a whole read.
        """
        self.collection = collection
        self.changelogs = changelogs or {}
        self.unlisted = False
        """Whether the list was found to leave out records that other streams refer to."""
        self._scan_by = scan_by
        self._first_day = first_day
        self._opening_pages = opening_pages
        self._keeps_ids = keeps_ids
        self._ids: array[int] | None = None

    def opening(self) -> Iterable[Request]:
        """The requests that a whole read begins with, as far as they are known beforehand."""
        query = self.collection.dated_query
        first_and_last = (query, from_the_end(query))
        return [(self.collection.path, one) for one in first_and_last[: self._opening_pages]]

    def read_all(self, left: list[Range] | None) -> Pages:
        """Read the whole collection, or what is left of it: see `scan`."""
        ids = array("q") if self._keeps_ids and left is None else None
        for items, rest in self._read(left):
            if ids is not None:
                ids.extend(item["id"] for item in items)
            yield items, rest
        if ids is not None:
            self.cache_ids(ids)

    def _read(self, left: list[Range] | None) -> Pages:
        return scan(self.collection, left, by=self._scan_by, first_day=self._first_day)

    def sample(self, count: int) -> Items:
        """A few items of the first page that has any."""
        pages = (items for items, _ in self._read(None))
        return next(filter(None, pages), [])[:count]

    def fetch_by_ids(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Items]]:
        """Fetch again what changed.

        Args:
            ids: Which records, as `changed` names them.

        Yields:
            Some of the ids, and the items that the API has of them.
        """
        return self.collection.fetch_by_ids(ids)

    def changed(self, key: str, events: Sequence[Event]) -> dict[int, bool]:
        """The records that events of a changelog are about, and whether they are gone.

        Args:
            key: What names the record in an event, as `changelogs` says.
            events: In order.

        Raises:
            UntraceableError: They don't tell.
        """
        return changed(events, key)

    def keys_of(self, identity: int) -> dict[str, Any]:
        """The key columns of the tombstone of what `changed` names by an id."""
        return {"id": identity}

    def ids(self) -> Sequence[int]:
        """The ids of the whole collection, ascending, read at most once per run."""
        if self._ids is None:
            found = array("q")
            for items, _ in self._read(None):
                found.extend(item["id"] for item in items)
            self.cache_ids(found)
        return self._ids or ()

    def cache_ids(self, ids: array[int]) -> None:
        """Keep the ids of the whole collection for those who ask."""
        self._ids = array("q", sorted(ids))

"""What is replicated: a list of the API, and the changelogs that name its changed records."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_pennylane.api.query import from_the_end
from tap_pennylane.replication.budget import UNLIMITED, Allowance
from tap_pennylane.replication.changelog import changed
from tap_pennylane.replication.scan import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_pennylane.api.ahead import Request
    from tap_pennylane.api.collection import Collection, Items
    from tap_pennylane.api.events import Event
    from tap_pennylane.replication.bookmark import Bookmark, Range
    from tap_pennylane.replication.budget import Budget
    from tap_pennylane.replication.scan import Pages

ALL = ""
"""Stands for the whole collection in `Source.moved`."""


class Piece(NamedTuple):
    """Some items of a collection of which only a part is read again."""

    items: Items
    void: tuple[Mapping[str, Any], datetime] | None = None
    """The key of a tombstone, and its time: rows of this part sent before that time are void."""


class Source:
    """A collection and its changelogs."""

    replaces = False
    """Whether records sent again replace all those sent before: see `children.py`."""

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
        """Prepare it; nothing is sent yet.

        Args:
            collection: What is read.
            changelogs: The changelogs to follow: path, and the event field that names the record.
            scan_by: The field by which an interrupted full read resumes, `id` or `date`; None if
                it starts over.
            first_day: Returns the first day of the company's books, if known.
            opening_pages: How many requests of a full read are sent ahead: 0, 1 (the first page)
                or 2 (the first and last pages).
            keeps_ids: Whether to keep the ids of a full read, for child streams.
        """
        self.collection = collection
        self.changelogs = changelogs or {}
        self.unlisted = False
        """Whether the API's list omitted records that other streams refer to."""
        self.untold_deletion: datetime | None = None
        """When a record may first have been deleted without an event that names it."""
        self.moved: dict[str, datetime] = {}
        """When runs began that delivered changes, by part of the collection, or for `ALL`."""
        self.moved_before: Mapping[str, datetime] = {}
        """The same, without the changes that `note_changes` added."""
        self._scan_by = scan_by
        self._first_day = first_day
        self._opening_pages = opening_pages
        self._keeps_ids = keeps_ids
        self._ids: array[int] | None = None

    def opening(self) -> Iterable[Request]:
        """Return the first requests of a full read, as far as they are known beforehand."""
        query = self.collection.dated_query
        first_and_last = (query, from_the_end(query))
        return [(self.collection.path, one) for one in first_and_last[: self._opening_pages]]

    def read_all(self, left: list[Range] | None) -> Pages:
        """Read the complete collection, or what is left of it: see `scan`."""
        ids = array("q") if self._keeps_ids and left is None else None
        for items, rest in self._read(left):
            if ids is not None:
                ids.extend(item["id"] for item in items)
            yield items, rest
        if ids is not None:
            self.cache_ids(ids)

    def _read(self, left: list[Range] | None) -> Pages:
        return self.scan(self.collection, left, UNLIMITED)

    def verify(self, left: list[Range] | None, budget: Budget) -> Pages:
        """Read the collection again, or what is left of it, until the budget refuses a request."""
        return self.scan(self.collection, left, Allowance(budget))

    def scan(self, collection: Collection, left: list[Range] | None, allowance: Allowance) -> Pages:
        """Read this source's collection, or a variant of it: see `scan.scan`."""
        first_day = self._first_day
        return scan(collection, left, by=self._scan_by, first_day=first_day, allowance=allowance)

    def note_moved(self, moments: Mapping[str, datetime]) -> None:
        """Note when changes were delivered by earlier runs, or by a full read."""
        self.moved, self.moved_before = dict(moments), moments

    def note_changes(self, items: Items, gone: Sequence[int], began: datetime) -> None:
        """Note in `moved` that records were delivered as changed.

        Args:
            items: The changed records.
            gone: The ids of the deleted ones.
            began: When this run began.
        """
        if items or gone:
            self.moved[ALL] = began

    def is_behind(self, bookmark: Bookmark) -> bool:
        """Return whether a collection that derives from another one must be read again."""
        del bookmark
        return False

    def catch_up(self, bookmark: Bookmark, now: datetime) -> Iterator[Piece]:
        """Read again what another collection's changes affect, if that is a part of this one.

        Args:
            bookmark: The bookmark; says, when a piece is yielded, what is read once the piece is
                delivered.
            now: When this run began.
        """
        del bookmark, now
        return iter(())

    def note_scan(self, bookmark: Bookmark) -> None:
        """Note in the bookmark what a complete read has found."""

    def sample(self, count: int) -> Items:
        """Return a few items of the first page that is not empty."""
        pages = (items for items, _ in self._read(None))
        return next(filter(None, pages), [])[:count]

    def fetch_by_ids(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Items]]:
        """Fetch changed records.

        Args:
            ids: The ids that `changed` returned.

        Yields:
            Some of the ids, and the items that the API has for them.
        """
        return self.collection.fetch_by_ids(ids)

    def changed(self, key: str, events: Sequence[Event]) -> dict[int, bool]:
        """Return the ids of the records that events are about, and whether each was deleted.

        Args:
            key: The event field that names the record, as in `changelogs`.
            events: The changelog's events, in order.
        """
        return changed(events, key)

    def keys_of(self, identity: int) -> dict[str, Any]:
        """Return the key columns of the tombstone for an id that `changed` returned."""
        return {"id": identity}

    def ids(self) -> Sequence[int]:
        """Return the ids of the complete collection, ascending, read at most once per run."""
        if self._ids is None:
            found = array("q")
            for items, _ in self._read(None):
                found.extend(item["id"] for item in items)
            self.cache_ids(found)
        return self._ids or ()

    def cache_ids(self, ids: array[int]) -> None:
        """Keep the ids of the complete collection."""
        self._ids = array("q", sorted(ids))

"""How the ledger is read: entries are checked against the lines that name them."""

from __future__ import annotations

import logging
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_pennylane.api.query import filtered
from tap_pennylane.errors import UntraceableError
from tap_pennylane.replication.changelog import changed
from tap_pennylane.replication.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_pennylane.api.collection import Items
    from tap_pennylane.api.events import Event
    from tap_pennylane.replication.bookmark import Range
    from tap_pennylane.replication.scan import Pages

LOGGER = logging.getLogger("tap-pennylane.ledger")

ANY_DATE = ("date", "gteq", "1900-01-01")
"""A condition that every date meets. Whoever sends it gets closed years in any case."""


class LinesSource(Source):
    """The lines, which name the entries that there are."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Begin without knowing any entry."""
        super().__init__(*arguments, **options)
        self.entry_of: dict[int, int] = {}
        """The entries of the lines that were fetched by their ids."""
        self.entries = array("q")
        """The entries of all lines that were read: neighbours named once."""
        self.are_all_known = False
        """Whether `entries` are those of all lines."""

    @override
    def _read(self, left: list[Range] | None) -> Pages:
        for items, rest in super()._read(left):
            self._note(items)
            yield items, rest
        self.are_all_known = left is None

    def know_all(self) -> None:
        """Read all lines for the entries that they name, and deliver none."""
        for _ in self._read(None):
            pass

    @override
    def fetch_by_ids(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Items]]:
        for asked, items in super().fetch_by_ids(ids):
            self._note(items)
            self._note_lines(items)
            yield asked, items

    def entries_of(self, lines: Iterable[int]) -> list[int]:
        """The entries that lines belong to.

        Raises:
            UntraceableError: A line is gone.
        """
        unknown = [line for line in lines if line not in self.entry_of]
        # Whatever their dates: a line before the start date names its entry as well.
        query = {"limit": self.collection.query["limit"]}
        for _, items in self.collection.by_ids(unknown, query):
            self._note_lines(items)
        if gone := next((line for line in lines if line not in self.entry_of), None):
            msg = f"the line {gone} is gone, and nothing says which entry it was of"
            raise UntraceableError(msg)
        return [self.entry_of[line] for line in lines]

    def _note(self, items: Items) -> None:
        for item in items:
            entry = _entry(item)
            if entry is not None and (not self.entries or self.entries[-1] != entry):
                self.entries.append(entry)

    def _note_lines(self, items: Items) -> None:
        named = ((item["id"], _entry(item)) for item in items)
        self.entry_of.update((line, entry) for line, entry in named if entry is not None)


class EntriesSource(Source):
    """The entries, of which the list may not have all."""

    def __init__(self, lines: LinesSource, *arguments: Any, **options: Any) -> None:
        """Belong to the lines, which are read before."""
        super().__init__(*arguments, **options)
        self.lines = lines

    @override
    def changed(self, key: str, events: Sequence[Event]) -> dict[int, bool]:
        """Entries have no changelog of their own: a changed line names its entry."""
        if key != "id":
            return super().changed(key, events)
        lines = changed(events, key)
        if any(lines.values()):
            msg = "lines were deleted, and the changelog does not say of which entries"
            raise UntraceableError(msg)
        return dict.fromkeys(self.lines.entries_of(lines), False)

    @override
    def _read(self, left: list[Range] | None) -> Pages:
        """Read the list, and then what it does not have though it is there.

        Since July 2026 the list has all entries. Should a company's leave out those of closed years
        as it did before, the lines that were just read tell; where they are not all known, the
        oldest entry does. Where entries were once missing for another reason, all lines are read:
        what is not delivered now, a target takes for deleted.
        """
        listed = array("q")
        for items, rest in super()._read(left):
            listed.extend(item["id"] for item in items)
            yield items, rest
        unlisted = array("q")
        for items, is_news in self._unlisted(listed, is_whole=left is None):
            unlisted.extend(item["id"] for item in items if is_news)
            yield items, []
        if unlisted:
            LOGGER.warning(
                "'%s': Pennylane's list leaves out %d entries that exist (%d, for one); they were "
                "read besides.",
                self.collection.name,
                len(unlisted),
                unlisted[0],
            )

    def _unlisted(self, listed: array[int], *, is_whole: bool) -> Iterator[tuple[Items, bool]]:
        """Entries that are not listed, and whether that is certain.

        Args:
            listed: The ids that the list has.
            is_whole: Whether it was read from its beginning, not from where an earlier run stopped.
        """
        collection = self.collection
        if self.unlisted and not self.lines.are_all_known:
            LOGGER.info(
                "'%s': Pennylane's list left entries out before; all lines are read to find them.",
                collection.name,
            )
            self.lines.know_all()
        known = array("q", sorted(listed))
        if not (self.lines.are_all_known or collection.since) and self._leaves_closed_years_out(
            known
        ):
            for items in collection.pages(filtered(collection.query, ANY_DATE)):
                others = [item for item in items if not _has(known, item["id"])]
                listed.extend(item["id"] for item in others)
                yield others, True
            known = array("q", sorted(listed))
        missing = sorted({one for one in self.lines.entries if not _has(known, one)})
        found = False
        for _, items, dated in self._anyhow(missing):
            found = found or bool(items)
            yield items, is_whole
            yield dated, True
        if is_whole and self.lines.are_all_known:
            self.unlisted = found

    def _leaves_closed_years_out(self, listed: array[int]) -> bool:
        """Whether the oldest entry, of a closed year if there is one, comes by a date only."""
        items, _ = self.collection.page(filtered({"limit": 1, "sort": "date"}, ANY_DATE))
        ids = [item["id"] for item in items if not _has(listed, item["id"])]
        # One that came in an earlier run's part of this read is no news.
        found = self.collection.by_ids(ids, self.collection.query)
        return bool(ids) and not any(items for _, items in found)

    @override
    def fetch_by_ids(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Items]]:
        named, is_wanted = set(self.lines.entries), self.collection.is_wanted
        for asked, items, dated in self._anyhow(ids):
            found = items + dated
            yield asked, [one for one in found if one["id"] in named or is_wanted(one)]

    def _anyhow(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Items, Items]]:
        """Fetch entries by id.

        Yields:
            Some of the ids, the entries that come so, and those that come with a filter by date
            besides.
        """
        query = self.collection.query
        for asked, items in self.collection.by_ids(ids, query):
            missing = sorted(set(asked) - {item["id"] for item in items})
            others = self.collection.by_ids(missing, filtered(query, ANY_DATE))
            yield asked, items, [item for _, found in others for item in found]


def _entry(line: Mapping[str, Any]) -> int | None:
    """The entry that a line names."""
    entry = (line.get("ledger_entry") or {}).get("id")
    return entry if isinstance(entry, int) else None


def _has(ids: array[int], one: int) -> bool:
    """Whether ids, ascending, hold one."""
    place = bisect_left(ids, one)
    return place < len(ids) and ids[place] == one

"""Reads the ledger; checks the entries against the lines, which refer to them."""

from __future__ import annotations

import logging
from array import array
from bisect import bisect_left
from copy import copy
from datetime import datetime
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_pennylane.api.query import filtered
from tap_pennylane.replication.budget import Allowance
from tap_pennylane.replication.changelog import changed
from tap_pennylane.replication.source import ALL, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tap_pennylane.api.collection import Items
    from tap_pennylane.api.events import Event
    from tap_pennylane.replication.bookmark import Range
    from tap_pennylane.replication.budget import Budget
    from tap_pennylane.replication.scan import Pages

LOGGER = logging.getLogger("tap-pennylane.ledger")

ANY_DATE = ("date", "gteq", "1900-01-01")
"""A condition that every date meets. With it, the API always includes closed years."""


class LinesSource(Source):
    """Ledger entry lines, each of which refers to its entry."""

    def __init__(
        self, fiscal_year: Callable[[str], str | None], *arguments: Any, **options: Any
    ) -> None:
        """Prepare it; no entry is known yet.

        Args:
            fiscal_year: Returns the first day of a date's fiscal year, if known.
            arguments: Passed to `Source`.
            options: Passed to `Source`.
        """
        super().__init__(*arguments, **options)
        self.entry_of: dict[int, int] = {}
        """The entry of each line that was fetched by its id."""
        self.accounts: set[int] = set()
        """The ledger accounts of changed lines."""
        self._fiscal_year = fiscal_year
        self._gone: set[int] = set()
        """Lines that no longer exist, though no event said so."""
        self._created: set[int] = set()
        self._altered: set[int] = set()
        """Lines that were created, and lines that were edited or deleted, since the last run."""
        self.entries = array("q")
        """The entries of all lines that were read; successive lines of an entry count once."""
        self.are_all_known = False
        """Whether `entries` covers all lines."""

    @override
    def _read(self, left: list[Range] | None) -> Pages:
        for items, rest in super()._read(left):
            self._note(items)
            yield items, rest
        self.are_all_known = left is None

    def know_all(self) -> None:
        """Read all lines to learn their entries; deliver none of them."""
        for _ in self._read(None):
            pass

    @override
    def fetch_by_ids(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Items]]:
        for asked, items in super().fetch_by_ids(ids):
            self._note(items)
            self._note_lines(asked, items)
            yield asked, items

    @override
    def changed(self, key: str, events: Sequence[Event]) -> dict[int, bool]:
        if key == "id":
            for event in events:
                (self._created if event.operation == "insert" else self._altered).add(event.id)
        return super().changed(key, events)

    @override
    def note_changes(self, items: Items, gone: Sequence[int], began: datetime) -> None:
        """Note the fiscal years of the changed lines, and their accounts.

        Unless a line was only created, it may have been in another fiscal year before, and nothing
        says in which one: then the whole collection counts as changed.
        """
        for item in items:
            if isinstance(account := (item.get("ledger_account") or {}).get("id"), int):
                self.accounts.add(account)
            year = self._fiscal_year(item["date"]) if item.get("date") else None
            self.moved[year or ALL] = began
        new = self._created - self._altered
        if gone or not new.issuperset(item["id"] for item in items):
            self.moved[ALL] = began

    def entries_of(self, lines: Iterable[int]) -> list[int]:
        """Return the entries of those lines that still exist."""
        known = self.entry_of.keys() | self._gone
        unknown = [line for line in lines if line not in known]
        # Without the start date, because earlier lines refer to entries as well.
        query = {"limit": self.collection.query["limit"]}
        for asked, items in self.collection.by_ids(unknown, query):
            self._note_lines(asked, items)
        return [self.entry_of[line] for line in lines if line in self.entry_of]

    def _note(self, items: Items) -> None:
        for item in items:
            entry = _entry(item)
            if entry is not None and (not self.entries or self.entries[-1] != entry):
                self.entries.append(entry)

    def _note_lines(self, asked: Iterable[int], items: Items) -> None:
        named = ((item["id"], _entry(item)) for item in items)
        self.entry_of.update((line, entry) for line, entry in named if entry is not None)
        self._gone.update(line for line in asked if line not in self.entry_of)


class EntriesSource(Source):
    """Ledger entries; the API's list may omit some."""

    def __init__(
        self, lines: LinesSource, began: Callable[[], datetime], *arguments: Any, **options: Any
    ) -> None:
        """Prepare it.

        Args:
            lines: The lines, which are read before.
            began: Returns when this run began.
            arguments: Passed to `Source`.
            options: Passed to `Source`.
        """
        super().__init__(*arguments, **options)
        self.lines = lines
        self._began = began

    @override
    def changed(self, key: str, events: Sequence[Event]) -> dict[int, bool]:
        """Return the entries of changed lines: entries have no changelog of their own.

        Nothing says which entry a deleted line belonged to. If the entry still exists, it balances,
        so another of its lines has changed and names it. If not, the next verification finds that
        it is gone; until then, the dbt views leave out entries that have only deleted lines.
        """
        if key != "id":
            return super().changed(key, events)
        lines = changed(events, key)
        deletions = [event.instant for event in events if event.deletes(key)]
        known = [self.untold_deletion] if self.untold_deletion else []
        self.untold_deletion = min([*known, *deletions], default=None)
        living = [line for line, is_gone in lines.items() if not is_gone]
        return dict.fromkeys(self.lines.entries_of(living), False)

    @override
    def verify(self, left: list[Range] | None, budget: Budget) -> Pages:
        """Read the list again, by date, because without such a filter it may omit closed years."""
        listed = copy(self.collection)
        listed.since = listed.since or ANY_DATE[2]
        return self.scan(listed, left, Allowance(budget))

    @override
    def _read(self, left: list[Range] | None) -> Pages:
        """Read the list, then the existing entries that it omits.

        Since July 2026 the list has all entries. If a company's list still omits those of closed
        years, as it did before, the lines just read reveal it or, if not all lines are known, the
        oldest entry does. If entries were ever missing for another reason, all lines are read,
        because a target would mark any undelivered entry as deleted.
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
                "'%s': Pennylane's list omits %d existing entries (such as %d); they were fetched "
                "separately.",
                self.collection.name,
                len(unlisted),
                unlisted[0],
            )

    def _unlisted(self, listed: array[int], *, is_whole: bool) -> Iterator[tuple[Items, bool]]:
        """Yield entries that the list omits, and whether that is certain.

        Args:
            listed: The ids that the list has.
            is_whole: Whether it was read from its beginning, not resumed after an interruption.
        """
        collection = self.collection
        if self.unlisted and not self.lines.are_all_known:
            LOGGER.info(
                "'%s': Pennylane's list omitted entries before; all lines are read to find them.",
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
        for _, items, dated in self._fetch(missing):
            omitted = [item for item in items if not self._is_of_this_run(item)]
            found = found or bool(omitted)
            yield omitted, is_whole
            yield [item for item in items if self._is_of_this_run(item)], False
            yield dated, True
        if is_whole and self.lines.are_all_known:
            self.unlisted = found

    def _is_of_this_run(self, entry: Mapping[str, Any]) -> bool:
        """Return whether an entry was created since the list may have been read."""
        created = entry.get("created_at")
        return isinstance(created, str) and datetime.fromisoformat(created) >= self._began()

    def _leaves_closed_years_out(self, listed: array[int]) -> bool:
        """Return whether the oldest entry, which any closed year has, needs a filter by date."""
        items, _ = self.collection.page(filtered({"limit": 1, "sort": "date"}, ANY_DATE))
        ids = [item["id"] for item in items if not _has(listed, item["id"])]
        # An entry that an earlier part of this read delivered is not missing.
        found = self.collection.by_ids(ids, self.collection.query)
        return bool(ids) and not any(items for _, items in found)

    @override
    def fetch_by_ids(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Items]]:
        named, is_wanted = set(self.lines.entries), self.collection.is_wanted
        for asked, items, dated in self._fetch(ids):
            found = items + dated
            yield asked, [one for one in found if one["id"] in named or is_wanted(one)]

    def _fetch(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Items, Items]]:
        """Fetch entries by id.

        Yields:
            Some of the ids, the entries found by id alone, and those found only with an additional
            filter by date.
        """
        query = self.collection.query
        for asked, items in self.collection.by_ids(ids, query):
            missing = sorted(set(asked) - {item["id"] for item in items})
            others = self.collection.by_ids(missing, filtered(query, ANY_DATE))
            yield asked, items, [item for _, found in others for item in found]


def _entry(line: Mapping[str, Any]) -> int | None:
    """Return the id of the entry that a line refers to, if any."""
    entry = (line.get("ledger_entry") or {}).get("id")
    return entry if isinstance(entry, int) else None


def _has(ids: array[int], one: int) -> bool:
    """Return whether ascending ids contain one."""
    place = bisect_left(ids, one)
    return place < len(ids) and ids[place] == one

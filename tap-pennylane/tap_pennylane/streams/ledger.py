"""The ledger's entries and lines: entries are held against the lines that name them."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_pennylane.changelog import by_id, changed
from tap_pennylane.errors import UntraceableError
from tap_pennylane.pagination import page
from tap_pennylane.scan import filtered
from tap_pennylane.streams.base import PennylaneStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_pennylane.bookmark import Range
    from tap_pennylane.changelog import Event
    from tap_pennylane.scan import Pages
    from tap_pennylane.tap import TapPennylane

    Items = list[dict[str, Any]]

ANY_DATE = ("date", "gteq", "1900-01-01")
"""A condition that every date meets. Whoever sends it gets closed years in any case."""


class LedgerEntryLines(PennylaneStream):
    """Lines of the ledger entries: debits and credits."""

    name = "ledger_entry_lines"
    path = "/ledger_entry_lines"
    changelog = "/changelogs/ledger_entry_lines"
    link_changelogs = (("/changelogs/ledger_entry_lines_categories", "ledger_entry_line"),)
    dated = True
    has_many = True

    def __init__(self, tap: TapPennylane) -> None:
        """Begin without knowing which entry a line is of."""
        super().__init__(tap)
        self.entry_of: dict[int, int] = {}
        self.entries = array("q")
        """The entries of all lines that a scan delivered: neighbours named once."""
        self.are_all_known = False
        """Whether `entries` are those of all lines."""

    @override
    def whole(self, left: list[Range] | None) -> Pages:
        for items, rest in super().whole(left):
            self._note(items)
            yield items, rest
        self.are_all_known = left is None

    def know_all(self) -> None:
        """Read all lines for the entries that they name, and deliver none."""
        for _ in self.whole(None):
            pass

    @override
    def again(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Items]]:
        for asked, items in super().again(ids):
            self._note(items)
            yield asked, items

    def _note(self, items: Items) -> None:
        for item in items:
            entry = (item.get("ledger_entry") or {}).get("id")
            if isinstance(entry, int) and (not self.entries or self.entries[-1] != entry):
                self.entries.append(entry)

    @override
    def followed(self, record: dict[str, Any]) -> None:
        self.entry_of[record["id"]] = record["ledger_entry_id"]


class LedgerEntries(PennylaneStream):
    """Ledger entries: drafts, entries without a date and those of closed years, too."""

    name = "ledger_entries"
    path = "/ledger_entries"
    changelog = LedgerEntryLines.changelog
    link_changelogs = (
        ("/changelogs/ledger_entry_lines_categories", "ledger_entry"),
        ("/changelogs/ledger_entries_categories", "ledger_entry"),
    )
    order = 1
    dated = True
    may_lack_date = True

    @property
    def lines(self) -> LedgerEntryLines:
        """The lines, read before."""
        stream: LedgerEntryLines = self.tap.streams[LedgerEntryLines.name]
        return stream

    @property
    @override
    def once_lacked_undated(self) -> bool:
        return True  # every list was asked with a date filter

    @override
    def changed(self, path: str, key: str, events: Sequence[Event]) -> dict[int, bool]:
        """Entries have no changelog of their own: a changed line names its entry."""
        if key != "id":
            return super().changed(path, key, events)
        lines = changed(events, key)
        if any(lines.values()):
            msg = "lines were deleted, and the changelog does not say of which entries"
            raise UntraceableError(msg)
        return dict.fromkeys(self._entries_of(lines), False)

    def _entries_of(self, lines: Iterable[int]) -> list[int]:
        stream = self.lines
        known = stream.entry_of
        unknown = [line for line in lines if line not in known]
        # Whatever their dates: a line before the start date names its entry as well.
        for _, items in by_id(stream, unknown, {"limit": stream.largest_page}):
            for record in map(stream.read, items):
                stream.followed(record)
        if gone := next((line for line in lines if line not in known), None):
            msg = f"the line {gone} is gone, and nothing says of which entry"
            raise UntraceableError(msg)
        return [known[line] for line in lines]

    @override
    def whole(self, left: list[Range] | None) -> Pages:
        """Read the list, and then what it does not have though it is there.

        Since July 2026 the list has all entries. Should a company's leave out those of closed years
        as it did before, the lines that were just read tell; where they are not all known, the
        oldest entry does. Where entries were once missing for another reason, all lines are read:
        what is not delivered now, a target takes for deleted.
        """
        listed = array("q")
        for items, rest in super().whole(left):
            listed.extend(item["id"] for item in items)
            yield items, rest
        unlisted = array("q")
        for items, is_news in self._unlisted(listed, is_whole=left is None):
            unlisted.extend(item["id"] for item in items if is_news)
            yield items, []
        if unlisted:
            self.logger.warning(
                "'%s': Pennylane's list leaves out %d entries that exist (%d, for one); they were "
                "read besides.",
                self.name,
                len(unlisted),
                unlisted[0],
            )

    def _unlisted(self, listed: array[int], *, is_whole: bool) -> Iterator[tuple[Items, bool]]:
        """Entries that are not listed, and whether that is certain.

        Args:
            listed: The ids that the list has.
            is_whole: Whether it was read from its beginning, not from where an earlier run stopped.
        """
        if self.unlisted and not self.lines.are_all_known:
            self.logger.info(
                "'%s': Pennylane's list left entries out before; all lines are read to find them.",
                self.name,
            )
            self.lines.know_all()
        known = array("q", sorted(listed))
        if not (self.lines.are_all_known or self.first_date) and self._leaves_closed_years_out(
            known
        ):
            for items in self.pages(filtered(self.query(), ANY_DATE)):
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
        oldest = filtered({"limit": 1, "sort": "date"}, ANY_DATE)
        items, _ = page(self.tap.client, self.path, oldest)
        ids = [item["id"] for item in items if not _has(listed, item["id"])]
        # One that came in an earlier run's part of this read is no news.
        return bool(ids) and not any(items for _, items in by_id(self, ids, self.query()))

    @override
    def again(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Items]]:
        named = set(self.lines.entries)
        for asked, items, dated in self._anyhow(ids):
            found = items + dated
            yield asked, [one for one in found if one["id"] in named or self.is_wanted(one)]

    def _anyhow(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Items, Items]]:
        """Fetch entries by id.

        Yields:
            Some of the ids, the entries that come so, and those that come with a filter by date
            besides.
        """
        for asked, items in by_id(self, ids, self.query()):
            missing = sorted(set(asked) - {item["id"] for item in items})
            others = by_id(self, missing, filtered(self.query(), ANY_DATE))
            yield asked, items, [item for _, found in others for item in found]


def _has(ids: array[int], one: int) -> bool:
    """Whether ids, ascending, hold one."""
    place = bisect_left(ids, one)
    return place < len(ids) and ids[place] == one

"""Collections without a changelog that derive from others: read when those have changed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_pennylane.replication.bookmark import Part
from tap_pennylane.replication.source import ALL, Piece, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_pennylane.fiscal_years import FiscalYears
    from tap_pennylane.replication.bookmark import Bookmark, Range
    from tap_pennylane.replication.ledger import LinesSource
    from tap_pennylane.replication.scan import Pages

TIME_PER_PAGE = timedelta(minutes=1)
"""How long a fiscal year's balance stays for each of its pages before it is read again: that costs
at most one request per minute, however large it is."""


class DerivedSource(Source):
    """A list that is read again when another collection has changed, such as bank accounts."""

    def __init__(self, basis: Source, *arguments: Any, **options: Any) -> None:
        """Prepare it; nothing is sent yet.

        Args:
            basis: The other collection, which is read before.
            arguments: Passed to `Source`.
            options: Passed to `Source`.
        """
        super().__init__(*arguments, **options)
        self.basis = basis

    @override
    def is_behind(self, bookmark: Bookmark) -> bool:
        return _is_later(self.basis.moved.values(), bookmark.read_at)


class NamedSource(DerivedSource):
    """Ledger accounts: those that changed lines name are fetched; some may be new."""

    basis: LinesSource

    @override
    def is_behind(self, bookmark: Bookmark) -> bool:
        """Return whether an earlier run, or a full read, delivered lines without their accounts."""
        followed = max(bookmark.followed_at or "", bookmark.read_at or "")
        return _is_later(self.basis.moved_before.values(), followed)

    @override
    def catch_up(self, bookmark: Bookmark, now: datetime) -> Iterator[Piece]:
        ids = sorted(self.basis.accounts)
        for _, items in self.collection.by_ids(ids, self.collection.query):
            yield Piece(items)
        if _is_later(self.basis.moved.values(), bookmark.followed_at):
            bookmark.followed_at = now.isoformat()
            yield Piece([])


class BalancesSource(DerivedSource):
    """The trial balance: a fiscal year is read again when one of its lines has changed."""

    def __init__(
        self,
        basis: Source,
        years: FiscalYears,
        verify_after: timedelta,
        *arguments: Any,
        **options: Any,
    ) -> None:
        """Prepare it; nothing is sent yet.

        Args:
            basis: The lines, which are read before.
            years: The company's fiscal years.
            verify_after: How old a fiscal year's balance may become even if no line changed.
            arguments: Passed to `Source`.
            options: Passed to `Source`.
        """
        super().__init__(basis, *arguments, **options)
        self._years = years
        self._verify_after = verify_after
        self._pages: Counter[str] = Counter()

    @override
    def is_behind(self, bookmark: Bookmark) -> bool:
        """Return whether the fiscal years themselves changed, as far as known without a request."""
        if bookmark.parts and not self._years.is_read and not self._has_moved(bookmark):
            return False
        return self._periods() != {first: part.until for first, part in bookmark.parts.items()}

    @override
    def catch_up(self, bookmark: Bookmark, now: datetime) -> Iterator[Piece]:
        if not bookmark.parts:
            return
        self._note_open_years(bookmark)
        behind = [first for first, part in bookmark.parts.items() if self._moved(first, part)]
        due = [first for first in behind if _is_due(bookmark.parts[first], now)]
        oldest = min(bookmark.parts, key=lambda first: bookmark.parts[first].read_at)
        if now - datetime.fromisoformat(bookmark.parts[oldest].read_at) > self._verify_after:
            due = sorted({*due, oldest})
        if bookmark.behind != behind:
            bookmark.behind = behind
            yield Piece([])
        for first in due:
            part = bookmark.parts[first]
            period = {"period_start": first, "period_end": part.until}
            began, pages = datetime.now(UTC), 0
            for _, found in self.collection.read_parts([period]):
                for items in found:
                    pages += 1
                    yield Piece(items)
            bookmark.parts[first] = Part(part.until, now.isoformat(), pages, part.is_open)
            bookmark.behind = [one for one in bookmark.behind if one != first]
            yield Piece([], ({**period, "number": ""}, began))

    @override
    def _read(self, left: list[Range] | None) -> Pages:
        self._pages.clear()
        for items, rest in super()._read(left):
            self._pages.update(item["period_start"] for item in items[:1])
            yield items, rest

    @override
    def note_scan(self, bookmark: Bookmark) -> None:
        bookmark.behind = []
        bookmark.parts = {
            first: Part(until, bookmark.read_at or "", max(1, self._pages[first]))
            for first, until in self._periods().items()
        }
        self._note_open_years(bookmark)

    def _periods(self) -> dict[str, str]:
        return {part["period_start"]: part["period_end"] for part in self.collection.parts()}

    def _note_open_years(self, bookmark: Bookmark) -> None:
        if self._years.is_read:
            is_open = self._years.are_open()
            for first, part in bookmark.parts.items():
                part.is_open = is_open.get(first, True)

    def _has_moved(self, bookmark: Bookmark) -> bool:
        return any(self._moved(first, part) for first, part in bookmark.parts.items())

    def _moved(self, first: str, part: Part) -> bool:
        """Return whether a line of a fiscal year has changed since its balance was read.

        If nothing says in which fiscal year a line was, it may be any that accepts changes.
        """
        moments = [
            moment
            for year, moment in self.basis.moved.items()
            if (part.is_open if year == ALL else first <= year <= part.until)
        ]
        return _is_later(moments, part.read_at)


def _is_later(moments: Iterable[datetime], than: str | None) -> bool:
    latest = max(moments, default=None)
    return latest is not None and (not than or latest > datetime.fromisoformat(than))


def _is_due(part: Part, now: datetime) -> bool:
    return now - datetime.fromisoformat(part.read_at) >= part.pages * TIME_PER_PAGE

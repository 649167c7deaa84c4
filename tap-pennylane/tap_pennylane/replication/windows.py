"""Reads windows of dates in parallel, if the API does not filter a collection by ranges of ids."""

from __future__ import annotations

from collections import deque
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

from tap_pennylane.api.ahead import in_order
from tap_pennylane.api.query import filtered
from tap_pennylane.errors import PennylaneError
from tap_pennylane.replication.bookmark import Range
from tap_pennylane.replication.budget import UNLIMITED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_pennylane.api.collection import Collection, Items
    from tap_pennylane.replication.budget import Allowance

    Pages = Iterator[tuple[Items, list[Range] | None]]
    Window = tuple[date | None, date | None]
    """From one day to before another one; None for no limit."""

FIRST_WINDOW = 7
"""Length of the first window of dates, in days."""

FEW_PAGES, MANY_PAGES = 2, 8
"""After a window of dates with at most `FEW_PAGES`, the next is longer; after one with more than
`MANY_PAGES`, shorter."""

FRUGAL_READERS = 4
"""Readers that share a budget. Each reserves a window's pages before it knows how many there are,
so more readers would leave more of the budget unused."""


def by_date(
    collection: Collection,
    left: list[Range] | None,
    first_day: Callable[[], str | None],
    allowance: Allowance,
) -> Pages:
    """Read a single page, or windows of dates: see `scan`."""
    if left is None:
        # The first window is taken along: a budget too small for both would never get beyond this.
        if not allowance.take_pages(1 + MANY_PAGES):
            return
        items, cursor = collection.page(collection.dated_query)
        if cursor is None:
            allowance.give_back_pages(MANY_PAGES)
            yield items, []
            return
    if left != []:
        rest = left[0] if left else None
        yield from _windows(collection, rest, first_day, allowance)


def _windows(
    collection: Collection,
    rest: Range | None,
    first_day: Callable[[], str | None],
    allowance: Allowance,
) -> Pages:
    """Read all before the first fiscal year, then windows of a few pages, then all after today.

    Without `rest`, the pages of the first window have been taken from the allowance.
    """
    today = collection.client.now().date()
    after = str(rest.after) if rest else collection.since or first_day() or today.isoformat()
    windows = _Windows(
        date.fromisoformat(after),
        today,
        days=rest.days if rest and rest.days else FIRST_WINDOW,
        is_first=rest is None and not collection.since,
    )
    asked: deque[Window] = deque()

    def tasks() -> Iterator[Callable[[], Iterator[Items]]]:
        for count, (begin, end) in enumerate(windows):
            if not (rest is None and count == 0) and not allowance.take_pages(MANY_PAGES):
                return
            asked.append((begin, end))
            conditions = [("date", "gteq", begin.isoformat())] if begin else []
            conditions += [("date", "lt", end.isoformat())] if end else []
            yield partial(collection.pages, filtered(collection.dated_query, *conditions))

    most = collection.readers if allowance is UNLIMITED else FRUGAL_READERS
    readers = min(collection.readers, most)
    for pages in in_order(tasks(), readers):
        begin, end = asked.popleft()
        left = [Range(begin.isoformat(), days=windows.days)] if begin else None
        count = 0
        for items in pages:
            _check_dates(collection, items, begin, end)
            yield items, left
            count += 1
        allowance.give_back_pages(MANY_PAGES - count)
        windows.adapt((begin, end), count)
        if end:
            yield [], [Range(end.isoformat(), days=windows.days)]


class _Windows:
    """Successive windows of dates, each as long as the density of the records suggests."""

    def __init__(self, first: date, today: date, *, days: int, is_first: bool) -> None:
        """Begin before the first window.

        Args:
            first: The first day of the first window with a beginning.
            today: The last day of the last window with an end.
            days: The length of that first window.
            is_first: Whether there is a window before the first day.
        """
        self._first, self._today, self._is_first = first, today, is_first
        self.days = days

    def __iter__(self) -> Iterator[Window]:
        if self._is_first:
            yield None, self._first
        begin = self._first
        while begin <= self._today:
            end = min(begin + timedelta(days=self.days), self._today + timedelta(days=1))
            yield begin, end
            begin = end
        yield begin, None

    def adapt(self, window: Window, pages: int) -> None:
        """Choose the length of later windows by the pages that one has filled."""
        begin, end = window
        if begin and end and not FEW_PAGES < pages <= MANY_PAGES:
            length = (end - begin).days
            self.days = length * 2 if pages <= FEW_PAGES else max(1, length // 2)


def _check_dates(
    collection: Collection, items: Items, begin: date | None, end: date | None
) -> None:
    """Refuse records that were not requested: requested records may be missing instead."""
    low, high = begin and begin.isoformat(), end and end.isoformat()
    for item in items:
        found = item.get("date")
        if found and ((low and found < low) or (high and found >= high)):
            msg = (
                f"{collection.path} returned a record of {found}, though dates from {low} to "
                f"before {high} were requested"
            )
            raise PennylaneError(msg)

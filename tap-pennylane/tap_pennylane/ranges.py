"""Ranges of ids read side by side, so that no answer's latency leaves a slot of the budget unused.

Ids are sparse, so nobody knows how many records a range holds. A reader that is done takes half of
what the busiest one has left; where that turns out to be a gap, the next split is nearer.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_pennylane.bookmark import Range
from tap_pennylane.errors import PennylaneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Items = list[dict[str, Any]]
    Fetch = Callable[[int, int], tuple[Items, bool]]
    """The first page of the ids above the one and up to the other, and whether there is more."""

WORTH_SPLITTING = 2
"""Pages that a range must have left, by its density so far: a split may cost a request."""

LONGEST_QUEUE = 2
"""Pages that may wait for the consumer."""

NARROWER = 32
"""After a split into a gap between ids, the next one is tried this much nearer."""


@dataclass
class _Reach:
    """A range that is being read: what was fetched of it, and what was handed on."""

    start: int
    until: int
    fetched: int
    delivered: int
    rows: int = 0
    share: float = 0.5
    """Of what is left, how much stays here at a split."""
    parent: _Reach | None = None
    is_fetched: bool = False
    is_delivered: bool = False

    def rows_left(self) -> float:
        """How many rows are still to fetch, if they lie as densely as those before."""
        return self.rows / max(1, self.fetched - self.start) * (self.until - self.fetched)


class SideBySide:
    """Readers of ranges, each in a thread, and one consumer."""

    def __init__(self, fetch: Fetch, ranges: Iterable[Range], readers: int, page_size: int) -> None:
        """Read nothing yet.

        Args:
            fetch: Reads a page; called from all threads.
            ranges: What to read.
            readers: How many pages may be under way at once.
            page_size: Rows in a full page.
        """
        self._fetch = fetch
        self._page_size = page_size
        self._readers = readers
        self._reaches = [
            _Reach(int(one.after), one.until, int(one.after), int(one.after))
            for one in ranges
            if one.until is not None
        ]
        self._waiting = list(self._reaches)
        self._progress = threading.Condition()
        self._stop = threading.Event()
        # Short: a slow consumer holds the readers back, and what waits here is read again if the
        # process is killed.
        self._pages: queue.Queue[tuple[_Reach, Items, int] | BaseException | None] = queue.Queue(
            maxsize=LONGEST_QUEUE
        )

    def pages(self) -> Iterator[tuple[Items, list[Range]]]:
        """Hand the pages on as they come.

        Yields:
            The items of a page, and the ranges that are left once it is delivered.

        Raises:
            PennylaneError: A page could not be read; the other readers are stopped.
        """
        for _ in range(self._readers):
            threading.Thread(target=self._read, daemon=True).start()
        working = self._readers
        try:
            while working:
                message = self._pages.get()
                if message is None:
                    working -= 1
                elif isinstance(message, BaseException):
                    raise message
                else:
                    reach, items, upto = message
                    yield items, self._delivered(reach, upto)
        finally:
            self._stop.set()
            with self._progress:
                self._progress.notify_all()

    def _delivered(self, reach: _Reach, upto: int) -> list[Range]:
        with self._progress:
            reach.delivered = upto
            reach.is_delivered = upto >= reach.until
            return [
                Range(one.delivered, one.until) for one in self._reaches if not one.is_delivered
            ]

    def _read(self) -> None:
        try:
            while not self._stop.is_set() and (reach := self._next()):
                while not reach.is_fetched and not self._stop.is_set():
                    self._put((reach, *self._page(reach)))
            self._put(None)
        except BaseException as error:  # noqa: BLE001 - raised again by the consumer
            self._put(error)

    def _page(self, reach: _Reach) -> tuple[Items, int]:
        items, has_more = self._fetch(reach.fetched, reach.until)
        if items and items[0]["id"] <= reach.fetched:
            msg = f"ids above {reach.fetched} were asked for, and {items[0]['id']} came"
            raise PennylaneError(msg)
        with self._progress:
            # The range may have been split meanwhile: what lies behind is another reader's.
            mine = [item for item in items if item["id"] <= reach.until]
            ended = not has_more or len(mine) < len(items)
            reach.fetched = reach.until if ended else mine[-1]["id"]
            reach.is_fetched = reach.fetched >= reach.until
            if mine and not reach.rows:
                reach.start = mine[0]["id"] - 1  # what lies before is a gap, and says no density
            reach.rows += len(mine)
            if reach.parent and not reach.rows and reach.is_fetched:
                reach.parent.share /= NARROWER
            self._progress.notify_all()
            return mine, reach.fetched

    def _next(self) -> _Reach | None:
        """A range that nobody reads, or half of the one with most rows left; None at the end."""
        with self._progress:
            while not self._stop.is_set():
                if self._waiting:
                    return self._waiting.pop(0)
                reading = [one for one in self._reaches if not one.is_fetched]
                if not reading:
                    return None
                unknown = {id(one.parent) for one in reading if not one.rows}
                known = [one for one in reading if one.rows and id(one) not in unknown]
                busiest = max(known, key=_Reach.rows_left, default=None)
                if busiest and busiest.rows_left() >= WORTH_SPLITTING * self._page_size:
                    return self._split(busiest)
                self._progress.wait(timeout=1)
        return None

    def _split(self, reach: _Reach) -> _Reach:
        middle = reach.fetched + int((reach.until - reach.fetched) * reach.share)
        half = _Reach(middle, reach.until, middle, middle, parent=reach)
        reach.until = middle
        self._reaches.append(half)
        return half

    def _put(self, message: tuple[_Reach, Items, int] | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._pages.put(message, timeout=0.1)
            except queue.Full:
                continue
            return

"""Reads ranges of ids in parallel, so that latency leaves no slot of the request budget unused.

Ids are sparse, so the number of records in a range is unknown. Two readers read a range from both
ends until they meet. A gap between ids costs no request, because the next page begins after it. An
idle reader starts in the middle of the longest range.
"""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from tap_pennylane.api.handover import Handover
from tap_pennylane.errors import PennylaneError
from tap_pennylane.replication.bookmark import Range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_pennylane.api.collection import Items

    Fetch = Callable[["Request"], tuple[Items, bool]]
    """Returns the page, in the requested order, and whether there is more."""

    Span = tuple[int, int]
    """Ids above the first number, up to the second."""

WORTH_SPLITTING = 3
"""Estimated pages that a range must have left: a split may cost an extra request."""

LONGEST_QUEUE = 2
"""How many pages may wait for the consumer."""


class Request(NamedTuple):
    """A request for one page of the ids above `after`, up to `until`."""

    after: int
    until: int
    upwards: bool
    """Whether to start from the lowest id, not from the highest."""

    @property
    def end(self) -> tuple[int, bool]:
        """The end of a range that no other reader should request meanwhile."""
        return (self.after if self.upwards else self.until), self.upwards


class RangeReaders:
    """Several readers of ranges, each in its own thread, for one consumer."""

    def __init__(
        self,
        fetch: Fetch,
        ranges: Iterable[Range],
        readers: int,
        page_size: int,
        *,
        next_slot: Callable[[], float] = lambda: 0,
        may_read: Callable[[], bool] = lambda: True,
    ) -> None:
        """Prepare the readers; nothing is sent yet.

        Args:
            fetch: Reads a page; called from all threads.
            ranges: The ranges to read.
            readers: Maximum number of requests in flight.
            page_size: Rows in a full page.
            next_slot: Returns the seconds until a request can be sent. Readers choose a page only
                then.
            may_read: Returns whether another page may be read; if not, the rest stays unread.
        """
        self._fetch = fetch
        self._page_size = page_size
        self._readers = readers
        self._next_slot = next_slot
        self._may_read = may_read
        self._is_cut_short = False
        self._active = readers
        spans = [(int(one.after), one.until) for one in ranges if one.until is not None]
        self._unread = self._undelivered = [(low, high) for low, high in spans if low < high]
        self._density: dict[int, float] = {}
        """Rows per id in the page that ended at an id."""
        self._asked: set[tuple[int, bool]] = set()
        self._progress = threading.Condition()
        self._stop = threading.Event()
        # Short, so that a slow consumer holds the readers back: if the process is killed, waiting
        # pages must be read again.
        self._pages: Handover[tuple[Items, list[Span]]] = Handover(LONGEST_QUEUE, self._stop)

    def pages(self) -> Iterator[tuple[Items, list[Range]]]:
        """Yield the pages as they arrive, until everything is read or `may_read` ends it.

        Yields:
            The items of a page, and the ranges left to read once it is delivered.

        Raises:
            PennylaneError: A page could not be read; the other readers are stopped.
        """
        for _ in range(self._readers):
            threading.Thread(target=self._read, daemon=True).start()
        try:
            for items, spans in self._pages if self._undelivered else ():
                for span in spans:
                    self._undelivered = _without(self._undelivered, span)
                yield items, [Range(*span) for span in self._undelivered]
                if not self._undelivered:
                    break
            if self._undelivered and not self._is_cut_short:
                msg = f"the readers ended before the ids {self._undelivered} were read"
                raise PennylaneError(msg)
        finally:
            self._stop.set()
            with self._progress:
                self._progress.notify_all()

    def _read(self) -> None:
        try:
            while request := self._next():
                self._pages.put(self._page(request))
        except BaseException as error:  # noqa: BLE001 - raised again by the consumer
            self._pages.fail(error)
        with self._progress:
            self._active -= 1
            is_last = not self._active
        if is_last:
            self._pages.close()

    def _next(self) -> Request | None:
        """Wait until a request can be sent, and choose it; None at the end."""
        with self._progress:
            while self._unread and not (self._stop.is_set() or self._is_cut_short):
                wait = self._next_slot()
                if wait <= 0 and (request := self._choice()):
                    if self._may_read():
                        self._asked.add(request.end)
                        return request
                    self._is_cut_short = True
                    self._progress.notify_all()
                    break
                self._progress.wait(min(wait, 1) if wait > 0 else 1)
        return None

    def _choice(self) -> Request | None:
        """Choose an unread end of the range with the most rows left, else the middle of a range."""
        ends: list[tuple[float, Request]] = []
        splittable: list[tuple[float, Span]] = []
        for after, until in self._unread:
            upwards, downwards = (Request(after, until, upwards=up) for up in (True, False))
            free = [one for one in (upwards, downwards) if one.end not in self._asked]
            rows = self._rows(after, until)
            if free == [upwards, downwards]:
                # Ranges of unknown density come first, to learn it.
                ends.append((rows or float("inf"), upwards))
            elif free:
                if rows > self._page_size:  # else the other reader's page will be the last
                    ends.append((rows, free[0]))
            elif {after, until} <= self._density.keys():
                splittable.append((rows, (after, until)))
        if ends:
            return max(ends)[1]
        rows, (after, until) = max(splittable, default=(0, (0, 0)))
        if rows <= WORTH_SPLITTING * self._page_size:
            return None
        middle = (after + until) // 2
        place = self._unread.index((after, until))
        self._unread[place : place + 1] = [(after, middle), (middle, until)]
        return Request(middle, until, upwards=True)

    def _rows(self, after: int, until: int) -> float:
        """Estimate a range's rows from the density at its ends; 0 if that is unknown."""
        known = [self._density[end] for end in (after, until) if end in self._density]
        return (until - after) * sum(known) / len(known) if known else 0

    def _page(self, request: Request) -> tuple[Items, list[Span]]:
        """Fetch a page; return its items and spans, without those that another reader covered."""
        items, has_more = self._fetch(request)
        if not request.upwards:
            items.reverse()
        ids: list[int] = [item["id"] for item in items]
        _check(request, ids, has_more=has_more)
        with self._progress:
            self._asked.discard(request.end)
            reached = request.after, request.until
            if has_more:
                end = ids[-1] if request.upwards else ids[0] - 1
                reached = (request.after, end) if request.upwards else (end, request.until)
                self._density[end] = len(ids) / (ids[-1] - ids[0] + 1)
            spans = _common(self._unread, reached)
            self._unread = _without(self._unread, reached)
            self._progress.notify_all()
        mine = [item for item in items if any(low < item["id"] <= high for low, high in spans)]
        return mine, spans


def _check(request: Request, ids: list[int], *, has_more: bool) -> None:
    """Refuse a page that differs from the request: records between its ids would be lost."""
    after, until, _ = request
    asked = f"ids above {after} up to {until} were requested"
    if wrong := [one for one in ids if not after < one <= until]:
        msg = f"{asked}; {wrong[0]} came"
        raise PennylaneError(msg)
    if any(one >= other for one, other in pairwise(ids)):
        msg = f"{asked}; they came in another order"
        raise PennylaneError(msg)
    if has_more and not ids:
        msg = f"{asked}; none came, yet more were reported"
        raise PennylaneError(msg)


def _common(spans: list[Span], other: Span) -> list[Span]:
    """Return the intersections of several spans with another span."""
    shared = [(max(low, other[0]), min(high, other[1])) for low, high in spans]
    return [(low, high) for low, high in shared if low < high]


def _without(spans: list[Span], other: Span) -> list[Span]:
    """Return what is left of several spans without another span."""
    parts = [
        part
        for low, high in spans
        for part in ((low, min(high, other[0])), (max(low, other[1]), high))
    ]
    return [(low, high) for low, high in parts if low < high]

"""Reading a whole collection, so that a read that was cut off goes on where it stopped."""

from __future__ import annotations

import json
from collections import deque
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tap_pennylane.ahead import in_order
from tap_pennylane.bookmark import Range
from tap_pennylane.errors import PennylaneError
from tap_pennylane.pagination import page
from tap_pennylane.ranges import SideBySide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_pennylane.ranges import Request
    from tap_pennylane.streams.base import PennylaneStream

    Items = list[dict[str, Any]]
    Pages = Iterator[tuple[Items, list[Range] | None]]

FIRST_WINDOW = 7
"""Days."""

WORTH_A_PIECE = 2
"""Pages of a first piece, at least."""

MOST_PAGES = 100
"""In one of several equal ranges; where the ids suggest more, most are gaps."""

FEW_PAGES, MANY_PAGES = 2, 8
"""Windows of dates get longer where one has fewer pages, and shorter where it has more."""


def scan(stream: PennylaneStream, left: list[Range] | None) -> Pages:
    """Read a stream's collection to its end, or what is left of it.

    Args:
        stream: What to read.
        left: What was not read before, as this function said it; None is all.

    Yields:
        A page of the API's items, each with the parameters of its slice, and what is left once that
        page is delivered.

    Raises:
        PennylaneError: The collection could not be read whole.
    """
    if not stream.changelog:
        return _from_the_start(stream)
    return _by_date(stream, left) if stream.scan_by == "date" else _by_id(stream, left)


def _from_the_start(stream: PennylaneStream) -> Pages:
    parameters = stream.parameters()
    parts = list(stream.slices())
    tasks = (partial(stream.pages, {**parameters, **part}) for part in parts)
    for part, pages in zip(parts, in_order(tasks, stream.readers), strict=True):
        for items in pages:
            yield ([{**item, **part} for item in items] if part else items), None


def _by_id(stream: PennylaneStream, left: list[Range] | None) -> Pages:
    """The first page; if there is more, the last page and what lies between, side by side.

    A record that comes while this is read is the changelog's.
    """
    parameters = stream.parameters()

    def read(query: dict[str, Any]) -> tuple[Items, bool]:
        items, cursor = page(stream.tap.client, stream.path, query)
        return _with_ids(stream, items), cursor is not None

    def fetch(request: Request) -> tuple[Items, bool]:
        query = filtered(parameters, ("id", "gt", request.after), ("id", "lteq", request.until))
        return read(query if request.upwards else from_the_end(query))

    if left is None:
        if stream.may_lack_date and stream.first_date:
            yield from ((items, None) for items in _without_date(stream))
        first, has_more = read(parameters)
        if not has_more:
            yield first, []
            return
        if not first:
            msg = f"{stream.path} answers no record, and that there are more"
            raise PennylaneError(msg)
        after = first[-1]["id"]
        newest, _ = read(from_the_end(parameters))
        last = [item for item in reversed(newest) if item["id"] > after]
        until = last[0]["id"] - 1 if len(last) == len(newest) else after
        left = pieces(after, until, _pages(until - after, first, newest), stream.readers)
        yield first, [*left, *([Range(until, last[-1]["id"])] if last else [])]
        yield last, left
    next_slot = stream.tap.client.next_slot
    yield from SideBySide(
        fetch, left, stream.readers, parameters["limit"], next_slot=next_slot
    ).pages()


def _without_date(stream: PennylaneStream) -> Iterator[Items]:
    """The records that a filter by date leaves out: they are at one end of the order by date.

    Which end is not documented, so both are looked at: two requests where there are none.
    """
    given: set[int] = set()
    for order in ("date", "-date"):
        for items in stream.pages({**stream.query(), "sort": order}):
            undated = [item for item in _with_ids(stream, items) if item.get("date") is None]
            found = [item for item in undated if item["id"] not in given]
            given.update(item["id"] for item in found)
            if found:
                yield found
            if len(undated) < len(items):
                break
    if given:
        stream.logger.info(
            "'%s': %d records have no date; they were read whatever the start date.",
            stream.name,
            len(given),
        )


def _with_ids(stream: PennylaneStream, items: Items) -> Items:
    if not all(isinstance(item.get("id"), int) for item in items):
        msg = f"{stream.path} answers a record without an id"
        raise PennylaneError(msg)
    return items


def _pages(ids: int, *known: Items) -> int:
    """How many pages so many ids make, if they lie as densely as those on the known pages."""
    spans: list[int] = [abs(items[-1]["id"] - items[0]["id"]) + 1 for items in known]
    return ids * len(known) // sum(spans)


def pieces(after: int, until: int, pages: int, readers: int) -> list[Range]:
    """Parts of a range, one for each reader if they are worth it.

    Equal ones, unless most would be gaps if records lie as densely as at the ends, where they were
    seen: then the parts double from both ends on.
    """
    count = max(1, min(readers, pages // WORTH_A_PIECE))
    ids = until - after
    if count == 1 or pages <= MOST_PAGES * count:
        inner = [ids * part // count for part in range(1, count)]
    else:
        doubled = [2**step for step in range(1, (count + 1) // 2) if 2 ** (step + 1) < pages]
        steps = [ids * step // pages for step in doubled]
        inner = [*steps, *(ids - step for step in reversed(steps))]
    bounds = [after, *(after + part for part in inner), until]
    return [Range(low, high) for low, high in pairwise(bounds) if low < high]


def _by_date(stream: PennylaneStream, left: list[Range] | None) -> Pages:
    """A single page, or windows of dates, because the API takes no range of ids."""
    if left is None:
        items, cursor = page(stream.tap.client, stream.path, stream.parameters())
        if cursor is None:
            yield items, []
            return
    if left != []:
        yield from _windows(stream, str(left[0].after) if left else None)


def _windows(stream: PennylaneStream, after: str | None) -> Pages:
    """All that is older than the first fiscal year, windows of a few pages, all after today."""
    today = stream.tap.client.now().date()
    first = date.fromisoformat(
        after or stream.first_date or _first_day(stream) or today.isoformat()
    )
    days = FIRST_WINDOW
    asked: deque[tuple[date | None, date | None]] = deque()

    def window(begin: date | None, end: date | None) -> Callable[[], Iterator[Items]]:
        asked.append((begin, end))
        conditions = [("date", "gteq", begin.isoformat())] if begin else []
        conditions += [("date", "lt", end.isoformat())] if end else []
        return partial(stream.pages, filtered(stream.parameters(), *conditions))

    def windows() -> Iterator[Callable[[], Iterator[Items]]]:
        if after is None and not stream.first_date:
            yield window(None, first)
        begin = first
        while begin <= today:
            end = min(begin + timedelta(days=days), today + timedelta(days=1))
            yield window(begin, end)
            begin = end
        yield window(begin, None)

    for pages in in_order(windows(), stream.readers):
        begin, end = asked.popleft()
        left = [Range(begin.isoformat())] if begin else None
        count = 0
        for items in pages:
            yield items, left
            count += 1
        if begin and end and not FEW_PAGES < count <= MANY_PAGES:
            length = (end - begin).days
            days = length * 2 if count <= FEW_PAGES else max(1, length // 2)


def _first_day(stream: PennylaneStream) -> str | None:
    try:
        return min((year["start"] for year in stream.tap.fiscal_years()), default=None)
    except PennylaneError:  # said where the fiscal years are read themselves
        return None


def from_the_end(parameters: dict[str, Any]) -> dict[str, Any]:
    """A query for the last page in place of the first."""
    return {**parameters, "sort": "-id"}


def filtered(parameters: dict[str, Any], *conditions: tuple[str, str, object]) -> dict[str, Any]:
    """A query with more conditions: field, operator, value."""
    filters = json.loads(parameters.get("filter", "[]")) + [
        {"field": field, "operator": operator, "value": value}
        for field, operator, value in conditions
    ]
    return {**parameters, "filter": json.dumps(filters)} if filters else parameters

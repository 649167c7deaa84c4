"""Reading a whole collection, so that a read that was cut off goes on where it stopped."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tap_pennylane.errors import PennylaneError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pennylane.streams.base import PennylaneStream

    Pages = Iterator[tuple[list[dict[str, Any]], int | str | None]]

FEW_PAGES, MANY_PAGES = 2, 8
"""A window of dates grows below the one and shrinks above the other."""


def scan(stream: PennylaneStream, after: int | str | None) -> Pages:
    """Read a stream's collection to its end, or what is left of it.

    Args:
        stream: What to read.
        after: What was read before, as this function said it; None for nothing.

    Yields:
        A page of the API's items, each with the parameters of its slice, and `after` for a scan
        that goes on behind that page.

    Raises:
        PennylaneError: The collection could not be read whole.
    """
    if not stream.changelog:
        return _from_the_start(stream)
    return _by_date(stream, after) if stream.scan_by == "date" else _by_id(stream, after)


def _from_the_start(stream: PennylaneStream) -> Pages:
    parameters = stream.parameters()
    for part in stream.slices():
        for page in stream.pages({**parameters, **part}):
            yield ([{**item, **part} for item in page] if part else page), None


def _by_id(stream: PennylaneStream, after: int | str | None) -> Pages:
    """In ascending order of ids, which are sparse but never move."""
    beyond = [] if after is None else [("id", "gt", after)]
    for page in stream.pages(filtered(stream.parameters(), *beyond)):
        if not all(isinstance(item.get("id"), int) for item in page):
            msg = f"{stream.path} answers a record without an id"
            raise PennylaneError(msg)
        after = page[-1]["id"] if page else after
        yield page, after


def _by_date(stream: PennylaneStream, after: int | str | None) -> Pages:
    """In windows of dates, because the API takes no range of ids.

    First all that is older than the first fiscal year, then windows of a few pages each, at last
    all that is after today.
    """

    def window(*conditions: tuple[str, str, object]) -> Iterator[list[dict[str, Any]]]:
        return stream.pages(filtered(stream.parameters(), *conditions))

    today = stream.tap.client.now().date()
    start = date.fromisoformat(str(after or stream.first_date or _first_day(stream) or today))
    if after is None and not stream.first_date:
        for page in window(("date", "lt", start.isoformat())):
            yield page, None
    days = 31
    while start <= today:
        end = min(start + timedelta(days=days), today + timedelta(days=1))
        count = 0
        for page in window(("date", "gteq", start.isoformat()), ("date", "lt", end.isoformat())):
            yield page, start.isoformat()
            count += 1
        start = end
        yield [], start.isoformat()
        if count <= FEW_PAGES:
            days *= 2
        elif count > MANY_PAGES:
            days = max(1, days // 2)
    for page in window(("date", "gteq", start.isoformat())):
        yield page, start.isoformat()


def _first_day(stream: PennylaneStream) -> str | None:
    try:
        return min((year["start"] for year in stream.tap.fiscal_years()), default=None)
    except PennylaneError:  # said where the fiscal years are read themselves
        return None


def filtered(parameters: dict[str, Any], *conditions: tuple[str, str, object]) -> dict[str, Any]:
    """A query with more conditions: field, operator, value."""
    filters = json.loads(parameters.get("filter", "[]")) + [
        {"field": field, "operator": operator, "value": value}
        for field, operator, value in conditions
    ]
    return {**parameters, "filter": json.dumps(filters)} if filters else parameters

"""Reading a whole collection, so that a read that was cut off goes on where it stopped."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tap_pennylane.bookmark import Range
from tap_pennylane.errors import PennylaneError
from tap_pennylane.pagination import page
from tap_pennylane.ranges import SideBySide

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pennylane.streams.base import PennylaneStream

    Pages = Iterator[tuple[list[dict[str, Any]], list[Range] | None]]

FEW_PAGES, MANY_PAGES = 2, 8
"""A window of dates grows below the one and shrinks above the other."""


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
    for part in stream.slices():
        for items in stream.pages({**parameters, **part}):
            yield ([{**item, **part} for item in items] if part else items), None


def _by_id(stream: PennylaneStream, left: list[Range] | None) -> Pages:
    """The first page alone; if there is more, the ids up to the highest one, side by side.

    A record that comes while this is read is the changelog's.
    """
    parameters = stream.parameters()

    def fetch(after: int, until: int) -> tuple[list[dict[str, Any]], bool]:
        between = (("id", "gt", after), ("id", "lteq", until))
        items, cursor = page(stream.tap.client, stream.path, filtered(parameters, *between))
        return _with_ids(stream, items), cursor is not None

    if left is None:
        items, cursor = page(stream.tap.client, stream.path, parameters)
        left = []
        if cursor is not None:
            newest = {**parameters, "sort": "-id", "limit": 1}
            top, _ = page(stream.tap.client, stream.path, newest)
            last = max(item["id"] for item in _with_ids(stream, [*items, *top]))
            left = [Range(items[-1]["id"], last)]
        yield _with_ids(stream, items), left
    readers = min(stream.config["concurrency"], stream.tap.client.useful_concurrency())
    yield from SideBySide(fetch, left, readers, parameters["limit"]).pages()


def _with_ids(stream: PennylaneStream, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not all(isinstance(item.get("id"), int) for item in items):
        msg = f"{stream.path} answers a record without an id"
        raise PennylaneError(msg)
    return items


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

    def window(*conditions: tuple[str, str, object]) -> Iterator[list[dict[str, Any]]]:
        return stream.pages(filtered(stream.parameters(), *conditions))

    today = stream.tap.client.now().date()
    start = date.fromisoformat(
        after or stream.first_date or _first_day(stream) or today.isoformat()
    )
    if after is None and not stream.first_date:
        for items in window(("date", "lt", start.isoformat())):
            yield items, None
    days = 31
    while start <= today:
        end = min(start + timedelta(days=days), today + timedelta(days=1))
        count = 0
        for items in window(("date", "gteq", start.isoformat()), ("date", "lt", end.isoformat())):
            yield items, [Range(start.isoformat())]
            count += 1
        start = end
        yield [], [Range(start.isoformat())]
        if count <= FEW_PAGES:
            days *= 2
        elif count > MANY_PAGES:
            days = max(1, days // 2)
    for items in window(("date", "gteq", start.isoformat())):
        yield items, [Range(start.isoformat())]


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

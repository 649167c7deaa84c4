"""Reads a complete collection, so that an interrupted read resumes where it stopped."""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tap_pennylane.api.pagination import check_order
from tap_pennylane.api.query import filtered, from_the_end
from tap_pennylane.errors import PennylaneError
from tap_pennylane.replication import windows
from tap_pennylane.replication.bookmark import Range
from tap_pennylane.replication.budget import UNLIMITED
from tap_pennylane.replication.ranges import RangeReaders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_pennylane.api.collection import Collection, Items
    from tap_pennylane.replication.budget import Allowance
    from tap_pennylane.replication.ranges import Request

    Pages = Iterator[tuple[Items, list[Range] | None]]

LOGGER = logging.getLogger("tap-pennylane.scan")

WORTH_A_PIECE = 2
"""Minimum number of pages in a piece of a range."""

MOST_PAGES = 100
"""Maximum pages in each of several equal pieces; if the ids suggest more, most of them are gaps."""


def scan(
    collection: Collection,
    left: list[Range] | None,
    *,
    by: str | None = None,
    first_day: Callable[[], str | None] = lambda: None,
    allowance: Allowance = UNLIMITED,
) -> Pages:
    """Read a collection to its end, or what is left of it.

    Args:
        collection: What to read.
        left: What is left to read, as yielded by an earlier scan; None means everything.
        by: The field by which an interrupted read resumes, `id` or `date`; None to start over.
        first_day: Returns the first day of the company's books, if known.
        allowance: Ends the scan early; its budget then says that it was refused.

    Yields:
        A page of items, each with the parameters of its part, and what is left to read once the
        page is delivered.

    Raises:
        PennylaneError: The collection could not be read completely.
    """
    if by is None:
        return _from_the_start(collection, allowance)
    if by == "date":
        return windows.by_date(collection, left, first_day, allowance)
    return _by_id(collection, left, allowance)


def _from_the_start(collection: Collection, allowance: Allowance) -> Pages:
    """Read all of it at once; what that costs is taken from the allowance, even if it is more."""
    for _, pages in collection.read_parts(list(collection.parts())):
        for items in pages:
            allowance.give_back_pages(-1)
            yield items, None


def _by_id(collection: Collection, left: list[Range] | None, allowance: Allowance) -> Pages:
    """Read the first page, then the last page, then the rest between them in parallel.

    A record that is created meanwhile is left to the changelog.
    """
    query = collection.dated_query

    def read(asked: dict[str, Any]) -> tuple[Items, bool]:
        items, cursor = collection.page(asked)
        return _with_ids(collection, items), cursor is not None

    def read_end(asked: dict[str, Any]) -> tuple[Items, bool]:
        items, has_more = read(asked)
        check_order(collection.path, asked["sort"], items)  # `RangeReaders` check the other pages
        return items, has_more

    def fetch(request: Request) -> tuple[Items, bool]:
        part = filtered(query, ("id", "gt", request.after), ("id", "lteq", request.until))
        return read(part if request.upwards else from_the_end(part))

    if left is None:
        opening = 2 + 2 * (collection.may_lack_date and bool(collection.since))
        if not allowance.take_pages(opening):
            return
        if collection.may_lack_date and collection.since:
            yield from ((items, None) for items in _without_date(collection))
        first, has_more = read_end(query)
        if not has_more:
            yield first, []
            return
        if not first:
            msg = f"{collection.path} returned an empty page but reported more"
            raise PennylaneError(msg)
        after = first[-1]["id"]
        newest, _ = read_end(from_the_end(query))
        last = [item for item in reversed(newest) if item["id"] > after]
        if not last:
            msg = (
                f"{collection.path} reports more records than its first page has, but sorted by "
                "-id it returns none of them"
            )
            raise PennylaneError(msg)
        until = last[0]["id"] - 1 if len(last) == len(newest) else after
        left = pieces(after, until, _pages(until - after, first, newest), collection.readers)
        yield first, [*left, Range(until, last[-1]["id"])]
        yield last, left
    readers = RangeReaders(
        fetch,
        left,
        collection.readers if allowance.per_page == 1 else 1,
        query["limit"],
        next_slot=collection.client.next_slot,
        may_read=allowance.take_pages,
    )
    yield from readers.pages()


def _without_date(collection: Collection) -> Iterator[Items]:
    """Read the records that a filter by date omits: they are at one end when sorted by date.

    Which end is not documented, so both are read: two requests if there are no such records.
    """
    given: set[int] = set()
    for order in ("date", "-date"):
        for items in collection.pages({**collection.query, "sort": order}):
            undated = [item for item in _with_ids(collection, items) if item.get("date") is None]
            found = [item for item in undated if item["id"] not in given]
            given.update(item["id"] for item in found)
            if found:
                yield found
            if len(undated) < len(items):
                break
    if given:
        LOGGER.info(
            "'%s': %d records have no date; they were read regardless of the start date.",
            collection.name,
            len(given),
        )


def _with_ids(collection: Collection, items: Items) -> Items:
    if not all(isinstance(item.get("id"), int) for item in items):
        msg = f"{collection.path} returned a record without an id"
        raise PennylaneError(msg)
    return items


def _pages(ids: int, *known: Items) -> int:
    """Estimate how many pages so many ids fill, from their density on the known pages."""
    spans: list[int] = [abs(items[-1]["id"] - items[0]["id"]) + 1 for items in known]
    return ids * len(known) // sum(spans)


def pieces(after: int, until: int, pages: int, readers: int) -> list[Range]:
    """Divide a range into pieces, one per reader if they are large enough.

    The pieces are equal, unless the estimate from the density at both ends suggests that most ids
    are gaps. Then the pieces double in size from both ends.
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

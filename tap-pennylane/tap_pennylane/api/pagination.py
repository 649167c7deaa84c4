"""Reads the pages of Pennylane's lists: by cursor or, some of a firm's, by number."""

from __future__ import annotations

from itertools import count as count_from
from typing import TYPE_CHECKING, Any

from tap_pennylane.errors import PennylaneError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_pennylane.api.client import Client


DIRECTIONS = {"id": 1, "-id": -1}
"""The sort orders that can be checked, with 1 for ascending and -1 for descending ids."""

INCLUDED = "included"
"""The key under which an item has the lists that the query included."""

PER_PAGE = "per_page"
"""The parameter of lists that are paged by number; the others have `limit`."""


def pages(
    client: Client, path: str, params: Mapping[str, Any], first: Mapping[str, Any] | None = None
) -> Iterator[list[dict[str, Any]]]:
    """Read a list to its end.

    The cursor does not contain filter and sort, so every request repeats all parameters.

    Args:
        client: Sends the requests.
        path: The list's path.
        params: The query of every page.
        first: Additional parameters of the first page's query only.

    Yields:
        The items of one page.

    Raises:
        PennylaneError: A request failed or returned an invalid page: the list was not read
            completely.
    """
    if PER_PAGE in params:
        yield from _numbered_pages(client, path, params)
        return
    query = {**params, **(first or {})}
    seen: set[str] = set()
    last: int | None = None
    while True:
        items, cursor = page(client, path, query)
        last = check_order(path, params.get("sort"), items, last)
        yield items
        if cursor is None:
            return
        if cursor in seen:
            msg = f"{path} returned the same cursor twice: its list would never end"
            raise PennylaneError(msg)
        seen.add(cursor)
        query = {**params, "cursor": cursor}


def page(
    client: Client, path: str, params: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], str | None]:
    """Read one page.

    Returns:
        Its items, and the cursor of the next page; None at the end.

    Raises:
        PennylaneError: The request failed, or the response is not a page.
    """
    page, items = _page(client, path, params)
    cursor = page.get("next_cursor")
    for kind, lists in (page.get("included") or {}).items():
        for item in items:
            item.setdefault(INCLUDED, {})[kind] = lists.get(str(item.get("id")))
    if not isinstance(cursor, str | None) or cursor == "":
        msg = f"{path} returned a 'next_cursor' that is not a string"
        raise PennylaneError(msg)
    if cursor is None and page.get("has_more"):
        msg = f"{path} reported more but returned no cursor"
        raise PennylaneError(msg)
    return items, cursor


def _page(
    client: Client, path: str, params: Mapping[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the response of a list, and its items."""
    page = client.get(path, params)
    if not isinstance(page, dict) or not isinstance(page.get("items"), list):
        msg = f"{path} did not return a list with 'items'"
        raise PennylaneError(msg)
    if not all(isinstance(item, dict) for item in page["items"]):
        msg = f"{path} returned an item that is not an object"
        raise PennylaneError(msg)
    return page, page["items"]


def _numbered_pages(
    client: Client, path: str, params: Mapping[str, Any]
) -> Iterator[list[dict[str, Any]]]:
    """Read a list that is paged by number.

    A number does not say with which record a page begins: if the list changes while it is read, a
    record may be omitted or returned twice. So the count must be the one that the list reports.
    """
    count = 0
    for number in count_from(1):
        page, items = _page(client, path, {**params, "page": number})
        current, last, total = (
            page.get(name) for name in ("current_page", "total_pages", "total_items")
        )
        if current != number or not isinstance(last, int):
            msg = f"{path} returned page {current} of {last}, though page {number} was requested"
            raise PennylaneError(msg)
        count += len(items)
        yield items
        if number >= last:
            break
    if count != total:
        msg = f"{path} returned {count} records but reported {total}: it changed while it was read"
        raise PennylaneError(msg)


def check_order(
    path: str, sort: object, items: list[dict[str, Any]], last: int | None = None
) -> int | None:
    """Refuse a page that is not in the requested order: records between its ids would be lost.

    Args:
        path: The list's path.
        sort: The requested order.
        items: The page's items.
        last: The last id of the previous page.

    Returns:
        The page's last id; None if the order can't be checked.

    Raises:
        PennylaneError: The ids are in another order, or an id appeared twice.
    """
    direction = DIRECTIONS.get(str(sort))
    if direction is None:
        return None
    for item in items:
        identity = item.get("id")
        if not isinstance(identity, int):
            return None
        if last is not None and (identity - last) * direction <= 0:
            msg = f"{path} returned id {identity} after {last}, though it was sorted by {sort}"
            raise PennylaneError(msg)
        last = identity
    return last

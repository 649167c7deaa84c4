"""Cursors and pages of Pennylane's lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_pennylane.errors import PennylaneError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_pennylane.api.client import Client


DIRECTIONS = {"id": 1, "-id": -1}
"""The orders that can be checked, and whether ids grow in them."""

INCLUDED = "included"
"""Where an item has the lists that the query asked to include."""


def pages(
    client: Client, path: str, params: Mapping[str, Any], first: Mapping[str, Any] | None = None
) -> Iterator[list[dict[str, Any]]]:
    """Read a list to its end.

    The cursor does not carry filter and sort, so every page's request repeats all parameters.

    Args:
        client: Sends the requests.
        path: The list's path.
        params: The query of every page.
        first: What only the first page's query has besides.

    Yields:
        The items of one page.

    Raises:
        PennylaneError: A request failed, or a page is not a page: then the list was not read whole.
    """
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
            msg = f"{path} answers the same cursor again: its list has no end"
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
        PennylaneError: The request failed, or the answer is no page.
    """
    page = client.get(path, params)
    if not isinstance(page, dict) or not isinstance(page.get("items"), list):
        msg = f"{path} does not answer a list with 'items'"
        raise PennylaneError(msg)
    items, cursor = page["items"], page.get("next_cursor")
    if not all(isinstance(item, dict) for item in items):
        msg = f"{path} answers an item that is no object"
        raise PennylaneError(msg)
    for kind, lists in (page.get("included") or {}).items():
        for item in items:
            item.setdefault(INCLUDED, {})[kind] = lists.get(str(item.get("id")))
    if not isinstance(cursor, str | None) or cursor == "":
        msg = f"{path} answers a 'next_cursor' that is no text"
        raise PennylaneError(msg)
    if cursor is None and page.get("has_more"):
        msg = f"{path} says that it has more, but not where"
        raise PennylaneError(msg)
    return items, cursor


def check_order(
    path: str, sort: object, items: list[dict[str, Any]], last: int | None = None
) -> int | None:
    """Refuse a page in another order than was asked for: records would be lost between its ids.

    Args:
        path: The list's path.
        sort: The order that was asked for.
        items: Of the page.
        last: The last id of the page before.

    Returns:
        The last id; None where the order can't be checked.

    Raises:
        PennylaneError: The ids are in another order, or one came twice.
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

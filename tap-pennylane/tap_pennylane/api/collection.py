"""One list of the API."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tap_pennylane.api.ahead import in_order
from tap_pennylane.api.pagination import page, pages
from tap_pennylane.api.query import filtered
from tap_pennylane.errors import PennylaneError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_pennylane.api.client import Client

    Items = list[dict[str, Any]]

IDS_PER_REQUEST = 100
"""Records fetched per request by their ids: the maximum page size of most lists."""


class Collection:
    """A list of the API, read by pages or by ids."""

    def __init__(
        self,
        client: Client,
        name: str,
        path: str,
        query: Mapping[str, Any],
        *,
        since: str | None = None,
        may_lack_date: bool = False,
    ) -> None:
        """Prepare a list; nothing is sent yet.

        Args:
            client: Sends the requests.
            name: The list's name in messages.
            path: Below the API's prefix, with a leading slash.
            query: The query of every page, without the start date.
            since: The start date, YYYY-MM-DD; None for all records.
            may_lack_date: Whether a record's `date` may be null. Such records are wanted, but a
                filter by date omits them.
        """
        self.client = client
        self.name = name
        self.path = path
        self.query = query
        self.since = since
        self.may_lack_date = may_lack_date

    @property
    def readers(self) -> int:
        """How many requests to keep in flight."""
        return self.client.readers()

    @property
    def dated_query(self) -> dict[str, Any]:
        """The query of every page, with the start date."""
        return filtered(self.query, *([("date", "gteq", self.since)] if self.since else []))

    def page(self, query: Mapping[str, Any]) -> tuple[Items, str | None]:
        """Read one page.

        Returns:
            Its items, and the cursor of the next page; None at the end.

        Raises:
            PennylaneError: The request failed, or the response is not a page.
        """
        return page(self.client, self.path, query)

    def pages(self, query: Mapping[str, Any]) -> Iterator[Items]:
        """Read all pages of a query.

        Raises:
            PennylaneError: The list could not be read to its end.
        """
        return pages(self.client, self.path, query)

    def parts(self) -> Iterable[dict[str, Any]]:
        """Return the parameters of the parts that make up the list; its records contain them."""
        return ({},)

    def read_part(self, part: Mapping[str, Any]) -> Iterator[Items]:
        """Read the pages of one part.

        Raises:
            PennylaneError: The part could not be read to its end.
        """
        return self.pages({**self.dated_query, **part})

    def read_parts(
        self, parts: Sequence[dict[str, Any]]
    ) -> Iterator[tuple[dict[str, Any], Iterator[Items]]]:
        """Read several parts in parallel.

        Yields:
            Each part in turn with its pages, whose items contain the part's parameters.

        Raises:
            PennylaneError: A part could not be read to its end.
        """
        tasks = (partial(self.read_part, part) for part in parts)
        for part, found in zip(parts, in_order(tasks, self.readers), strict=True):
            yield part, ([{**item, **part} for item in items] if part else items for items in found)

    def by_ids(
        self, ids: Sequence[int], query: Mapping[str, Any]
    ) -> Iterator[tuple[Sequence[int], Items]]:
        """Fetch records by their ids, a hundred per request.

        Args:
            ids: The ids.
            query: The rest of the query.

        Yields:
            Some of the ids, and the items that the list has for them.
        """
        starts = range(0, len(ids), IDS_PER_REQUEST)
        batches = [ids[start : start + IDS_PER_REQUEST] for start in starts]
        queries = (filtered(query, ("id", "in", list(asked))) for asked in batches)
        tasks = (partial(self.pages, one) for one in queries)
        for asked, found in zip(batches, in_order(tasks, self.readers), strict=True):
            items = [item for page in found for item in page]
            if others := {item.get("id") for item in items}.difference(asked):
                msg = f"{self.path} returned id {others.pop()}, which was not requested"
                raise PennylaneError(msg)
            yield asked, items

    def fetch_by_ids(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Items]]:
        """Fetch those of these records that are dated on or after the start date.

        Yields:
            Some of the ids, and their items; an id without an item is deleted or dated earlier.
        """
        if not (self.may_lack_date and self.since):
            yield from self.by_ids(ids, self.dated_query)
            return
        # The start date is applied here, because the API would also omit records without a date.
        for asked, items in self.by_ids(ids, self.query):
            yield asked, [item for item in items if self.is_wanted(item)]

    def is_wanted(self, item: Mapping[str, Any]) -> bool:
        """Return whether a record has no date, or is dated on or after the start date."""
        return not self.since or (item.get("date") or self.since) >= self.since

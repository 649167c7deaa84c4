"""How long the sandbox takes per page, by kind of request.

    uv run python benchmarks/sandbox_pages.py --size 1000000

Sends every kind of request that a reader of all collections sends, over one connection, again after
a change of the books. Prints the first page's time, because indexes are made when first needed, and
the median and the slowest of the others, all in milliseconds; then start-up time and memory.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sandbox_throughput import HEADERS, ask, memory, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    Query = dict[str, Any]

PREFIX = "/api/external/v2"
DATED = ("ledger_entries", "ledger_entry_lines", "customer_invoices", "supplier_invoices")
BY_ID = (*DATED, "customers", "ledger_accounts")
PAGES = 30


class Reader:
    """One connection to the sandbox."""

    def __init__(self, address: str) -> None:
        """Connect."""
        self._connection = http.client.HTTPConnection(address)

    def timed(self, path: str, query: Query) -> tuple[float, Any]:
        """Send a request; return the milliseconds and the answer."""
        if "filter" in query:
            query = query | {"filter": json.dumps(query["filter"])}
        began = time.perf_counter()
        self._connection.request("GET", f"{PREFIX}/{path}?{urlencode(query)}", headers=HEADERS)
        body = self._connection.getresponse().read()
        took = (time.perf_counter() - began) * 1000
        return took, json.loads(body)

    def ends(self, path: str) -> tuple[int, int]:
        """Return the lowest and the highest id."""
        pages = (self.timed(path, {"limit": 1, "sort": sort})[1] for sort in ("id", "-id"))
        low, high = (page["items"][0]["id"] for page in pages)
        return low, high

    def by_cursor(self, path: str, query: Query) -> Iterator[float]:
        """Follow a list from page to page."""
        for _ in range(PAGES):
            took, page = self.timed(path, query)
            yield took
            if page["next_cursor"] is None:
                return
            query = query | {"cursor": page["next_cursor"]}

    def by_range(self, path: str, sort: str, *more: Query) -> Iterator[float]:
        """Read pages all over the ids, each the first of a range."""
        low, high = self.ends(path)
        step = (high - low) // PAGES
        for place in range(PAGES):
            bounds = [
                {"field": "id", "operator": "gt", "value": low + place * step},
                {"field": "id", "operator": "lteq", "value": high - place},
            ]
            yield self.timed(path, {"limit": 100, "sort": sort, "filter": [*bounds, *more]})[0]

    def by_ids(self, path: str) -> Iterator[float]:
        """Read records by their ids."""
        for sort in ("id", "-id") * (PAGES // 2):
            _, page = self.timed(path, {"limit": 100, "sort": sort})
            ids = [item["id"] for item in page["items"]]
            wanted = [{"field": "id", "operator": "in", "value": ids}]
            yield self.timed(path, {"limit": 100, "filter": wanted})[0]


def date(operator: str, day: str) -> Query:
    """Make a condition on the date."""
    return {"field": "date", "operator": operator, "value": day}


def kinds(reader: Reader, since: str) -> Iterator[tuple[str, Iterator[float]]]:
    """Yield the kinds of requests, each with its times."""
    for path in BY_ID:
        for sort in ("id", "-id"):
            yield f"{path}, id range, {sort}", reader.by_range(path, sort)
        yield f"{path}, id in", reader.by_ids(path)
    for path in DATED:
        any_date, late = date("gteq", "1900-01-01"), date("gteq", "2026-01-01")
        for sort in ("id", "-id"):
            yield f"{path}, id range and any date, {sort}", reader.by_range(path, sort, any_date)
            yield f"{path}, id range and late date, {sort}", reader.by_range(path, sort, late)
        month = [date("gteq", "2025-05-01"), date("lt", "2025-06-01")]
        query = {"limit": 100, "sort": "id", "filter": month}
        yield f"{path}, a month, id", reader.by_cursor(path, query)
        for sort in ("date", "-date"):
            yield f"{path}, {sort}", reader.by_cursor(path, {"limit": 100, "sort": sort})
    for first, last in (("2025-05-01", "2025-05-08"), ("2025-01-01", "2025-12-31")):
        window = [date("gteq", first), date("lteq", last)]
        query = {"limit": 100, "sort": "id", "filter": window}
        yield f"transactions, {first} to {last}", reader.by_cursor("transactions", query)
    for year in (2024, 2025, 2026):
        period = {"period_start": f"{year}-01-01", "period_end": f"{year}-12-31"}
        query = {**period, "is_auxiliary": "true", "limit": 1000}
        yield f"trial_balance, {year}", reader.by_cursor("trial_balance", query)
    for path in ("ledger_entry_lines", "customers"):
        query = {"limit": 1000, "start_date": since}
        yield f"changelogs/{path}", reader.by_cursor(f"changelogs/{path}", query)


def shown(times: list[float]) -> str:
    """Return the first time, the median and the longest of the others."""
    first, *others = times
    others = others or [first]
    return f"{first:9.1f} {statistics.median(others):9.1f} {max(others):9.1f}"


def main() -> None:
    """Measure and print a line for each kind of request."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=20_000)
    options = parser.parse_args()
    with serving(options.size) as server:
        address, fresh = server.address, memory(server.pid)
        reader, since = Reader(address), ask(address, "/sandbox/health")["now"]
        for title in ("at first", "after changes"):
            print(f"{title:60} {'first':>9} {'median':>9} {'slowest':>9}")
            for name, times in kinds(reader, since):
                print(f"{name:60} {shown(list(times))}", flush=True)
            _change(address)
        peak = memory(server.pid)
    print(f"{options.size} lines: ready in {server.started:.1f} s; {fresh} MiB, then {peak} MiB")


def _change(address: str) -> None:
    """Change some of everything that was read."""
    connection = http.client.HTTPConnection(address)
    for path in (*DATED, "customers", "transactions"):
        wanted = {"resource": path, "create": 3, "update": 30, "delete": 1}
        began = time.perf_counter()
        connection.request("POST", "/sandbox/changes", json.dumps(wanted))
        connection.getresponse().read()
        took = (time.perf_counter() - began) * 1000
        print(f"{f'change 34 {path}':60} {took:9.1f}")
    connection.close()


if __name__ == "__main__":
    main()

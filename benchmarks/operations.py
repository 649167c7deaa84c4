"""What a scheduled run costs, by what changed: `meltano run sync` at Pennylane's limit."""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass, field
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING, Any, Self

import psycopg
from parts import LATENCY, OPERATIONS, SCHEDULE, SYNC, Line, Scale
from pennylane_launcher import meltano
from psycopg import sql
from systems import BUDGET, UNLIMITED, WINDOW, settings, world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from parts import Started
    from pennylane_sandbox.pytest_plugin import Sandbox
    from systems import Database

FIRST, IDLE, CHANGED, EDITED = (
    "first load",
    "idle",
    "200 records of all kinds changed",
    "30 entries edited, 2 deleted",
)
NEWEST_FIRST = {
    "customer_invoices": "-date",
    "supplier_invoices": "-date",
    "ledger_entries": "-date",
    "ledger_entry_lines": "-date",
    "transactions": "-id",
    "customers": "-id",
    "suppliers": "-id",
    "products": "-id",
    "quotes": "-id",
}
KINDS = [name for name in NEWEST_FIRST if name != "ledger_entries"]
"""The collections with a changelog: 25 changed records of each are 200."""


def _newest(sandbox: Sandbox, resource: str, count: int) -> list[int]:
    """The records that people work on."""
    page = sandbox.get(f"/{resource}", sort=NEWEST_FIRST[resource], limit=count)
    return [item["id"] for item in page["items"]]


def _nothing(_: Sandbox) -> None:
    """Change nothing."""


def _change(sandbox: Sandbox) -> None:
    """Change 25 records of each kind."""
    for resource in KINDS:
        sandbox.change(resource, delete=1)
        sandbox.change(resource, create=8, update=_newest(sandbox, resource, 16))


def _edit(sandbox: Sandbox) -> None:
    """Edit entries so that their lines are deleted and others inserted; delete two entirely."""
    sandbox.change("ledger_entries", rewrite=_newest(sandbox, "ledger_entries", 30), delete=2)


RUNS: Mapping[str, Callable[[Sandbox], None]] = {IDLE: _nothing, CHANGED: _change, EDITED: _edit}


def operations(started: Started, scale: Scale) -> Iterator[Line]:
    """Scheduled runs of companies of several sizes: the first, idle ones, and some changes."""
    can_verify = {"verify_days", "verify_requests"} <= settings()
    for size in scale.operations:
        with world(started, size) as place, place.database() as database:
            numbers = place.sync(database, budget=UNLIMITED)
            yield Line(OPERATIONS, SYNC, {"size": size, "run": FIRST}, numbers)
            place.sync(database, budget=UNLIMITED)  # what the first load left to the next run
            for is_verifying in (False, True) if can_verify else (False,):
                days = json.dumps(dict.fromkeys(NEWEST_FIRST, 0))
                variables = {"TAP_PENNYLANE_VERIFY_DAYS": days} if is_verifying else {}
                for name, change in islice(RUNS.items(), scale.verifying if is_verifying else None):
                    for _ in range(scale.repeats):
                        place.sandbox.limit("none")
                        change(place.sandbox)
                        _limit(place.sandbox)
                        numbers = place.sync(database, variables)
                        parameters = {"size": size, "run": name, "verifying": is_verifying}
                        yield Line(OPERATIONS, SYNC, parameters, numbers)


def _limit(sandbox: Sandbox) -> None:
    sandbox.limit(f"{BUDGET}/{WINDOW}", latency_ms=LATENCY)


def schedule(started: Started, scale: Scale) -> Iterator[Line]:
    """A run per minute while changes go on: how long until each is in the views."""
    size, runs, interval = scale.schedule
    with world(started, size) as place, place.database() as database:
        place.sync(database, budget=UNLIMITED)
        _limit(place.sandbox)
        place.sandbox.control("DELETE", "stats")
        begin, cpu, requests = time.monotonic(), 0.0, 0
        numbers: dict[str, Any] = {}
        statistics: list[dict[str, Any]] = []
        with _Changes(place.sandbox, database, runs, interval) as changes:
            for turn in range(runs + 1):  # the last run loads what changed during the one before
                time.sleep(max(0.0, begin + turn * interval - time.monotonic()))
                numbers = place.sync(database, counted=False)
                cpu += numbers["cpu_seconds"]
                requests += numbers["requests"]
                statistics.append(numbers)
        delays = changes.delays
        measured = {
            "rows": numbers["rows"],
            "requests": requests,
            "seconds": round(time.monotonic() - begin, 1),
            "cpu_seconds": round(cpu, 1),
            "longest_run": max(one["seconds"] for one in statistics),
            "changes": len(delays),
            "median_delay": round(median(delays), 1),
            "longest_delay": round(max(delays), 1),
            "rate_limited": sum(one["rate_limited"] for one in statistics),
            "busiest_window": max(one["busiest_window"] for one in statistics),
        }
        parameters = {"size": size, "interval": interval, "minutes": runs * interval / 60}
        yield Line(SCHEDULE, SYNC, parameters, measured)


@dataclass
class _Change:
    """A change whose arrival in the view is awaited."""

    resource: str
    at: float
    instant: str
    done: dict[str, list[int]]

    def forget(self, later: _Change) -> None:
        """No longer await what a later change deleted."""
        if later.resource == self.resource:
            for kind in ("created", "updated"):
                gone = later.done["deleted"]
                self.done[kind] = [one for one in self.done[kind] if one not in gone]


@dataclass
class _Changes:
    """Makes changes in each interval, in a thread, and watches the views for them."""

    sandbox: Sandbox
    database: Database
    rounds: int
    interval: float
    delays: list[float] = field(default_factory=list)
    """The seconds that each change took to arrive."""

    def __enter__(self) -> Self:
        """Begin."""
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait until all changes arrived; at most as long as a run may take.

        Raises:
            RuntimeError: Some never did.
        """
        self._thread.join(2 * self.interval)
        self._stop.set()
        self._thread.join()
        if self._failure:
            raise self._failure

    def _run(self) -> None:
        try:
            self._watch()
        except BaseException as error:  # noqa: BLE001 - raised again by the main thread
            self._failure = error

    def _watch(self) -> None:
        draw = random.Random(1)  # noqa: S311 - reproducible, not secret
        begin = time.monotonic()
        due = [begin + (turn + draw.random()) * self.interval for turn in range(self.rounds)]
        waiting: list[_Change] = []
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            while due or waiting:
                if self._stop.is_set():
                    msg = f"{len(waiting)} changes did not arrive: {waiting[:3]}"
                    raise RuntimeError(msg)
                if due and time.monotonic() >= due[0]:
                    due.pop(0)
                    for change in self._change():
                        for one in waiting:
                            one.forget(change)
                        waiting.append(change)
                for one in [one for one in waiting if _is_there(connection, one)]:
                    self.delays.append(time.monotonic() - one.at)
                    waiting.remove(one)
                self._stop.wait(0.5)

    def _change(self) -> Iterator[_Change]:
        for resource in ("customers", "products", "customer_invoices", "transactions"):
            instant = self.sandbox.control("GET", "health")["now"]
            done = self.sandbox.change(resource, create=2, update=3, delete=1)
            yield _Change(resource, time.monotonic(), instant, done)
        instant = self.sandbox.control("GET", "health")["now"]
        done = self.sandbox.change("ledger_entries", create=2, rewrite=3, delete=1)
        yield _Change("ledger_entries", time.monotonic(), instant, done)


def _is_there(connection: psycopg.Connection[Any], change: _Change) -> bool:
    """Whether the view shows a change, or a later one of the same records."""
    query = sql.SQL(
        "select count(*) filter (where id = any(%(created)s)) = cardinality(%(created)s)"
        " and count(*) filter (where id = any(%(deleted)s)) = 0"
        " and count(*) filter (where id = any(%(updated)s) and updated_at >= %(instant)s)"
        " = cardinality(%(updated)s)"
        " from {} where id = any(%(created)s || %(updated)s || %(deleted)s)"
    ).format(sql.Identifier(f"{meltano.SCHEMA}_live", change.resource))
    row = connection.execute(query, {**change.done, "instant": change.instant}).fetchone()
    return bool(row and row[0])


PARTS: Mapping[str, Callable[[Started, Scale], Iterator[Line]]] = {
    OPERATIONS: operations,
    SCHEDULE: schedule,
}
ON_DEMAND = {SCHEDULE}
"""Parts that run only if they are named: this one takes a quarter of an hour at full scale."""

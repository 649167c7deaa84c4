"""The measurements: each part runs systems and yields one line of numbers per run."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from systems import BUDGET, UNLIMITED, World, world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_launcher.postgres.embedded import Server

    Started = tuple[Server, int]

LINES = "ledger_entry_lines"
INVOICES = "customer_invoices"
TAP, PIPELINE, DLT, DLT_JSON = "tap", "meltano run", "dlt", "dlt, lists as JSON"
SYNC = "meltano run sync"
OPERATIONS, SCHEDULE = "operations", "schedule"
COMPRESSED = 100
"""How much faster than Pennylane allows the time-compressed run may send requests."""
LATENCY = 150
"""Milliseconds that an answer takes in scheduled runs."""
CONCURRENCY = 16
"""The tap's default."""


@dataclass(frozen=True)
class Scale:
    """The sizes of the measurements; sizes are the company's ledger entry lines."""

    limit: int
    latencies: tuple[int, ...]
    side_by_side: int
    wide: int
    """A company with enough customer invoices: one per 17 lines."""
    growth: tuple[int, ...]
    changed: int
    repeats: int
    operations: tuple[int, ...]
    verifying: int
    """How many kinds of runs are measured again while old records are verified."""
    schedule: tuple[int, int, int]
    """A company, how many runs of it are scheduled, and how many seconds apart."""


SCALES = {
    "full": Scale(
        limit=20_000,
        latencies=(50, 400, 1500),
        side_by_side=200_000,
        wide=1_000_000,
        growth=(10_000, 100_000, 1_000_000),
        changed=1000,
        repeats=3,
        operations=(10_000, 100_000, 1_000_000),
        verifying=3,
        schedule=(1_000_000, 15, 60),
    ),
    "quick": Scale(
        limit=2_600,
        latencies=(50, 400),
        side_by_side=20_000,
        wide=50_000,
        growth=(2_000, 20_000),
        changed=100,
        repeats=1,
        operations=(2_000, 20_000),
        verifying=3,
        schedule=(20_000, 3, 20),
    ),
    "tiny": Scale(
        limit=500,
        latencies=(0,),
        side_by_side=500,
        wide=500,
        growth=(500,),
        changed=10,
        repeats=1,
        operations=(500,),
        verifying=1,
        schedule=(500, 1, 1),
    ),
}


@dataclass(frozen=True)
class Line:
    """The numbers of one run."""

    part: str
    system: str
    parameters: dict[str, Any]
    measured: dict[str, Any]

    def json(self) -> dict[str, Any]:
        """In the stored format."""
        return asdict(self)


def limit(started: Started, scale: Scale) -> Iterator[Line]:
    """The tap alone at Pennylane's limit: how much of the budget it uses at several latencies."""
    for latency in scale.latencies:
        with world(started, scale.limit, limit=f"{BUDGET}/5", latency_ms=latency) as place:
            # If an answer takes longer than a fifth of a second, one request at a time is slower
            # than the limit: shown once.
            alone = [1] if latency <= 400 else []  # noqa: PLR2004
            for concurrency in [*alone, CONCURRENCY]:
                numbers = place.tap(LINES, concurrency=concurrency, budget=BUDGET)
                parameters = {"latency_ms": latency, "concurrency": concurrency}
                yield Line("limit", TAP, parameters, numbers)


def tap(started: Started, scale: Scale) -> Iterator[Line]:
    """The tap alone, unthrottled, on one core."""
    for stream, size in ((LINES, scale.side_by_side), (INVOICES, scale.wide)):
        with world(started, size) as place:
            for _ in range(scale.repeats):
                numbers = place.tap(stream, concurrency=1, budget=UNLIMITED)
                yield Line("tap", TAP, {"stream": stream, "concurrency": 1}, numbers)


def dlt(started: Started, scale: Scale) -> Iterator[Line]:
    """The pipeline and dlt in turn: unthrottled, then at Pennylane's limit."""
    for stream, size in ((LINES, scale.side_by_side), (INVOICES, scale.wide)):
        with world(started, size) as place:
            for _ in range(scale.repeats):
                for system in (PIPELINE, DLT, DLT_JSON):
                    numbers = _whole(place, system, stream, 1, UNLIMITED)
                    yield Line("dlt", system, {"stream": stream, "concurrency": 1}, numbers)
    latency = 400 if 400 in scale.latencies else scale.latencies[0]  # noqa: PLR2004
    with world(started, scale.limit, limit=f"{BUDGET}/5", latency_ms=latency) as place:
        for system, concurrency in ((PIPELINE, 1), (PIPELINE, CONCURRENCY), (DLT, 1)):
            numbers = _whole(place, system, LINES, concurrency, BUDGET)
            parameters = {"stream": LINES, "concurrency": concurrency, "latency_ms": latency}
            yield Line("dlt at the limit", system, parameters, numbers)


def growth(started: Started, scale: Scale) -> Iterator[Line]:
    """The pipeline and dlt, unthrottled, with increasing numbers of rows."""
    for size in scale.growth:
        with world(started, size) as place:
            for system in (PIPELINE, DLT):
                numbers = _whole(place, system, LINES, 1, UNLIMITED)
                yield Line("growth", system, {"size": size, "concurrency": 1}, numbers)


def compressed(started: Started, scale: Scale) -> Iterator[Line]:
    """The pipeline at a hundred times Pennylane's limit: hours in minutes."""
    size, budget = scale.growth[-1], COMPRESSED * BUDGET
    with world(started, size, limit=f"{budget}/5") as place:
        numbers = _whole(place, PIPELINE, LINES, CONCURRENCY, budget)
        yield Line("compressed", PIPELINE, {"size": size, "concurrency": CONCURRENCY}, numbers)


def incremental(started: Started, scale: Scale) -> Iterator[Line]:
    """The cost of a later run: with some changed lines, and without changes."""
    with world(started, scale.side_by_side) as place:
        with place.database() as database:
            numbers = place.pipeline(LINES, database, concurrency=CONCURRENCY, budget=UNLIMITED)
            yield Line("incremental", PIPELINE, {"run": "first"}, numbers)
            place.sandbox.change(LINES, update=scale.changed)
            for run in (f"{scale.changed} lines changed", "nothing new"):
                numbers = place.pipeline(LINES, database, concurrency=CONCURRENCY, budget=BUDGET)
                yield Line("incremental", PIPELINE, {"run": run}, numbers)
        with place.database() as database, tempfile.TemporaryDirectory() as folder:
            for run in ("first", "nothing new"):
                numbers = place.dlt(LINES, database, Path(folder))
                yield Line("incremental", DLT, {"run": run}, numbers)


def _whole(
    place: World,
    system: str,
    stream: str,
    concurrency: int,
    budget: int,
) -> dict[str, Any]:
    """A first load into a new database."""
    with place.database() as database:
        if system == PIPELINE:
            return place.pipeline(stream, database, concurrency=concurrency, budget=budget)
        with tempfile.TemporaryDirectory() as folder:
            return place.dlt(stream, database, Path(folder), nested=system == DLT)


PARTS: dict[str, Callable[[Started, Scale], Iterator[Line]]] = {
    "limit": limit,
    "tap": tap,
    "dlt": dlt,
    "growth": growth,
    "compressed": compressed,
    "incremental": incremental,
}
NEED_DLT = {"dlt", "growth", "incremental"}

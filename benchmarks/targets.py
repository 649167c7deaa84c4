"""The targets that the numbers are checked against. A missed target is reported, never an error."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from operations import CHANGED, EDITED, FIRST, IDLE
from parts import (
    COMPRESSED,
    CONCURRENCY,
    DLT,
    DLT_JSON,
    INVOICES,
    LINES,
    OPERATIONS,
    PIPELINE,
    SCHEDULE,
    Line,
)
from systems import BUDGET, WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


UNITS = {"requests": "requests", "seconds": "s", "cpu_seconds": "CPU-s"}
RUN_TARGETS: dict[str, dict[str, float]] = {
    IDLE: {"requests": 12, "seconds": 8, "cpu_seconds": 6},
    CHANGED: {"requests": 30, "seconds": 12, "cpu_seconds": 7},
    EDITED: {"requests": 30, "seconds": 12, "cpu_seconds": 7},
}
"""The most that a scheduled run of a company of the largest size may cost."""
VERIFY_REQUESTS = 100
"""What a verification may add to a run: the tap's default."""
VERIFYING = 35
"""Seconds that a run with a verification under way may take."""
FIRST_LOAD = 120
"""Seconds for the first load of the largest company, without a rate limit."""
GROWTH = 1.2
"""How much more than for the smallest company a run for the largest may cost."""
LATE = 15
"""Seconds, beyond the interval of a schedule, after which a change must be in the views."""


@dataclass(frozen=True)
class Verdict:
    """One target and its measurement."""

    name: str
    target: str
    measured: str
    met: bool


def chosen(
    lines: Sequence[Line], part: str, system: str | None = None, **parameters: object
) -> list[Line]:
    """The lines of a part, a system and some parameters."""
    return [
        line
        for line in lines
        if line.part == part
        and system in {None, line.system}
        and parameters.items() <= line.parameters.items()
    ]


def middle(lines: Sequence[Line], number: str) -> float:
    """The median of a number over repeated runs."""
    return float(median(line.measured[number] for line in lines))


def formula_floor(requests: int, budget: int = BUDGET) -> float:
    """The seconds that requests need if the first window is free and the others spread evenly."""
    return max(0.0, (requests - budget) / budget * WINDOW)


def window_floor(requests: int, budget: int = BUDGET) -> int:
    """The seconds before the last request may leave if each window's requests leave at once."""
    return (requests - 1) // budget * WINDOW


def verdicts(lines: Sequence[Line]) -> Iterator[Verdict]:
    """Every target that has a measurement."""
    yield from _limit(lines)
    yield from _compressed(lines)
    yield from _rates(lines)
    yield from _memory(lines)
    yield from _against_dlt(lines)
    yield from _operations(lines)
    yield from _schedule(lines)


def _limit(lines: Sequence[Line]) -> Iterator[Verdict]:
    for line in chosen(lines, "limit", concurrency=CONCURRENCY):
        latency, requests = line.parameters["latency_ms"], line.measured["requests"]
        took, factor = line.measured["stream_seconds"], 1.05 if latency == 400 else 1.10  # noqa: PLR2004
        for name, floor in (
            ("(requests - 25) / 5", formula_floor(requests)),
            ("a sliding window's minimum", float(window_floor(requests))),
        ):
            if floor:
                yield Verdict(
                    f"First load at 25/5 and {latency} ms: at most {factor:.2f} times {name}",
                    f"≤ {factor * floor:.1f} s",
                    f"{took:.1f} s, {took / floor:.2f} times",
                    took <= factor * floor,
                )
    if found := chosen(lines, "limit"):
        limited = sum(line.measured["rate_limited"] for line in found)
        yield Verdict("429s at the limit", "0", str(limited), limited == 0)


def _compressed(lines: Sequence[Line]) -> Iterator[Verdict]:
    for line in chosen(lines, "compressed"):
        rows, took = line.measured["rows"], line.measured["seconds"]
        floor = 1.05 * window_floor(line.measured["requests"], COMPRESSED * BUDGET)
        yield Verdict(
            f"{rows:,} lines into PostgreSQL at {COMPRESSED * BUDGET}/5",
            f"≤ {max(floor, rows / 6000):.0f} s",
            f"{took:.0f} s",
            took <= max(floor, rows / 6000),
        )


def _rates(lines: Sequence[Line]) -> Iterator[Verdict]:
    for name, found, number, least in (
        ("Tap alone, ledger_entry_lines, one core", ("tap", None, LINES), "stream_", 10_000),
        ("Pipeline, ledger_entry_lines", ("dlt", PIPELINE, LINES), "", 6_000),
        ("Pipeline, customer_invoices", ("dlt", PIPELINE, INVOICES), "", 4_000),
    ):
        part, system, stream = found
        if runs := chosen(lines, part, system, stream=stream):
            rate = middle(runs, f"{number}rows_per_second")
            yield Verdict(name, f"≥ {least:,} rows/s", f"{rate:,.0f} rows/s", rate >= least)


def _memory(lines: Sequence[Line]) -> Iterator[Verdict]:
    runs = [*chosen(lines, "growth", PIPELINE), *chosen(lines, "compressed")]
    if runs:
        largest = max(line.parameters["size"] for line in runs)
        peak = max(
            line.measured["peak_mib"]["tap-pennylane"]
            for line in runs
            if line.parameters["size"] == largest
        )
        most = 150
        yield Verdict(
            f"Tap's peak memory, {largest:,} rows", f"< {most} MiB", f"{peak} MiB", peak < most
        )


def _against_dlt(lines: Sequence[Line]) -> Iterator[Verdict]:
    ours = chosen(lines, "dlt", PIPELINE, stream=LINES)
    for system in (DLT, DLT_JSON):
        if ours and (theirs := chosen(lines, "dlt", system, stream=LINES)):
            times = middle(ours, "rows_per_second") / middle(theirs, "rows_per_second")
            name, least = f"Rows per second, compared with {system}", 1.7
            yield Verdict(name, f"≥ {least} times", f"{times:.2f} times", times >= least)
    ours = chosen(lines, "dlt at the limit", PIPELINE, concurrency=CONCURRENCY)
    if ours and (theirs := chosen(lines, "dlt at the limit", DLT)):
        share, most = middle(ours, "seconds") / middle(theirs, "seconds"), 0.6
        latency = ours[0].parameters["latency_ms"]
        name = f"Time at 25/5 and {latency} ms, compared with dlt"
        yield Verdict(name, f"≤ {most} times", f"{share:.2f} times", share <= most)


def _operations(lines: Sequence[Line]) -> Iterator[Verdict]:
    if not (found := chosen(lines, OPERATIONS)):
        return
    sizes = sorted({line.parameters["size"] for line in found})
    for line in chosen(found, OPERATIONS, run=FIRST, size=sizes[-1]):
        took = line.measured["seconds"]
        name = f"First load of all default streams, {sizes[-1]:,} lines, unthrottled"
        yield Verdict(name, f"≤ {FIRST_LOAD} s", f"{took:.0f} s", took <= FIRST_LOAD)
    for is_verifying in (False, True):
        for run, most in RUN_TARGETS.items():
            by_size = [
                chosen(found, OPERATIONS, run=run, verifying=is_verifying, size=size)
                for size in sizes
            ]
            if not by_size[-1]:
                continue
            name = f"{run}, verifying" if is_verifying else run
            yield _bounded(name, by_size[-1], _verifying(most) if is_verifying else most)
            if len(sizes) > 1:
                yield _independent(name, by_size[0], by_size[-1])
    limited = sum(line.measured["rate_limited"] for line in found)
    yield Verdict("429s in scheduled runs", "0", str(limited), limited == 0)


def _verifying(most: dict[str, float]) -> dict[str, float]:
    return {"requests": most["requests"] + VERIFY_REQUESTS, "seconds": VERIFYING}


def _bounded(name: str, runs: Sequence[Line], most: dict[str, float]) -> Verdict:
    size = runs[0].parameters["size"]
    used = {number: middle(runs, number) for number in most}
    return Verdict(
        f"{name}, {size:,} lines",
        ", ".join(f"≤ {bound:g} {UNITS[number]}" for number, bound in most.items()),
        ", ".join(f"{used[number]:.3g} {UNITS[number]}" for number in most),
        all(used[number] <= bound for number, bound in most.items()),
    )


def _independent(name: str, smallest: Sequence[Line], largest: Sequence[Line]) -> Verdict:
    """Whether the cost is the same for companies of any size."""
    sizes = [runs[0].parameters["size"] for runs in (largest, smallest)]
    ratios = {
        number: middle(largest, number) / max(middle(smallest, number), 0.01) for number in UNITS
    }
    return Verdict(
        f"{name}: {sizes[0]:,} lines compared with {sizes[1]:,}",
        f"≤ {GROWTH:g} times",
        ", ".join(f"{UNITS[number]} {ratio:.2f}" for number, ratio in ratios.items()),
        max(ratios.values()) <= GROWTH,
    )


def _schedule(lines: Sequence[Line]) -> Iterator[Verdict]:
    for line in chosen(lines, SCHEDULE):
        one, interval = line.measured, line.parameters["interval"]
        yield Verdict(
            f"A run every {interval} s: time until a change is in the views",
            f"≤ {interval + LATE} s",
            f"{one['longest_delay']:.0f} s",
            one["longest_delay"] <= interval + LATE,
        )
        used = f"{one['rate_limited']} 429s, {one['busiest_window']} in the busiest window"
        met = not one["rate_limited"] and one["busiest_window"] <= BUDGET
        yield Verdict(f"A run every {interval} s: the rate limit", "never exceeded", used, met)

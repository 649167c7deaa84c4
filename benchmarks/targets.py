"""The targets that the numbers are checked against. A missed target is reported, never an error."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from parts import (
    BUDGET,
    COMPRESSED,
    CONCURRENCY,
    DLT,
    DLT_JSON,
    INVOICES,
    LINES,
    PIPELINE,
    Line,
)
from systems import WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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

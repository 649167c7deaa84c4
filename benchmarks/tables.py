"""The tables of docs/benchmarks.md, made from stored numbers.

python benchmarks/tables.py                  # write the newest results of each part into the page
python benchmarks/tables.py FILE --print     # print the numbers of a file
"""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parts import DLT, LATENCY, OPERATIONS, PIPELINE, SCHEDULE, SYNC, Line
from systems import BUDGET, WINDOW
from targets import chosen, formula_floor, middle, verdicts, window_floor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "benchmarks" / "results"
PAGE = PROJECT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: generated -->\n", "<!-- /results -->"

PUBLISHED = {10_000: (30, 5), 100_000: (300, 30), 1_000_000: (2700, 300)}
"""Published by the system this replaces, at 4.5 requests/s: seconds of extraction and loading."""


SMALLEST = 10
"""MiB; programs that use less memory are left out."""


def read(path: Path) -> tuple[dict[str, Any], list[Line]]:
    """What was stored of a run: its circumstances and its lines."""
    first, *others = path.read_text("utf-8").splitlines()
    return json.loads(first)["run"], [Line(**json.loads(line)) for line in others]


def page(run: dict[str, Any], lines: Sequence[Line]) -> str:
    """Every table that has measurements."""
    shown = [_circumstances(run), _verdicts(lines, run["scale"])]
    tables = (_limit, _throughput, _growth, _incremental, _operations, _schedule)
    shown += [table(lines) for table in tables if table(lines)]
    return "\n".join(shown)


def _table(title: str, head: str, rows: Iterable[Sequence[object]]) -> str:
    body = [f"| {' | '.join(map(str, row))} |" for row in rows]
    if not body:
        return ""
    columns = head.count("|") + 1
    return "\n".join([f"**{title}**\n", f"| {head} |", f"|{'---|' * columns}", *body, ""])


def _circumstances(run: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    text = (
        f"{run['date'][:16].replace('T', ' ')} UTC, commit `{run['commit']}`, scale "
        f"`{run['scale']}`, parts {', '.join(run['parts'])}: `{run['command']}`, "
        f"{run['minutes']} minutes. "
        f"{run['cores']} cores ({run['processor']}), {run['memory_gib']} GiB, {run['system']}; "
        f"load average at the start: {run['load']}. {versions}."
    )
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def _verdicts(lines: Sequence[Line], scale: str) -> str:
    rows = [(one.name, one.target, one.measured, _yes(one.met)) for one in verdicts(lines)]
    title = "Targets" if scale == "full" else "Targets (meant for full sizes, which these are not)"
    return _table(title, "Measurement | Target | Measured | Met", rows)


def _yes(met: bool) -> str:  # noqa: FBT001 - the value to show
    return "yes" if met else "**no**"


def _limit(lines: Sequence[Line]) -> str:
    rows = []
    for line in chosen(lines, "limit"):
        one = line.measured
        requests = one["requests"]
        rows.append(
            (
                f"{line.parameters['latency_ms']} ms",
                line.parameters["concurrency"],
                f"{one['rows']:,}",
                requests,
                f"{formula_floor(requests):.1f} s",
                f"{window_floor(requests)} s",
                f"{one['stream_seconds']:.1f} s",
                one["rate_limited"],
                one["busiest_window"],
            )
        )
    head = "Latency | Concurrency | Rows | Requests | (R - 25) / 5 | Window | Time | 429s | Busiest"
    return _table("Use of the rate limit: the tap alone at 25/5, time of the stream", head, rows)


def _groups(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines, grouped by what was measured repeatedly."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        key = json.dumps([line.part, line.system, line.parameters], sort_keys=True)
        found.setdefault(key, []).append(line)
    return list(found.values())


def _throughput(lines: Sequence[Line]) -> str:
    parts = ("tap", "dlt", "dlt at the limit", "compressed")
    rows = []
    for runs in _groups([line for part in parts for line in chosen(lines, part)]):
        one = runs[0]
        seconds = [line.measured["seconds"] for line in runs]
        spread = f" ({min(seconds):.1f} to {max(seconds):.1f})" if len(runs) > 1 else ""
        latency = one.parameters.get("latency_ms")
        rate = "stream_rows_per_second" if one.part == "tap" else "rows_per_second"
        rows.append(
            (
                one.system
                + (f", 25/5, {latency} ms" if latency is not None else "")
                + (", 2500/5" if one.part == "compressed" else ""),
                one.parameters["concurrency"],
                one.parameters.get("stream", "ledger_entry_lines"),
                f"{one.measured['rows']:,}",
                len(runs),
                f"{middle(runs, 'seconds'):.1f} s{spread}",
                f"{middle(runs, rate):,.0f}",
                *_resources(one),
            )
        )
    head = "System | Readers | Stream | Rows | Runs | Time | Rows/s | CPU-s/million rows | Peak MiB"
    return _table("Throughput, including start-up (except in the tap's rows/s)", head, rows)


def _resources(line: Line) -> tuple[str, str]:
    """CPU-seconds per million rows, and those of sandbox and database; peak memory by program."""
    one = line.measured
    million = 1e6 / max(1, one["rows"])
    costs = {"": one["cpu_seconds"]} | one["cpu_beside"]
    shown = " + ".join(f"{name} {cost * million:,.0f}".strip() for name, cost in costs.items())
    peaks = [
        f"{name} {held}"
        for name, held in one["peak_mib"].items()
        if held >= SMALLEST and "--discover" not in name
    ]
    return shown, ", ".join(peaks)


def _growth(lines: Sequence[Line]) -> str:
    rows = []
    for size in dict.fromkeys(line.parameters["size"] for line in chosen(lines, "growth")):
        ours, theirs = (chosen(lines, "growth", one, size=size) for one in (PIPELINE, DLT))
        published = PUBLISHED.get(size)
        rows.append(
            (
                f"{size:,}",
                *(_costs(runs) for runs in (ours, theirs)),
                f"{window_floor(ours[0].measured['requests'])} s",
                f"{published[0]:,} + {published[1]} s" if published else "",
            )
        )
    head = (
        "Rows | meltano run, unthrottled | dlt, unthrottled | Minimum at 25/5 (ours) | "
        "Published by the system this replaces (extraction + loading)"
    )
    return _table("Growth", head, rows)


def _costs(runs: Sequence[Line]) -> str:
    one = runs[0].measured
    peak = max(held for name, held in one["peak_mib"].items())
    return f"{one['seconds']:.1f} s, {one['cpu_seconds']:.0f} CPU-s, largest process {peak} MiB"


def _incremental(lines: Sequence[Line]) -> str:
    rows = [
        (
            line.system,
            line.parameters["run"],
            f"{line.measured['rows']:,}",
            line.measured["requests"],
            f"{line.measured['seconds']:.1f} s",
            f"{line.measured['cpu_seconds']:.1f}",
        )
        for line in chosen(lines, "incremental")
    ]
    head = "System | Run | Rows in the table | Requests | Time | CPU-s"
    return _table("A later run (ours at 25/5; dlt unthrottled), including start-up", head, rows)


def _operations(lines: Sequence[Line]) -> str:
    rows = []
    for runs in _groups(chosen(lines, OPERATIONS)):
        one = runs[0].parameters
        rows.append(
            (
                one["run"] + (", verifying" if one.get("verifying") else ""),
                f"{one['size']:,}",
                len(runs),
                f"{middle(runs, 'requests'):,.0f}",
                f"{middle(runs, 'seconds'):.1f} s",
                f"{middle(runs, 'cpu_seconds'):.1f}",
                f"{middle(runs, 'rows'):,.0f}",
                sum(line.measured["rate_limited"] for line in runs),
            )
        )
    head = "Run | Company | Runs | Requests | Time | CPU-s | Live lines | 429s"
    title = f"Scheduled runs: `{SYNC}` at {BUDGET}/{WINDOW} and {LATENCY} ms, including start-up"
    return _table(f"{title} (first loads without limit or latency)", head, rows)


def _schedule(lines: Sequence[Line]) -> str:
    rows = []
    for line in chosen(lines, SCHEDULE):
        one, given = line.measured, line.parameters
        rows.append(
            (
                f"{given['size']:,}",
                f"every {given['interval']} s for {given['minutes']:.1f} minutes",
                one["changes"],
                f"{one['median_delay']:.0f} s, at most {one['longest_delay']:.0f} s",
                f"{one['longest_run']:.1f} s",
                f"{one['requests']:,}",
                one["rate_limited"],
                one["busiest_window"],
            )
        )
    head = (
        "Company | Runs | Changes | Until in the views | Longest run | Requests | 429s | "
        "Busiest window"
    )
    return _table(f"Keeping up: `{SYNC}` while changes go on", head, rows)


def newest_of_each_part() -> dict[Path, set[str]]:
    """The stored numbers that are shown: the newest of each part, newest first."""
    found: dict[Path, set[str]] = {}
    shown: set[str] = set()
    for path in sorted(RESULTS.glob("*.jsonl"), reverse=True):
        run, _ = read(path)
        if new := set(run["parts"]) - shown:
            found[path] = new
            shown |= new
    return found


def write() -> None:
    """Write the tables of the newest numbers of each part into the page."""
    text = PAGE.read_text("utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    shown = []
    for path, parts in newest_of_each_part().items():
        run, lines = read(path)
        tables = page(run, [line for line in lines if line.part in parts])
        shown.append(f"Numbers: `{path.relative_to(PROJECT)}`.\n\n{tables}")
    PAGE.write_text("\n".join([f"{before}{BEGIN}", *shown, f"{END}{after}"]), "utf-8")


def main() -> None:
    """Write or print the tables."""
    parser = argparse.ArgumentParser(description="Make the tables of docs/benchmarks.md.")
    parser.add_argument("file", type=Path, nargs="?", help="to print")
    parser.add_argument("--print", action="store_true", help="print instead of writing the page")
    given = parser.parse_args()
    if given.print:
        print(page(*read(given.file or max(RESULTS.glob("*.jsonl")))))
    else:
        write()


if __name__ == "__main__":
    main()

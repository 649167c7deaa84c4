"""What the audit trail costs: a full read of unchanged lines, a change, and its questions.

    .venv/bin/python benchmarks/history.py --size 200000

Loads a small company with `meltano run sync` into a separate database on the embedded PostgreSQL,
and multiplies its ledger entry lines. Then the target alone reads all lines again, with and without
the triggers, in turns; then with a tenth of them changed. CPU time of the target and of PostgreSQL,
so that other work on the machine matters little.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from marts import load
from pennylane_launcher import meltano
from pennylane_launcher.postgres import embedded

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).parents[1]
TARGET = PROJECT / ".meltano/loaders/target-postgres/venv/bin/target-postgres-exact"
LINES = "pennylane.ledger_entry_lines"
FIRST = 10**15
"""Above all ids of the sandbox."""
MULTIPLY = """
    insert into {table} (id, {columns})
    select {first} + number, {columns}
    from generate_series(1, {missing}) as number
    inner join (
        select *, row_number() over (order by id) - 1 as place, count(*) over () as lines
        from {table}
    ) as line on line.place = number % line.lines
"""
QUESTIONS = {
    "changes of an hour": """
        select * from pennylane_marts.changes where changed_at > now() - interval '1 hour'""",
    "changes, counted by table": """
        select table_name, change, count(*) from pennylane_marts.changes group by 1, 2""",
    "changes of one line": f"""
        select * from pennylane_marts.changes
        where table_name = 'ledger_entry_lines' and row_key = '{FIRST + 10}'""",
    "changes_after_closing": "select * from pennylane_marts.changes_after_closing",
    "ledger_entry_lines_on": """
        select sum(debit), sum(credit) from pennylane_live.ledger_entry_lines_on(
            (select max(since) from pennylane_history._kept))""",
    "ledger_entries_on": """
        select count(*) from pennylane_live.ledger_entries_on(
            (select max(since) from pennylane_history._kept))""",
}  # fmt: skip


def multiply(connection: psycopg.Connection, missing: int) -> None:
    """Copy lines under new ids, without a trace in the history."""
    columns = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
        " and not attisdropped and attname <> 'id'",
        [LINES],
    ).fetchall()
    names = ", ".join(f'"{name}"' for (name,) in columns)
    query = MULTIPLY.format(table=LINES, columns=names, first=FIRST, missing=missing)
    with connection.transaction():
        connection.execute("set local pennylane.history = 'off'")
        connection.execute(query.encode())


def processor_seconds(postmaster: int) -> float:
    """Return the CPU time of a PostgreSQL server: its processes, and those that have ended."""
    ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(folder.name) == postmaster:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == postmaster:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def messages(connection: psycopg.Connection, path: Path, *, version: int, every: int = 0) -> None:
    """Write a full read of all lines as Singer messages, with one in so many changed."""
    stream = "ledger_entry_lines"
    schema = json.loads(
        (PROJECT / f"tap-pennylane/tap_pennylane/schemas/{stream}.json").read_text("utf-8")
    )
    kept = ("type", "format", "items")
    columns = {
        name: {key: value for key, value in declared.items() if key in kept}
        for name, declared in schema["properties"].items()
    }
    names = ", ".join(f'"{name}"' for name in columns)
    query = f"select row_to_json(line)::text from (select {names} from {LINES} order by id) as line"
    with path.open("w", encoding="utf-8") as file, connection.cursor("lines") as cursor:
        declared = {"type": "object", "properties": columns}
        head = {"type": "SCHEMA", "stream": stream, "schema": declared, "key_properties": ["id"]}
        print(json.dumps(head), file=file)
        for number, (record,) in enumerate(cursor.execute(query.encode())):
            if every and number % every == 0:
                values = json.loads(record)
                record = json.dumps(values | {"label": f"{values['label']}, corrected"})  # noqa: PLW2901
            print(
                f'{{"type":"RECORD","stream":"{stream}","version":{version},'
                f'"time_extracted":"2026-01-01T00:00:00Z","record":{record}}}',
                file=file,
            )
        end = {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}
        print(json.dumps(end), file=file)


def read_again(url: str, file: Path, postmaster: int) -> tuple[float, float]:
    """Load messages with the target; return the CPU seconds of the target and of PostgreSQL."""
    settings = {
        "sqlalchemy_url": meltano.sqlalchemy(url),
        "default_target_schema": "pennylane",
        "load_method": "upsert",
        "use_copy": True,
        "validate_records": False,
        "add_record_metadata": True,
        "batch_size_rows": 10_000,
    }
    before = processor_seconds(postmaster)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as config, file.open("rb") as given:
        json.dump(settings, config)
        config.flush()
        subprocess.run(
            [str(TARGET), "--config", config.name],
            stdin=given,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    target = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    time.sleep(1)  # the server counts a session when it has ended
    return target, processor_seconds(postmaster) - before


def unchanged(url: str, postmaster: int, rounds: int) -> None:
    """Read all lines again, with and without the triggers in turns."""
    spent: dict[str, list[tuple[float, float]]] = {"disable": [], "enable": []}
    with (
        psycopg.connect(url, autocommit=True) as connection,
        tempfile.TemporaryDirectory() as folder,
    ):
        file = Path(folder) / "messages"
        for number in range(2 * rounds):
            how = ("disable", "enable")[number % 2]
            with connection.transaction():
                messages(connection, file, version=time.time_ns() // 1_000_000)
            connection.execute(f"alter table {LINES} {how} trigger user".encode())
            connection.execute(f"vacuum (analyze) {LINES}".encode())
            connection.execute("checkpoint")
            spent[how].append(read_again(url, file, postmaster))
            target, server = spent[how][-1]
            print(f"  {how} triggers: target {target:.1f} s, PostgreSQL {server:.1f} s")
    without, with_ = (min(map(sum, spent[how])) for how in ("disable", "enable"))
    servers = [min(server for _, server in spent[how]) for how in ("disable", "enable")]
    print(f"unchanged: {without:.1f} CPU-s without, {with_:.1f} with: {with_ / without - 1:+.1%}")
    print(f"  PostgreSQL alone: {servers[0]:.1f} and {servers[1]:.1f}")


def changed(url: str, postmaster: int) -> None:
    """Read all lines again, a tenth of them changed; tell what the history grows by."""
    size = "select count(*), pg_total_relation_size('pennylane_history.ledger_entry_lines') from pennylane_history.ledger_entry_lines"  # noqa: E501
    with (
        psycopg.connect(url, autocommit=True) as connection,
        tempfile.TemporaryDirectory() as folder,
    ):
        file = Path(folder) / "messages"
        with connection.transaction():
            messages(connection, file, version=time.time_ns() // 1_000_000, every=10)
        rows, bytes_before = _row(connection, size)
        target, server = read_again(url, file, postmaster)
        more, bytes_after = _row(connection, size)
        connection.execute("analyze pennylane_history.ledger_entry_lines")
    print(f"a tenth changed: target {target:.1f} s, PostgreSQL {server:.1f} s")
    each = (bytes_after - bytes_before) / (more - rows)
    print(f"history: {more - rows:,} rows, {each:,.0f} bytes each")


def _row(connection: psycopg.Connection, query: str) -> tuple[Any, ...]:
    (row,) = connection.execute(query.encode()).fetchall()
    return row


def questions(url: str) -> None:
    """Ask what people ask, best of three."""
    for name, query in QUESTIONS.items():
        with psycopg.connect(url) as connection:

            def ask(connection: psycopg.Connection = connection, query: str = query) -> None:
                connection.execute(query.encode()).fetchall()

            print(f"{name}: {min(_seconds(ask) for _ in range(3)):.2f} s")


def _seconds(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def main() -> None:
    """Load, multiply, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=200_000, help="ledger entry lines")
    parser.add_argument("--rounds", type=int, default=2, help="of reads without and with triggers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / ".embedded"
        with embedded.server(home, keep=False) as server:
            url = server.url("benchmark_history")
            load(url, 2000)
            with psycopg.connect(url, autocommit=True) as connection:
                (lines,) = _row(connection, f"select count(*) from {LINES}")
                multiply(connection, options.size - lines)
                (place,) = _row(connection, "show data_directory")
            postmaster = int((Path(place) / "postmaster.pid").read_text().split()[0])
            print(f"{options.size:,} lines")
            unchanged(url, postmaster, options.rounds)
            changed(url, postmaster)
            questions(url)


if __name__ == "__main__":
    main()

"""Loads of target-postgres-exact: databases that others use or that cannot be used; their end."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from target_messages import (
    CONFIG,
    OURS,
    PROGRAMS,
    call,
    everything,
    load,
    message,
    record,
    schema,
    tables,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pennylane_launcher.postgres import embedded

THERE = "SELECT to_regclass(%s) IS NOT NULL"


def run_ours(url: str, folder: Path, lines: list[str], **config: str) -> tuple[int, str]:
    """Load messages into an existing database; returns the exit code and the complete log."""
    file = folder / "config.json"
    file.write_text(json.dumps({**CONFIG, "sqlalchemy_url": url, **config}), "utf-8")
    done = call(OURS, file, lines)
    return done.returncode, done.stderr


def test_a_new_column_keeps_no_reader_waiting(postgres: embedded.Server, tmp_path: Path) -> None:
    url = postgres.url("held")
    exact = url.replace("postgresql", "postgresql+exact", 1)
    lines = [schema("things", "id"), record("things", 1)]
    more = [schema("things", "id", added={"type": ["string", "null"]}), record("things", 2)]
    assert run_ours(exact, tmp_path, lines)[0] == 0
    with (
        ThreadPoolExecutor() as pool,
        psycopg.connect(url, application_name="Power BI") as reader,
        psycopg.connect(url, autocommit=True) as other,
    ):
        reader.execute("SELECT * FROM landed.things")
        loading = pool.submit(run_ours, exact, tmp_path, more)
        waits = []
        waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'held'"
        other.execute("SET statement_timeout = '1s'")  # no other reader waits longer than that
        while not loading.done():
            waits.append(other.execute(waiting.encode()).rowcount)
            other.execute("SELECT count(*) FROM landed.things")
        exit_code, log = loading.result()
        assert max(waits) == 1
        (pid,) = (reader.info.backend_pid,)
    assert exit_code == 1
    assert f"Table 'things' is locked by session {pid} of postgres, Power BI, in a" in log
    assert "the next run catches up" in log
    assert "Traceback" not in log
    assert run_ours(exact, tmp_path, more)[0] == 0
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT added FROM landed.things").fetchall() == [(None,)] * 2


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "postgresql+exact://postgres@/latin?host={host}",
            "The database 'latin' is encoded in LATIN1, which cannot hold every text",
        ),
        (
            "postgresql+exact://postgres@/nowhere?host={host}",
            'PostgreSQL can\'t be reached: database "nowhere" does not exist.',
        ),
        (
            "postgresql+exact://user:TOPSECRET@127.0.0.1:1/books",
            "PostgreSQL can't be reached: Connection refused.",
        ),
        (
            "postgresql+exact://user:TOPSECRET@127.0.0.1:port/books",
            "The setting 'sqlalchemy_url' is not a URL like",
        ),
        (
            "postgresql+exact://humble@/books?host={host}",
            "Table 'things': permission denied for",
        ),
    ],
)
def test_a_database_that_cannot_be_used(
    postgres: embedded.Server, tmp_path: Path, url: str, sentence: str
) -> None:
    with psycopg.connect(postgres.url("books"), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS humble")
        connection.execute("CREATE ROLE humble LOGIN")
        connection.execute("DROP DATABASE IF EXISTS latin")
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    filled = url.format(host=postgres.sockets)
    exit_code, log = run_ours(filled, tmp_path, [schema("things", "id"), record("things", 1)])
    assert exit_code == 1
    assert f"CRITICAL | target-postgres                | {sentence}" in log
    assert "Traceback" not in log
    assert "TOPSECRET" not in log


def test_the_host_may_be_the_folder_of_a_socket(postgres: embedded.Server, tmp_path: Path) -> None:
    url = postgres.url("by_socket")
    exit_code, log = run_ours(
        "",
        tmp_path,
        [schema("things", "id"), record("things", 1)],
        **{"dialect+driver": "postgresql+exact"},
        host=str(postgres.sockets),
        user="postgres",
        password="p@ss/word:1",  # noqa: S106
        database="by_socket",
    )
    assert exit_code == 0, log
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT id FROM landed.things").fetchall() == [(1,)]


@contextmanager
def loading(
    postgres: embedded.Server, folder: Path, lines: list[str]
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A load that has got some messages and waits for more; gives the database's URL as well."""
    url = postgres.url(f"loading_{uuid.uuid4().hex[:12]}")
    file = folder / "config.json"
    config = CONFIG | {"sqlalchemy_url": url.replace("postgresql", "postgresql+exact", 1)}
    file.write_text(json.dumps(config), "utf-8")
    with subprocess.Popen(
        [str(PROGRAMS / OURS), "--config", str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdin
        process.stdin.write("".join(f"{line}\n" for line in lines))
        process.stdin.flush()
        with psycopg.connect(url, autocommit=True) as connection:
            while connection.execute(THERE, ["landed.things"]).fetchone() != (True,):
                assert process.poll() is None, process.communicate()
                time.sleep(0.1)
        yield url, process
        process.kill()


def test_a_second_load_is_refused_by_name(postgres: embedded.Server, tmp_path: Path) -> None:
    lines = [schema("things", "id"), record("things", 1)]
    with loading(postgres, tmp_path, lines) as (url, first):
        others = everything("others", "id")
        second = call(OURS, tmp_path / "config.json", others)
        assert second.returncode == 1
        (said,) = (line for line in second.stderr.splitlines() if "| CRITICAL " in line)
        assert "Another run is loading into schema 'landed': target-postgres-exact, process" in said
        assert (
            f"process {first.pid} on host {socket.gethostname()} (role postgres), since 2" in said
        )
        assert tables(url).keys() == {"things", "constraints"}
        # Another schema is another turn.
        config = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "other.json").write_text(
            json.dumps(config | {"default_target_schema": "elsewhere"})
        )
        other = call(OURS, tmp_path / "other.json", others)
        assert other.returncode == 0, other.stderr
        first.kill()
        first.wait()
        third = call(OURS, tmp_path / "config.json", others)
        assert third.returncode == 0, third.stderr


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_load_after_writing_what_was_read(
    postgres: embedded.Server, tmp_path: Path, signum: signal.Signals
) -> None:
    rows = [record("things", number) for number in range(10)]
    state = message(type="STATE", value={"bookmarks": {"things": {"at": 1}}})
    lines = [schema("things", "id"), *rows, state, schema("last", "id")]
    with loading(postgres, tmp_path, lines) as (url, process):
        with psycopg.connect(url, autocommit=True) as connection:
            while connection.execute(THERE, ["landed.last"]).fetchone() != (True,):
                time.sleep(0.1)
        process.send_signal(signum)
        printed, said = process.communicate(timeout=60)
        assert process.returncode == 128 + signum, said
        assert json.loads(printed.splitlines()[-1]) == {"bookmarks": {"things": {"at": 1}}}
        assert len(tables(url)["things"][1]) == len(rows)


def test_a_signal_in_the_middle_of_a_batch_confirms_nothing_that_is_not_there(
    postgres: embedded.Server, tmp_path: Path
) -> None:
    size = CONFIG["batch_size_rows"]
    rows = [record("things", number) for number in range(int(str(size)))]
    state = message(type="STATE", value={"bookmarks": {"things": {"at": 1}}})
    with (
        loading(postgres, tmp_path, [schema("things", "id")]) as (url, process),
        psycopg.connect(url) as reader,
    ):
        assert process.stdin
        # The batch waits for this lock, and is under way when the signal arrives.
        reader.execute("LOCK TABLE landed.things IN SHARE MODE")
        process.stdin.write("".join(f"{line}\n" for line in [*rows[:-1], state, rows[-1]]))
        process.stdin.flush()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
        with psycopg.connect(url, autocommit=True) as connection:
            while connection.execute(waiting).fetchone() == (0,):
                assert process.poll() is None, process.communicate()
                time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        time.sleep(1)
        reader.rollback()
        printed, said = process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGTERM, said
        assert json.loads(printed.splitlines()[-1]) == {"bookmarks": {"things": {"at": 1}}}
        assert len(tables(url)["things"][1]) == size


def test_a_load_ends_when_the_session_of_its_turn_is_lost(
    postgres: embedded.Server, tmp_path: Path
) -> None:
    with loading(postgres, tmp_path, [schema("things", "id")]) as (url, process):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
                " current_database() AND application_name LIKE 'target-postgres-exact %'"
            )
        _, said = process.communicate(f"{record('things', 1)}\n", timeout=60)
        assert process.returncode == 1
        (line,) = (line for line in said.splitlines() if "| CRITICAL " in line)
        assert "terminating connection due to administrator command" in line
        assert tables(url)["things"][1] == []


def transactions(url: str) -> int:
    """How many transactions the database's sessions that have ended committed."""
    with psycopg.connect(url, dbname="postgres", row_factory=tuple_row) as connection:
        row = connection.execute(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = %s",
            [conninfo_to_dict(url)["dbname"]],
        ).fetchone()
    assert row
    return int(row[0])


def test_a_table_that_is_ready_is_not_prepared_again(
    postgres: embedded.Server, tmp_path: Path
) -> None:
    """Most runs change few tables, and each of the others would cost a dozen queries."""
    names = [f"things_{number}" for number in range(20)]
    lines = [line for name in names for line in (schema(name, "id"), record(name, 1))]
    exit_code, _, _, found = load(postgres, tmp_path, OURS, lines)
    assert exit_code == 0
    url = postgres.url(re.sub(r"\W", "_", f"{tmp_path.name[:30]}_{OURS}".lower()))
    spent = []
    for some in (names[:1], names):
        before = transactions(url)
        schemas = [schema(name, "id") for name in some]
        exit_code, _, _, again = load(postgres, tmp_path, OURS, schemas)
        assert exit_code == 0
        assert again == found
        spent.append(transactions(url) - before)
    # One each, for the check of its rows; an autovacuum may come between.
    assert spent[1] - spent[0] < 2 * len(names)


def test_a_column_that_was_dropped_is_there_again(
    postgres: embedded.Server, tmp_path: Path
) -> None:
    lines = [schema("things", "id"), record("things", 1, '"number": 0.10')]
    assert load(postgres, tmp_path, OURS, lines)[0] == 0
    url = postgres.url(re.sub(r"\W", "_", f"{tmp_path.name[:30]}_{OURS}".lower()))
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE landed.things DROP number, DROP hour")
    load(postgres, tmp_path, OURS, lines)
    described, rows = tables(url)["things"]
    assert {"number": "numeric", "hour": "time without time zone"}.items() <= dict(
        described
    ).items()
    assert len(rows) == 1

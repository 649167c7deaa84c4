"""target-postgres-exact compared with target-postgres: the same messages, the same tables."""

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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pennylane_launcher.postgres import embedded

PROGRAMS = Path(__file__).parents[1] / ".meltano/loaders/target-postgres/venv/bin"
DELETED_AT = "_sdc_deleted_at"
STOCK, OURS = "target-postgres", "target-postgres-exact"
CONFIG = {
    "default_target_schema": "landed",
    "load_method": "upsert",
    "use_copy": True,
    "validate_records": False,
    "batch_size_rows": 30,
}
# When a row was loaded, including the time of a deletion.
MOMENTS = ("_sdc_received_at", "_sdc_batched_at", "_sdc_sequence", "_sdc_sync_started_at")
CONSTRAINTS = """
SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'landed'::regnamespace
    AND conrelid <> coalesce(to_regclass('landed._sdc_deliveries'), 0) ORDER BY 1, 2, 3
"""
THERE = "SELECT to_regclass(%s) IS NOT NULL"

NUMBERS = [
    "0",
    "-0.0",
    "0.10",
    "1e-7",
    "1E+5",
    "12345678901234567890.123456789",
    "1E400",
    "123456789012345678901234567890",
    "-9223372036854775809",
]
TEXTS = ["", " a ", "null", "é \u2028 \u2029 \x7f", "\U0001f4b6", '"\\/\b\n\t', "\\N", "{}"]
PROPERTIES = {
    "id": {"type": "integer"},
    "number": {"type": ["number", "null"]},
    "text": {"type": ["string", "null"]},
    "flag": {"type": ["boolean", "null"]},
    "day": {"type": ["string", "null"], "format": "date"},
    "moment": {"type": ["string", "null"], "format": "date-time"},
    "either": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
    "hour": {"type": ["string", "null"], "format": "time"},
    "list": {"type": ["array", "null"]},
    "object": {
        "type": ["object", "null"],
        "properties": {
            "weight": {"type": ["number", "null"]},
            "deep": {"type": ["object", "null"], "properties": {"text": {"type": "string"}}},
        },
    },
    "untyped": {},
}
DAYS = ["2024-02-29", "20240229", "2024-W09-4", "0001-01-01", "9999-12-31"]
MOMENTS_SENT = [
    "2024-01-01T16:58:28.258314Z",
    "2024-01-01T16:58:28+05:30",
    "2024-01-01T16:58:28",
    "2024-01-01 16:58",
    "2024-01-01",
]
HOURS = ["16:58:28", "16:58:28.258314", "16:58"]


def message(**fields: Any) -> str:
    """A line of JSON."""
    return json.dumps(fields, ensure_ascii=False)


def schema(stream: str, *keys: str, **more: Any) -> str:
    """A stream's SCHEMA message."""
    definition = {"type": "object", "properties": {**PROPERTIES, **more}}
    return message(type="SCHEMA", stream=stream, schema=definition, key_properties=keys)


def record(stream: str, number: int, values: str = "") -> str:
    """A RECORD message whose values, except the key, are JSON text that Python cannot change."""
    body = f'{{"id":{number}{"," if values else ""}{values}}}'
    return (
        f'{{"type":"RECORD","stream":"{stream}","record":{body},"version":7,'
        '"time_extracted":"2026-11-25T10:26:54.594480Z"}'
    )


def everything(stream: str, *keys: str) -> list[str]:
    """Messages with every type of value in JSON and the schema."""
    lists = [f"[{value}]" for value in [*NUMBERS, *map(json.dumps, TEXTS)]]
    lists += ["[]", "[null, true, false, [[]], {}]", '[{"weight": 0.10}, {"\u2028": 1e-7}]']
    objects = [
        "{}",
        '{"weight": 0.10, "deep": {"text": "a"}}',
        '{"weight": null, "b": {"\u2028": [1e-7, "é"]}, "a": 1, "a": 2}',
    ]
    values = [
        "",
        *(f'"number": {number}' for number in NUMBERS),
        *(
            f'"text": {json.dumps(text, ensure_ascii=escape)}'
            for text in TEXTS
            for escape in (False, True)
        ),
        *(f'"{name}": null' for name in PROPERTIES if name != "id"),
        '"flag": true',
        '"flag": false',
        *(f'"day": "{day}"' for day in DAYS),
        *(f'"moment": "{moment}", "either": "{moment}"' for moment in MOMENTS_SENT),
        *(f'"hour": "{hour}"' for hour in HOURS),
        *(f'"list": {value}, "untyped": {value}' for value in lists),
        *(f'"object": {value}, "untyped": {value}' for value in objects),
        '"untyped": "text"',
        '"untyped": 0.10',
        '"undeclared": 1, "text": "beside it"',
        '"_sdc_deleted_at": "2026-01-01T00:00:00Z"',
    ]
    count = len(values)
    return [
        schema(stream, *keys),
        *(record(stream, number, value) for number, value in enumerate(values)),
        record(stream, 1, '"text": "later, in another batch"'),
        record(stream, count, '"text": "first"'),
        record(stream, count, '"text": "second, in the same batch", "number": 0.30'),
        message(type="STATE", value={"bookmarks": {stream: {"at": 1}}}),
        message(type="ACTIVATE_VERSION", stream=stream, version=7),
        # A later schema has an additional column.
        schema(stream, *keys, later={"type": ["string", "null"], "format": "date"}),
        record(stream, 2, '"later": "2024-01-01"').replace('"version":7', '"version":8'),
        message(type="ACTIVATE_VERSION", stream=stream, version=8),
    ]


Outcome = tuple[int, str, list[str], dict[str, Any]]


def load(
    postgres: embedded.Server, folder: Path, program: str, lines: list[str], **config: Any
) -> Outcome:
    """Load messages into a new database.

    Args:
        postgres: Where.
        folder: For its settings.
        program: Which of the two.
        lines: The messages.
        config: Settings that differ; `driver` is that of the URL.

    Returns:
        The exit code, the state, what the log says that is no information, and the tables.
    """
    name = f"{folder.name[:30]}_{program.replace('-', '_')}".lower()
    url = postgres.url(re.sub(r"\W", "_", name))
    driver = config.pop("driver", "postgresql+exact")
    settings = {**CONFIG, "sqlalchemy_url": url.replace("postgresql", driver, 1), **config}
    file = folder / f"{program}.json"
    file.write_text(json.dumps(settings), "utf-8")
    done = subprocess.run(
        [str(PROGRAMS / program), "--config", str(file)],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    said = [
        line.partition(" | ")[2]
        for line in done.stderr.splitlines()
        if re.search(r"\| (WARNING|ERROR|CRITICAL) ", line)
    ]
    return done.returncode, done.stdout, said, tables(url)


def tables(url: str) -> dict[str, Any]:
    """The loaded tables: definitions, and rows as text."""
    with psycopg.connect(url, row_factory=tuple_row) as connection:
        columns: dict[str, list[tuple[str, str]]] = {}
        for table, column, kind in connection.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = 'landed' AND table_name <> '_sdc_deliveries' "
            "ORDER BY table_name, ordinal_position"
        ):
            columns.setdefault(table, []).append((column, kind))
        found: dict[str, Any] = {}
        for table, described in columns.items():
            wanted = [
                f'"{column}" IS NULL' if column == "_sdc_deleted_at" else f'"{column}"::text'
                for column, _ in described
                if column not in MOMENTS
            ]
            query = f'SELECT {", ".join(wanted)} FROM landed."{table}"'  # noqa: S608
            rows = connection.execute(query.encode()).fetchall()
            found[table] = (described, sorted(rows, key=str))
        found["constraints"] = connection.execute(CONSTRAINTS).fetchall() if columns else []
    return found


def both(postgres: embedded.Server, folder: Path, lines: list[str], **config: Any) -> Outcome:
    """Load messages with both programs, and return the result if it is the same."""
    with ThreadPoolExecutor() as pool:
        stock = pool.submit(load, postgres, folder, STOCK, lines, **config)
        ours = load(postgres, folder, OURS, lines, **config)
    assert ours == stock.result()
    return ours


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"driver": "postgresql+psycopg"},
        {"use_copy": False},
        {"validate_records": True, "sanitize_null_text_characters": True},
        {"add_record_metadata": False, "activate_version": False},
        {"hard_delete": True, "load_method": "overwrite"},
        {"flattening_enabled": True, "flattening_max_depth": 2},
        {
            "stream_maps": {
                "things": {
                    "share": "(_.get('number') or 0) * 2",
                    "object": "{'ratio': 0.1, 'large': 1e16, 'number': _.get('number')}",
                    "hour": "__NULL__",
                    "__alias__": "renamed",
                }
            }
        },
    ],
    ids=json.dumps,
)
def test_the_same_tables(postgres: embedded.Server, tmp_path: Path, config: dict[str, Any]) -> None:
    lines = everything("things", "id") + everything("without_key")
    if "sanitize_null_text_characters" in config:
        lines.append(record("things", 3, r'"text": "a\u0000", "list": ["\u0000"]'))
    exit_code, state, said, found = both(postgres, tmp_path, lines, **config)
    assert exit_code == 0, said
    assert json.loads(state.splitlines()[-1])["bookmarks"] == {"without_key": {"at": 1}}
    names = {"renamed" if "stream_maps" in config else "things", "without_key"}
    assert found.keys() == names | {"constraints"}
    assert len(found["without_key"][1]) > (0 if "hard_delete" in config else len(lines) / 3)
    assert any("undeclared" in line for line in said)


def test_a_tombstone_keeps_the_contents_of_its_row(
    postgres: embedded.Server, tmp_path: Path
) -> None:
    """A row that comes back has its new contents only; a new version leaves the others alone."""
    gone = {DELETED_AT: {"type": ["string", "null"], "format": "date-time"}}
    moment = f'"{DELETED_AT}": "2026-01-01T00:00:00Z"'
    nothing = f'{moment}, "number": null, "text": null'
    lines = [
        schema("things", "id", **gone),
        *(record("things", number, f'"number": 1.10, "text": "{number}"') for number in range(4)),
        record("things", 1, nothing),
        record("things", 2, nothing),
        record("things", 9, nothing),
        record("things", 2, f'"number": null, "text": "again", "{DELETED_AT}": null'),
        record("things", 3, '"text": "of a later version"').replace('"version":7', '"version":8'),
        message(type="ACTIVATE_VERSION", stream="things", version=8),
    ]
    code, _, said, _ = load(postgres, tmp_path, OURS, lines, batch_size_rows=4)
    assert (code, said) == (0, [])
    name = re.sub(r"\W", "_", f"{tmp_path.name[:30]}_{OURS.replace('-', '_')}".lower())
    with psycopg.connect(postgres.url(name)) as connection:
        rows = connection.execute(
            "SELECT id, number::text, text, _sdc_deleted_at IS NULL, _sdc_table_version "
            "FROM landed.things ORDER BY id"
        ).fetchall()
    assert rows == [
        (0, "1.10", "0", False, 7),  # not seen in version 8
        (1, "1.10", "1", False, 7),
        (2, None, "again", False, 7),
        (3, None, "of a later version", True, 8),
        (9, None, None, False, 7),
    ]


def test_numbers_stay_as_they_were_sent(postgres: embedded.Server, tmp_path: Path) -> None:
    lines = [
        schema("things", "id"),
        *(
            record("things", number, f'"number": {value}, "list": [{value}]')
            for number, value in enumerate(NUMBERS)
        ),
    ]
    _, _, said, found = load(postgres, tmp_path, OURS, lines)
    assert not said
    columns, rows = found["things"]
    place = {name: position for position, (name, _) in enumerate(columns)}
    landed = sorted(
        (int(row[place["id"]]), row[place["number"]], row[place["list"]]) for row in rows
    )
    assert [number for _, number, _ in landed] == [
        "0",
        "0.0",
        "0.10",
        "0.0000001",
        "100000",
        "12345678901234567890.123456789",
        "1" + 400 * "0",
        "123456789012345678901234567890",
        "-9223372036854775809",
    ]
    assert all(nested == f"[{number}]" for _, number, nested in landed)


NOTHING = " Nothing of this batch was loaded."
NO_JSON = "The tap sent a line that cannot be read as JSON ("


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ('"day": "2024-02-30"', "Table 'things', column 'day': a value is not a date or time."),
        ('"moment": "Dupont"', "Table 'things', column 'moment': a value is not a date or time."),
        ('"hour": "25:00"', "Table 'things', column 'hour': a value is not a date or time."),
        ('"day": 20240101', "Table 'things', column 'day': a value is not a date or time."),
        (
            '"number": "Dupont 1234.50"',
            (
                "Table 'things', column 'number', line 2 of the batch: invalid input syntax for "
                f"type numeric.{NOTHING}"
            ),
        ),
        (
            '"list": [NaN], "text": "Dupont"',
            (
                "Table 'things': a value cannot be written (Out of range float values are not JSON "
                f"compliant).{NOTHING}"
            ),
        ),
        (
            '"text": "Dupont\\u0000"',
            f"Table 'things': PostgreSQL text fields cannot contain NUL (0x00) bytes.{NOTHING}",
        ),
        (
            '"list": ["Dupont\\u0000"]',
            (
                "Table 'things', column 'list', line 2 of the batch: unsupported Unicode escape "
                f"sequence.{NOTHING}"
            ),
        ),
        (
            '"text": "Dupont\\ud800"',
            "Table 'things': a text contains half of a surrogate pair, which is not valid UTF-8.",
        ),
        (
            '"list": ["Dupont\\ud800"]',
            (
                "Table 'things', column 'list', line 2 of the batch: invalid input syntax for type "
                f"json.{NOTHING}"
            ),
        ),
        ('"text": "Dupont\x01"', f"{NO_JSON}Invalid control character at at character 67)."),
        ('"number": 01', f"{NO_JSON}Expecting ',' delimiter at character 63)."),
        (f'"number": {5000 * "1"}', f"{NO_JSON}Exceeds the limit (4300 digits) for integer string"),
        ('"text": "Dupont', f"{NO_JSON}Expecting ',' delimiter at character 70)."),
    ],
)
def test_refusals_show_nothing_of_the_row(
    postgres: embedded.Server, tmp_path: Path, values: str, sentence: str
) -> None:
    lines = [schema("things", "id"), record("things", 1), record("things", 2, values)]
    exit_code, state, said, found = load(postgres, tmp_path, OURS, lines)
    stock_code, stock_state, _, stock_found = load(postgres, tmp_path, STOCK, lines)
    assert (exit_code, state, found) == (stock_code, stock_state, stock_found)
    assert exit_code == 1
    assert not found["things"][1]
    (only,) = said
    assert f"CRITICAL | target-postgres                | {sentence}" in only
    assert "Dupont" not in only


def test_what_is_no_json_but_python_reads_it(postgres: embedded.Server, tmp_path: Path) -> None:
    values = ['"number": NaN', '"number": Infinity', '"undeclared": "\\ud800"']
    lines = [schema("things", "id"), *(record("things", *pair) for pair in enumerate(values))]
    exit_code, _, said, found = both(postgres, tmp_path, lines)
    assert exit_code == 0, said
    assert len(found["things"][1]) == 3


def test_a_list_is_json_whether_or_not_the_schema_says_of_what(
    postgres: embedded.Server, tmp_path: Path
) -> None:
    values = ['["a", null]', "[]", "null", '[{"id": 1, "weight": "0.10"}]']
    records = [record("things", number, f'"list": {value}') for number, value in enumerate(values)]
    kinds = [{"type": ["string", "null"]}, {"type": ["object", "null"], "properties": {}}]
    lines = [schema("things", "id"), *records]
    for kind in kinds:
        lines += [schema("things", "id", list={"type": ["array", "null"], "items": kind}), *records]
    exit_code, _, said, found = load(postgres, tmp_path, OURS, lines)
    assert exit_code == 0, said
    described, rows = found["things"]
    assert dict(described)["list"] == "jsonb"
    position = [column for column, _ in described if column not in MOMENTS].index("list")
    assert [row[position] for row in rows] == values


def run_ours(url: str, folder: Path, lines: list[str], **config: str) -> tuple[int, str]:
    """Load messages into an existing database; returns the exit code and the complete log."""
    file = folder / "config.json"
    file.write_text(json.dumps({**CONFIG, "sqlalchemy_url": url, **config}), "utf-8")
    done = subprocess.run(
        [str(PROGRAMS / OURS), "--config", str(file)],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
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
        command = [str(PROGRAMS / OURS), "--config", str(tmp_path / "config.json")]
        given = "".join(f"{line}\n" for line in everything("others", "id"))
        second = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
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
        other = subprocess.run(
            [*command[:2], str(tmp_path / "other.json")],
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert other.returncode == 0, other.stderr
        first.kill()
        first.wait()
        third = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
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

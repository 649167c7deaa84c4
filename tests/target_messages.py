"""Singer messages with every type of value, what loads them, and the tables that come of it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import tuple_row

if TYPE_CHECKING:
    from pennylane_launcher.postgres import embedded

PROGRAMS = Path(__file__).parents[1] / ".meltano/loaders/target-postgres/venv/bin"
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
    done = call(program, file, lines)
    said = [
        line.partition(" | ")[2]
        for line in done.stderr.splitlines()
        if re.search(r"\| (WARNING|ERROR|CRITICAL) ", line)
    ]
    return done.returncode, done.stdout, said, tables(url)


def call(program: str, config: Path, lines: list[str]) -> subprocess.CompletedProcess[str]:
    """Give messages to one of the two programs.

    Args:
        program: Which.
        config: The file with its settings.
        lines: The messages.
    """
    return subprocess.run(
        [str(PROGRAMS / program), "--config", str(config)],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


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

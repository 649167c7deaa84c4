"""target-postgres-exact compared with target-postgres: the same messages, the same tables."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from target_messages import (
    MOMENTS,
    NUMBERS,
    OURS,
    STOCK,
    Outcome,
    everything,
    load,
    message,
    record,
    schema,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pennylane_launcher.postgres import embedded

DELETED_AT = "_sdc_deleted_at"


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

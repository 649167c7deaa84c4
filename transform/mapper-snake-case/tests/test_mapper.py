"""The mapper as a process, with the messages that taps send."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMMAND = [sys.executable, "-m", "mapper_snake_case"]
TEXT = {"type": ["string", "null"]}
NUMBER = {"type": ["number", "null"]}


@dataclass
class Run:
    """The result of a run of the mapper."""

    exit_code: int
    log: str
    lines: list[str]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All messages, numbers as decimals."""
        return [json.loads(line, parse_float=Decimal) for line in self.lines]

    @property
    def records(self) -> list[dict[str, Any]]:
        """Only the records."""
        return [message["record"] for message in self.messages if message["type"] == "RECORD"]

    @property
    def failure(self) -> str:
        """The sentence that explains why it stopped."""
        assert "Traceback" not in self.log
        (line,) = (line for line in self.log.splitlines() if "CRITICAL" in line)
        return line.rpartition(" | ")[2]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    def call(*messages: dict[str, Any] | str, **settings: Any) -> Run:
        (tmp_path / "config.json").write_text(json.dumps(settings))
        lines = [m if isinstance(m, str) else json.dumps(m) + "\n" for m in messages]
        done = subprocess.run(
            [*COMMAND, "--config", str(tmp_path / "config.json")],
            input="".join(lines),
            capture_output=True,
            text=True,
            check=False,
        )
        return Run(done.returncode, done.stderr, done.stdout.splitlines())

    return call


def schema(
    properties: dict[str, Any], keys: tuple[str, ...] = ("id",), **more: Any
) -> dict[str, Any]:
    whole = {"type": "object", "properties": {"id": {"type": "integer"}, **properties}}
    return {"type": "SCHEMA", "stream": "x", "schema": whole, "key_properties": [*keys], **more}


def record(values: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "RECORD", "stream": "x", "record": {"id": 1, **values}, **more}


def test_every_kind_of_message_passes_in_order(run: Callable[..., Run]) -> None:
    moment = "2026-01-01T00:00:00.000001+02:00"
    given = [
        schema({"updated_at": {**TEXT, "format": "date-time"}}, bookmark_properties=["updated_at"]),
        record({"updated_at": " 2026-01-01 "}, version=7, time_extracted=moment),
        {"type": "STATE", "value": {"bookmarks": {"x": {"replication_key": "updatedAt"}}}},
        {"type": "ACTIVATE_VERSION", "stream": "x", "version": 7},
        record({"_sdc_deleted_at": moment}, version=7),
        {"type": "STATE", "value": {"bookmarks": {}}},
    ]
    done = run(*given)
    assert done.exit_code == 0, done.log
    assert done.messages == given


def test_names_change_at_every_level_in_schema_and_records_alike(run: Callable[..., Run]) -> None:
    price = {"type": "object", "properties": {"unitPrice": NUMBER}, "required": ["unitPrice"]}
    properties = {
        "invoiceID": {"type": "integer"},
        "Libellé": TEXT,
        "shipTo": {
            "anyOf": [
                {"type": "object", "properties": {"streetName": TEXT}},
                {"type": "object", "properties": {"StreetName": TEXT, "poBox": TEXT}},
                {"type": "null"},
            ]
        },
        "invoiceLines": {"type": "array", "items": price},
        "firstLine": {"$ref": "#/$defs/price"},
        "priceList": {"type": "object", "additionalProperties": price},
        "codes": {"type": "object", "patternProperties": {"^[A-Z]{2}$": price}},
        "anyThing": {},
    }
    whole = {
        "type": "object",
        "properties": properties,
        "required": ["invoiceID", "Libellé"],
        "$defs": {"price": price},
    }
    given = {
        "type": "SCHEMA",
        "stream": "Invoices",
        "schema": whole,
        "key_properties": ["invoiceID"],
        "bookmark_properties": ["Libellé"],
    }
    line = {"unitPrice": 1}
    values = {
        "invoiceID": 1,
        "Libellé": "a",
        "shipTo": {"StreetName": "b", "streetName": "c", "poBox": "d"},
        "invoiceLines": [line, line],
        "firstLine": line,
        "priceList": {"FR 1": line},
        "codes": {"FR": line},
        "anyThing": [{"camelCase": {"Été": 1}}],
        "notDeclared": True,
    }
    done = run(
        given, {"type": "RECORD", "stream": "Invoices", "record": values}, on_collision="suffix"
    )
    assert done.exit_code == 0, done.log
    first, second = done.messages
    assert first["stream"] == second["stream"] == "Invoices"
    assert first["key_properties"] == ["invoice_id"]
    assert first["bookmark_properties"] == ["libelle"]
    assert first["schema"]["required"] == ["invoice_id", "libelle"]
    line = {"unit_price": 1}
    ship_to = second["record"].pop("ship_to")
    assert sorted(ship_to.values()) == ["b", "c", "d"]
    assert ship_to["po_box"] == "d"
    assert [name[:12] for name in ship_to if name != "po_box"] == ["street_name_"] * 2
    assert second["record"] == {
        "invoice_id": 1,
        "libelle": "a",
        "invoice_lines": [line, line],
        "first_line": line,
        "price_list": {"FR 1": line},
        "codes": {"FR": line},
        "any_thing": [{"camel_case": {"ete": 1}}],
        "not_declared": True,
    }
    Draft202012Validator(first["schema"]).validate({**second["record"], "ship_to": ship_to})
    names = first["schema"]["properties"].keys()
    assert names == {*second["record"], "ship_to"} - {"not_declared"}

    # A second mapper has nothing to do.
    again = run(*done.messages)
    assert again.lines == done.lines

    kept = run(
        given,
        {"type": "RECORD", "stream": "Invoices", "record": values},
        rename_undeclared=False,
        on_collision="suffix",
    )
    assert kept.records[0]["any_thing"] == [{"camelCase": {"Été": 1}}]
    assert kept.records[0]["notDeclared"] is True


def test_values_are_exact(run: Callable[..., Run]) -> None:
    values = (
        '"a": 12345678901234567890.12, "b": 0.10, "c": 9223372036854775807, "d": -0.0, '
        '"e": 1E-7, "f": "\\u0000\\u202e\\ud83d\\udcb6", "g": 123456789012345678901234567890'
    )
    names: dict[str, Any] = {name: {} for name in "abcdefg"}
    done = run(
        schema(names), f'{{"type": "RECORD", "stream": "x", "record": {{"id": 1, {values}}}}}\n'
    )
    for number in ("12345678901234567890.12", "0.10", "9223372036854775807", "-0.0", "1E-7"):
        assert f":{number}," in done.lines[1]
    assert done.records[0]["f"] == "\0\u202e\U0001f4b6"
    assert done.records[0]["g"] == 123456789012345678901234567890


def test_texts_are_tidied_as_the_settings_say(run: Callable[..., Run]) -> None:
    dirty = "\u202f deux\u00a0 mots\t et\n une  ligne \n"
    properties = {
        "label": TEXT,
        "nothing": {"type": "string"},
        "day": {**TEXT, "format": "date"},
        "kind": {**TEXT, "enum": [" a", None]},
        "either": {"anyOf": [{"type": "string", "format": "date-time"}, TEXT]},
        "tags": {"type": "array", "items": TEXT},
        "code": {"type": "string"},
    }
    values = {
        "label": dirty,
        "nothing": " ",
        "day": " ",
        "kind": " a",
        "either": " ",
        "tags": [" a  b ", ""],
        "code": " 1",
    }
    given = schema(properties, ("code",)), record(values)
    done = run(*given)
    assert done.records == [
        {**values, "id": 1, "label": "deux mots et\n une ligne", "nothing": None}
    ]
    Draft202012Validator(done.messages[0]["schema"]).validate(done.records[0])

    off = run(*given, trim=False, collapse_whitespace=False, empty_to_null=False)
    assert off.messages == [*given]
    assert run(*given, trim=False).records[0]["label"] == " deux mots et\n une ligne \n"
    assert run(*given, empty_to_null=False).records[0]["nothing"] == ""
    assert run(*given, clean_except=["x.l*"]).records[0]["label"] == dirty
    nested = run(*given, clean_nested=True)
    assert nested.records[0]["tags"] == ["a b", None]


def test_only_exact_duplicates_of_a_key_are_dropped(run: Callable[..., Run]) -> None:
    a, b, other = record({"v": "a"}), record({"v": "b"}), record({"id": 2, "v": "a"})
    values = [
        m["record"]["v"] + str(m["record"]["id"])
        for m in run(schema({"v": TEXT}), a, a, b, a, other, other, a).messages[1:]
    ]
    assert values == ["a1", "b1", "a1", "a2"]
    gone = record({"_sdc_deleted_at": "2026-01-01T00:00:00Z"})
    assert len(run(schema({"v": TEXT}), a, gone, gone, a).records) == 3

    anew = {"type": "ACTIVATE_VERSION", "stream": "x", "version": 1}
    assert len(run(schema({"v": TEXT}), a, anew, a).records) == 2
    versions = [record({"v": "a"}, version=version) for version in (1, 1, 2)]
    assert [m["version"] for m in run(schema({"v": TEXT}), *versions).messages[1:]] == [1, 2]
    assert len(run(schema({"v": TEXT}), a, schema({"v": TEXT}), a).records) == 1

    assert len(run(schema({"v": TEXT}), a, a, remember_keys=0).records) == 2
    assert len(run(schema({"v": TEXT}), a, other, a, a, remember_keys=1).records) == 3
    assert len(run(schema({"v": TEXT}, ()), a, a).records) == 2
    assert len(run(schema({"v": TEXT}, ("missing",)), a, a).records) == 2


def test_a_column_does_not_change_its_meaning_when_another_name_comes(
    run: Callable[..., Run],
) -> None:
    first = run(schema({"VatRate": NUMBER}), record({"VatRate": 20}))
    assert first.records[0]["vat_rate"] == 20
    grown = (
        schema({"VatRate": NUMBER, "vat_rate": TEXT}),
        record({"VatRate": 20, "vat_rate": "FR_200"}),
    )
    refused = run(*grown)
    assert refused.exit_code == 1
    assert not refused.lines
    assert refused.failure == (
        "Stream 'x': 'VatRate' and 'vat_rate' would each become 'vat_rate', and the target's "
        "existing column 'vat_rate' could change its meaning; select only one of them in the tap, "
        "or set 'on_collision' to 'suffix': then a name that already is 'vat_rate' keeps it, and "
        "the others get suffixes."
    )
    assert run(*grown, on_collision="suffix").records[0]["vat_rate"] == "FR_200"


def test_collisions_are_refused_by_name_or_suffixed(run: Callable[..., Run]) -> None:
    given = schema({"vatRate": NUMBER, "VatRate": NUMBER}), record({"vatRate": 1, "VatRate": 2})
    done = run(*given, on_collision="suffix")
    assert sorted(done.records[0].values()) == [1, 1, 2]
    assert "'VatRate' and 'vatRate' would each become 'vat_rate'" in run(*given).failure
    late = schema({"vatRate": NUMBER}), record({"vatRate": 1, "VatRate": 2})
    assert len(run(*late, on_collision="suffix").records[0]) == 3
    assert "'VatRate'" in run(*late).failure


def test_streams_keep_their_names_unless_asked(run: Callable[..., Run]) -> None:
    given = [
        {**message, "stream": "salesInvoices"}
        for message in (schema({}), record({}), {"type": "ACTIVATE_VERSION", "version": 1})
    ]
    assert {m["stream"] for m in run(*given).messages} == {"salesInvoices"}
    assert {m["stream"] for m in run(*given, rename_streams=True).messages} == {"sales_invoices"}
    twin = {**given[0], "stream": "SalesInvoices"}
    assert "'salesInvoices' and 'SalesInvoices'" in run(*given, twin, rename_streams=True).failure


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"type": "STATE", "value": {"secret"', "Line 2 of the input is truncated"),
        ("secret\n", "Line 2 of the input is not JSON"),
        ('["secret"]\n', "Line 2 of the input is not a Singer message"),
        ('{"type": "RECORD", "stream": "x"}\n', "but it lacks 'record'"),
        ('{"type": "RECORD", "stream": "x", "record": 1}\n', "a record that is not an object"),
        ('{"type": "RECORD", "stream": "y", "record": {}}\n', "'y' has a record before its SCHEMA"),
        ('{"type": "BATCH", "stream": "x"}\n', "turn 'batch_config' off in the tap"),
        ('{"type": "NOISE"}\n', "'type' is 'NOISE'"),
    ],
)
def test_what_is_no_message_is_one_sentence(
    run: Callable[..., Run], line: str, sentence: str
) -> None:
    done = run(schema({}), line)
    assert done.exit_code == 1
    assert sentence in done.failure
    assert "secret" not in done.log
    assert len(done.lines) == 1


def test_settings_that_cannot_be_are_refused(run: Callable[..., Run]) -> None:
    done = run(schema({}), on_collision="guess")
    assert done.exit_code == 1
    assert "guess" in done.log
    assert not done.lines


def test_a_signal_ends_it_between_two_messages() -> None:
    with subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        lines = [json.dumps(m).encode() + b"\n" for m in (schema({}), record({}))]
        process.stdin.write(b"".join(lines))
        process.stdin.flush()
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        out, log = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert all(json.loads(line) for line in [first, *out.splitlines()])
    assert (first + out).endswith(b"\n")
    assert b"Traceback" not in log


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="only Linux makes pipes small")
def test_a_signal_cuts_no_message_that_is_longer_than_the_pipe() -> None:
    messages = [schema({"text": TEXT}), record({"text": "x" * 100_000})]
    with subprocess.Popen(
        COMMAND,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},  # as in a container
    ) as process:
        assert process.stdin
        assert process.stdout
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        process.stdin.write("".join(f"{json.dumps(one)}\n" for one in messages).encode())
        process.stdin.close()
        out = process.stdout.readline() + process.stdout.read(1)
        process.send_signal(signal.SIGTERM)
        time.sleep(1)  # it must arrive while the pipe is full
        out += process.stdout.read()
    assert process.returncode == 128 + signal.SIGTERM
    assert [json.loads(line) for line in out.splitlines()] == messages
    assert out.endswith(b"\n")


def test_a_target_that_stops_reading_is_one_sentence() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    message = json.dumps(schema({})).encode() + b"\n"
    with os.fdopen(writer, "wb", closefd=True) as pipe:
        done = subprocess.run(
            COMMAND, input=message, stdout=pipe, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert "The target stopped reading" in Run(1, done.stderr.decode(), []).failure

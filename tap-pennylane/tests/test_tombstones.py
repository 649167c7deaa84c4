"""The output suits any target: every message fits the preceding SCHEMA."""

from __future__ import annotations

import json
import zlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, validators
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Run

STREAMS = TapPennylane(validate_config=False).streams
DELETED_AT = "_sdc_deleted_at"
CHANGED = ("customer_invoices", "supplier_invoices", "customers", "quotes", "transactions")


def _is_number(_: object, value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


Validator = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("number", _is_number),
)


def assert_valid(run: Run) -> None:
    """Every record belongs to a stream with a SCHEMA, has exactly its columns, and is valid."""
    assert run.exit_code == 0, run.log
    schemas: dict[str, Any] = {}
    for message in run.messages:
        if message["type"] == "SCHEMA":
            schemas[message["stream"]] = Validator(
                message["schema"], format_checker=Validator.FORMAT_CHECKER
            )
        elif message["type"] == "RECORD":
            validator = schemas[message["stream"]]
            validator.validate(message["record"])
            assert message["record"].keys() == validator.schema["properties"].keys(), message


def tombstones(run: Run, stream: str) -> list[dict[str, Any]]:
    return [record for record in run.records[stream] if record.get(DELETED_AT)]


def test_all_messages_of_all_streams_are_valid_with_deletions_too(
    load: Callable[..., Run], company: Sandbox
) -> None:
    first = load(streams=list(STREAMS), all_streams=True)
    assert_valid(first)
    assert not [name for name in STREAMS if not first.records[name]]
    assert not [name for name in STREAMS if tombstones(first, name)]
    gone = {name: company.change(name, create=1, update=2, delete=1) for name in CHANGED}
    second = load(streams=list(STREAMS), all_streams=True, state=first.state)
    assert_valid(second)
    for name, changes in gone.items():
        (identity,) = changes["deleted"]
        (tombstone,) = [one for one in tombstones(second, name) if one["id"] == identity]
        held = {column for column, value in tombstone.items() if value is not None}
        assert held == {"id", DELETED_AT}
    marked = {name for name in STREAMS if tombstones(second, name)}
    assert {"customer_contacts", "customer_invoice_payments", "customer_invoice_lines"} <= marked
    for name in marked - {*CHANGED}:
        for marker in tombstones(second, name):
            assert all(
                value is None
                for column, value in marker.items()
                if column not in {*STREAMS[name].primary_keys, DELETED_AT}
            )


def test_streams_that_can_send_a_tombstone_declare_it_and_no_others() -> None:
    for name, stream in STREAMS.items():
        can = bool(getattr(stream, "changelogs", {})) or name == "trial_balance"
        assert (DELETED_AT in stream.schema["properties"]) == can, name


def test_what_tells_a_deletion_is_always_selected(
    load: Callable[..., Run], company: Sandbox, tmp_path: Path
) -> None:
    catalog = json.loads(TapPennylane(validate_config=False).catalog_json_text)
    (entry,) = [one for one in catalog["streams"] if one["tap_stream_id"] == "customers"]
    metadata = {tuple(one["breadcrumb"]): one["metadata"] for one in entry["metadata"]}
    assert metadata["properties", DELETED_AT]["inclusion"] == "automatic"
    del entry["schema"]["properties"][DELETED_AT]  # a catalog that predates the column
    kept = [one for one in entry["metadata"] if one["breadcrumb"] != ["properties", DELETED_AT]]
    for one in kept:
        one["metadata"]["selected"] = one["breadcrumb"] in ([], ["properties", "name"])
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"streams": [{**entry, "metadata": kept}]}), encoding="utf-8")

    first = load("--catalog", str(path))
    assert_valid(first)
    # The fingerprint covers only the columns of live records, so no full read is needed.
    fingerprint = f"{zlib.crc32(b'id name'):08x}"
    assert first.state["bookmarks"]["customers"]["columns"] == fingerprint
    (gone,) = company.change("customers", delete=1)["deleted"]
    second = load("--catalog", str(path), state=first.state)
    assert_valid(second)
    (tombstone,) = second.records["customers"]
    assert tombstone.keys() == {"id", "name", DELETED_AT}
    assert tombstone["id"] == gone
    company.change("customers", recreate=[gone])
    third = load("--catalog", str(path), state=second.state)
    (record,) = third.records["customers"]
    assert record["id"] == gone
    assert record[DELETED_AT] is None  # explicit, so that any target's upsert revives the row

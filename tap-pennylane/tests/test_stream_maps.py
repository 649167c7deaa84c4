"""Stream maps work on the first load and on every later run, deletions included."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Run

DELETED_AT = "_sdc_deleted_at"


def md5(text: object) -> str:
    return hashlib.md5(str(text).encode()).hexdigest()  # noqa: S324 - what the SDK offers


def rows(stream: str, key: str, *runs: Run) -> dict[Any, dict[str, Any]]:
    """The live rows of an upserting target at the end."""
    found = {record[key]: record for run in runs for record in run.records[stream]}
    return {identity: row for identity, row in found.items() if not row.get(DELETED_AT)}


@pytest.mark.parametrize(
    ("definition", "key", "changed"),
    [
        ({"name": "name.upper()"}, "id", {"name": lambda item: item["name"].upper()}),
        ({"name": "md5(name)"}, "id", {"name": lambda item: md5(item["name"])}),
        ({"id": "md5(str(id))"}, "id", {"id": lambda item: md5(item["id"])}),
        ({"__else__": "__NULL__", "name": "name"}, "id", {"name": lambda item: item["name"]}),
        (
            {"__key_properties__": ["origin", "number"], "origin": "'fr'", "number": "id + 1"},
            "number",
            {"origin": lambda _: "fr"},
        ),
        ({DELETED_AT: "__NULL__"}, "id", {}),
    ],
    ids=["name.upper()", "md5(name)", "md5(id)", "__else__", "__key_properties__", "no marker"],
)
def test_every_kind_of_map_lets_deletions_pass(
    load: Callable[..., Run],
    company: Sandbox,
    definition: dict[str, Any],
    key: str,
    changed: dict[str, Callable[[dict[str, Any]], Any]],
) -> None:
    maps = {"customers": {**definition, "__alias__": "clients"}}
    first = load(streams=["customers", "suppliers"], stream_maps=maps)
    assert first.exit_code == 0, first.log
    gone = company.change("customers", create=1, update=2, delete=2)["deleted"]
    company.change("suppliers", delete=1)
    second = load(streams=["customers", "suppliers"], stream_maps=maps, state=first.state)
    assert second.exit_code == 0, second.log
    assert second.records.keys() == {"clients", "suppliers"}
    (schema,) = [
        one["schema"]["properties"]
        for one in second.messages
        if one["type"] == "SCHEMA" and one["stream"] == "clients"
    ]
    tombstones = [record for record in second.records["clients"] if record[DELETED_AT]]
    assert len(tombstones) == len(gone)
    assert all(record.keys() == schema.keys() for record in second.records["clients"])
    alive = rows("clients", key, first, second)
    wanted = company.state("customers")
    assert len(alive) == len(wanted)
    for item in wanted:
        identity = item["id"] + 1 if key == "number" else item["id"]
        row = alive[md5(identity) if "id" in changed else identity]
        for column, value in changed.items():
            assert row[column] == value(item)
    third = load(streams=["customers", "suppliers"], stream_maps=maps, state=second.state)
    assert third.exit_code == 0, third.log
    assert not third.records, "the maps are those of the last run: nothing is read again"


def test_a_filter_never_keeps_a_deletion_back(load: Callable[..., Run], company: Sandbox) -> None:
    maps = {"customer_invoices": {"__filter__": "date is not None and date >= '2025-01-01'"}}
    first = load(streams=["customer_invoices"], stream_maps=maps)
    assert first.exit_code == 0, first.log
    gone = company.change("customer_invoices", update=5, delete=3)["deleted"]
    second = load(streams=["customer_invoices"], stream_maps=maps, state=first.state)
    assert second.exit_code == 0, second.log
    deleted = {record["id"] for record in second.records["customer_invoices"] if record[DELETED_AT]}
    assert deleted >= set(gone)
    alive = rows("customer_invoices", "id", first, second)
    wanted = {
        item["id"] for item in company.state("customer_invoices") if item["date"] >= "2025-01-01"
    }
    assert alive.keys() == wanted
    assert len(alive) < len(company.state("customer_invoices"))


def test_a_record_that_no_longer_passes_the_filter_is_gone(
    load: Callable[..., Run], company: Sandbox
) -> None:
    names = sorted(item["name"] for item in company.state("customers"))
    maps = {"customers": {"__filter__": f"name >= {names[len(names) // 2]!r}"}}
    first = load(streams=["customers"], stream_maps=maps)
    company.change("customers", update=len(names))
    second = load(streams=["customers"], stream_maps=maps, state=first.state)
    alive = rows("customers", "id", first, second)
    wanted = {
        item["id"]: item["name"]
        for item in company.state("customers")
        if item["name"] >= names[len(names) // 2]
    }
    assert {identity: row["name"] for identity, row in alive.items()} == wanted


def test_streams_included_in_another_ones_answers_are_mapped_too(
    load: Callable[..., Run], company: Sandbox
) -> None:
    streams = ["customer_invoices", "customer_invoice_lines"]
    maps = {"customer_invoice_lines": {"label": "md5(label)", "__alias__": "lines"}}
    first = load(streams=streams, stream_maps=maps)
    assert first.exit_code == 0, first.log
    company.change("customer_invoices", update=2, delete=1)
    second = load(streams=streams, stream_maps=maps, state=first.state)
    assert second.exit_code == 0, second.log
    labels = {row["label"] for row in first.records["lines"]}
    assert labels
    assert all(re.fullmatch("[0-9a-f]{32}", label) for label in labels)
    markers = [row for row in second.records["lines"] if row[DELETED_AT]]
    assert len(markers) == 3
    assert {row["id"] for row in markers} == {0}


def test_a_copy_under_another_name_has_the_deletions_too(
    load: Callable[..., Run], company: Sandbox
) -> None:
    maps = {"hashed": {"__source__": "customers", "__else__": None, "name": "md5(name)"}}
    first = load(streams=["customers"], stream_maps=maps)
    (gone,) = company.change("customers", delete=1)["deleted"]
    second = load(streams=["customers"], stream_maps=maps, state=first.state)
    assert second.exit_code == 0, second.log
    for stream in ("customers", "hashed"):
        (tombstone,) = second.records[stream]
        assert tombstone["id"] == gone
        assert tombstone[DELETED_AT]
    assert second.records["hashed"][0].keys() == {"id", "name", DELETED_AT}


def test_flattening_lets_deletions_pass(load: Callable[..., Run], company: Sandbox) -> None:
    flat = {"flattening_enabled": True, "flattening_max_depth": 2}
    first = load(streams=["customers"], **flat)
    assert first.exit_code == 0, first.log
    emails = [row["emails"] for row in first.records["customers"] if row["emails"]]
    assert all(isinstance(json.loads(one), list) for one in emails)
    (gone,) = company.change("customers", delete=1)["deleted"]
    second = load(streams=["customers"], state=first.state, **flat)
    assert second.exit_code == 0, second.log
    (tombstone,) = second.records["customers"]
    assert {name: value for name, value in tombstone.items() if name != DELETED_AT} == {
        **dict.fromkeys(first.records["customers"][0].keys() - {DELETED_AT}),
        "id": gone,
    }


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        (
            {"name": "int(name)"},
            r"`int\(name\)` of 'name' can't be applied to id \d+ \(ValueError\)",
        ),
        ({"name": "name.upper("}, r"can't be used for it: Failed to parse expression"),
        (
            {"__filter__": "missing > 1"},
            r"`missing > 1` of '__filter__' can't be applied to id \d+",
        ),
        ({"__key_properties__": ["nothing"]}, r"'nothing' was not detected in schema"),
        (
            {"__key_properties__": ["name"]},
            r"makes 'name' the key, but a deleted record has only 'id'",
        ),
        ({"id": None}, r"Removing key property 'id' is not permitted"),
    ],
    ids=json.dumps,
)
def test_a_map_that_cannot_work_fails_its_stream_alone(
    load: Callable[..., Run], company: Sandbox, definition: dict[str, Any], sentence: str
) -> None:
    streams = ["customers", "suppliers", "sync_log"]
    run = load(streams=streams, stream_maps={"customers": definition})
    assert run.exit_code == 1
    assert "Traceback" not in run.log
    assert len(re.findall(rf"Stream 'customers' failed: .*{sentence}", run.log)) == 1
    assert not any(item["name"] in run.log for item in company.state("customers"))
    assert run.log_rows["customers"]["status"] == "failed"
    assert run.log_rows["suppliers"]["status"] == "success"
    assert not run.records["customers"]
    assert "customers" not in run.activated
    mended = load(streams=streams, state=run.state)
    assert mended.exit_code == 0, mended.log
    assert len(mended.records["customers"]) == len(company.state("customers"))


def test_a_map_of_an_included_stream_that_cannot_work_fails_it_alone(
    load: Callable[..., Run], company: Sandbox
) -> None:
    streams = ["customer_invoices", "customer_invoice_lines", "sync_log"]
    broken = {"customer_invoice_lines": {"label": "missing + 1"}}
    first = load(streams=streams, stream_maps=broken)
    assert first.exit_code == 1
    assert first.log.count("Stream 'customer_invoice_lines' failed") == 1
    assert "of 'label' can't be applied to customer_invoice_id" in first.log
    assert len(first.records["customer_invoices"]) == len(company.state("customer_invoices"))
    assert first.log_rows["customer_invoices"]["status"] == "success"
    mended = load(streams=streams, state=first.state)
    assert mended.exit_code == 0, mended.log
    path = "/customer_invoices/{customer_invoice_id}/invoice_lines"
    assert len(mended.records["customer_invoice_lines"]) == len(company.rows(path))


def test_other_maps_read_the_stream_whole_again(load: Callable[..., Run]) -> None:
    streams = ["customers", "suppliers", "sync_log"]
    first = load(streams=streams)
    maps = {"customers": {"name": "md5(name)"}}
    second = load(streams=streams, state=first.state, stream_maps=maps)
    assert "'customers' is read completely again" in second.log
    assert second.log_rows["customers"]["mode"] == "scan"
    assert second.log_rows["suppliers"]["mode"] == "changelog"


def test_the_record_of_runs_may_be_mapped_and_fails_alone(load: Callable[..., Run]) -> None:
    run = load(streams=["suppliers", "sync_log"], stream_maps={"sync_log": {"mode": "nothing()"}})
    assert run.exit_code == 1
    assert "Stream 'sync_log' failed: in the setting 'stream_maps'" in run.log
    assert "Traceback" not in run.log
    assert run.records["suppliers"]

"""No list of values is closed: values that Pennylane adds later arrive unchanged."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import other_server
from tap_pennylane.schemas import schema_file
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Answer, Query, Sandbox

    from conftest import Run

STREAMS = [name for name in TapPennylane(validate_config=False).streams if name != "sync_log"]
VALUE = "never_heard_of"
LISTS = {
    "accounting_logic",
    "accounting_status",
    "billing_language",
    "country_alpha2",
    "currency",
    "customer_type",
    "kind",
    "language",
    "payment_conditions",
    "payment_status",
    "status",
    "substance",
    "type",
    "unit",
    "vat_rate",
}
CUSTOM_FIELDS: list[dict[str, Any]] = [
    {"name": "text", "value": "Lot 7"},
    {"name": "nothing", "value": None},
    {"name": "number", "value": 12.75},
    {"name": "list", "value": ["Pose", "Dépose"]},
    {"name": "empty list", "value": []},
    {"name": "list of numbers", "value": [7]},
]


@pytest.fixture
def read(run_tap: Callable[..., Run], sandbox: Sandbox) -> Callable[..., Run]:
    """Read streams through a proxy that changes the responses."""

    def run(streams: list[str], change: Callable[[str, Any], object]) -> Run:
        def asked(path: str, query: Query) -> Answer | None:
            if path.startswith("/changelogs"):
                return None
            return 200, {}, json.dumps(change(path, sandbox.get(path, **query))).encode()

        with other_server(sandbox, asked=asked) as url:
            done = run_tap(
                streams=streams, api_token=sandbox.token, api_url=url, requests_per_window=9999
            )
        assert done.exit_code == 0, done.log
        return done

    return run


def with_new_values(value: object) -> object:
    """Replace every value that comes from a list of values."""
    if isinstance(value, list):
        return [with_new_values(one) for one in value]
    if isinstance(value, dict):
        return {
            key: VALUE if key in LISTS and isinstance(one, str) else with_new_values(one)
            for key, one in value.items()
        }
    return value


def closed(definition: object) -> Iterator[str]:
    """The keywords of a schema that close a list of values."""
    if isinstance(definition, dict):
        yield from {"enum", "const", "pattern", "not"} & definition.keys()
        for one in definition.values():
            yield from closed(one)


@pytest.mark.parametrize("stream", STREAMS)
def test_no_schema_closes_a_list(stream: str) -> None:
    assert not list(closed(schema_file(stream)["properties"]))


def test_values_that_nobody_knows_yet_arrive_as_they_are(read: Callable[..., Run]) -> None:
    streams = [
        name
        for name in STREAMS
        if TapPennylane(validate_config=False).streams[name].selected_by_default
    ]
    run = read(streams, lambda _, answer: with_new_values(answer))
    assert "does not know" not in run.log
    arrived = set()
    for stream in streams:
        columns = schema_file(stream)["properties"]
        lists = {
            column: found
            for column, definition in columns.items()
            if (found := definition.get("x-path", [column])[-1]) in LISTS
            and "string" in definition["type"]
        }
        for record in run.records[stream]:
            for column, name in lists.items():
                assert record[column] in {None, VALUE}, (stream, column)
                arrived |= {name} if record[column] else set()
    assert arrived == LISTS


def test_a_feature_that_nobody_knows_yet_is_a_row(read: Callable[..., Run]) -> None:
    features = {"installments": True, "never_heard_of": False, "undecided": None}
    run = read(
        ["company_features"],
        lambda path, answer: features if path == "/company/features" else answer,
    )
    assert {row["name"]: row["enabled"] for row in run.records["company_features"]} == features


def test_custom_fields_of_every_kind_arrive_and_fit_their_schema(read: Callable[..., Run]) -> None:
    def change(path: str, answer: dict[str, Any]) -> dict[str, Any]:
        for item in answer["items"] if path == "/products" else ():
            item["custom_fields"] = CUSTOM_FIELDS
        return answer

    run = read(["products"], change)
    found = {one["name"]: one["value"] for one in run.records["products"][0]["custom_fields"]}
    # The schema has only text for this number: it stays exact.
    assert found == {one["name"]: one["value"] for one in CUSTOM_FIELDS} | {
        "number": "12.75",
        "list of numbers": ["7"],
    }
    assert not [one for one in found.values() if isinstance(one, int | float | Decimal)]

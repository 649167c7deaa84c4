"""Converts the API's items to flat, typed records."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tap_pennylane.errors import RecordError
from tap_pennylane.record import RecordReader

SCHEMA: dict[str, Any] = {
    "properties": {
        "id": {"type": "integer"},
        "amount": {"type": ["number", "null"]},
        "label": {"type": ["string", "null"]},
        "paid": {"type": ["boolean", "null"]},
        "date": {"type": ["string", "null"], "format": "date"},
        "updated_at": {"type": ["string", "null"], "format": "date-time"},
        "customer_id": {"type": ["integer", "null"], "x-path": ["customer", "id"]},
        "flow_id": {"type": ["string", "null"], "x-path": ["e_invoicing", "flow", "id"]},
        "categories": {"type": ["array", "null"]},
    },
    "x-omitted": [["customer", "url"], ["payments"]],
}


@pytest.fixture
def reader() -> RecordReader:
    return RecordReader(SCHEMA, ("id",))


def test_an_item_becomes_a_flat_record(reader: RecordReader) -> None:
    item = {
        "id": 7,
        "amount": "-230.30",
        "label": "Café «Ö»",
        "paid": False,
        "date": "2026-02-28",
        "updated_at": "2026-02-28T10:00:00.123456Z",
        "customer": {"id": 9007199254740993, "url": "https://…"},
        "e_invoicing": {"flow": {"id": "a-b"}},
        "categories": [{"weight": "0.5"}],
        "payments": {"url": "https://…"},
    }
    assert reader.read(item) == {
        "id": 7,
        "amount": Decimal("-230.30"),
        "label": "Café «Ö»",
        "paid": False,
        "date": "2026-02-28",
        "updated_at": "2026-02-28T10:00:00.123456Z",
        "customer_id": 9007199254740993,
        "flow_id": "a-b",
        "categories": [{"weight": "0.5"}],
    }
    assert not reader.unknown


def test_what_is_missing_or_null_is_null(reader: RecordReader) -> None:
    record = reader.read({"id": 1, "customer": None, "e_invoicing": {"flow": None}})
    assert record == {**dict.fromkeys(SCHEMA["properties"]), "id": 1}


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("0.1", "0.1"),
        ("230.30", "230.30"),
        ("12345678901234567890.123456789", "12345678901234567890.123456789"),
        ("1E+2", "1E+2"),
        (12, "12"),
        (Decimal("0.30"), "0.30"),
    ],
)
def test_amounts_stay_exact(reader: RecordReader, text: object, exact: str) -> None:
    assert str(reader.read({"id": 1, "amount": text})["amount"]) == exact


def test_an_empty_amount_is_none(reader: RecordReader) -> None:
    assert reader.read({"id": 1, "amount": ""})["amount"] is None


@pytest.mark.parametrize(
    ("moment", "in_utc"),
    [
        ("2026-07-01T12:00:00+02:00", "2026-07-01T10:00:00Z"),
        ("2026-07-01T00:30:00.5+02:00", "2026-06-30T22:30:00.500000Z"),
        ("2026-07-01T12:00:00", "2026-07-01T12:00:00Z"),
        ("2026-07-01T12:00:00.123456Z", "2026-07-01T12:00:00.123456Z"),
    ],
)
def test_moments_are_in_utc(reader: RecordReader, moment: str, in_utc: str) -> None:
    assert reader.read({"id": 1, "updated_at": moment})["updated_at"] == in_utc


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "seven"),
        ("id", True),
        ("id", 2**63),
        ("id", Decimal("1.5")),
        ("amount", "12,50"),
        ("amount", "NaN"),
        ("amount", "1e9999"),
        ("amount", True),
        ("amount", {}),
        ("label", ["x"]),
        ("label", {"x": 1}),
        ("paid", "yes"),
        ("date", "2026-02-30"),
        ("date", "2026-02-28T00:00:00Z"),
        ("date", 20260228),
        ("updated_at", "yesterday"),
        ("updated_at", "2026-13-01T00:00:00Z"),
        ("categories", {"a": 1}),
        ("customer", "Dupont"),
    ],
)
def test_a_value_that_cannot_be_its_type_names_record_and_field(
    reader: RecordReader, field: str, value: object
) -> None:
    with pytest.raises(RecordError, match=f"'{field}'") as caught:
        reader.read({"id": 41, field: value})
    if field != "id":
        assert "id 41" in str(caught.value)


def test_a_record_without_its_key_is_refused(reader: RecordReader) -> None:
    with pytest.raises(RecordError, match="'id' is missing"):
        reader.read({"amount": "1.00"})


def test_new_fields_are_noticed_and_left_out(reader: RecordReader) -> None:
    record = reader.read({"id": 1, "mood": "good", "customer": {"id": 2, "url": "", "since": 1999}})
    assert reader.unknown == {"customer.since", "mood"}
    assert record.keys() == SCHEMA["properties"].keys()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # generating text is slow the first time
@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys((*SCHEMA["properties"], "customer", "other"), json_values),
    )
)
def test_garbage_is_a_typed_record_or_a_named_error(item: dict[str, Any]) -> None:
    reader = RecordReader(SCHEMA, ("id",))
    try:
        record = reader.read(item)
    except RecordError as error:
        assert "the field '" in str(error)  # noqa: PT017 - an error is one of two right outcomes
    else:
        assert isinstance(record["id"], int)
        assert record.keys() == SCHEMA["properties"].keys()
        assert isinstance(record["amount"], Decimal | None)
        assert isinstance(record["label"], str | None)
        assert isinstance(record["paid"], bool | None)

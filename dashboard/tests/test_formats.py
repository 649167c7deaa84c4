"""Amounts and dates, as each language writes them; exact to the last digit."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from pennylane_dashboard import formats
from pennylane_dashboard.words import preferred


@pytest.mark.parametrize(
    ("value", "french", "english"),
    [
        ("1234567.89", "1\u202f234\u202f567,89\u00a0€", "€1,234,567.89"),
        ("-0.5", "-0,50\u00a0€", "-€0.50"),
        ("0.005", "0,01\u00a0€", "€0.01"),
        ("-0.004", "0,00\u00a0€", "€0.00"),
        ("12345678901234567890.12", None, "€12,345,678,901,234,567,890.12"),
    ],
)
def test_an_amount_is_written_exactly(value: str, french: str | None, english: str) -> None:
    assert formats.amount(Decimal(value), "en") == english
    if french:
        assert formats.amount(Decimal(value), "fr") == french


def test_another_currency_is_named() -> None:
    assert formats.amount(Decimal("1234.5"), "fr", currency="USD") == "1\u202f234,50\u00a0USD"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 234,56 €", "1234.56"),
        ("1\u202f234,56\u00a0€", "1234.56"),
        ("€1,234.56", "1234.56"),
        ("-€1,234.56", "-1234.56"),
        ("-1\u202f234,56\u00a0€", "-1234.56"),
        ("1.234,56", "1234.56"),
        ("-12", "-12"),
        ("12,5", "12.5"),
    ],
)
def test_an_amount_is_read_in_both_notations(text: str, value: str) -> None:
    assert formats.parsed_amount(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "abc", "1;2", "nan", "1e999999999999", "' OR 1=1"])
def test_what_is_no_amount_is_none(text: str) -> None:
    assert formats.parsed_amount(text) is None


def test_dates_follow_the_language() -> None:
    assert formats.day(date(2025, 2, 3), "fr") == "03/02/2025"
    assert formats.day(date(2025, 2, 3), "en") == "3 Feb 2025"
    assert formats.month(date(2025, 8, 1), "fr") == "août\u00a02025"
    assert formats.moment(datetime(2025, 2, 3, 4, 5), "fr") == "03/02/2025 04:05"  # noqa: DTZ001


def test_a_change_that_says_nothing_is_left_out() -> None:
    assert formats.change(Decimal(150), Decimal(100), "en") == "+50.0%"
    assert formats.change(Decimal(-150), Decimal(-100), "fr") == "-50,0\u00a0%"
    assert formats.change(Decimal(150), Decimal(0), "en") is None
    assert formats.change(Decimal(150), Decimal(-1), "en") is None


def test_the_browser_s_language_decides() -> None:
    assert [preferred(each) for each in ("fr-FR", "fr", None, "en-US", "de-DE")] == [
        *("fr", "fr", "fr"),
        *("en", "en"),
    ]

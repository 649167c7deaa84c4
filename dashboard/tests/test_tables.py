"""Tables: text stays text, on the page as in the files; numbers stay numbers."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from pennylane_dashboard import exports, tables
from pennylane_dashboard.tables import Column, Kind, Link, Table
from pennylane_dashboard.view import View
from pennylane_dashboard.words import Language, Words

EVIL = '=HYPERLINK("http://x")<script>alert(1)</script>'
COLUMNS = (
    Column("name", Words("Nom", "Name"), link=Link("ledger", {"account": "account"})),
    Column("amount", Words("Montant", "Amount"), Kind.MONEY, wrong=-1),
    Column("day", Words("Jour", "Day"), Kind.DAY),
    Column("is_paid", Words("Payé", "Paid"), Kind.FLAG),
)
TABLE = Table("t", Words("Titre", "Title"), "SELECT 1", COLUMNS)
ROWS: list[dict[str, Any]] = [
    {
        "name": EVIL,
        "account": "411&x=<",
        "amount": Decimal("-1234.56"),
        "day": date(2025, 2, 3),
        "is_paid": True,
    },
    {"name": "Total", "account": None, "amount": None, "day": None, "is_paid": None},
]


def view(language: Language) -> View:
    day = date(2025, 1, 1)
    return View(language, 1, "Company", day, day, day, day, day, {"lang": language, "year": "x"})


def test_html_in_a_name_is_text() -> None:
    written = tables.html(TABLE, ROWS, view("fr"))
    assert "<script>" not in written
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in written


def test_a_link_keeps_the_filters_and_quotes_its_value() -> None:
    written = tables.html(TABLE, ROWS, view("fr"))
    assert 'href="ledger?lang=fr&amp;year=x&amp;account=411%26x%3D%3C"' in written
    assert written.count("<a ") == 1  # none without a value


@pytest.mark.parametrize(
    ("address", "links"),
    [("https://app.example.org/a?b=1&c=2", 1), ("javascript:alert(1)", 0), (None, 0)],
)
def test_a_file_is_linked_only_on_the_web(address: str | None, links: int) -> None:
    file = Table("f", Words("F", "F"), "SELECT 1", (Column("url", Words("F", "F"), Kind.FILE),))
    written = tables.html(file, [{"url": address}], view("en"))
    assert written.count("<a href=") == links
    assert "javascript" not in written


def test_what_is_wrong_is_marked() -> None:
    assert '<td class="number wrong">-1\u202f234,56' in tables.html(TABLE, ROWS, view("fr"))


@pytest.mark.parametrize(
    ("language", "delimiter", "amount"), [("fr", ";", "-1234,56"), ("en", ",", "-1234.56")]
)
def test_a_csv_has_numbers_and_no_formulas(language: Language, delimiter: str, amount: str) -> None:
    content = exports.as_csv(COLUMNS, ROWS, language).decode("utf-8-sig")
    head, row, _ = csv.reader(io.StringIO(content), delimiter=delimiter)
    assert head == [column.title(language) for column in COLUMNS]
    assert row == [f"'{EVIL}", amount, "2025-02-03", "oui" if language == "fr" else "yes"]


def test_a_workbook_has_numbers_and_no_formulas() -> None:
    rows = [*ROWS, {**ROWS[0], "name": "\x00\x0b in a name"}]
    book = openpyxl.load_workbook(io.BytesIO(exports.as_xlsx(COLUMNS, rows, "en")))
    (sheet,) = book.worksheets
    name, amount, day, paid = sheet[2]
    assert (name.value, name.data_type) == (EVIL, "s")
    assert (amount.value, amount.data_type) == (-1234.56, "n")
    assert isinstance(day.value, datetime)
    assert paid.value == "yes"
    assert sheet[4][0].value == " in a name"

"""The formats that exported files may have."""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from tap_pennylane.errors import PennylaneError, TransientError
from tap_pennylane.exports import fec, xlsx
from tap_pennylane.exports.table import Columns, FileError
from tap_pennylane.record import RecordReader
from tap_pennylane.schemas import schema_file

COLUMNS, LINE = (
    line.split("\t")
    for line in (Path(__file__).parent / "fec.txt").read_text(encoding="utf-8").splitlines()
)
READ = {
    "journal_code": "VT", "journal_lib": "Ventes", "ecriture_num": "1",
    "ecriture_date": "2026-01-31", "compte_num": "411", "compte_lib": "Clients",
    "comp_aux_num": "41100001", "comp_aux_lib": "Café Œuvre", "piece_ref": "F-1",
    "piece_date": "2026-01-31", "ecriture_lib": "Facture été", "debit": Decimal("1234.56"),
    "credit": Decimal("0.00"), "ecriture_let": "A", "date_let": "2026-02-28", "valid_date": None,
    "montant_devise": Decimal("-10.5"), "idevise": "USD",
}  # fmt: skip


# The FEC


def fec_of(*lines: list[str], separator: str = "\t", end: str = "\r\n") -> str:
    return "".join(separator.join(line) + end for line in lines)


def parsed(content: bytes, name: str = "fec") -> list[dict[str, Any]]:
    """The records that the tap makes from a file, without their keys."""
    file_format = fec if name == "fec" else xlsx
    schema = schema_file(name)
    own = [column for column in schema["properties"] if column not in KEYS]
    required = own if name == "fec" else ("date", "account", "debit", "credit")
    reader = RecordReader(schema, KEYS)
    file = io.BytesIO(content)
    file_format.check(file)
    file.seek(0)
    records = []
    for line, row in enumerate(file_format.rows(file, Columns(schema, required)), 1):
        record = reader.read(
            {**row, **dict.fromkeys(KEYS[:2], "2026-01-01"), "copy": 0, "line": line}
        )
        records.append({column: record[column] for column in own})
    parsed.unknown = reader.unknown  # type: ignore[attr-defined]
    return records


KEYS = ("period_start", "period_end", "copy", "line")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso8859-15", "cp1252"])
@pytest.mark.parametrize("separator", ["\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_separators_and_line_ends(encoding: str, separator: str, end: str) -> None:
    text = fec_of(COLUMNS, LINE, LINE, separator=separator, end=end)
    assert parsed(text.encode(encoding)) == [READ, READ]
    assert parsed(text.removesuffix(end).encode(encoding)) == [READ, READ]
    assert parsed((text + end).encode(encoding)) == [READ, READ]


def test_headings_in_any_case_and_order_and_more_of_them() -> None:
    headings = [*(name.upper() for name in reversed(COLUMNS)), "NatOp"]
    assert parsed(fec_of(headings, [*reversed(LINE), "x"]).encode()) == [READ]
    assert parsed.unknown == {"NatOp"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("amount", "side", "debit", "credit"),
    [
        ("12,30", "D", "12.30", "0"),
        ("12,30", "c", "0", "12.30"),
        ("12,30", "+1", "12.30", "0"),
        ("12,30", "-1", "0", "12.30"),
        ("-12,30", "D", "-12.30", "0"),
    ],
)
def test_an_amount_and_its_side(amount: str, side: str, debit: str, credit: str) -> None:
    headings = [{"Debit": "Montant", "Credit": "Sens"}.get(name, name) for name in COLUMNS]
    line = [*LINE[:11], amount, side, *LINE[13:]]
    (row,) = parsed(fec_of(headings, line).encode())
    assert (row["debit"], row["credit"]) == (Decimal(debit), Decimal(credit))
    with pytest.raises(FileError, match="line 1: the field 'Sens' must be D, C"):
        parsed(fec_of(headings, [*LINE[:11], amount, "X", *LINE[13:]]).encode())


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0,1", "0.1"),
        ("12345678901234567890,123456789", "12345678901234567890.123456789"),
        ("-,5", None),
        (",50", "0.50"),
        (" 1.10 ", "1.10"),
        ("+3", "3"),
        ("1 234,50", None),
        ("1.234,50", None),
        ("NaN", None),
        ("1e5", "100000"),
    ],
)
def test_numbers_are_exact_or_refused(text: str, number: str | None) -> None:
    content = fec_of(COLUMNS, [*LINE[:11], text, *LINE[12:]]).encode()
    if number is not None:
        (row,) = parsed(content)
        assert row["debit"] == Decimal(number)
        return
    with pytest.raises(PennylaneError) as refusal:
        parsed(content)
    assert "line 1: the field 'debit' is a string: expected a decimal number" in str(refusal.value)
    assert text not in str(refusal.value)


@pytest.mark.parametrize("day", ["20260231", "31/01/2026", "2026013", "tomorrow"])
def test_a_day_that_is_none_is_refused(day: str) -> None:
    with pytest.raises(PennylaneError, match="line 2: the field 'ecriture_date' is a string"):
        parsed(fec_of(COLUMNS, LINE, [*LINE[:3], day, *LINE[4:]]).encode())


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('Facture "X"', 'Facture "X"'),
        ('"Chez Paul"', '"Chez Paul"'),
        ('"Facture ""X"""', 'Facture "X"'),
        ('"a\tb"', "a\tb"),
        ('"a\nb ""c"""', 'a\nb "c"'),
        ('""', None),
        ('"', '"'),
        ("a\x0b\x85\u2028b\rc", "a\x0b\x85\u2028b\rc"),
        ("a\0b", "a\ufffdb"),
    ],
)
def test_quotes_and_odd_characters(written: str, meant: str | None) -> None:
    content = fec_of(COLUMNS, [*LINE[:10], written, *LINE[11:]], LINE, end="\n").encode()
    assert parsed(content) == [{**READ, "ecriture_lib": meant}, READ]


def test_a_file_with_quotes_everywhere() -> None:
    quoted = [[f'"{field}"' for field in line] for line in (COLUMNS, LINE)]
    assert parsed(fec_of(*quoted, separator="|").encode()) == [{**READ, "valid_date": None}]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (fec_of(COLUMNS, LINE, LINE[:-1], LINE), "line 2 has 17 fields, not 18"),
        (fec_of(COLUMNS, [*LINE, "x"], LINE), "line 1 has 19 fields, not 18"),
        (fec_of(COLUMNS, LINE, [], LINE), "line 2 is empty"),
        (fec_of(COLUMNS, LINE, ['"' + "a\tb", *LINE]), "line 2 has 20 fields, not 18"),
        (fec_of([*COLUMNS[:-2], "Idevise"], LINE), "the headings lack montant_devise"),
        (fec_of([*COLUMNS, "debit"], LINE), "the headings contain debit twice"),
    ],
)
def test_what_is_no_fec_says_where(content: str, sentence: str) -> None:
    with pytest.raises(FileError, match=sentence) as refusal:
        parsed(content.encode())
    assert "Ventes" not in str(refusal.value)


def test_no_encoding_is_guessed() -> None:
    marked = fec_of(COLUMNS, LINE).encode("utf-8-sig").replace("é".encode(), b"\xe9")
    with pytest.raises(FileError, match="line 1 is neither"):
        parsed(marked)
    with pytest.raises(FileError, match="line 2 is neither"):
        parsed(fec_of(COLUMNS, LINE, [*LINE[:-1], "\x81"]).encode("latin-1", "replace"))


def test_a_header_alone_is_a_period_without_entries_and_nothing_at_all_is_none() -> None:
    assert parsed(fec_of(COLUMNS).encode()) == []
    assert parsed("\t".join(COLUMNS).encode()) == []
    with pytest.raises(TransientError, match="the file is empty"):
        parsed(b"")


@pytest.mark.parametrize("fields", range(1, 18))
def test_a_file_cut_off_in_a_line_is_not_read(fields: int) -> None:
    with pytest.raises(TransientError, match="in the middle of a line"):
        parsed((fec_of(COLUMNS, LINE) + "\t".join(LINE[:fields])).encode())


# Workbooks

HEADINGS = ["Date", "COMPTE", "libelle du compte", "Débit", "credit"]
ROW: list[Any] = ["2026-01-31", "411000", "Clients", 10.1, 0]


def workbook(*sheets: list[list[Any]]) -> bytes:
    book = Workbook()
    book.remove(book.worksheets[0])
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def ledger(*sheets: list[list[Any]]) -> list[tuple[Any, ...]]:
    records = parsed(workbook(*sheets), "general_ledger_export")
    names = ("date", "account", "account_label", "debit", "credit")
    return [tuple(record[name] for name in names) for record in records]


def test_headings_below_a_title_and_several_sheets() -> None:
    read = ("2026-01-31", "411000", "Clients", Decimal("10.1"), Decimal(0))
    title: list[list[Any]] = [["Grand livre"], [], ["Du", date(2026, 1, 1)]]
    assert ledger([*title, HEADINGS, ROW, [], ROW], [HEADINGS, ROW], []) == [read] * 3
    assert ledger([HEADINGS]) == []


@pytest.mark.parametrize(
    ("place", "cell", "value"),
    [
        (0, datetime(2026, 1, 31), "2026-01-31"),  # noqa: DTZ001 - workbooks know no time zones
        (0, date(2026, 1, 31), "2026-01-31"),
        (0, "31/01/2026", "2026-01-31"),
        (1, 411000, "411000"),
        (2, None, None),
        (3, 0.1 + 0.2, Decimal("0.3")),
        (3, 1 / 3, Decimal("0.333333333333333")),
        (3, 98765432109.87, Decimal("98765432109.87")),
        (3, "1234,56", Decimal("1234.56")),
        (3, "", None),
    ],
)
def test_cells_of_several_types(place: int, cell: Any, value: Any) -> None:  # noqa: ANN401
    row = [*ROW[:place], cell, *ROW[place + 1 :]]
    assert ledger([HEADINGS, row])[0][place] == value


def test_cents_survive_a_workbook() -> None:
    cents = [*range(10_000), *range(10**13 - 500, 10**13), *range(7 * 10**12, 7 * 10**12 + 500)]
    rows = [[*ROW[:3], amount / 100, 0] for amount in cents]
    found = [row[3] for row in ledger([HEADINGS, *rows])]
    assert found == [Decimal(amount) / 100 for amount in cents]
    assert all(later > earlier for earlier, later in pairwise(found[:10_000]))


@pytest.mark.parametrize(
    ("sheets", "sentence"),
    [
        (
            [[["Grand livre"], ["Date", "Compte"], ROW]],
            "sheet 1 does not begin with a line of headings: the headings lack credit, debit$",
        ),
        ([[HEADINGS, ROW], [ROW] * 30], "sheet 2 does not begin with a line of headings"),
        ([[HEADINGS, ["Total", "411000", "", 1, 0]]], "line 1: the field 'date' is a string"),
        ([[HEADINGS, [True, "411000", "", 1, 0]]], "line 1: the field 'date' is a boolean"),
        ([[HEADINGS, [*ROW[:3], "#REF!", 0]]], "line 1: the field 'debit' is a string"),
        ([[HEADINGS, [45000, *ROW[1:]]]], "line 1: the field 'date' is a number"),
    ],
)
def test_what_is_no_ledger_says_where(sheets: list[list[list[Any]]], sentence: str) -> None:
    with pytest.raises(PennylaneError, match=sentence):
        ledger(*sheets)


def test_columns_that_are_not_known_are_named() -> None:
    headings = [*HEADINGS, "Lettrage", None]
    parsed(workbook([headings, [*ROW, "A", "b", "c"], [*ROW, "A"]]), "general_ledger_export")
    assert parsed.unknown == {"Lettrage", "column 7", "column 8"}  # type: ignore[attr-defined]


def test_a_damaged_workbook_is_not_read() -> None:
    content = workbook([HEADINGS, *[[*ROW]] * 5000])
    middle = len(content) // 2
    for broken in (
        content[:middle],
        content[:middle] + bytes(20) + content[middle + 20 :],
        b"<html>",
        b"",
    ):
        with pytest.raises(TransientError):
            parsed(broken, "general_ledger_export")

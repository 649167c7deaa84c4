"""Tables as files: CSV and XLSX, numbers as numbers and text as text."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

from pennylane_dashboard.database import Row
from pennylane_dashboard.tables import NO, YES, Column, Kind
from pennylane_dashboard.words import Language

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""Text that begins like this is run as a formula by spreadsheets that open a CSV."""
MONEY = "#,##0.00"
DAY = "yyyy-mm-dd"


def as_csv(columns: Sequence[Column], rows: Iterable[Row], language: Language) -> bytes:
    """Return rows as CSV that a spreadsheet of that language opens by a double click.

    Args:
        columns: which to write.
        rows: the rows.
        language: French spreadsheets expect semicolons and decimal commas.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if language == "fr" else ",", lineterminator="\r\n")
    writer.writerow(column.title(language) for column in columns)
    for row in rows:
        writer.writerow(_plain(column.of(row, language), language) for column in columns)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def as_xlsx(columns: Sequence[Column], rows: Iterable[Row], language: Language) -> bytes:
    """Return rows as a workbook.

    Args:
        columns: which to write.
        rows: the rows.
        language: of the titles.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Pennylane")
    sheet.freeze_panes = "A2"
    head = [WriteOnlyCell(sheet, column.title(language)) for column in columns]
    for cell in head:
        cell.font = Font(bold=True)
    sheet.append(head)
    for row in rows:
        cells = []
        for column in columns:
            value = column.of(row, language)
            cell = WriteOnlyCell(sheet, _stored(value, language))
            if isinstance(value, str):
                cell.data_type = "s"  # never a formula
            elif column.kind is Kind.MONEY:
                cell.number_format = MONEY
            elif isinstance(value, date) and not isinstance(value, datetime):
                cell.number_format = DAY
            cells.append(cell)
        sheet.append(cells)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _plain(value: object, language: Language) -> str:
    """Write a value for a CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return (YES if value else NO)(language)
    if isinstance(value, Decimal | int):
        text = format(value, "f") if isinstance(value, Decimal) else str(value)
        return text.replace(".", ",") if language == "fr" else text
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if text.startswith(FORMULAS) else text


def _stored(value: object, language: Language) -> Any:  # noqa: ANN401 (what a cell can hold)
    """Return a value as a workbook stores it."""
    if isinstance(value, bool):
        return (YES if value else NO)(language)
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if value is None or isinstance(value, Decimal | int | date):
        return value
    return ILLEGAL_CHARACTERS_RE.sub("", str(value))

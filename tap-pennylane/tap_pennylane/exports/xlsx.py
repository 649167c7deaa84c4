"""Reads tables in xlsx workbooks row by row."""

from __future__ import annotations

import re
import warnings
import zlib
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile

from tap_pennylane.errors import TransientError
from tap_pennylane.exports.table import Column, Columns, FileError, number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Cells = Sequence[Any]

LAST_HEADING = 20
"""How many lines of a sheet are searched for the headings."""

CENTS = -2

# It warns about missing styles.
warnings.filterwarnings("ignore", module="openpyxl")

_FRENCH_DATE = re.compile(r"(\d\d)/(\d\d)/(\d{4})", re.ASCII)


def check(file: IO[bytes]) -> None:
    """Raise `TransientError` if the archive is truncated or damaged."""
    try:
        with ZipFile(file) as archive:
            damaged = archive.testzip()
    except (BadZipFile, EOFError, zlib.error) as error:
        msg = "the file is truncated or not an xlsx file"
        raise TransientError(msg) from error
    if damaged:
        msg = "the file is damaged"
        raise TransientError(msg)


def rows(file: IO[bytes], columns: Columns) -> Iterator[dict[str, Any]]:
    """Yield the rows of all sheets.

    Args:
        file: A complete file, at its beginning.
        columns: The columns to find.

    Yields:
        A row's values by column, dates as YYYY-MM-DD; None for an empty cell.

    Raises:
        FileError: The file has no such table; the message names the place, but no value.
    """
    from openpyxl import load_workbook  # noqa: PLC0415 - few runs need it, and it is slow to import

    try:
        with closing(load_workbook(file, read_only=True, data_only=True)) as book:
            for place, sheet in enumerate(book.worksheets, 1):
                sheet.reset_dimensions()  # the size stated in the file may be wrong
                lines = sheet.iter_rows(values_only=True)
                yield from _table(filter(_has_values, lines), columns, place)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, ParseError) as error:
        msg = f"the file is not a readable workbook ({type(error).__name__})"
        raise FileError(msg) from error


def _table(lines: Iterator[Cells], columns: Columns, sheet: int) -> Iterator[dict[str, Any]]:
    found: list[Column] | None = None
    troubles: list[str] = []
    for place, cells in enumerate(lines, 1):
        if found is None:
            try:
                found = columns.below([_heading(*cell) for cell in enumerate(cells, 1)])
            except FileError as error:
                troubles.append(str(error))
            if place == LAST_HEADING and not found:
                break
        else:
            yield _row(found, cells)
    if found is None and troubles:  # the shortest is about the line that lacks the fewest headings
        msg = f"sheet {sheet} does not begin with a line of headings: {min(troubles, key=len)}"
        raise FileError(msg)


def _heading(place: int, cell: object) -> str:
    return cell if isinstance(cell, str) and cell.strip() else f"column {place}"


def _row(found: list[Column], cells: Cells) -> dict[str, Any]:
    row = {column.name: _value(column, cell) for column, cell in zip(found, cells, strict=False)}
    for place in range(len(found), len(cells)):
        if _full(cells[place]):
            row[_heading(place + 1, None)] = cells[place]
    return row


def _has_values(cells: Cells) -> bool:
    return any(map(_full, cells))


def _full(cell: object) -> bool:
    return cell is not None and cell != ""


def _value(column: Column, cell: object) -> object:
    if isinstance(cell, str):
        if column.kind == "number":
            return number(cell)
        if column.kind == "date" and (day := _FRENCH_DATE.fullmatch(cell.strip())):
            return "-".join(reversed(day.groups()))
        return cell or None
    if isinstance(cell, float):
        return _exact(cell)
    if isinstance(cell, datetime) and not any(cell.timetuple()[3:6]):
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date) else cell


def _exact(cell: float) -> Decimal:
    """Return the intended number: a workbook stores doubles, which are exact to 15 digits.

    A double's shortest representation is the number that was entered. If it has more decimals than
    cents, the digits after the 15th are rounding errors.
    """
    exact = Decimal(repr(cell))
    exponent = exact.as_tuple().exponent
    if isinstance(exponent, int) and exponent < CENTS:
        return Decimal(f"{cell:.15g}")
    return exact

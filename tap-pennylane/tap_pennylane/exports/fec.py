"""Reads the FEC, the ledger file that French law prescribes (article A47 A-1 of the LPF).

It has one line per ledger entry line, with fields separated by tabs or `|`, in UTF-8, ISO 8859-15
or Windows-1252. The law provides for no quotes, but CSV writers quote fields that would otherwise
be ambiguous.
"""

from __future__ import annotations

import codecs
import csv
import os
import re
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from tap_pennylane.errors import TransientError
from tap_pennylane.exports.table import Column, Columns, FileError, number

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 1 << 20
LONGEST_LINE = 1 << 16
DEBIT, CREDIT = "D", "C"
SIDES = {"D": DEBIT, "+1": DEBIT, "1": DEBIT, "C": CREDIT, "-1": CREDIT}

_COMPACT_DATE = re.compile(r"\d{8}", re.ASCII)
_ONLY_IN_WINDOWS_1252 = re.compile(rb"[\x80-\x9f]")


def check(file: IO[bytes]) -> None:
    """Raise `TransientError` if the file is empty or ends in the middle of a line."""
    head = file.readline(LONGEST_LINE)
    if not head:
        msg = "the file is empty"
        raise TransientError(msg)
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - LONGEST_LINE))
    last = file.read().rpartition(b"\n")[2]
    separator = _separator(head.decode("latin-1")).encode()
    if last and last.count(separator) < head.count(separator):
        msg = "the file ends in the middle of a line"
        raise TransientError(msg)


def rows(file: IO[bytes], columns: Columns) -> Iterator[dict[str, Any]]:
    """Yield the lines of the file.

    Args:
        file: A complete file, at its beginning.
        columns: The columns to find.

    Yields:
        A line's fields by column, dates as YYYY-MM-DD, numbers with a decimal point; None for an
        empty field.

    Raises:
        FileError: The file is not a FEC; the message names the line, but no value.
    """
    lines = _lines(file)
    head = next(lines, "")
    separator = _separator(head)
    quoted = head.startswith('"')
    headings = [_unquoted(field, always=True) for field in head.split(separator)]
    folded = [heading.strip().lower() for heading in headings]
    signed = {"montant", "sens"} <= set(folded)
    if signed:  # an amount and its side, instead of debit and credit
        headings[folded.index("montant")], headings[folded.index("sens")] = "Debit", "Credit"
    found = columns.below(headings)
    for place, line in enumerate(lines, 1):
        if not line:
            if any(lines):
                msg = f"line {place} is empty"
                raise FileError(msg)
            return
        fields = line.split(separator)
        if '"' in line:
            fields = _fields(line, separator, len(found), lines, quoted=quoted)
        if len(fields) != len(found):
            msg = f"line {place} has {len(fields)} fields, not {len(found)}"
            raise FileError(msg)
        row = {
            column.name: _value(column, field) if field else None
            for column, field in zip(found, fields, strict=True)
        }
        if signed:
            _put_on_side(row, place)
        yield row


def _lines(file: IO[bytes]) -> Iterator[str]:
    """Yield the lines without line ends. Only a line feed ends one: labels may contain others."""
    encoding = _encoding(file)
    for place, raw in enumerate(file):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            msg = f"line {place} is neither UTF-8 nor ISO 8859-15 nor Windows-1252"
            raise FileError(msg) from error
        if "\0" in text:  # databases cannot store it as text
            text = text.replace("\0", "\ufffd")
        yield text.removesuffix("\n").removesuffix("\r").removeprefix("\ufeff" if not place else "")


def _encoding(file: IO[bytes]) -> str:
    """Detect the encoding from the entire file: UTF-8 if that is valid."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    marked = file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
    file.seek(0)
    encoding = "utf-8"
    try:
        while chunk := file.read(CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        if not marked:
            file.seek(0)
            chunks = iter(lambda: file.read(CHUNK), b"")
            windows = any(map(_ONLY_IN_WINDOWS_1252.search, chunks))
            encoding = "cp1252" if windows else "iso8859-15"
    file.seek(0)
    return encoding


def _separator(head: str) -> str:
    return "\t" if "\t" in head else "|"


def _fields(
    line: str, separator: str, expected: int, following: Iterator[str], *, quoted: bool
) -> list[str]:
    """Split a line with quotes, which are text or enclose a separator or a line break."""
    fields = line.split(separator)
    if len(fields) == expected:
        return [_unquoted(field, always=quoted) for field in fields]
    try:
        more = (f"{text}\n" for text in following)
        return next(csv.reader(chain([f"{line}\n"], more), delimiter=separator, strict=True))
    except csv.Error:
        return fields


def _unquoted(field: str, *, always: bool) -> str:
    """Remove the quotes that a CSV writer put around a field; other quotes are text."""
    if len(field) > 1 and field[0] == field[-1] == '"':
        inside = field[1:-1]
        needed = not inside or '""' in inside
        if (needed or always) and '"' not in inside.replace('""', ""):
            return inside.replace('""', '"')
    return field


def _value(column: Column, field: str) -> str | None:
    if column.kind == "number":
        return number(field)
    if column.kind == "date":
        field = field.strip()
        if _COMPACT_DATE.fullmatch(field):
            return f"{field[:4]}-{field[4:6]}-{field[6:]}"
        return field or None
    return field


def _put_on_side(row: dict[str, Any], place: int) -> None:
    side = SIDES.get((row["credit"] or "").upper())
    if side is None:
        msg = f"line {place}: the field 'Sens' must be D, C, +1 or -1"
        raise FileError(msg)
    amount = row["debit"]
    row["debit"], row["credit"] = (amount, "0") if side == DEBIT else ("0", amount)

"""Tables: declared as columns over a query, written as HTML that shows text as text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, auto
from html import escape
from typing import LiteralString

from pennylane_dashboard import formats
from pennylane_dashboard.database import Row
from pennylane_dashboard.view import View
from pennylane_dashboard.words import Language, Words

YES = Words("oui", "yes")
NO = Words("non", "no")
TOTAL = "Total"
"""In both languages."""
OPEN = Words("ouvrir", "open")
EMPTY = Words("Aucune ligne pour ces filtres.", "No rows for these filters.")


class Kind(Enum):
    """What a column holds: decides how it is written."""

    TEXT = auto()
    CODE = auto()
    MONEY = auto()
    NUMBER = auto()
    COUNT = auto()
    DAY = auto()
    MONTH = auto()
    MOMENT = auto()
    FLAG = auto()
    FILE = auto()


NUMERIC = {Kind.MONEY, Kind.NUMBER, Kind.COUNT}
WHOLE = {Kind.CODE, Kind.DAY, Kind.MONTH, Kind.MOMENT}
"""Stays on one line."""


@dataclass(frozen=True)
class Link:
    """Where a cell leads.

    Attributes:
        page: the page's name in the address.
        parameters: of the address: name, and the column that has the value.
        fixed: parameters with a value of their own; None leaves one out.
    """

    page: str
    parameters: Mapping[str, str]
    fixed: Mapping[str, str | None] = field(default_factory=dict)

    def address(self, row: Row, view: View) -> str | None:
        """Return the address for a row; None if it lacks a value."""
        values = {name: row[column] for name, column in self.parameters.items()}
        if any(value is None or value == "" for value in values.values()):
            return None
        return view.address(self.page, **{**self.fixed, **values})


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: in the query's rows; a name in Words has one column per language.
        title: in the table's head.
        kind: what it holds.
        link: where its cells lead.
        wrong: a value of another sign than this one is shown as wrong: -1 marks negative amounts.
        flag: name of a column that says whether the value is shown as wrong.
        texts: what values of a fixed list are called.
    """

    name: str | Words
    title: Words
    kind: Kind = Kind.TEXT
    link: Link | None = None
    wrong: int = 0
    flag: str = ""
    texts: Mapping[str, Words] = field(default_factory=dict)

    def of(self, row: Row, language: Language) -> object:
        """Return the column's value in a row."""
        name = self.name if isinstance(self.name, str) else self.name(language)
        value = row[name]
        if isinstance(value, str) and value in self.texts:
            return self.texts[value](language)
        return value


@dataclass(frozen=True)
class Table:
    """A table: a query and its columns.

    Attributes:
        name: of its files.
        title: above it.
        query: its rows; a column `is_total` marks those that add up others.
        columns: what is shown.
        among: values that only the table's own rows have, if it shares the query with others.
        group: a column whose value stands above the rows that share it; the files have it first.
        empty: what is said if there are no rows.
        limit: how many rows are shown; the files have all.
        charted: whether all rows are asked for, because a chart shows them.
        note: below the title.
        sorts: by what the rows can be sorted: names of columns, with a minus sign if the largest
            comes first. The heads of these columns lead there.
        order: by which of those they are sorted.
    """

    name: str
    title: Words
    query: LiteralString
    columns: Sequence[Column]
    among: Mapping[str, object] = field(default_factory=dict)
    group: Column | None = None
    empty: Words = EMPTY
    limit: int = 200
    charted: bool = False
    note: Words | None = None
    sorts: frozenset[str] = frozenset()
    order: str = ""

    def own(self, rows: Iterable[Row]) -> list[Row]:
        """Return those of the query's rows that the table shows."""
        return [row for row in rows if self.among.items() <= row.items()]


def written(value: object, kind: Kind, language: Language, currency: str = "EUR") -> str:
    """Write a value as the page shows it.

    Args:
        value: of a row.
        kind: of the column.
        language: in which it is written.
        currency: of amounts.
    """
    if kind is Kind.FLAG and value is not None:
        return (YES if value else NO)(language)
    if isinstance(value, Decimal | int) and kind in NUMERIC:
        return _figure(value, kind, language, currency)
    if isinstance(value, datetime) and kind is Kind.MOMENT:
        return formats.moment(value, language)
    if isinstance(value, date) and kind in {Kind.DAY, Kind.MONTH}:
        return (formats.month if kind is Kind.MONTH else formats.day)(value, language)
    return "" if value is None else str(value)


def _figure(value: Decimal | int, kind: Kind, language: Language, currency: str) -> str:
    if kind is Kind.MONEY:
        return formats.amount(value, language, currency=currency)
    return formats.number(value, language, decimals=0 if kind is Kind.COUNT else 1)


def html(table: Table, rows: Sequence[Row], view: View) -> str:
    """Return the table as HTML.

    Args:
        table: what is shown.
        rows: of its query.
        view: the language, and what links keep.
    """
    language = view.language
    head = "".join(_head(table, column, view) for column in table.columns)
    lines = []
    group: object = None
    for row in rows:
        if table.group is not None:
            name = table.group.of(row, language)
            if name not in {group, None}:
                group = name
                title = escape(str(group))
                span = len(table.columns)
                lines.append(
                    f'<tr class="group"><th scope="rowgroup" colspan="{span}">{title}</th></tr>'
                )
        cells = "".join(_cell(column, row, view) for column in table.columns)
        if row.get("is_total") and table.columns[0].of(row, language) is None:
            cells = cells.replace("></td>", f">{TOTAL}</td>", 1)
        lines.append(
            f'<tr class="total">{cells}</tr>' if row.get("is_total") else f"<tr>{cells}</tr>"
        )
    label = escape(table.title(language), quote=True)
    return (
        f'<div class="books" role="region" tabindex="0" aria-label="{label}">'
        f'<table data-name="{table.name}">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _file(address: object, view: View) -> str:
    """Return a link to a file at Pennylane; nothing if the address is none of the web."""
    if not str(address).startswith("https://"):
        return ""
    url = escape(str(address), quote=True)
    return f'<a href="{url}" rel="noopener noreferrer">{OPEN(view.language)}</a>'


def _head(table: Table, column: Column, view: View) -> str:
    """Return the head of a column; if rows can be sorted by it, with a link that does so."""
    title, order = escape(column.title(view.language)), ""
    if column.name in table.sorts:
        other = f"-{column.name}" if table.order == column.name else column.name
        address = escape(view.here(sort=other), quote=True)
        mark = {column.name: " ▲", f"-{column.name}": " ▼"}.get(table.order, "")
        direction = {" ▲": "ascending", " ▼": "descending"}.get(mark)
        order = f' aria-sort="{direction}"' if direction else ""
        title = f'<a href="{address}" target="_self">{title}{mark}</a>'
    return f'<th scope="col"{_class(column)}{order}>{title}</th>'


def _class(column: Column) -> str:
    return ' class="number"' if column.kind in NUMERIC else ""


def _cell(column: Column, row: Row, view: View) -> str:
    value = column.of(row, view.language)
    text = escape(written(value, column.kind, view.language, row.get("currency") or "EUR"))
    classes = ["number"] if column.kind in NUMERIC else []
    if column.kind in WHOLE:
        classes.append("whole")
    if column.kind is Kind.TEXT:
        classes.append("text")
    is_of_wrong_sign = isinstance(value, Decimal | int) and value * column.wrong > 0
    if is_of_wrong_sign or (column.flag and row[column.flag]):
        classes.append("wrong")
    if column.kind is Kind.FILE:
        text = _file(value, view)
    if column.link and text and (address := column.link.address(row, view)):
        text = f'<a href="{escape(address, quote=True)}" target="_self">{text}</a>'
    name = f' class="{" ".join(classes)}"' if classes else ""
    return f"<td{name}>{text}</td>"

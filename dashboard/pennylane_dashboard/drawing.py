"""How parts of a page are drawn: figures, tables with their files, sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import LiteralString

import streamlit as st

from pennylane_dashboard import asking, charts, exports, formats, signing_in, tables
from pennylane_dashboard.asking import EXPORTED, ask, exported, first
from pennylane_dashboard.database import Row
from pennylane_dashboard.tables import Table
from pennylane_dashboard.view import View
from pennylane_dashboard.words import Words

MORE = Words(
    "Les {count} premières lignes sont affichées ; les fichiers les ont toutes (au plus {most}).",
    "The first {count} rows are shown; the files have all of them (at most {most}).",
)
BEFORE = Words("N-1 : {amount}", "Year before: {amount}")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

STYLE = Path(__file__).with_name("style.css")


@dataclass(frozen=True)
class Figure:
    """A figure at a glance.

    Attributes:
        name: what it is.
        page: the page that it comes from.
        about: the day or period that it is of.
        now: its value; None if there is none.
        before: its value a year before.
        course: its values over time.
        is_wrong: whether it is shown as wrong.
    """

    name: Words
    page: str
    about: str
    now: Decimal | None
    before: Decimal | None
    course: Sequence[Decimal]
    is_wrong: bool = False


def figures(view: View, shown_figures: Sequence[Figure]) -> None:
    """Draw figures as tiles; each leads to where it comes from.

    Args:
        view: the language, and what links keep.
        shown_figures: which.
    """
    st.html(f'<div class="tiles">{"".join(_tile(view, each) for each in shown_figures)}</div>')


def _tile(view: View, figure: Figure) -> str:
    language = view.language
    name = view.say(figure.name)
    value = "–" if figure.now is None else formats.amount(figure.now, language)
    before = ""
    if figure.before is not None:
        before = view.say(BEFORE, amount=formats.amount(figure.before, language))
        if figure.now is not None and (
            change := formats.change(figure.now, figure.before, language)
        ):
            before += f" ({change})"
    wrong = " wrong" if figure.is_wrong else ""
    address = escape(view.address(figure.page), quote=True)
    title = f'{escape(name)} <span class="before">· {escape(figure.about)}</span>'
    return (
        f'<a class="tile" href="{address}" target="_self" data-name="{figure.page}">'
        f'<div class="name">{title}</div><div class="figure{wrong}">{escape(value)}</div>'
        f'<div class="before">{escape(before)}</div>{charts.sparkline(figure.course, name)}</a>'
    )


def table(view: View, declared: Table, **values: object) -> list[Row]:
    """Draw a table with its title and its files.

    Args:
        view: the filters.
        declared: the table.
        values: for the query, beside those of the view.

    Returns:
        The rows that are shown.
    """
    every = {**view.values, **values}
    found = ask(*_question(declared, every))
    rows, more = found[: declared.limit], len(found) > declared.limit
    more = more and bool(declared.own(rows[-1:]))  # or another table's rows have begun
    rows = declared.own(rows)
    st.header(view.say(declared.title), anchor=False)
    if declared.note:
        st.caption(view.say(declared.note))
    if not rows:
        st.info(view.say(declared.empty))
        return rows
    st.html(tables.html(declared, rows, view))
    if more:
        count = formats.number(len(rows), view.language)
        st.caption(view.say(MORE, count=count, most=formats.number(EXPORTED, view.language)))
    _files(view, declared, every)
    return rows


def ahead(view: View, *declared: Table, **values: object) -> None:
    """Let PostgreSQL begin with tables that are drawn later.

    Args:
        view: the filters.
        declared: the tables.
        values: for their queries, beside those of the view.
    """
    every = {**view.values, **values}
    asking.ahead(*(_question(each, every) for each in declared))


def _question(
    declared: Table, values: Mapping[str, object]
) -> tuple[LiteralString, Mapping[str, object]]:
    """Return the question for what is shown of a table."""
    if declared.charted:
        return declared.query, values
    return first(declared.query, values, declared.limit)


def _files(view: View, declared: Table, values: Mapping[str, object]) -> None:
    """Offer a table as files; they are made when they are asked for."""
    person = signing_in.person()
    columns = [*filter(None, [declared.group]), *declared.columns]

    def rows() -> list[Row]:
        return declared.own(exported(declared.query, values, person))

    def csv() -> bytes:
        return exports.as_csv(columns, rows(), view.language)

    def xlsx() -> bytes:
        return exports.as_xlsx(columns, rows(), view.language)

    name = f"{declared.name}-{view.since:%Y%m%d}-{view.until:%Y%m%d}"
    with st.container(horizontal=True, gap="small"):
        for label, made, kind in (("CSV", csv, "text/csv"), ("XLSX", xlsx, XLSX)):
            st.download_button(
                label,
                made,
                file_name=f"{name}.{label.lower()}",
                mime=kind,
                key=f"{declared.name}-{label}",
                on_click="ignore",
                type="tertiary",
                icon=":material/download:",
            )

"""The rows of a query for the person who asks, remembered for a moment, for that person alone."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import LiteralString

import psycopg
import streamlit as st

from pennylane_dashboard import database, signing_in
from pennylane_dashboard.database import Row

Values = tuple[tuple[str, object], ...]

SECONDS = 30
"""For so long, an answer is not asked for again."""
AT_ONCE = 4
"""How many queries that are asked ahead run at the same time."""
TURNS = threading.Semaphore(AT_ONCE)
"""Taken by each query that is asked ahead while it runs, whichever page asks."""
EXPORTED = 100_000
"""As many rows as a file has at most."""


def ask(query: LiteralString, values: Mapping[str, object]) -> list[Row]:
    """Return the rows of a query, at most half a minute old.

    Args:
        query: its text, with `%(name)s` for each value.
        values: by name.
    """
    found: list[Row] = _remembered(signing_in.person(), query, tuple(sorted(values.items())))
    return found


def now(query: LiteralString, values: Mapping[str, object]) -> list[Row]:
    """Return the rows of a query as they are now.

    Args:
        query: its text.
        values: by name.
    """
    return database.rows(query, values, signing_in.person())


def together(*questions: tuple[LiteralString, Mapping[str, object]]) -> list[list[Row]]:
    """Return the rows of several queries, which PostgreSQL answers at the same time.

    Args:
        questions: the text and the values of each.
    """
    ahead(*questions)
    return [ask(query, values) for query, values in questions]


def ahead(*questions: tuple[LiteralString, Mapping[str, object]]) -> None:
    """Let PostgreSQL begin with queries that the page asks later, one after another.

    `ask` then waits for the answer that is on its way. It also raises the error, if there is one.

    Args:
        questions: the text and the values of each.
    """
    person = signing_in.person()

    def begin(query: LiteralString, values: Values) -> None:
        with TURNS, suppress(psycopg.Error, database.UnsafeError):
            _remembered(person, query, values)

    for query, values in questions:
        given = (query, tuple(sorted(values.items())))
        # A daemon: the program does not wait for it when it ends.
        threading.Thread(target=begin, args=given, daemon=True).start()


def first(
    query: LiteralString, values: Mapping[str, object], limit: int
) -> tuple[LiteralString, Mapping[str, object]]:
    """Return the question for the first rows of a query, and for one more.

    Args:
        query: its text.
        values: by name.
        limit: how many.
    """
    return f"{query}\nLIMIT %(limit)s", {**values, "limit": limit + 1}


def shown(query: LiteralString, values: Mapping[str, object], limit: int) -> list[Row]:
    """Return the first rows of a query.

    Args:
        query: its text.
        values: by name.
        limit: how many.
    """
    return ask(*first(query, values, limit))[:limit]


def exported(query: LiteralString, values: Mapping[str, object], person: str | None) -> list[Row]:
    """Return the rows of a query for a file, which is made when no page is drawn.

    Args:
        query: its text.
        values: by name.
        person: who asked when the page was drawn.
    """
    return database.rows(f"{query}\nLIMIT %(limit)s", {**values, "limit": EXPORTED}, person)


@st.cache_data(ttl=SECONDS, max_entries=300, show_spinner=False)  # type: ignore[untyped-decorator,unused-ignore]
def _remembered(person: str | None, query: LiteralString, values: Values) -> list[Row]:
    return database.rows(query, dict(values), person)

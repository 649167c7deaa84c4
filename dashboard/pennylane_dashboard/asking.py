"""The rows of a query, remembered for a moment."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import LiteralString

import streamlit as st

from pennylane_dashboard import database
from pennylane_dashboard.database import Row

Values = tuple[tuple[str, object], ...]

SECONDS = 30
"""For so long, an answer is not asked for again."""
AT_ONCE = 4
"""As many queries of a page run at the same time."""
EXPORTED = 100_000
"""As many rows as a file has at most."""


def ask(query: LiteralString, values: Mapping[str, object]) -> list[Row]:
    """Return the rows of a query, at most half a minute old.

    Args:
        query: its text, with `%(name)s` for each value.
        values: by name.
    """
    found: list[Row] = _remembered(query, tuple(sorted(values.items())))
    return found


def together(*questions: tuple[LiteralString, Mapping[str, object]]) -> list[list[Row]]:
    """Return the rows of several queries, which PostgreSQL answers at the same time.

    Args:
        questions: the text and the values of each.
    """
    found: list[list[Row]] = _all_remembered(
        tuple((query, tuple(sorted(values.items()))) for query, values in questions)
    )
    return found


def shown(query: LiteralString, values: Mapping[str, object], limit: int) -> tuple[list[Row], bool]:
    """Return the first rows of a query, and whether there are more.

    Args:
        query: its text.
        values: by name.
        limit: how many.
    """
    found = ask(f"{query}\nLIMIT %(limit)s", {**values, "limit": limit + 1})
    return found[:limit], len(found) > limit


def exported(query: LiteralString, values: Mapping[str, object]) -> list[Row]:
    """Return the rows of a query for a file.

    Args:
        query: its text.
        values: by name.
    """
    return database.rows(f"{query}\nLIMIT %(limit)s", {**values, "limit": EXPORTED})


@st.cache_data(ttl=SECONDS, max_entries=300, show_spinner=False)  # type: ignore[untyped-decorator,unused-ignore]
def _remembered(query: LiteralString, values: tuple[tuple[str, object], ...]) -> list[Row]:
    return database.rows(query, dict(values))


@st.cache_data(ttl=SECONDS, max_entries=100, show_spinner=False)  # type: ignore[untyped-decorator,unused-ignore]
def _all_remembered(questions: tuple[tuple[LiteralString, Values], ...]) -> list[list[Row]]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(
            pool.map(lambda question: database.rows(question[0], dict(question[1])), questions)
        )

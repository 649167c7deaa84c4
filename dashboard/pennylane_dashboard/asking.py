"""The rows of a query, remembered for a moment."""

from collections.abc import Mapping
from typing import LiteralString

import streamlit as st

from pennylane_dashboard import database
from pennylane_dashboard.database import Row

SECONDS = 30
"""For so long, an answer is not asked for again."""
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

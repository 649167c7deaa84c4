"""The only way to the data: read-only, as the role that sees the views and nothing else.

libpq's variables (PGHOST, PGDATABASE …) name the database, `search_path` in PGOPTIONS the
schemas of the views, and DASHBOARD_ROLE the role; the launcher sets them.
"""

import os
from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

SECONDS = 20
"""After so many seconds, PostgreSQL gives up a query."""
WAIT = 5
"""Seconds to wait for a connection."""

Row = dict[str, Any]


def role() -> str:
    """Return the role as which everything is read."""
    return os.environ.get("DASHBOARD_ROLE") or "pennylane_reader"


def connect() -> psycopg.Connection[Row]:
    """Open a connection on which nothing can be written.

    Raises:
        psycopg.Error: the database is away, or does not have the role yet.
    """
    connection = psycopg.connect(
        row_factory=dict_row,
        autocommit=True,
        connect_timeout=WAIT,
        application_name="dashboard",
    )
    connection.read_only = True
    try:
        if connection.info.user != role():
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role())))
        connection.execute(f"SET statement_timeout = '{SECONDS}s'")
        connection.execute("SET default_transaction_read_only = on")
        # The views are deep: compiling their plans would take longer than running them.
        connection.execute("SET jit = off")
    except BaseException:
        connection.close()
        raise
    return connection


def rows(query: LiteralString, values: Mapping[str, object]) -> list[Row]:
    """Return the rows of a query.

    Args:
        query: its text, with `%(name)s` for each value.
        values: by name; those that the query does not name are ignored.

    Raises:
        psycopg.Error: the database is away, or cannot answer.
    """
    with connect() as connection:
        return connection.execute(query, values).fetchall()

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

ABOUT_A_COMPANY = "%(company)s"
"""Stands in queries about one company."""

Row = dict[str, Any]


def role() -> str:
    """Return the role as which everything is read."""
    return os.environ.get("DASHBOARD_ROLE") or "pennylane_reader"


class UnsafeError(Exception):
    """People sign in, but the database would not tell them apart."""


def connect(person: str | None = None) -> psycopg.Connection[Row]:
    """Open a connection on which nothing can be written.

    Args:
        person: who signed in; PostgreSQL then shows only what is granted to them.

    Raises:
        psycopg.Error: the database is away, or does not have the role yet.
        UnsafeError: it would show everything to everybody who signs in.
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
        # The views are deep: compiling their plans would take longer than running them. They sum
        # whole tables: sorts and hashes stay in memory, and an index spares reading wide rows.
        connection.execute("SET jit = off; SET work_mem = '32MB'; SET random_page_cost = 1.1")
        if person is not None:
            _ask_for(connection, person)
    except BaseException:
        connection.close()
        raise
    return connection


def _ask_for(connection: psycopg.Connection[Row], person: str) -> None:
    """Tell the database's row-level security who asks.

    It believes nobody but the login of the dashboard; the owner of the tables sees everything.
    """
    if not person or connection.info.user != role():
        raise UnsafeError
    row = connection.execute(_IS_ON, [person]).fetchone()
    if not row or not row["is_on"]:
        raise UnsafeError


_IS_ON = """
SELECT set_config('pennylane.user', %s, false),
    EXISTS (SELECT FROM pg_policy WHERE polname = 'pennylane_companies') AS is_on
"""


# Of a firm's companies, the views then read this one only.
_OF_COMPANY = "SELECT set_config('pennylane.company', %s, false)"


def rows(
    query: LiteralString, values: Mapping[str, object], person: str | None = None
) -> list[Row]:
    """Return the rows of a query.

    Args:
        query: its text, with `%(name)s` for each value.
        values: by name; those that the query does not name are ignored.
        person: who signed in.

    Raises:
        psycopg.Error: the database is away, or cannot answer.
        UnsafeError: it would show everything to everybody who signs in.
    """
    with connect(person) as connection:
        if ABOUT_A_COMPANY in query:
            connection.execute(_OF_COMPANY, [str(values["company"])])
        return connection.execute(query, values).fetchall()

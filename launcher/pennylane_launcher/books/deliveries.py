"""Whether the tables hold what the bookmarks say: what target-postgres-exact remembers of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool
from target_postgres_exact.deliveries import Deliveries

from pennylane_launcher.meltano import sqlalchemy

COMES_WITH = {"customer_invoice_lines": "customer_invoices"}
"""Streams without a bookmark of their own: they are read along with another one."""


def misfits(
    url: str, schema: str, bookmarks: Mapping[str, Any], *, adopt: bool = False
) -> dict[str, str]:
    """Find the bookmarks that a table does not fit.

    Args:
        url: libpq URL of the database.
        schema: the schema of the tables.
        bookmarks: by stream.
        adopt: believe tables that were filled before anything was remembered of them.

    Returns:
        Why, by stream.

    Raises:
        psycopg.Error: it can't be asked.
    """
    with _transaction(url) as connection:
        if adopt:
            Deliveries(connection, schema).adopt(bookmarks)
        found = Deliveries(connection, schema).misfits(bookmarks)
    for stream, parent in COMES_WITH.items():
        if reason := found.pop(stream, None):
            found.setdefault(parent, f"of '{stream}', which comes with it, {reason}")
    return {stream: reason for stream, reason in found.items() if bookmarks.get(stream)}


def lost(url: str, schema: str) -> dict[str, str]:
    """Find the tables that no longer hold what was delivered to them, whatever the bookmarks say.

    Args:
        url: libpq URL of the database.
        schema: the schema of the tables.

    Returns:
        Why, by table.

    Raises:
        psycopg.Error: it can't be asked.
    """
    with _transaction(url) as connection:
        return Deliveries(connection, schema).misfits({})


@contextmanager
def _transaction(url: str) -> Iterator[sa.Connection]:
    """Have a connection; what fails is psycopg's error, without SQLAlchemy's words around it."""
    engine = sa.create_engine(sqlalchemy(url, "psycopg"), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.DBAPIError as error:
        raise (error.orig or error) from None

"""Checks, by the record that target-postgres-exact keeps, that tables match their bookmarks."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool
from target_postgres_exact.deliveries import Deliveries

from pennylane_launcher.meltano import sqlalchemy

COMES_WITH = {"customer_invoice_lines": "customer_invoices"}
"""Streams without a bookmark of their own, and the stream that they are read with."""


def misfits(
    url: str, schema: str, bookmarks: Mapping[str, Any], *, adopt: bool = False
) -> dict[str, str]:
    """Find the bookmarks that do not match their tables.

    Args:
        url: libpq URL of the database.
        schema: the schema of the tables.
        bookmarks: by stream.
        adopt: trust tables that were filled before there was a record.

    Returns:
        The reasons, by stream.

    Raises:
        psycopg.Error: the database cannot be queried.
    """
    with transaction(url) as connection:
        if adopt:
            Deliveries(connection, schema).adopt(bookmarks)
        found = Deliveries(connection, schema).misfits(bookmarks)
    for stream, parent in COMES_WITH.items():
        if reason := found.pop(stream, None):
            found.setdefault(parent, f"of '{stream}', which comes with it, {reason}")
    return {stream: reason for stream, reason in found.items() if bookmarks.get(stream)}


def newer(url: str, schema: str, bookmarks: Mapping[str, Any]) -> dict[str, Any]:
    """Find the bookmarks up to which an interrupted run filled tables, if Meltano lost them.

    Args:
        url: libpq URL of the database.
        schema: the schema of the tables.
        bookmarks: Meltano's, by stream.

    Returns:
        Bookmarks that are further, by stream.

    Raises:
        psycopg.Error: the database cannot be queried.
    """
    with transaction(url) as connection:
        return Deliveries(connection, schema).newer(bookmarks)


def lost(url: str, schema: str) -> dict[str, str]:
    """Find the tables that lost rows that had been delivered, regardless of bookmarks.

    Args:
        url: libpq URL of the database.
        schema: the schema of the tables.

    Returns:
        The reasons, by table.

    Raises:
        psycopg.Error: the database cannot be queried.
    """
    with transaction(url) as connection:
        return Deliveries(connection, schema).misfits({})


@contextmanager
def transaction(url: str) -> Iterator[sa.Connection]:
    """Provide a connection; errors are psycopg's, without SQLAlchemy's wrapping.

    Args:
        url: libpq URL of the database.
    """
    engine = sa.create_engine(sqlalchemy(url, "psycopg"), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.DBAPIError as error:
        raise (error.orig or error) from None

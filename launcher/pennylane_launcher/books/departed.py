"""The schema that a removed company had to itself: dropped once no view reads it."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql

MARK = "Of a company that was removed: dropped once no view reads it"
_MARKED = """
select nspname::text from pg_namespace
where obj_description(oid, 'pg_namespace') = %s and nspname <> all(%s)
"""
_TABLES = """
select nspname::text, relname::text, starts_with(relname, '_')
from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace
where relkind in ('r', 'p') and nspname = any(%s)
"""


def mark(connection: psycopg.Connection[Any], schemas: Sequence[str]) -> None:
    """Mark raw schemas as those of a company that was removed; only their owner can.

    Args:
        connection: to the warehouse.
        schemas: their names.
    """
    for schema in schemas:
        name, text = sql.Identifier(schema), sql.Literal(MARK)
        with suppress(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute(sql.SQL("comment on schema {} is {}").format(name, text))


def drop(connection: psycopg.Connection[Any], read: Sequence[str]) -> list[str]:
    """Drop marked schemas, each with that of its history, and return their names.

    One that is still in use, or has rows again, stays.

    Args:
        connection: to the warehouse.
        read: the raw schemas that the views read.
    """
    dropped = []
    for (schema,) in connection.execute(_MARKED, [MARK, [*read]]).fetchall():
        try:
            with connection.transaction():
                _drop(connection, [schema, f"{schema}_history"])
        except (
            psycopg.errors.DependentObjectsStillExist,
            psycopg.errors.InsufficientPrivilege,
            psycopg.errors.LockNotAvailable,
            _HasRowsError,
        ):
            continue
        dropped.append(schema)
    return dropped


class _HasRowsError(Exception):
    """Somebody has written to the schema since."""


def _drop(connection: psycopg.Connection[Any], schemas: Sequence[str]) -> None:
    connection.execute(b"set local lock_timeout = '5s'")
    connection.execute(b"set local client_min_messages = warning")
    for schema, name, is_of_target in connection.execute(_TABLES, [[*schemas]]).fetchall():
        table = sql.Identifier(schema, name)
        # This also waits for whoever writes to it; it fails if a view reads it.
        connection.execute(sql.SQL("lock table {} in access exclusive mode").format(table))
        rows = connection.execute(sql.SQL("select from {} limit 1").format(table)).fetchall()
        if rows and not is_of_target:
            raise _HasRowsError
        connection.execute(sql.SQL("drop table {}").format(table))
    for schema in schemas:
        statement = sql.SQL("drop schema if exists {} cascade")
        connection.execute(statement.format(sql.Identifier(schema)))

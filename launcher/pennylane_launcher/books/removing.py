"""`make remove-company`: deletes everything about a company that left (docs/operations.md)."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from target_postgres_exact.deliveries import Deliveries

from pennylane_launcher.books import company_bookmarks, deliveries, departed
from pennylane_launcher.claim import claim
from pennylane_launcher.confirming import confirm
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.lock import alone
from pennylane_launcher.postgres import warehouse
from pennylane_launcher.postgres.database import database, raw_schemas
from pennylane_launcher.settings import envfile

# The target's own tables begin with an underscore; those of the views' package have no keys.
_TABLES = """
select nspname::text, relname::text, exists (
    select from pg_attribute
    where attrelid = pg_class.oid and attname = 'company_id' and not attisdropped
)
from pg_class
inner join pg_namespace on pg_namespace.oid = relnamespace
where relkind in ('r', 'p') and nspname = any(%s) and not starts_with(relname, '_')
order by 1, 2
"""


class Part(NamedTuple):
    """A company's rows in a table.

    Attributes:
        schema: the table's schema.
        name: the table's name.
        condition: which rows.
        rows: how many there are.
    """

    schema: str
    name: str
    condition: sql.Composable
    rows: int


def remove(project: Path, *, company: int, sure: bool) -> int:
    """Delete a company's rows, history, grants and bookmarks: all of them, or nothing.

    Args:
        project: the project's folder.
        company: its id.
        sure: don't ask.

    Returns:
        0.

    Raises:
        LauncherError: there is no such company, nobody said yes, or the database cannot be used.
    """
    schemas = raw_schemas(project)
    main = warehouse.schema(envfile.variables(project))
    with alone(project), database(project) as (url, _), ExitStack() as claims:
        for schema in schemas:
            claims.enter_context(claim(url, schema, "make remove-company"))
        with deliveries.transaction(url) as transaction:
            connection: Any = transaction.connection.driver_connection
            own = _own(connection, company, schemas)
            others = [f"{main}_logs", f"{main}_access"]
            parts = _parts(connection, company, schemas, own, others)
            if not parts:
                msg = f"No table has a row of a company with the id {company}."
                raise LauncherError(msg)
            if not sure:
                _ask(company, parts, warehouse.name(url))
            connection.execute("set local pennylane.history = 'off'")  # it would keep the rows
            for part in parts:
                _execute(connection, "delete from {table} where {condition}", part)
            states = company_bookmarks.forget(connection, company)
            for schema in {part.schema for part in parts} & {*schemas}:
                Deliveries(transaction, schema).removed([] if schema in own else states)
            # Own schemas are empty now, so they no longer say which company was theirs.
            if left := _parts(connection, company, schemas, own, others):
                msg = (
                    f"Rows of company {company} were added to {left[0].schema}.{left[0].name}"
                    " meanwhile, so nothing was deleted. End what writes there, and try again."
                )
                raise LauncherError(msg)
            departed.mark(connection, own)
        _vacuum(url, parts)
    rows = sum(part.rows for part in parts)
    print(f"Deleted {rows:,} rows of company {company} in {len(parts)} tables, and its bookmarks.")
    print(_what_next(own))
    return 0


def _own(connection: psycopg.Connection[Any], company: int, schemas: Sequence[str]) -> list[str]:
    """Return the raw schemas of this company alone: the table `company` names no other."""
    found = []
    for schema, name, has_company in connection.execute(_TABLES, [[*schemas]]).fetchall():
        if name == "company" and has_company:
            query = sql.SQL("select distinct company_id from {}")
            ids = connection.execute(query.format(sql.Identifier(schema, name))).fetchall()
            found += [schema] if ids == [(company,)] else []
    return found


def _parts(
    connection: psycopg.Connection[Any],
    company: int,
    schemas: Sequence[str],
    own: Sequence[str],
    others: Sequence[str],
) -> list[Part]:
    """Return where a company has rows.

    Args:
        connection: to the warehouse.
        company: its id.
        schemas: of raw tables.
        own: those of this company alone.
        others: schemas in which only some tables have companies.
    """
    books = [*schemas, *(f"{schema}_history" for schema in schemas)]
    found = []
    for schema, name, has_company in connection.execute(_TABLES, [[*books, *others]]).fetchall():
        is_own = schema.removesuffix("_history") in own
        condition: sql.Composable
        if is_own and (name == "company" or not has_company):
            condition = sql.SQL("true")
        elif has_company and name != "company":
            condition = sql.SQL("company_id = {}").format(company)
        elif name == "companies" and schema in books:
            condition = sql.SQL("id = {}").format(company)
        else:
            continue
        part = Part(schema, name, condition, 0)
        row = _execute(
            connection, "select count(*) from {table} where {condition}", part
        ).fetchone()
        if row and row[0]:
            found.append(part._replace(rows=row[0]))
    return found


def _execute(connection: psycopg.Connection[Any], query: str, part: Part) -> psycopg.Cursor[Any]:
    table = sql.Identifier(part.schema, part.name)
    return connection.execute(sql.SQL(query).format(table=table, condition=part.condition))


def _ask(company: int, parts: Sequence[Part], where: str) -> None:
    lines = [f"  {part.schema}.{part.name}: {part.rows:,}" for part in parts]
    confirm(
        "\n".join(
            [
                f"This deletes, in {where}, all rows of company {company}, permanently:",
                *lines,
                "Its bookmarks are forgotten, too. Pennylane keeps its own data.",
            ]
        ),
        f"make remove-company COMPANY={company} ARGS=--yes",
    )


def _vacuum(url: str, parts: Sequence[Part]) -> None:
    """Free what the rows held, so that no file has it any more."""
    with psycopg.connect(url, autocommit=True) as connection:
        for part in parts:
            _execute(connection, "vacuum {table}", part)


def _what_next(own: Sequence[str]) -> str:
    again = "As long as its token is in use, the next run loads it again: remove it from `.env` or"
    if own:
        return (
            f"{again} companies.yml. Until then, the views read its empty tables; the first run"
            " without it drops their schema."
        )
    return (
        "As long as the firm's token sees it, the next run loads it again: name it in"
        " TAP_PENNYLANE_EXCLUDE_COMPANY_IDS. Existing backups and exports still contain it."
    )

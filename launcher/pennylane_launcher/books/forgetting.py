"""`make forget`: erases the contents of personal columns that are no longer loaded."""

import json
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql

from pennylane_launcher import meltano
from pennylane_launcher.claim import claim
from pennylane_launcher.confirming import confirm
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.lock import alone
from pennylane_launcher.postgres import warehouse
from pennylane_launcher.postgres.database import database, raw_schemas

LIST = Path("transform/dbt/personal_data.yml")
PAGE = "docs/personal-data.md"


def forget(project: Path, *, sure: bool) -> int:
    """Erase the contents of personal columns that are no longer loaded.

    Args:
        project: the project's folder.
        sure: don't ask.

    Returns:
        0.

    Raises:
        LauncherError: every personal column is still loaded, nobody said yes, or the database
            cannot be used.
    """
    schemas = raw_schemas(project)
    with (
        alone(project),
        database(project) as (url, environment),
        ExitStack() as claims,
    ):
        for schema in schemas:
            claims.enter_context(claim(url, schema, "make forget"))
        personal, loaded = _personal(project), _loaded(project, environment)
        if not personal - loaded:
            msg = (
                "Every personal column is still loaded, so the next run would bring back what is"
                f" erased. First leave out the columns that you don't want: {PAGE}"
            )
            raise LauncherError(msg)
        with psycopg.connect(url, autocommit=True) as connection:
            by_schema = {
                schema: found
                for schema in schemas
                if (found := filled(connection, schema, personal - loaded))
            }
            if not by_schema:
                print(
                    "The personal columns that are left out are empty: there is nothing to erase."
                )
                return 0
            if not sure:
                _ask(by_schema, warehouse.name(url))
            for schema, found in by_schema.items():
                for table, columns in found.items():
                    erase(connection, schema, table, columns)
    if kept := personal & loaded:
        print(
            f"{len(kept)} personal columns are still loaded, and were not changed: {PAGE}"
            " lists them."
        )
    print("Existing backups and exports still contain what was erased.")
    return 0


def _personal(project: Path) -> set[tuple[str, str]]:
    """Return the tables and columns with personal data, or with texts that may name a person."""
    lists = yaml.safe_load((project / LIST).read_text(encoding="utf-8"))
    return {
        (table, column)
        for tables in lists.values()
        for table, columns in tables.items()
        for column in columns
    }


def _loaded(project: Path, environment: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return the tables and columns that a run would load, from the tap's catalog."""
    done = subprocess.run(  # noqa: S603
        meltano.command("--log-level", "error", "invoke", "--dump=catalog", meltano.TAP),
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        streams = json.loads(done.stdout)["streams"]
    except (ValueError, KeyError) as error:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        msg = f"Meltano does not say which columns are loaded: {''.join(said)}"
        raise LauncherError(msg) from error
    return {
        (stream["tap_stream_id"], column)
        for stream in streams
        for column in _selected(stream["metadata"])
    }


def _selected(metadata: list[dict[str, Any]]) -> list[str]:
    """Return the columns of a stream that are loaded; none if the stream is not selected."""
    selected = {
        tuple(entry["breadcrumb"]) for entry in metadata if entry["metadata"].get("selected")
    }
    return [path[-1] for path in selected if path] if () in selected else []


def filled(
    connection: psycopg.Connection, schema: str, wanted: set[tuple[str, str]]
) -> dict[str, dict[str, int]]:
    """Return the columns that are not empty, by table, with the number of rows and changes."""
    there = connection.execute(
        "select table_name::text, column_name::text from information_schema.columns"
        " where table_schema = %s",
        [schema],
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for table, column in sorted(wanted & set(there)):
        query = sql.SQL("select count({}) from {}").format(
            sql.Identifier(column), sql.Identifier(schema, table)
        )
        count = _number(connection, query)
        if (history := _history(connection, schema, table)) is not None:
            query = sql.SQL(
                "select count(*) from {} where record ->> {name} is not null"
                " or became ->> {name} is not null"
            ).format(history, name=column)
            count += _number(connection, query)
        if count:
            found.setdefault(table, {})[column] = count
    return found


def _history(connection: psycopg.Connection, schema: str, table: str) -> sql.Identifier | None:
    """Return the table of the audit trail with a table's changes, if there is one."""
    name = sql.Identifier(f"{schema}_history", table)
    there = connection.execute("select to_regclass(%s)", [name.as_string(connection)]).fetchone()
    return name if there and there[0] else None


def _number(connection: psycopg.Connection, query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _ask(filled: Mapping[str, Mapping[str, Mapping[str, int]]], where: str) -> None:
    lines = [
        f"  {f'{schema}.' * (len(filled) > 1)}{table}: {', '.join(columns)}"
        for schema, found in filled.items()
        for table, columns in found.items()
    ]
    confirm(
        "\n".join(
            [
                f"This erases, in {where}, everything in these columns, permanently:",
                *lines,
                "The rows stay. Pennylane keeps its own data, and no run loads these columns.",
            ]
        ),
        "make forget ARGS=--yes",
    )


def erase(
    connection: psycopg.Connection, schema: str, table: str, columns: Mapping[str, int]
) -> None:
    """Empty the columns, also in deleted rows and in the audit trail, and vacuum what they held."""
    raw, history = sql.Identifier(schema, table), _history(connection, schema, table)
    names = [sql.Identifier(column) for column in columns]
    query = sql.SQL("update {} set {} where {}").format(
        raw,
        sql.SQL(", ").join(sql.SQL("{} = null").format(name) for name in names),
        sql.SQL(" or ").join(sql.SQL("{} is not null").format(name) for name in names),
    )
    with connection.transaction():
        connection.execute("set local pennylane.history = 'off'")  # it would keep what is erased
        rows = connection.execute(query).rowcount
    connection.execute(sql.SQL("vacuum {}").format(raw))
    changes = 0
    if history is not None:
        query = sql.SQL(
            "update {} set record = record - {names}::text[], became = became - {names}::text[]"
            " where record ?| {names}::text[] or became ?| {names}::text[]"
        ).format(history, names=list(columns))
        changes = connection.execute(query).rowcount
        connection.execute(sql.SQL("vacuum {}").format(history))
    also = f" and {changes:,} of its changes" if changes else ""
    print(f"Erased in {rows:,} rows of {table}{also}: {', '.join(columns)}")

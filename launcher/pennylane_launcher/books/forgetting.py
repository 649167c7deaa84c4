"""`make forget`: erases what was loaded of personal columns before they were left out."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql

from pennylane_launcher import meltano
from pennylane_launcher.confirming import confirm
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.lock import alone
from pennylane_launcher.postgres import warehouse
from pennylane_launcher.postgres.database import database
from pennylane_launcher.settings import envfile

LIST = Path("transform/dbt/personal_data.yml")
PAGE = "docs/personal-data.md"


def forget(project: Path, *, sure: bool) -> int:
    """Erase the contents of personal columns that are not loaded any more.

    Args:
        project: the project's folder.
        sure: don't ask.

    Returns:
        0.

    Raises:
        LauncherError: every personal column is still loaded, nobody said yes, or the database
            can't be used.
    """
    schema = warehouse.schema(envfile.variables(project))
    with alone(project), database(project) as (url, environment):
        personal, loaded = _personal(project), _loaded(project, environment)
        if not personal - loaded:
            msg = (
                "Every personal column is still loaded, so the next run would bring back what is"
                f" erased. First leave out the columns that you don't want: {PAGE}"
            )
            raise LauncherError(msg)
        with psycopg.connect(url, autocommit=True) as connection:
            found = filled(connection, schema, personal - loaded)
            if not found:
                print("The personal columns that are left out hold nothing: nothing to erase.")
                return 0
            if not sure:
                _ask(found, warehouse.name(url))
            for table, columns in found.items():
                erase(connection, schema, table, columns)
    if kept := personal & loaded:
        print(
            f"{len(kept)} personal columns are still loaded, and were left as they are: {PAGE}"
            " lists them."
        )
    print("Backups, and exports that somebody made, still hold what they held.")
    return 0


def _personal(project: Path) -> set[tuple[str, str]]:
    """Tables and columns that hold personal data, or texts that may name somebody."""
    lists = yaml.safe_load((project / LIST).read_text(encoding="utf-8"))
    return {
        (table, column)
        for tables in lists.values()
        for table, columns in tables.items()
        for column in columns
    }


def _loaded(project: Path, environment: Mapping[str, str]) -> set[tuple[str, str]]:
    """Tables and columns that a run would load: the catalog that Meltano would give the tap."""
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
    """Return the columns of a stream that are loaded: none if the stream is not."""
    selected = {
        tuple(entry["breadcrumb"]) for entry in metadata if entry["metadata"].get("selected")
    }
    return [path[-1] for path in selected if path] if () in selected else []


def filled(
    connection: psycopg.Connection, schema: str, wanted: set[tuple[str, str]]
) -> dict[str, dict[str, int]]:
    """Return the columns that hold something, by table, and in how many rows."""
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
        row = connection.execute(query).fetchone()
        if row and row[0]:
            found.setdefault(table, {})[column] = row[0]
    return found


def _ask(filled: Mapping[str, Mapping[str, int]], where: str) -> None:
    lines = [f"  {table}: {', '.join(columns)}" for table, columns in filled.items()]
    confirm(
        "\n".join(
            [
                f"This erases, in {where}, all that these columns hold, for good:",
                *lines,
                "The rows stay. Pennylane keeps its own data, and no run loads these columns.",
            ]
        ),
        "make forget ARGS=--yes",
    )


def erase(
    connection: psycopg.Connection, schema: str, table: str, columns: Mapping[str, int]
) -> None:
    """Empty the columns, deleted rows included, and let go of the rows as they were before."""
    names = [sql.Identifier(column) for column in columns]
    query = sql.SQL("update {} set {} where {}").format(
        sql.Identifier(schema, table),
        sql.SQL(", ").join(sql.SQL("{} = null").format(name) for name in names),
        sql.SQL(" or ").join(sql.SQL("{} is not null").format(name) for name in names),
    )
    rows = connection.execute(query).rowcount
    connection.execute(sql.SQL("vacuum {}").format(sql.Identifier(schema, table)))
    print(f"Erased in {rows:,} rows of {table}: {', '.join(columns)}")

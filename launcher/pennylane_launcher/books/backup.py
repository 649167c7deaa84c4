"""`make backup` and `make restore`: the books and their bookmarks, in one file."""

import os
import tempfile
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import psycopg

from pennylane_launcher.books import report
from pennylane_launcher.claim import claim
from pennylane_launcher.confirming import confirm
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.lock import alone
from pennylane_launcher.postgres import client_programs, warehouse
from pennylane_launcher.postgres.database import data, raw_schemas
from pennylane_launcher.settings import envfile

FOLDER = "backups"
# Not OAuth's tokens, whatever the other schemas are called: in a backup they are soon invalid, and
# until then, whoever has the backup could use them.
SCHEMAS = r"""
    select nspname::text from pg_namespace
    where nspname <> 'tap_pennylane_oauth' and (
        nspname = 'meltano' or nspname = any(%(tables)s)
        or nspname like replace(%(schema)s, '_', '\_') || '\_%%'
    )
    order by nspname
"""
STRANGERS = """
    select distinct view.oid::regclass::text
    from pg_depend
    join pg_rewrite on pg_rewrite.oid = pg_depend.objid
    join pg_class as view on view.oid = pg_rewrite.ev_class
    join pg_namespace as view_schema on view_schema.oid = view.relnamespace
    join pg_class as used on used.oid = pg_depend.refobjid
    join pg_namespace as used_schema on used_schema.oid = used.relnamespace
    where pg_depend.classid = 'pg_rewrite'::regclass
        and used_schema.nspname = any(%(schemas)s) and view_schema.nspname <> all(%(schemas)s)
"""
# If a reader holds a table for long, do not make all other readers wait behind us.
QUIETLY = "set client_min_messages = warning; set lock_timeout = '30s'"
# Meltano keeps bookmarks per environment, and the embedded PostgreSQL uses another one.
BOOKMARKS = """
    do $$ begin
        if to_regclass('meltano.state') is not null then
            update meltano.state set state_id = '{here}:' || regexp_replace(state_id, '^[^:]*:', '')
            where state_id like '%:tap-pennylane-to-target-postgres%' and not exists (
                select from meltano.state as other
                where other.state_id = '{here}:' || regexp_replace(state.state_id, '^[^:]*:', '')
            );
        end if;
    end $$
"""


def backup(project: Path, *, demo: bool, file: str | None) -> int:
    """Write the schemas of the pipeline into one file, which only its owner can read.

    Args:
        project: the project's folder.
        demo: of the demo's database.
        file: where to; by default a new one in `backups`.

    Returns:
        0.

    Raises:
        LauncherError: the database cannot be used, or holds nothing yet.
    """
    with data(project, demo=demo) as (url, schema):
        raw = raw_schemas(project, demo=demo)
        if not any(report.rows(url, each) for each in raw):
            msg = "There is nothing to back up: no table was loaded yet. `make run` loads them."
            raise LauncherError(msg)
        schemas = _schemas(url, schema, raw)
        path = Path(file) if file else _new_file(demo=demo)
        # Created first: pg_dump would create a file that others can read.
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        path.chmod(0o600)
        try:
            client_programs.call(
                "pg_dump",
                *("--format=custom", "--no-owner", "--no-privileges", f"--file={path}"),
                "--enable-row-security",  # the owner sees all rows, but pg_dump does not know that
                *(f'--schema="{name}"' for name in schemas),
                url=url,
            )
        except BaseException:
            path.unlink()
            raise
    print(f"{path}: the schemas {', '.join(schemas)}, {path.stat().st_size / 1e6:,.1f} MB.")
    print(
        "It holds the books: keep it where others cannot read it. To restore it:"
        f" make restore ARGS={path}"
    )
    return 0


def restore(project: Path, *, demo: bool, file: str, sure: bool) -> int:
    """Replace what the database holds with what a backup holds: all of it, or nothing.

    Args:
        project: the project's folder.
        demo: into the demo's database.
        file: the backup.
        sure: don't ask before tables are replaced.

    Returns:
        0.

    Raises:
        LauncherError: nobody said yes, the file is no backup, or it does not fit.
    """
    path = Path(file)
    if not path.is_file():
        msg = f"There is no file {path}. `make backup` writes into the folder {FOLDER}."
        raise LauncherError(msg)
    with (
        alone(project),
        data(project, demo=demo) as (url, schema),
        ExitStack() as claims,
        tempfile.TemporaryFile() as script,
    ):
        raw = raw_schemas(project, demo=demo)
        for each in raw:
            claims.enter_context(claim(url, each, "make restore"))
        # Read completely before anything is changed: half a script would be half the books.
        client_programs.call(
            "pg_restore",
            "--no-owner",
            "--no-privileges",
            "--file=-",
            str(path),
            url=url,
            out=script,
        )
        script.seek(0)
        wanted = f"CREATE SCHEMA {schema};".encode()
        if not any(line.strip() == wanted for line in script):
            msg = (
                f"{path} has no schema {schema}: it is not a backup of this pipeline, or"
                " TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA was different when it was made."
            )
            raise LauncherError(msg)
        schemas = _schemas(url, schema, raw)
        _see_that_nobody_depends(url, schemas)
        if (rows := _rows(url, raw)) and not sure:
            confirm(
                f"This replaces {rows:,} rows, and the bookmarks, in {warehouse.name(url)}.",
                f'make restore ARGS="{file} --yes"',
            )
        drop = "".join(f'drop schema if exists "{name}" cascade;' for name in schemas)
        client_programs.call(
            "psql",
            *("--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--single-transaction"),
            *(f"--command={QUIETLY}", f"--command={drop}", "--file=-"),
            f"--command={BOOKMARKS.format(here=_environment(project, demo=demo))}",
            url=url,
            given=script,
        )
        rows = _rows(url, raw)
    print(
        f"Restored: {rows:,} rows with their bookmarks. `make run` reads what changed since then."
    )
    return 0


def _new_file(*, demo: bool) -> Path:
    folder = Path(FOLDER)
    folder.mkdir(mode=0o700, exist_ok=True)
    name = "demo" if demo else "pennylane"
    return folder / f"{name}-{datetime.now().astimezone():%Y%m%d-%H%M%S}.dump"


def _environment(project: Path, *, demo: bool) -> str:
    """Return the environment of Meltano that works on the database."""
    settings = envfile.variables(project)
    if demo or not warehouse.url(settings):
        return "dev"
    return settings.get("MELTANO_ENVIRONMENT") or "prod"


def _rows(url: str, raw: list[str]) -> int:
    return sum(sum(report.rows(url, schema).values()) for schema in raw)


def _schemas(url: str, schema: str, raw: list[str]) -> list[str]:
    """Return the schemas that belong to the pipeline: its tables', its views', and Meltano's."""
    tables = [*raw, *(f"{each}_history" for each in raw)]
    with psycopg.connect(url) as connection:
        found = connection.execute(SCHEMAS, {"schema": schema, "tables": tables})
        return [str(name) for (name,) in found]


def _see_that_nobody_depends(url: str, schemas: list[str]) -> None:
    with psycopg.connect(url) as connection:
        found = connection.execute(STRANGERS, {"schemas": schemas}).fetchall()
    if found:
        names = ", ".join(str(name) for (name,) in found)
        msg = (
            f"Your own views depend on what would be replaced, and would be lost: {names}. Save"
            " their definitions, drop them, restore, and create them again."
        )
        raise LauncherError(msg)

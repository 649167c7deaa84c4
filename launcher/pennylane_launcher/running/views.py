"""Builds the views, but only if something about them changed: they hold no data.

The last step of the job `sync`: `python -m pennylane_launcher.running.views`.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pennylane_launcher import meltano
from pennylane_launcher.books import departed
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.postgres import database, warehouse
from pennylane_launcher.settings import envfile
from pennylane_launcher.settings.redaction import Secrets

DBT = Path("transform/dbt")
NOT_BUILT = {"scripts", "target", "tests", "logs"}
"""Folders of the dbt project whose files make no view."""
SETTINGS = ("DBT_", "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA", "MELTANO_ENVIRONMENT")
UNFINISHED = "the next build tries again."
"""How dbt's macros end a message about something that was in use."""
TABLE = "pennylane_build"
WHY = {
    "models": "the models or settings have changed",
    "tables": "tables or columns have come or gone",
    "views": "views are missing or were changed by hand",
    "roles": "a role that the settings name has come or gone",
    "triggers": "triggers of the audit trail are missing or were changed by hand",
    "policies": "policies of row-level security are missing or were changed by hand",
}
Fingerprint = dict[str, str]


def main() -> int:
    """Count the rows of the last run, build the views if needed, and return the exit code."""
    folder = Path.cwd()
    try:
        schema = warehouse.schema(envfile.variables(folder))
        with database.database(folder) as (url, variables):
            os.environ.update(variables)
            return bring_up_to_date(folder, url, schema)
    except LauncherError as error:
        print(Secrets.of(folder).hide(str(error)), file=sys.stderr)
        return error.exit_code
    except psycopg.Error as error:
        cause = str(error).strip().splitlines()[0].rstrip(".")
        text = f"The views cannot be compared with the tables: {cause}."
        print(Secrets.of(folder).hide(text), file=sys.stderr)
        return 1


def bring_up_to_date(project: Path, url: str, schema: str) -> int:
    """Build the views unless a build without errors found everything as it is now.

    Args:
        project: the project's folder.
        url: libpq URL of the database.
        schema: the schema of the tables.

    Returns:
        dbt's exit code.

    Raises:
        psycopg.Error: the database cannot be queried.
    """
    names = _names_in_settings(project)
    with _record(url, schema) as record:
        before = _of_files(project) | record.fingerprint(names)
        known = record.last()
        if known == before:
            record.renew_portfolio(has_changed=record.count_rows())
            record.prune_history()
            record.drop_departed()
            record.prune_runs()
            return 0
    changed = [why for part, why in WHY.items() if known and known.get(part) != before[part]]
    print(f"Building the views: {'; '.join(changed) or 'no earlier build was complete'}.")
    code, complaint = _build()
    with _record(url, schema) as record:
        record.drop_departed()
        # Tables that changed during the build are not in the views: only its own work is new.
        now = record.fingerprint(names)
        after = before | {part: now[part] for part in ("views", "roles", "triggers", "policies")}
        record.remember(None if complaint else after, complaint)
    return code


def _build() -> tuple[int, str | None]:
    """Run dbt with all its settings, and return the exit code and what was left undone."""
    # Meltano has passed on everything that it read from `.env`.
    # What this Meltano logs is that it starts; what dbt says, the one that called us logs.
    quiet = ("--log-config", os.devnull, "--log-level", "warning")
    # Installing is for `make install`: a step that did would fail without a package registry.
    build = ("invoke", "--no-install", "dbt:run")
    command = meltano.command(*quiet, *build, env_file=Path(os.devnull))
    said: list[str] = []
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            said.append(line.strip())
    undone = [line for line in said if line.lower().endswith(UNFINISHED)]
    if process.returncode and not undone:
        undone = [line for line in said if line][-1:] or ["dbt ended without a message"]
    return process.returncode, undone[0] if undone else None


def _of_files(project: Path) -> Fingerprint:
    """Return the fingerprint of all that dbt reads: its project, and its settings."""
    found = hashlib.sha256()
    for path in (project / "meltano.yml", *_sources(project / DBT)):
        found.update(f"{path.relative_to(project)}\0".encode())
        found.update(path.read_bytes())
    for name, value in sorted(os.environ.items()):
        if name.startswith(SETTINGS):
            found.update(f"{name}={value}\0".encode())
    return {"models": found.hexdigest()}


def _names_in_settings(project: Path) -> list[str]:
    """Return all words in the settings: the name of the role for readers is one of them."""
    found = set(re.findall(r"[^\s\"',]+", (project / "meltano.yml").read_text(encoding="utf-8")))
    return sorted(found | {value for name, value in os.environ.items() if name.startswith("DBT_")})


def _sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".csv", ".sql", ".yml"} and NOT_BUILT.isdisjoint(path.parts):
            yield path


@contextmanager
def _record(url: str, schema: str) -> Iterator["_Record"]:
    """Provide the record in one transaction."""
    with psycopg.connect(url, connect_timeout=warehouse.WAIT) as connection:
        yield _Record(connection, schema)


class _Record:
    """What the database holds, and what it held after the last build."""

    def __init__(self, connection: psycopg.Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._names = {
            name: sql.Identifier(f"{schema}_logs", name)
            for name in (
                TABLE,
                "pennylane_counted_rows",
                "pennylane_uncounted_rows",
                "pennylane_portfolio_figures",
                "pennylane_portfolio_now",
            )
        } | {"logs": sql.Identifier(f"{schema}_logs"), "schema": sql.Literal(schema)}
        several = os.environ.get("DBT_PENNYLANE_SCHEMAS", "").split(",")
        self._tables = [name.strip() for name in several if name.strip()] or [schema]

    def fingerprint(self, names: list[str]) -> Fingerprint:
        """Return the fingerprints of raw tables, views, roles so named, triggers and policies."""
        queries = {
            "tables": _TABLES,
            "views": _VIEWS,
            "roles": _ROLES,
            "triggers": _TRIGGERS,
            "policies": _POLICIES,
        }
        values = {"names": sql.Literal(names), "schemas": sql.Literal(self._tables)}
        return {part: str(self._ask(query, **values)[0][0]) for part, query in queries.items()}

    def last(self) -> Fingerprint | None:
        """Return what the last build found; None if it left something undone."""
        if not self._exists(TABLE):
            return None
        found = [row[0] for row in self._ask("select fingerprint from {pennylane_build}")]
        return found[0] if found else None

    def remember(self, fingerprint: Fingerprint | None, error: str | None) -> None:
        """Record a build in place of the last one."""
        if not self._exists(TABLE):
            self._ask(_CREATE)
        self._ask("delete from {pennylane_build}")
        self._ask(
            "insert into {pennylane_build} (fingerprint, error) values ({fingerprint}, {error})",
            fingerprint=sql.Literal(fingerprint and json.dumps(fingerprint)),
            error=sql.Literal(error),
        )

    def count_rows(self) -> bool:
        """Keep the numbers of rows that runs wrote, before a later run overwrites the rows.

        Returns:
            Whether a run has written any since they were last counted, beside the list of a firm's
            companies, which every run writes.
        """
        if not self._exist("pennylane_counted_rows", "pennylane_uncounted_rows"):
            return True
        return any(table != "companies" for (table,) in self._ask(_COUNT))

    def renew_portfolio(self, *, has_changed: bool) -> None:
        """Compute the figures of the portfolio again if books have changed, or on another day.

        Args:
            has_changed: whether any books have changed since the last time.
        """
        if not self._exist("pennylane_portfolio_figures", "pennylane_portfolio_now"):
            return
        if has_changed or self._ask(_OF_ANOTHER_DAY):
            # The views are deep: compiling their plans would take longer than running them.
            self._ask("set local jit = off")
            self._ask("delete from {pennylane_portfolio_figures}")
            self._ask(_RENEW)

    def prune_history(self) -> None:
        """Delete changes that are too old for the audit trail to keep; a build does so itself."""
        for schema in self._tables:
            self._call(sql.Identifier(f"{schema}_history", "_prune"))

    def drop_departed(self) -> None:
        """Drop the schemas of companies that were removed, if no view reads them any more."""
        for schema in departed.drop(self._connection, self._tables):
            print(f"Dropped the empty schema '{schema}', whose company was removed.")

    def prune_runs(self) -> None:
        """Delete old rows of the record of runs, once a day; a build does so itself."""
        self._call(sql.Identifier(f"{self._schema}_logs", "pennylane_prune_runs"))

    def _call(self, function: sql.Identifier) -> None:
        """Call a function, if it is there."""
        text = f"{function.as_string(self._connection)}()"
        if self._ask("select true where to_regprocedure({text}) is not null", text=text):
            self._ask("select {function}()", function=function)

    def _exist(self, *names: str) -> bool:
        return all(map(self._exists, names))

    def _exists(self, name: str) -> bool:
        text = self._names[name].as_string(self._connection)
        return bool(self._ask("select true where to_regclass({text}) is not null", text=text))

    def _ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        composed = sql.SQL(query).format(**self._names, **values)
        done = self._connection.execute(composed)
        return done.fetchall() if done.description else []


_CREATE = """
create schema if not exists {logs};
create table {pennylane_build} (
    fingerprint jsonb, error text, built_at timestamptz not null default now()
);
comment on table {pennylane_build} is
    'The last build of the views: what it was made from, or what it left undone';
"""

# The tables that the views read, and Meltano's own, which are in a schema of any name.
_TABLES = """
select md5(string_agg(concat_ws(
    ' ', relnamespace::regnamespace, relname, attname, format_type(atttypid, atttypmod)
), ',' order by relnamespace, relname, attname))
from pg_class
left join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
where relkind in ('r', 'p')
    and (
        relnamespace in (select oid from pg_namespace where nspname = any({schemas}))
            and not starts_with(relname, '_')
        or relname in ('runs', 'state')
    )
"""

# A replaced view has a new row in pg_rewrite.
_VIEWS = """
select md5(string_agg(concat_ws(' ', pg_class.oid, pg_rewrite.xmin), ',' order by pg_class.oid))
from pg_class
left join pg_rewrite on ev_class = pg_class.oid
where (relkind in ('v', 'm') or relname = 'pennylane_counted_rows')
    and relnamespace in (
        select oid from pg_namespace
        where nspname = {schema} or starts_with(nspname, {schema} || '_')
    )
"""

# The role for readers may be created after a build.
_ROLES = """
select string_agg(rolname, ' ' order by rolname) from pg_roles where rolname = any({names})
"""

# The triggers that keep the audit trail; a table that was created anew has none.
_TRIGGERS = """
select md5(string_agg(concat_ws(
    ' ', pg_class.oid, tgname, tgfoid::regproc, tgenabled
), ',' order by pg_class.oid, tgname))
from pg_trigger
inner join pg_class on pg_class.oid = tgrelid
where relnamespace in (select oid from pg_namespace where nspname = any({schemas}))
    and starts_with(tgname, 'pennylane_history_')
"""

# The policies of row-level security, on the tables of all companies of the database.
_POLICIES = """
select md5(string_agg(concat_ws(
    ' ', pg_class.oid, relrowsecurity, relforcerowsecurity, pg_get_expr(polqual, polrelid)
), ',' order by pg_class.oid))
from pg_policy
inner join pg_class on pg_class.oid = polrelid
where polname = 'pennylane_companies'
"""

_COUNT = """
insert into {pennylane_counted_rows} (table_name, process, records)
select table_name, process, records from {pennylane_uncounted_rows} where has_ended
returning table_name
"""

# What is overdue depends on the day.
_OF_ANOTHER_DAY = """
select true from {pennylane_portfolio_figures}
where (figures_at at time zone 'Europe/Paris')::date < (now() at time zone 'Europe/Paris')::date
limit 1
"""

_RENEW = """
insert into {pennylane_portfolio_figures} (company_id, figures, figures_at)
select company_id, to_jsonb(found) - 'company_id', now() from {pennylane_portfolio_now} as found
"""


if __name__ == "__main__":
    sys.exit(main())

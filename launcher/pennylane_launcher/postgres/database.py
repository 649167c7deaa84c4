"""The database that a command works on: the one in `.env`, the embedded one, or the demo's."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from pennylane_launcher import meltano
from pennylane_launcher.postgres import embedded, warehouse
from pennylane_launcher.settings import envfile

DATABASE = "pennylane"
DEMO_DATABASE = "pennylane_demo"


@contextmanager
def data(project: Path, *, demo: bool) -> Iterator[tuple[str, str]]:
    """Provide the libpq URL and the schema of the data for the duration of the block.

    Args:
        project: the project's folder.
        demo: the demo's data.

    Raises:
        LauncherError: the database cannot be used.
    """
    if demo:
        with embedded.server(project / ".embedded") as postgres:
            yield postgres.url(DEMO_DATABASE), meltano.SCHEMA
    else:
        with database(project) as (url, _):
            yield url, warehouse.schema(envfile.variables(project))


@contextmanager
def connection(project: Path, *, demo: bool) -> Iterator[dict[str, str]]:
    """Provide the variables with which libpq finds the data for the duration of the block.

    Args:
        project: the project's folder.
        demo: the demo's data.

    Yields:
        All the variables for a program.

    Raises:
        LauncherError: the database cannot be used.
    """
    with data(project, demo=demo) as (url, schema):
        schemas = f"{schema}_marts,{schema}_live,{schema},{schema}_logs,public"
        yield os.environ | {"PGOPTIONS": f"-csearch_path={schemas}"} | libpq(url)


@contextmanager
def database(project: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Provide the database in `.env`, or the embedded one, for the duration of the block.

    Yields:
        Its libpq URL, and all the variables for a Meltano that works on it.

    Raises:
        LauncherError: it cannot be used.
    """
    settings = envfile.variables(project)
    if url := warehouse.url(settings):
        warehouse.prepare(url, warehouse.schema(settings))
        defaults = {"MELTANO_ENVIRONMENT": "prod", "POSTGRES_PORT": "5432"}
        if not (settings.get("TARGET_POSTGRES_PASSWORD") or settings.get("POSTGRES_PASSWORD")):
            # The target accepts an empty password only in a URL.
            defaults |= meltano.target(url)
        environment = _with_defaults(settings, url, defaults)
        if settings.get(meltano.TARGET_URL):
            # Copied from elsewhere, it may name another driver or none.
            environment[meltano.TARGET_URL] = meltano.sqlalchemy(url)
        yield url, environment
        return
    with embedded.server(project / ".embedded") as postgres:
        url = postgres.url(DATABASE)
        yield url, _with_defaults(settings, url, meltano.target(url))


def _with_defaults(
    settings: Mapping[str, str], url: str, defaults: Mapping[str, str]
) -> dict[str, str]:
    """Return this process's variables, plus defaults for what neither they nor `.env` set."""
    defaults = {"MELTANO_DATABASE_URI": meltano.system_database(url), **defaults}
    missing = {name: value for name, value in defaults.items() if not settings.get(name)}
    return meltano.python(os.environ) | missing


def libpq(url: str) -> dict[str, str]:
    """Return a URL as the variables that psql reads: anyone can see a command line."""
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    parts = conninfo_to_dict(url)
    found = {f"PG{name}": str(parts[key]) for key, name in names.items() if key in parts}
    return found | {"PGDATABASE": str(parts.get("dbname", ""))}

"""The database that a command works on: the one in `.env`, the embedded one, or the demo's."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from pennylane_launcher import meltano
from pennylane_launcher.errors import SettingsError
from pennylane_launcher.postgres import embedded, warehouse
from pennylane_launcher.settings import companies, envfile

DATABASE = "pennylane"
DEMO_DATABASE = "pennylane_demo"
SCHEMAS = "DBT_PENNYLANE_SCHEMAS"
SUFFIXES = "DBT_PENNYLANE_STATE_SUFFIXES"


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
        yield url, environment | of_companies(project, url, settings)
        return
    with embedded.server(project / ".embedded") as postgres:
        url = postgres.url(DATABASE)
        environment = _with_defaults(settings, url, meltano.target(url))
        yield url, environment | of_companies(project, url, settings)


def raw_schemas(project: Path, *, demo: bool = False) -> list[str]:
    """Return the schemas of raw tables: that of the target, and those of several companies.

    Args:
        project: the project's folder.
        demo: of the demo's data.

    Raises:
        SettingsError: companies.yml is wrong.
    """
    if demo:
        return [meltano.SCHEMA]
    settings = envfile.variables(project)
    others = companies.schemas(companies.read(project), settings.get(SCHEMAS, ""))
    return [*dict.fromkeys([warehouse.schema(settings), *filter(None, others.split(","))])]


def of_companies(project: Path, url: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that name the raw schemas of the views and the state IDs of their runs.

    There are none without a companies.yml.

    A schema whose company another one holds, too, is left out: all its figures would count twice.

    Args:
        project: the project's folder.
        url: libpq URL of the database.
        settings: environment variables, those of `.env` included.

    Raises:
        SettingsError: companies.yml is wrong.
    """
    known = companies.read(project)
    if not known:
        return {}
    doubles = twins(url, known)
    left_out = {company.schema for company in known if company.name in doubles}
    others = settings.get(SCHEMAS, "").split(",")
    given = ",".join(name for name in others if name.strip() not in left_out)
    wanted = (company for company in known if company.schema not in left_out)
    return {
        SCHEMAS: companies.schemas(wanted, given),
        SUFFIXES: ",".join(f"{company.schema}={company.name}" for company in known),
    }


def twins(url: str, known: Sequence[companies.Company]) -> dict[str, str]:
    """Find the entries of companies.yml whose company another entry holds.

    The first entry keeps it, but for a firm, which keeps all of its companies.

    Args:
        url: libpq URL of the database, which knows the companies that were loaded.
        known: all entries.

    Returns:
        What is wrong and what to do, by name.
    """
    loaded = warehouse.companies(url, [company.schema for company in known])
    owners: dict[int, str] = {}
    found = {}
    for entry in sorted(known, key=lambda each: -len(loaded.get(each.schema, ()))):
        held = loaded.get(entry.schema, {})
        if shared := held.keys() & owners.keys():
            one = min(shared)
            named = f"{held[one]} ({one})" if held[one] else f"the one with the id {one}"
            found[entry.name] = (
                f"its token belongs to a company that '{owners[one]}' reads already:"
                f" {named}. Remove one of the two from {companies.FILE}; the views"
                f" leave schema '{entry.schema}' out"
            )
        else:
            owners |= dict.fromkeys(held, entry.name)
    return found


def refuse_twin(project: Path, url: str, name: str) -> None:
    """Refuse an entry of companies.yml whose company has an entry before it.

    Args:
        project: the project's folder.
        url: libpq URL of the database.
        name: of the entry.

    Raises:
        SettingsError: it has.
    """
    if why := twins(url, companies.read(project)).get(name):
        msg = f"{companies.FILE}, company '{name}': {why}."
        raise SettingsError(msg)


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

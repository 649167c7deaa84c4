"""The short commands: start and stop the database, open psql or call Meltano on it."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pennylane_launcher import meltano
from pennylane_launcher.postgres import embedded, warehouse
from pennylane_launcher.postgres.database import DATABASE, connection, database
from pennylane_launcher.settings import companies, envfile


def up(project: Path) -> int:
    """Prepare the database for Meltano: start the embedded one, or the schemas in `.env`'s."""
    settings = envfile.variables(project)
    if url := warehouse.url(settings):
        warehouse.prepare(url, warehouse.schema(settings))
        print(f"Ready: {warehouse.name(url)}")
        return 0
    directory = project / ".embedded"
    url = embedded.up(directory).url(DATABASE)
    print(f"PostgreSQL is up until `make down`: {url}")
    if embedded.direct(directory):
        print("For example: .venv/bin/meltano run sync")
    else:
        print("Meltano cannot handle this folder's path; before you call `meltano` yourself, set:")
        variables = {"MELTANO_DATABASE_URI": meltano.system_database(url), **meltano.target(url)}
        for name, value in variables.items():
            print(f"  export {name}='{value}'")
    return 0


def down(project: Path) -> int:
    """Stop the embedded PostgreSQL."""
    was_up = embedded.down(project / ".embedded")
    print("PostgreSQL is stopped; its data stays." if was_up else "PostgreSQL was not running.")
    return 0


def psql(project: Path, *, demo: bool, arguments: Sequence[str]) -> int:
    """Open psql on the data.

    Args:
        project: the project's folder.
        demo: on the demo's database.
        arguments: of psql.

    Returns:
        The exit code of psql.

    Raises:
        LauncherError: the database can't be used.
    """
    with connection(project, demo=demo) as variables:
        return subprocess.call([embedded.program("psql"), *arguments], env=variables)  # noqa: S603


def list_companies(project: Path) -> int:
    """Print the names of the companies in companies.yml, as JSON.

    Raises:
        SettingsError: the file is wrong.
    """
    print(json.dumps([company.name for company in companies.read(project)]))
    return 0


def call(project: Path, *, options: Sequence[str], company: str | None = None) -> int:
    """Call Meltano on the data's database.

    Args:
        project: the project's folder.
        options: of Meltano.
        company: of companies.yml, to work with its token, its schema and its bookmarks.

    Returns:
        Meltano's exit code.

    Raises:
        LauncherError: the database can't be used.
    """
    chosen = companies.chosen(project, envfile.variables(project), [company]) if company else []
    with database(project) as (url, variables):
        environment = dict(variables)
        for access in chosen:
            warehouse.prepare(url, access.company.schema)
            environment |= access.variables(project)
        return subprocess.call(meltano.command(*options), env=environment)  # noqa: S603

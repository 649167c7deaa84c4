"""`make clean`: says which books it would delete, and asks first."""

from pathlib import Path

import psycopg

from pennylane_launcher.confirming import confirm
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.postgres import embedded
from pennylane_launcher.postgres.cluster import SUPERUSER
from pennylane_launcher.postgres.database import DEMO_DATABASE

DATABASES = "select datname from pg_database where not datistemplate and datname <> all(%s)"
CONTENT = """
    select count(*), pg_size_pretty(pg_database_size(current_database()))
    from pg_class join pg_namespace as schema on schema.oid = relnamespace
    where relkind in ('r', 'p')
        and nspname not in ('information_schema', 'meltano', 'airflow') and nspname !~ '^pg_'
"""


def clean(project: Path, *, sure: bool) -> int:
    """Delete the embedded PostgreSQL and its data; ask first if it holds books.

    Args:
        project: the project's folder.
        sure: don't ask.

    Returns:
        0.

    Raises:
        LauncherError: nobody said yes, or another program is using it.
    """
    directory = project / ".embedded"
    if directory.exists() and not sure and (books := _books(directory)):
        confirm(
            f"This deletes the embedded PostgreSQL with {books}, and the bookmarks.\n"
            "  To keep a copy, run `make backup` first: Pennylane cannot give back the record of"
            " runs, nor rows that were deleted there.",
            "make clean ARGS=--yes",
        )
    embedded.remove(directory)
    return 0


def _books(directory: Path) -> str:
    """Describe what the databases hold, except the demo's; empty if that is nothing."""
    try:
        with embedded.server(directory) as postgres:
            with psycopg.connect(postgres.url(SUPERUSER)) as server:
                names = server.execute(DATABASES, [[SUPERUSER, DEMO_DATABASE]]).fetchall()
            contents = [_content(postgres, name) for (name,) in names]
    except LauncherError as error:
        # It may hold books.
        return f"data that cannot be inspected ({str(error).splitlines()[0]})"
    return ", ".join(filter(None, contents))


def _content(postgres: embedded.Server, name: str) -> str:
    with psycopg.connect(postgres.url(name)) as connection:
        found = connection.execute(CONTENT).fetchone()
    tables, size = found or (0, "")
    return f"the database {name} ({tables} tables, {size})" if tables else ""

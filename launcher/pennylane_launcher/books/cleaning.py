"""`make clean`: what it would delete of the books, and the question before it does."""

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
    """Delete the embedded PostgreSQL and its data; books only after a question.

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
            f"This deletes the embedded PostgreSQL with {books}, and the bookmarks with them.\n"
            "  `make backup` first keeps them; Pennylane does not have the record of runs and what"
            " was deleted there.",
            "make clean ARGS=--yes",
        )
    embedded.remove(directory)
    return 0


def _books(directory: Path) -> str:
    """Say what databases other than the demo's hold; empty if that is nothing."""
    try:
        with embedded.server(directory) as postgres:
            with psycopg.connect(postgres.url(SUPERUSER)) as server:
                names = server.execute(DATABASES, [[SUPERUSER, DEMO_DATABASE]]).fetchall()
            contents = [_content(postgres, name) for (name,) in names]
    except LauncherError as error:
        # Whatever is there can't be looked at: it may be books.
        return f"data that can't be looked at ({str(error).splitlines()[0]})"
    return ", ".join(filter(None, contents))


def _content(postgres: embedded.Server, name: str) -> str:
    with psycopg.connect(postgres.url(name)) as connection:
        found = connection.execute(CONTENT).fetchone()
    tables, size = found or (0, "")
    return f"the database {name} ({tables} tables, {size})" if tables else ""

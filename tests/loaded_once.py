"""Books that every worker of a test run needs: the first one loads them, the others copy them."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import psycopg

from postgres_programs import call

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROLE = "pennylane_reader"
"""It belongs to the server, so that no dump of a database contains it."""


def loaded_once(url: str, dump: Path, load: Callable[[], None]) -> bool:
    """Fill an empty database: from `dump` if another worker has written it, else by `load`.

    Returns: whether it was restored from `dump`.
    """
    with dump.with_suffix(".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not dump.exists():
            load()
            call("pg_dump", "--format=custom", "--compress=none", f"--file={dump}", url)
            return False
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE])
        if not found.rowcount:
            connection.execute(f"CREATE ROLE {ROLE} NOLOGIN")
        connection.execute("DROP SCHEMA meltano")
    call("pg_restore", "--exit-on-error", f"--dbname={url}", str(dump))
    with psycopg.connect(url) as connection:
        connection.execute("ANALYZE")
    return True

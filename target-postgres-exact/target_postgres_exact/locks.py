"""Limited waits for a table that another session holds, without blocking other sessions.

A session that waits to change a table makes all later readers wait as well. So it tries for less
than a second at a time, with pauses in which they can pass.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa

from target_postgres_exact.errors import LoadError, cause

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_WAIT = "60s"
"""For rows and tables that others write to: such a wait blocks nobody."""
BRIEF_WAIT = "800ms"
"""For a table that will be changed."""
ATTEMPTS = 10
PAUSE = 1.0

_HOLDERS = sa.text("""
select activity.pid, activity.usename as role, nullif(activity.application_name, '') as program,
    to_char(activity.xact_start at time zone 'utc', 'YYYY-MM-DD HH24:MI "UTC"') as since
from pg_locks as lock
inner join pg_stat_activity as activity using (pid)
where lock.relation = to_regclass(quote_ident(:schema) || '.' || quote_ident(:name))
    and lock.granted and lock.pid <> pg_backend_pid() and activity.backend_type = 'client backend'
order by activity.xact_start limit 1
""")


def is_timeout(error: BaseException) -> bool:
    """Return whether a session waited too long for another one's lock."""
    return isinstance(cause(error), psycopg.errors.LockNotAvailable)


def patiently(work: Callable[[], None], holder: Callable[[], str], table: str) -> None:
    """Try to change a table until nobody holds it.

    Args:
        work: changes the table, and gives up after a brief wait.
        holder: names the session that holds the table.
        table: the table's name.

    Raises:
        LoadError: a session held it for too long.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            work()
        except sa.exc.DBAPIError as error:
            if not is_timeout(error):
                raise
            if attempt == ATTEMPTS:
                raise blocked(table, holder()) from error
            time.sleep(PAUSE)
        else:
            return


def blocked(table: str, holder: str) -> LoadError:
    """Return an error that names the session that holds a table."""
    return LoadError(
        f"Table '{table}' is locked by {holder}: end that session, or wait for it to end. Nothing"
        " of this batch was loaded; the next run catches up."
    )


def holder(connection: sa.Connection, schema: str, table: str) -> str:
    """Name the session that has held a table the longest."""
    row = connection.execute(_HOLDERS, {"schema": schema, "name": table}).one_or_none()
    if row is None:
        return "another session"
    program = f", {row.program}" if row.program else ""
    since = f", in a transaction since {row.since}" if row.since else ""
    return f"session {row.pid} of {row.role}{program}{since}"

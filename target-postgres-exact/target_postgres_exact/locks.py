"""Waiting for a table that another session holds: never without an end, and never in others' way.

Who waits for a table to change it keeps all later readers waiting as well. So that is tried for
less than a second at a time, with a pause in between in which they pass.
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
"""For rows and tables that others write to: nobody waits behind such a wait."""
BRIEF_WAIT = "800ms"
"""For a table that is to be changed."""
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
    """Tell whether a session waited too long for another one's lock."""
    return isinstance(cause(error), psycopg.errors.LockNotAvailable)


def patiently(work: Callable[[], None], holder: Callable[[], str], table: str) -> None:
    """Change a table, again and again until nobody holds it.

    Args:
        work: gives up after a brief wait.
        holder: says who holds the table.
        table: its name.

    Raises:
        LoadError: somebody holds it for too long.
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
    """Say that a table could not be had, and who has it."""
    return LoadError(
        f"Table '{table}' is held by {holder}: end that session, or let it end. Nothing of this"
        " batch was loaded; the next run catches up."
    )


def holder(connection: sa.Connection, schema: str, table: str) -> str:
    """Name the session that has held a table for the longest time."""
    row = connection.execute(_HOLDERS, {"schema": schema, "name": table}).one_or_none()
    if row is None:
        return "another session"
    program = f", {row.program}" if row.program else ""
    since = f", in a transaction since {row.since}" if row.since else ""
    return f"the session {row.pid} of {row.role}{program}{since}"

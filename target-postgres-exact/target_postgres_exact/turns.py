"""Turns: session-level advisory locks, which PostgreSQL releases as soon as their holder is dead.

Only the holder of a schema's turn writes to its tables. Whoever does not get it is told who has it.
"""

from __future__ import annotations

import os
import re
import socket
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import psycopg

LOAD = "target-postgres-exact load"
"""The turn to write to the tables of a schema."""

PATIENCE = 30.0
"""Seconds to wait for a turn; its holder may be dying, on a machine that is busy."""
LONG_PATIENCE = 60.0
"""Seconds to wait for a holder that says it is ending: it writes what it was given."""
SILENCE = 2.0
"""Seconds to wait before saying so."""
PAUSE = 0.1

ENDING = ", ending"
LONGEST_NAME = 63
_NAME = re.compile(r"(?P<program>.+) (?P<pid>\d+) on (?P<host>.+)")

# A machine that lost power or its network falls silent: probe it after 30 s, give up after 60.
_SETTINGS = (
    "set tcp_keepalives_idle = 30",
    "set tcp_keepalives_interval = 10",
    "set tcp_keepalives_count = 3",
    "set idle_session_timeout = 0",
)
_TAKE = "select pg_try_advisory_lock(hashtext(%s), hashtext(%s))"
_GIVE_BACK = "select pg_advisory_unlock(hashtext(%s), hashtext(%s))"
_HOLDER = """
select activity.pid, activity.application_name, activity.usename,
    activity.backend_start at time zone 'utc'
from pg_locks as lock
inner join pg_stat_activity as activity using (pid)
where lock.locktype = 'advisory' and lock.granted and lock.objsubid = 2
    and lock.database = (select oid from pg_database where datname = current_database())
    and lock.classid = hashtext(%s)::oid and lock.objid = hashtext(%s)::oid
"""


class Holder(NamedTuple):
    """Who has a turn.

    Attributes:
        session: the process ID of its session on the server.
        name: how it introduced itself.
        role: its role in the database.
        since: since when, in UTC; None if the server does not say.
    """

    session: int
    name: str
    role: str
    since: datetime | None

    @property
    def is_ending(self) -> bool:
        """Whether it said that it will soon be done."""
        return self.name.endswith(ENDING)

    def __str__(self) -> str:
        """Return a description for messages."""
        name = self.name.removesuffix(ENDING)
        if found := _NAME.fullmatch(name):
            name = f"{found['program']}, process {found['pid']} on host {found['host']}"
        since = f", since {self.since:%Y-%m-%d %H:%M:%S} UTC" if self.since else ""
        return f"{name or f'session {self.session}'} (role {self.role}){since}"


def introduce(connection: psycopg.Connection, program: str, pid: int | None = None) -> None:
    """Name this session after its program and host, and let it end soon after its machine.

    Args:
        connection: in autocommit mode.
        program: what the user started.
        pid: the process that the turn is for; this one by default.
    """
    host = socket.gethostname()
    _name(connection, f"{program} {pid or os.getpid()} on {host}")
    for setting in _SETTINGS:
        connection.execute(setting.encode())


def end(connection: psycopg.Connection) -> None:
    """Tell those who wait that this session will soon be done."""
    name = connection.execute("show application_name").fetchone()
    _name(connection, (str(name[0]) if name else "")[: LONGEST_NAME - len(ENDING)] + ENDING)


def take(
    connection: psycopg.Connection,
    purpose: str,
    schema: str,
    *,
    keep: bool = True,
    waiting: Callable[[Holder], None] | None = None,
) -> Holder | None:
    """Take a turn; return its holder if it is not given up in time.

    Args:
        connection: in autocommit mode; the turn ends with it.
        purpose: which turn.
        schema: of which schema.
        keep: False only waits until the turn is free.
        waiting: called once with the holder, if the wait takes longer than `SILENCE`.
    """
    begin = time.monotonic()
    while True:
        if connection.execute(_TAKE, [purpose, schema]).fetchone() == (True,):
            if not keep:
                connection.execute(_GIVE_BACK, [purpose, schema])
            return None
        found = holder(connection, purpose, schema)
        patience = LONG_PATIENCE if found and found.is_ending else PATIENCE
        waited = time.monotonic() - begin
        if found and waited > patience:
            return found
        if found and waiting and waited > SILENCE:
            waiting(found)
            waiting = None
        time.sleep(PAUSE)


def holder(connection: psycopg.Connection, purpose: str, schema: str) -> Holder | None:
    """Return who has a turn.

    Args:
        connection: in autocommit mode.
        purpose: which turn.
        schema: of which schema.
    """
    row = connection.execute(_HOLDER, [purpose, schema]).fetchone()
    return Holder(*row) if row else None


def _name(connection: psycopg.Connection, name: str) -> None:
    connection.execute("select set_config('application_name', %s, false)", [name[:LONGEST_NAME]])

"""One run at a time per schema, whoever starts it, on whichever machine.

A run holds a turn in the warehouse for as long as it lives (see `target_postgres_exact.turns`):
the launcher does for its own runs, `keeper` for those of Meltano alone. Its target holds another
one, which may outlive the run by the seconds in which it writes what it was given.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from target_postgres_exact import turns

from pennylane_launcher.errors import LauncherError

RUN = "pennylane-launcher run"
"""The turn of a run, from before its first request until after its last step."""
SESSION = "PENNYLANE_LAUNCHER_SESSION"
"""The variable that tells the parts of a run which session holds its turn."""


class OccupiedError(LauncherError):
    """Another run is in progress."""


class Claim:
    """The turn of a run, while it is held."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Note which session holds it.

        Args:
            connection: the session.
        """
        self._connection = connection
        self.variables = {SESSION: str(connection.info.backend_pid)}
        """With them, the parts of the run know that they need no turn of their own."""

    def end(self) -> None:
        """Tell others that it is worth waiting: the load is over."""
        with suppress(psycopg.Error):  # the server may be what failed
            turns.end(self._connection)


@contextmanager
def claim(
    url: str,
    schema: str,
    program: str,
    pid: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Claim]:
    """Hold the turn of a run for the duration of the block.

    Args:
        url: libpq URL of the database.
        schema: the schema of the tables.
        program: what the user started.
        pid: the process of the run; this one by default.
        say: tells the user which run this one waits for.

    Raises:
        OccupiedError: another run is in progress; says which.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        turns.introduce(connection, program, pid)

        def waiting(holder: turns.Holder) -> None:
            say(f"waiting for another run into schema '{schema}' to end: {holder}")

        if holder := turns.take(connection, RUN, schema, waiting=waiting):
            raise OccupiedError(_sentence(schema, holder))
        wait_for_target(connection, schema, waiting)
        yield Claim(connection)


def is_ours(url: str, schema: str) -> bool:
    """Tell whether the run that this process is a part of holds its turn already.

    Args:
        url: libpq URL of the database.
        schema: the schema of the tables.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        holder = turns.holder(connection, RUN, schema)
    return holder is not None and os.environ.get(SESSION) == str(holder.session)


def wait_for_target(
    connection: psycopg.Connection,
    schema: str,
    waiting: Callable[[turns.Holder], None] | None = None,
) -> None:
    """Wait until no target is loading any more.

    Args:
        connection: in autocommit mode.
        schema: the schema of the tables.
        waiting: called once with the target's turn, if the wait takes some seconds.

    Raises:
        OccupiedError: one is still loading after a while; says which.
    """
    if holder := turns.take(connection, turns.LOAD, schema, keep=False, waiting=waiting):
        raise OccupiedError(_sentence(schema, holder))


def _sentence(schema: str, holder: turns.Holder) -> str:
    return (
        f"Another run into schema '{schema}' is in progress: {holder}. No request was sent; wait"
        " until it has ended, or end it there."
    )

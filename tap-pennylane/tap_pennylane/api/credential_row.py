"""The row of a PostgreSQL table that holds a pair of OAuth tokens, for several machines."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from tap_pennylane.api.credentials import SIGN_IN, parsed
from tap_pennylane.errors import FatalError, TransientError
from tap_pennylane.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_pennylane.api.credentials import Pair

TABLE = "tap_pennylane_oauth.tokens"

_BETWEEN_TRIES = 1.0
_LONGEST_SETTLING = 30.0

_SESSION = {
    "application_name": "tap-pennylane",
    "connect_timeout": 10,
    # A server that vanished is noticed within a minute, although nothing is sent meanwhile.
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""Parameters of the connection, unless the URL has its own."""

_TRANSACTION = {
    # No time limit of the server's may end the transaction while Pennylane is asked.
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
    # The lock of a machine that vanished ends within a minute.
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
"""Settings of a transaction that locks the row, as far as the server has them."""

_SET = """
    SELECT set_config(name, value, true)
    FROM unnest(%s::text[], %s::text[]) AS wanted (name, value) JOIN pg_settings USING (name)
    UNION ALL
    SELECT set_config('synchronous_commit', 'on', true)
    WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')
"""
_CREATE = """
    CREATE SCHEMA IF NOT EXISTS tap_pennylane_oauth;
    REVOKE ALL ON SCHEMA tap_pennylane_oauth FROM PUBLIC;
    CREATE TABLE tap_pennylane_oauth.tokens (
        name text PRIMARY KEY,
        client_id text NOT NULL,
        access_token text NOT NULL,
        refresh_token text NOT NULL,
        expires_at timestamptz NOT NULL
    );
    COMMENT ON TABLE tap_pennylane_oauth.tokens IS
        'OAuth tokens of tap-pennylane: whoever reads them can read the books';
"""
_READ = """
    SELECT client_id, access_token, refresh_token, to_json(expires_at) #>> '{}'
    FROM tap_pennylane_oauth.tokens WHERE name = %s
"""
_LOCK = "SELECT access_token FROM tap_pennylane_oauth.tokens WHERE name = %s FOR UPDATE"
_TRY = """
    INSERT INTO tap_pennylane_oauth.tokens
        (name, client_id, access_token, refresh_token, expires_at)
    VALUES (%s, '', '', '', now())
    ON CONFLICT (name) DO UPDATE SET client_id = tokens.client_id,
        access_token = tokens.access_token, refresh_token = tokens.refresh_token,
        expires_at = tokens.expires_at
    RETURNING access_token
"""
"""Writes what the row already holds."""
_WRITE = """
    INSERT INTO tap_pennylane_oauth.tokens
        (name, client_id, access_token, refresh_token, expires_at)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (name) DO UPDATE SET client_id = excluded.client_id,
        access_token = excluded.access_token, refresh_token = excluded.refresh_token,
        expires_at = excluded.expires_at
"""
_READERS = """
    SELECT coalesce(quote_ident(rolname), 'PUBLIC')
    FROM pg_class CROSS JOIN aclexplode(relacl) LEFT JOIN pg_roles ON pg_roles.oid = grantee
    WHERE pg_class.oid = 'tap_pennylane_oauth.tokens'::regclass AND privilege_type = 'SELECT'
        AND grantee <> relowner AND rolname IS DISTINCT FROM current_user
        AND NOT (
            grantee <> 0 AND current_setting('is_superuser') = 'off'
            AND pg_has_role(grantee, 'MEMBER')
        )
    ORDER BY 1
"""
"""The roles that were granted the table and that ours is not a member of."""


class CredentialRow:
    """A row of a table, which all machines share that reach the database.

    Whoever replaces the pair locks the row in a transaction, writes the old pair again to see that
    it may, asks Pennylane, and commits the new pair. PostgreSQL keeps the row unlocked readable,
    and ends the lock of a process that was killed.

    If the connection is lost meanwhile, the lock is, too. The answer of Pennylane may still come,
    so it is then written through another connection.
    """

    setting = "credentials_url"

    def __init__(self, url: str, name: str, timeout: float) -> None:
        """Use the row with this name; nothing is read yet.

        Args:
            url: Of the database, as libpq understands it.
            name: Of the row.
            timeout: For how many seconds to try again to write a new pair.

        Raises:
            FatalError: The URL can't be used.
        """
        redact(url)
        try:
            self._parameters: dict[str, Any] = {**_SESSION, **conninfo_to_dict(url)}
        except psycopg.ProgrammingError:  # its message may contain a part of the password
            msg = (
                "Setting 'credentials_url' can't be read as a URL: percent-encode characters such "
                "as @ : / % in the password"
            )
            raise FatalError(msg) from None
        redact(self._parameters.get("password") or "")
        self.label = f"row '{name}' of {TABLE}"
        self.settling = min(timeout, _LONGEST_SETTLING)
        self._name = name
        self._timeout = timeout
        self._holder: psycopg.Connection | None = None
        """The connection whose transaction has locked the row."""

    def prepare(self, patience: float) -> None:
        """Create the table if there is none, and make sure that a pair can be written.

        Args:
            patience: For how many seconds to wait for another process.

        Raises:
            TransientError: The database does not answer, or another process replaces the pair.
            FatalError: The table can't be created or written.
        """
        with self._explained(patience), self._transaction(patience) as connection:
            # Two first sign-ins at once would both create it.
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [TABLE])
            if connection.execute("SELECT to_regclass(%s)", [TABLE]).fetchone() == (None,):
                self._create(connection)
                connection.commit()
        with self.locked(patience), self.replacement():
            pass

    def _create(self, connection: psycopg.Connection) -> None:
        try:
            connection.execute(_CREATE)
        except errors.InsufficientPrivilege as error:
            msg = (
                f"The table {TABLE} can't be created: {error.diag.message_primary}. Have the "
                "database's owner create it, or grant this role CREATE on the database"
            )
            raise FatalError(msg) from error
        # Default privileges may have granted it.
        for (role,) in connection.execute(_READERS).fetchall():
            connection.execute(f"REVOKE ALL ON {TABLE} FROM {role}".encode())

    def read(self) -> Pair:
        """Return the pair, without waiting for the lock.

        Raises:
            TransientError: The database does not answer.
            FatalError: There is none, other roles can read it, or it is damaged.
        """
        with self._explained():
            if self._holder:
                return self._read(self._holder)
            with closing(self._connect(autocommit=True)) as connection:
                return self._read(connection)

    def _read(self, connection: psycopg.Connection) -> Pair:
        row = connection.execute(_READ, [self._name]).fetchone()
        if row is None:
            msg = f"There is no {self.label}: {SIGN_IN}"
            raise FatalError(msg)
        if others := [str(role) for (role,) in connection.execute(_READERS).fetchall()]:
            listed = ", ".join(others)
            msg = (
                f"Other roles can read {TABLE}: REVOKE ALL ON {TABLE} FROM {listed}, or {SIGN_IN} "
                "if someone may have read it"
            )
            raise FatalError(msg)
        names = ("client_id", "access_token", "refresh_token", "expires_at")
        pair = parsed(dict(zip(names, row, strict=True)))
        if pair is None:
            msg = f"The {self.label} is damaged: {SIGN_IN}"
            raise FatalError(msg)
        return pair

    @contextmanager
    def locked(self, patience: float) -> Iterator[None]:
        """Be the only process that may replace the pair.

        Args:
            patience: For how many seconds to wait for another process.

        Raises:
            TransientError: The database does not answer, or another process still replaces it.
            FatalError: The row can't be locked.
        """
        with self._explained(patience), self._transaction(patience) as connection:
            connection.execute(_LOCK, [self._name])
            self._holder = connection
            try:
                yield
            finally:
                self._holder = None

    @contextmanager
    def replacement(self) -> Iterator[Callable[[Pair], None]]:
        """Prepare to replace the pair, and yield what does so; the caller holds the lock.

        Raises:
            TransientError: The database does not answer.
            FatalError: The row can't be written.
        """
        if not self._holder:
            msg = "the caller does not hold the lock"
            raise RuntimeError(msg)
        with self._explained():
            row = self._holder.execute(_TRY, [self._name]).fetchone()
        yield partial(self._write, self._holder, row)

    def _write(self, holder: psycopg.Connection, old: tuple[Any, ...] | None, pair: Pair) -> None:
        """Replace the old pair; when this returns, the new one survives a crash."""
        deadline = time.monotonic() + self._timeout
        try:
            self._commit(holder, pair)
        except psycopg.Error:
            holder.close()  # and with it the lock, if the server still knows of it
        else:
            return
        while True:
            try:
                self._write_again(old, pair)
            except psycopg.Error as error:
                if time.monotonic() > deadline:
                    msg = (
                        f"The new tokens can't be written to the {self.label} ({_words(error)}), "
                        f"and the old ones are no longer valid: {SIGN_IN}"
                    )
                    raise FatalError(msg) from error
                time.sleep(_BETWEEN_TRIES)
            else:
                return

    def _write_again(self, old: tuple[Any, ...] | None, pair: Pair) -> None:
        """Replace the old pair through another connection.

        If the row holds another pair than the old one, it is this one, because only the
        confirmation of its commit was lost, or somebody has signed in again.
        """
        with self._transaction(self._timeout) as connection:
            if connection.execute(_LOCK, [self._name]).fetchone() in (old, None):
                self._commit(connection, pair)

    def _commit(self, connection: psycopg.Connection, pair: Pair) -> None:
        values = (pair.client_id, pair.access_token, pair.refresh_token, pair.expires_at)
        connection.execute(_WRITE, [self._name, *values])
        connection.commit()

    def _connect(self, *, autocommit: bool = False) -> psycopg.Connection:
        # Without prepared statements, which a pooler in transaction mode may not know.
        return psycopg.connect(**self._parameters, autocommit=autocommit, prepare_threshold=None)

    @contextmanager
    def _transaction(self, patience: float) -> Iterator[psycopg.Connection]:
        """Yield a connection with an open transaction, which is undone unless it is committed."""
        with closing(self._connect()) as connection:
            connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            wanted = {**_TRANSACTION, "lock_timeout": f"{max(1, round(patience * 1000))}ms"}
            connection.execute(_SET, [list(wanted), list(wanted.values())])
            yield connection

    @contextmanager
    def _explained(self, patience: float = 0) -> Iterator[None]:
        """Turn an error of PostgreSQL's into one that says what to do."""
        try:
            yield
        except errors.LockNotAvailable as error:
            msg = f"another process has held the lock on the {self.label} for {patience:g} s"
            raise TransientError(msg) from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            msg = f"the database of 'credentials_url' does not answer: {_words(error)}"
            raise TransientError(msg) from error
        except (errors.UndefinedTable, errors.InvalidSchemaName) as error:
            msg = f"There is no table {TABLE} in the database of 'credentials_url': {SIGN_IN}"
            raise FatalError(msg) from error
        except errors.ReadOnlySqlTransaction as error:
            msg = (
                f"The database of 'credentials_url' can't be written: {_words(error)}. Give the "
                "URL of the primary server"
            )
            raise FatalError(msg) from error
        except psycopg.Error as error:
            msg = (
                f"The {self.label} can't be used: {_words(error)}. Check that its role has USAGE "
                "on the schema, and SELECT, INSERT and UPDATE on the table"
            )
            raise FatalError(msg) from error


def _words(error: psycopg.Error) -> str:
    """Return the message of PostgreSQL or libpq, without the details, which may contain tokens."""
    lines = (error.diag.message_primary or str(error)).splitlines()
    return lines[0].rstrip(".:") if lines else type(error).__name__

"""The embedded PostgreSQL: a real server in a folder of the project, on a Unix socket only.

Several programs may use one server at once: the first starts it, the last one stops it, unless
`up` keeps it running. File locks count the users, so that a killed program is no longer counted.

    with embedded.server(Path(".embedded")) as postgres:
        psycopg.connect(postgres.url("pennylane"))
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from pennylane_launcher.errors import LauncherError
from pennylane_launcher.postgres.cluster import SUPERUSER, Cluster
from pennylane_launcher.postgres.place import LONGEST_SOCKET_FOLDER, Place, shipped_programs


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        sockets: the folder of its Unix socket, which a client names as the host.
    """

    sockets: Path

    def url(self, database: str) -> str:
        """Return the libpq URL of a database, creating it (with Meltano's schema) if missing."""
        with psycopg.connect(self._url(SUPERUSER), autocommit=True) as connection:
            found = connection.execute("select from pg_database where datname = %s", [database])
            if not found.rowcount:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
        with psycopg.connect(self._url(database)) as connection:
            connection.execute("create schema if not exists meltano")
        return self._url(database)

    def _url(self, database: str) -> str:
        host = quote(str(self.sockets), safe="/")
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}"


@contextmanager
def server(directory: Path, *, keep: bool = True) -> Iterator[Server]:
    """Provide the server of `directory` for the duration of the block.

    Args:
        directory: identifies the server; its data is kept between starts.
        keep: False deletes the data at the end; for tests.

    Raises:
        LauncherError: the server cannot start.
    """
    cluster = Cluster(Place.of(directory))
    with _locked(cluster, "users") as users:
        try:
            with _turn(cluster):
                fcntl.flock(users, fcntl.LOCK_SH)
                if not cluster.running():
                    cluster.start()
            yield Server(cluster.place.sockets)
        finally:
            with _turn(cluster):
                if _alone(users) and not _stay(cluster).exists():
                    cluster.stop()
    if not keep:
        remove(directory)


def up(directory: Path) -> Server:
    """Start the server of `directory` if it is not running, and keep it until `down`.

    Raises:
        LauncherError: the server cannot start.
    """
    with server(directory) as running:
        _stay(Cluster(Place.of(directory))).touch()
    return running


def down(directory: Path) -> bool:
    """Stop the server of `directory`, and say whether it was running.

    Raises:
        LauncherError: another program is using it.
    """
    if not directory.exists():
        return False
    cluster = Cluster(Place.of(directory))
    with _turn(cluster), _locked(cluster, "users") as users:
        if not _alone(users):
            msg = "PostgreSQL is in use by a `make demo` or `make run`; wait for it to end."
            raise LauncherError(msg)
        _stay(cluster).unlink(missing_ok=True)
        return cluster.stop()


def remove(directory: Path) -> None:
    """Stop the server of `directory` and delete its data.

    Raises:
        LauncherError: another program is using it.
    """
    if directory.exists():
        down(directory)
        Place.of(directory).delete()


def program(name: str) -> str:
    """Return the path of one of PostgreSQL's own programs, such as `psql`.

    Raises:
        LauncherError: PostgreSQL is not installed.
    """
    return str(shipped_programs() / name)


def direct(directory: Path) -> bool:
    """Tell whether `directory`'s path is short and plain enough for `meltano.yml`."""
    path = str(directory.absolute() / "run")
    return len(path.encode()) <= LONGEST_SOCKET_FOLDER and quote(path, safe="/ ") == path


def _stay(cluster: Cluster) -> Path:
    return cluster.place.directory / "stay"


@contextmanager
def _turn(cluster: Cluster) -> Iterator[None]:
    """Make sure that nobody else starts or stops the server during the block."""
    with _locked(cluster, "turn") as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def _locked(cluster: Cluster, name: str) -> Iterator[int]:
    """Open a lock file; its lock is released when it is closed, or when the process dies."""
    path = cluster.place.directory / f"{name}.lock"
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _alone(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""OAuth's tokens survive a database that goes away while Pennylane is asked for new ones."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest
from pennylane_launcher.postgres.cluster import Cluster
from pennylane_launcher.postgres.place import Place
from pennylane_sandbox.pytest_plugin import running
from psycopg.conninfo import conninfo_to_dict
from tap_pennylane.api.credential_row import TABLE, CredentialRow
from tap_pennylane.errors import FatalError

from signed_in import DAY, REFRESH, SIGN_IN, SignedIn, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pennylane_launcher.postgres import embedded
    from pennylane_sandbox.pytest_plugin import Sandbox

    from pipelines import Databases


@pytest.fixture(scope="module")
def _server() -> Iterator[Sandbox]:
    with running("--size", "100", "--rate-limit", "none") as server:
        yield server


@pytest.fixture
def server(_server: Sandbox) -> Iterator[Sandbox]:
    """A small company, whose clock the tests advance."""
    yield _server
    _server.clear_faults()


@pytest.fixture
def url(postgres: embedded.Server, databases: Databases) -> str:
    """A new database."""
    return databases.create(postgres)


@pytest.fixture
def signed_in(server: Sandbox, url: str) -> SignedIn:
    """A user who has signed in."""
    return SignedIn(server, url)


def test_a_connection_that_is_lost_before_the_answer_costs_nothing(signed_in: SignedIn) -> None:
    signed_in.write(expires_in=0)
    with signed_in.while_pennylane_is_asked():
        signed_in.disconnect()
    assert signed_in.refreshes == 1
    assert signed_in.works()


def test_a_server_that_restarts_before_the_answer_costs_nothing(signed_in: SignedIn) -> None:
    signed_in.write(expires_in=0)
    with signed_in.while_pennylane_is_asked(), signed_in.server_is_down():
        time.sleep(5)  # the answer comes meanwhile
    assert signed_in.refreshes == 1
    assert signed_in.works()


def test_a_machine_that_takes_over_a_lost_lock_waits_for_the_new_pair(signed_in: SignedIn) -> None:
    signed_in.write(expires_in=0)
    with signed_in.while_pennylane_is_asked():
        signed_in.disconnect()
        assert signed_in.client().get("/me")
    assert signed_in.works()


def test_a_database_that_is_gone_for_good_is_told_with_what_to_do(signed_in: SignedIn) -> None:
    signed_in.write(expires_in=0)
    client = signed_in.client(timeout=0.5)
    signed_in.server.fault(REFRESH, "latency", times=1, seconds=3)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.get, "/me")
        wait_until(lambda: signed_in.refreshes > 0)
        with signed_in.server_is_down():
            error = asked.exception()
    assert isinstance(error, FatalError)
    assert re.fullmatch(
        rf"The new tokens can't be written to the row 'company' of {TABLE} \(.*not currently "
        rf"accepting connections\), and the old ones are no longer valid: .*{SIGN_IN}",
        str(error),
    )
    signed_in.assert_hidden_in(str(error))


@dataclass(frozen=True)
class Servers:
    """A primary server and its standby."""

    primary: Cluster
    standby: Cluster

    def url(self, *servers: Cluster) -> str:
        """The URL of the same database on these servers."""
        hosts = ",".join(str(each.place.sockets) for each in servers)
        return f"postgresql://postgres@/postgres?host={hosts}&target_session_attrs=any"

    def fail_over(self) -> None:
        """Stop the primary, and let the standby take its place."""
        self.primary.stop()
        with psycopg.connect(self.url(self.standby), autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A primary server and its standby, which are removed after the tests."""
    primary, standby = (
        Cluster(Place.of(tmp_path_factory.mktemp(name) / ".embedded"))
        for name in ("primary", "standby")
    )
    with ExitStack() as stack:
        for cluster in (primary, standby):
            stack.callback(cluster.place.delete)
            cluster.place.prepare()
        primary.start()
        stack.callback(primary.stop)
        account = standby.place.account
        subprocess.run(
            [
                standby.place.programs / "pg_basebackup",
                *("--host", primary.place.sockets, "--username", "postgres"),
                *("--pgdata", standby.place.data, "--write-recovery-conf", "--checkpoint=fast"),
            ],
            user=account.uid if account else None,
            group=account.gid if account else None,
            cwd="/",
            check=True,
        )
        standby.start()
        stack.callback(standby.stop)
        yield Servers(primary, standby)


def test_a_standby_serves_readers_and_takes_over(server: Sandbox, servers: Servers) -> None:
    signed_in = SignedIn(server, servers.url(servers.primary))
    standby, either = servers.url(servers.standby), servers.url(servers.primary, servers.standby)
    either = either.replace("attrs=any", "attrs=read-write")
    wait_until(lambda: SignedIn.pair_in(standby) == signed_in.pair)
    assert signed_in.client(standby).get("/me")

    signed_in.write(expires_in=0)
    wait_until(lambda: SignedIn.pair_in(standby) == signed_in.pair)
    sentence = "can't be written: cannot execute SELECT FOR UPDATE in a read-only transaction"
    with pytest.raises(FatalError, match=sentence):
        signed_in.client(standby).get("/me")
    assert signed_in.refreshes == 0

    signed_in.url = either
    with signed_in.while_pennylane_is_asked():
        servers.fail_over()
    assert signed_in.refreshes == 1
    assert signed_in.works()


@contextmanager
def forgetful_proxy(url: str, folder: Path) -> Iterator[str]:
    """A way to the database that is cut when the first COMMIT of a change was carried out."""
    place = conninfo_to_dict(url)
    target = f"{place['host']}/.s.PGSQL.5432"
    was_cut = threading.Event()

    def serve(client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as database:
            database.connect(target)
            thread = threading.Thread(target=pump, args=(client, database))
            thread.start()
            has_written = False
            while data := client.recv(1 << 16):
                has_written |= b"excluded.access_token" in data
                is_last = has_written and b"COMMIT" in data and not was_cut.is_set()
                if is_last:
                    was_cut.set()
                database.sendall(data)
                if is_last:
                    thread.join()
                    break

    def pump(client: socket.socket, database: socket.socket) -> None:
        with suppress(OSError):
            while data := database.recv(1 << 16):
                if was_cut.is_set() and b"COMMIT" in data:
                    return
                client.sendall(data)

    path = folder / ".s.PGSQL.5432"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=serve, args=(client,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield url.replace(str(place["host"]), str(folder))
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert was_cut.is_set()


def test_a_commit_whose_confirmation_is_lost_is_found_again(
    signed_in: SignedIn, tmp_path_factory: pytest.TempPathFactory
) -> None:
    signed_in.write(expires_in=0)
    with forgetful_proxy(signed_in.url, tmp_path_factory.mktemp("p")) as url:
        assert signed_in.client(url).get("/me")
    assert signed_in.refreshes == 1
    assert signed_in.works()


def test_a_sign_in_that_came_between_is_kept(signed_in: SignedIn) -> None:
    place = CredentialRow(signed_in.url, "company", 5)
    with place.locked(5), place.replacement() as write:
        pair = place.read()
        signed_in.disconnect()
        signed_in.write(expires_in=DAY)
        later = signed_in.pair
        write(pair)
    assert signed_in.pair == later

"""A database with a pair of OAuth tokens, and machines that use it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
import requests
from pennylane_sandbox.pytest_plugin import CLIENT
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from tap_pennylane.api.client import Client
from tap_pennylane.api.credential_row import CredentialRow
from tap_pennylane.api.limiter import Limiter
from tap_pennylane.api.oauth import Application, OAuth
from tap_pennylane.run import API

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

DAY = 86_400
REFRESH = "/oauth/token"
SIGN_IN = "tap-pennylane-login"
PASSWORD = "Pa55word-that-nobody-sees"  # noqa: S105


class SignedIn:
    """A database with a pair, and every token that it ever held."""

    def __init__(self, server: Sandbox, url: str) -> None:
        self.server, self.url = server, url
        self.tokens: set[str] = set()
        CredentialRow(url, "company", 5).prepare(5)
        self.write(expires_in=DAY)

    def write(self, *, expires_in: float, client_id: str = CLIENT["client_id"]) -> None:
        """Write a new pair, whose access token seems to expire then."""
        pair = self.server.sign_in()
        self.execute("DELETE FROM tap_pennylane_oauth.tokens")
        self.execute(
            "INSERT INTO tap_pennylane_oauth.tokens "
            "VALUES ('company', %s, %s, %s, now() + %s * interval '1 s')",
            *(client_id, pair["access_token"], pair["refresh_token"], expires_in),
        )
        self.server.control("DELETE", "stats")
        _ = self.pair

    def execute(self, statement: str, *values: object) -> None:
        """Run a statement as the superuser."""
        with psycopg.connect(self.url) as connection:
            connection.execute(statement.encode(), values or None)

    @property
    def pair(self) -> dict[str, Any]:
        """What the row holds."""
        pair = self.pair_in(self.url)
        self.tokens |= {*pair.values()}
        return pair

    @staticmethod
    def pair_in(url: str) -> dict[str, Any]:
        """What the row of a database holds."""
        with psycopg.connect(url, row_factory=dict_row) as connection:
            (pair,) = connection.execute(
                "SELECT access_token, refresh_token FROM tap_pennylane_oauth.tokens "
                "WHERE name = 'company'"
            )
        return pair

    @property
    def refreshes(self) -> int:
        """How many requests for tokens the server received."""
        return int(self.server.stats["requests"].get(REFRESH, 0))

    def works(self) -> bool:
        """Whether the server accepts the access token in the row."""
        headers = {"Authorization": f"Bearer {self.pair['access_token']}"}
        url = f"{self.server.url}{API}/me"
        return requests.get(url, headers=headers, timeout=30).status_code == 200

    def assert_hidden_in(self, *texts: str) -> None:
        """No token or password was ever written."""
        with suppress(psycopg.Error, ValueError):
            _ = self.pair
        for secret in {*self.tokens, CLIENT["client_secret"], PASSWORD} - {""}:
            assert not [text for text in texts if secret in text]

    def client(self, url: str = "", timeout: float = 20, retries: int = 2) -> Client:
        """A machine that uses the row."""
        agent = "tap-pennylane/test"
        application = Application(self.server.url, **CLIENT, timeout=30, user_agent=agent)
        auth = OAuth(application, CredentialRow(url or self.url, "company", timeout))
        client = Client(
            self.server.url + API,
            auth,
            Limiter(1000, 1),
            timeout=30,
            max_retries=retries,
            user_agent=agent,
        )
        client.renew = auth.renew
        return client

    @contextmanager
    def while_pennylane_is_asked(self) -> Iterator[None]:
        """A block that runs while a client waits for Pennylane's answer to its refresh.

        The client starts before the block and ends after it; its error is raised.
        """
        self.server.fault(REFRESH, "latency", times=1, seconds=3)
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(self.client().get, "/me")
            wait_until(lambda: self.refreshes > 0)
            yield
            asked.result()

    def disconnect(self) -> None:
        """End all sessions of taps, as a server that stops does."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'tap-pennylane' AND datname = current_database()"
        )

    @contextmanager
    def server_is_down(self) -> Iterator[None]:
        """A block in which the database has no sessions, and accepts no new ones."""
        name = str(conninfo_to_dict(self.url)["dbname"])
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        with psycopg.connect(self.url, dbname="postgres", autocommit=True) as connection:
            connection.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            try:
                yield
            finally:
                connection.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


def wait_until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        time.sleep(0.05)

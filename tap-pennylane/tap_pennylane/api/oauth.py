"""OAuth 2.0: gets tokens, and replaces them before they expire.

Each refresh invalidates both old tokens, so the new pair is written before it is used, and only one
of the processes and threads that share it refreshes it.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import requests

from tap_pennylane.api import answer
from tap_pennylane.api.credentials import SIGN_IN, Pair
from tap_pennylane.errors import FatalError, SignInEndedError, TransientError
from tap_pennylane.redaction import redact

if TYPE_CHECKING:
    from tap_pennylane.api.credentials import Credentials

AUTHORIZE = "/oauth/authorize"
TOKEN = "/oauth/token"  # noqa: S105 - a path

MARGIN = 120
"""Seconds before its end at which an access token is replaced."""

PATIENCE = 2
"""How often another process's refresh may time out before ours gives up waiting for it."""

_BETWEEN_LOOKS = 1.0

_logger = logging.getLogger("tap-pennylane.oauth")


@dataclass(frozen=True)
class Application:
    """The client application, as Pennylane's partnership team registered it."""

    url: str
    """Scheme and host of Pennylane."""
    client_id: str
    client_secret: str
    timeout: float
    user_agent: str

    def __post_init__(self) -> None:
        """Hide the secret in all output."""
        redact(self.client_secret)

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return f"{type(self).__name__}({self.client_id!r})"

    def exchange(self, code: str, redirect_uri: str, verifier: str) -> Pair:
        """Return the first pair, for the code that a user's consent gave.

        Raises:
            TransientError: A retry may succeed.
            FatalError: Pennylane refuses.
        """
        return self._ask(
            grant_type="authorization_code",
            code=code,
            redirect_uri=redirect_uri,
            code_verifier=verifier,
        )

    def refresh(self, pair: Pair) -> Pair:
        """Return the next pair; the old one is no longer valid.

        Raises:
            TransientError: A retry may succeed.
            FatalError: Pennylane refuses.
        """
        return self._ask(grant_type="refresh_token", refresh_token=pair.refresh_token)

    def _ask(self, **form: str) -> Pair:
        deadline = time.monotonic() + self.timeout
        client = {"client_id": self.client_id, "client_secret": self.client_secret}
        try:
            with requests.post(
                self.url + TOKEN,
                data=client | form,
                headers={"User-Agent": self.user_agent, "Accept-Encoding": "gzip"},
                auth=lambda request: request,  # otherwise, requests takes one from netrc
                timeout=self.timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = answer.body(response, TOKEN, deadline)
        except requests.exceptions.SSLError as error:
            raise FatalError(answer.tls_trouble(self.url, error)) from error
        except requests.RequestException as error:
            cause = answer.connection_trouble(error)
            msg = f"{TOKEN} did not answer completely: {cause}"
            raise TransientError(msg) from error
        if response.status_code != HTTPStatus.OK:
            raise _refusal(response, content)
        return self._pair(answer.document(content))

    def _pair(self, found: object) -> Pair:
        try:
            lifetime = timedelta(seconds=float(found["expires_in"]))  # type: ignore[index]
            access, refresh = found["access_token"], found["refresh_token"]  # type: ignore[index]
        except (LookupError, TypeError, ValueError):
            access = refresh = None
        if not (isinstance(access, str) and isinstance(refresh, str) and access and refresh):
            msg = (
                f"{TOKEN} did not return a pair of tokens. Check that 'api_url' is Pennylane's, "
                f"then {SIGN_IN}"
            )
            raise FatalError(msg)
        expires_at = (datetime.now(UTC) + lifetime).isoformat(timespec="seconds")
        return Pair(self.client_id, access, refresh, expires_at)


class OAuth(requests.auth.AuthBase):
    """Adds the access token to requests. Thread-safe."""

    def __init__(self, application: Application, credentials: Credentials) -> None:
        """Use the pair in this place; nothing is read yet."""
        self._application = application
        self._credentials = credentials
        self._lock = threading.Lock()
        self._pair: Pair | None = None
        self._last_resort = ""
        """The access token that replaced a refused one."""
        self._thread = threading.local()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add a valid token to a request.

        Raises:
            TransientError: The token could not be refreshed; a retry may succeed.
            FatalError: The user must sign in again, or the credentials can't be used.
        """
        with self._lock:
            if self._pair is None:
                self._pair = self._read()
            if not self._pair.is_valid_for(MARGIN):
                self._pair = self._replaced(self._pair, is_refused=False)
            token = self._thread.token = self._pair.access_token
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    def renew(self) -> bool:
        """Replace the token of this thread's last request, which Pennylane refused.

        Returns:
            True: the request can be sent again.

        Raises:
            TransientError: The token could not be refreshed; a retry may succeed.
            FatalError: The user must sign in again, or the credentials can't be used.
        """
        refused = self._thread.token
        with self._lock:
            if self._pair is not None and self._pair.access_token == refused:
                self._pair = self._replaced(self._pair, is_refused=True)
        return True

    def _replaced(self, old: Pair, *, is_refused: bool) -> Pair:
        """Return the pair of another process, if it was faster, or the next one."""
        try:
            # A signal ends this thread at once, but the process waits for that of the executor: an
            # answer of Pennylane that nobody writes would end the sign-in.
            with ThreadPoolExecutor(1) as executor:
                return executor.submit(self._refreshed, old, is_refused=is_refused).result()
        except SignInEndedError:
            if pair := self._settled(old):
                return pair
            raise

    def _settled(self, old: Pair) -> Pair | None:
        """Return the pair of a process that lost the lock, but not the answer of Pennylane."""
        seconds = self._credentials.settling
        if seconds:
            _logger.warning(
                "Pennylane refuses the refresh token; waiting %g s, in case another process has "
                "its answer and still writes it",
                seconds,
            )
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(_BETWEEN_LOOKS)
            pair = self._read()
            if pair.access_token != old.access_token and pair.is_valid_for(MARGIN):
                return pair
        return None

    def _refreshed(self, old: Pair, *, is_refused: bool) -> Pair:
        with self._credentials.locked(PATIENCE * self._application.timeout):
            pair = self._read()
            if pair.access_token != old.access_token and pair.is_valid_for(MARGIN):
                return pair
            if is_refused and pair.access_token == self._last_resort:
                msg = (
                    "Pennylane refuses the access token (401), although it was just refreshed: its "
                    f"grant was revoked, or is for another API. {SIGN_IN.capitalize()}"
                )
                raise FatalError(msg)
            with self._credentials.replacement() as write:
                new = self._application.refresh(pair)
                write(new)
        if is_refused:
            self._last_resort = new.access_token
        return new

    def _read(self) -> Pair:
        pair = self._credentials.read()
        if pair.client_id != self._application.client_id:
            msg = (
                f"The {self._credentials.label} belongs to another client, {pair.client_id}: "
                f"correct 'client_id' or '{self._credentials.setting}', or {SIGN_IN}"
            )
            raise FatalError(msg)
        return pair


def _refusal(response: requests.Response, content: bytes) -> FatalError | TransientError:
    """Return the error for an answer without tokens."""
    status, code = response.status_code, _code(content)
    cause = f"HTTP {status}: {answer.words(content, str(response.reason))}"
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wait = answer.retry_after(response)
        longest = None if wait is None else min(wait, answer.LONGEST_PAUSE)
        return TransientError(f"{TOKEN} did not return tokens: {cause}", longest)
    if code == "invalid_grant":
        return SignInEndedError(
            f"Pennylane no longer accepts this sign-in ({code}): it was revoked, is older than 90 "
            "days, or its tokens were refreshed and the new ones lost, for example by a process "
            f"that was killed, or by another program. {SIGN_IN.capitalize()}"
        )
    if code == "invalid_client":
        return FatalError(
            f"Pennylane refuses the client ({code}). Check 'client_id' and 'client_secret'"
        )
    return FatalError(
        f"Pennylane refuses to issue tokens ({cause}). Check 'api_url'; if it is right, {SIGN_IN}"
    )


def _code(content: bytes) -> object:
    """Return the error code of RFC 6749, if the answer has one."""
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found.get("error") if isinstance(found, dict) else None

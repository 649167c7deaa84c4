"""The command `tap-pennylane-login`: a user signs in, and the first pair of tokens is written."""

from __future__ import annotations

import argparse
import base64
import getpass
import hashlib
import os
import secrets
import sys
import threading
import webbrowser
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qsl, urlencode, urlsplit

from singer_sdk.authenticators import BearerTokenAuthenticator
from typing_extensions import override

from tap_pennylane import settings
from tap_pennylane.api.client import Client
from tap_pennylane.api.limiter import Limiter
from tap_pennylane.api.oauth import AUTHORIZE, Application
from tap_pennylane.errors import (
    FatalError,
    PennylaneError,
    RefusedError,
    TransientError,
    UnauthorizedError,
    UnavailableError,
)
from tap_pennylane.redaction import redacted
from tap_pennylane.run import API, FIRM_API, credentials
from tap_pennylane.streams import FIRM_STREAMS, STREAMS
from tap_pennylane.streams.scopes import scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_pennylane.api.credentials import Pair

CALLBACK = "/callback"

_APIS = {"company": (API, STREAMS), "firm": (FIRM_API, FIRM_STREAMS)}
_DEFAULTS = settings.with_defaults({})
_OPTIONS = ("client_id", "credentials_file", "credentials_url", "credentials_name", "api_url")
"""The settings that are also options."""


class _Redirects(ThreadingHTTPServer):
    """Waits for the redirect with which a sign-in ends."""

    daemon_threads = True

    def __init__(self, port: int, state: str) -> None:
        super().__init__(("127.0.0.1", port), _Redirect)
        self.state = state
        self.found: SimpleQueue[dict[str, str]] = SimpleQueue()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{CALLBACK}"


class _Redirect(BaseHTTPRequestHandler):
    """Passes on what a redirect says; ignores any other request, which a browser may send."""

    server: _Redirects

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        told = dict(parse_qsl(parts.query))
        is_ours = secrets.compare_digest(
            told.get("state", "").encode("utf-8", "replace"), self.server.state.encode()
        )
        if parts.path == CALLBACK and is_ours:
            self._reply(HTTPStatus.OK, "Back to the terminal: you can close this window.")
            self.server.found.put(told)
        else:
            self._reply(HTTPStatus.BAD_REQUEST, "This is not the end of the current sign-in.")

    def _reply(self, status: HTTPStatus, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    @override
    def log_message(self, *_: object) -> None:
        """Log nothing: the address contains a code."""


def sign_in(options: argparse.Namespace) -> str:
    """Let a user sign in, write the tokens, and return whose they are.

    Raises:
        TransientError: Pennylane does not respond.
        PennylaneError: Nobody signed in, Pennylane refuses, or the tokens can't be written.
    """
    application = Application(
        options.api_url.rstrip("/"),
        options.client_id,
        options.client_secret,
        _DEFAULTS["request_timeout"],
        _DEFAULTS["user_agent"],
    )
    place = credentials({**_DEFAULTS, **_given(options)})
    place.prepare(application.timeout)
    pair = _first_pair(application, options)
    with place.locked(application.timeout), place.replacement() as write:
        write(pair)
    owner = _whose(application, pair, options.api)
    return f"Signed in to {owner}. The tokens are in the {place.label}."


def _first_pair(application: Application, options: argparse.Namespace) -> Pair:
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    digest = hashlib.sha256(verifier.encode()).digest()
    with _listening(options.port, state) as server:
        query = {
            "response_type": "code",
            "client_id": application.client_id,
            "redirect_uri": server.address,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        if scopes := _scopes(options):
            query["scope"] = scopes
        address = f"{application.url}{AUTHORIZE}?{urlencode(query)}"
        _say(f"Open this address in a browser and sign in to Pennylane:\n\n{address}\n")
        if not options.no_browser:
            webbrowser.open(address)
        try:
            told = server.found.get(timeout=60 * options.minutes)
        except Empty:
            msg = f"Nobody signed in within {options.minutes:g} minutes. Run the command again"
            raise FatalError(msg) from None
        if "code" not in told:
            _refuse(told)
        return application.exchange(told["code"], server.address, verifier)


def _scopes(options: argparse.Namespace) -> str:
    if options.scopes is not None:
        return str(options.scopes)
    paths = [str(stream.path) for stream in _APIS[options.api][1]]
    return " ".join(sorted({needed for path in paths if (needed := scope(path))}))


@contextmanager
def _listening(port: int, state: str) -> Iterator[_Redirects]:
    try:
        server = _Redirects(port, state)
    except OSError as error:
        msg = f"Port {port} of 127.0.0.1 can't be used: {error.strerror}. Give another --port"
        raise FatalError(msg) from error
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _refuse(told: dict[str, str]) -> NoReturn:
    code = told.get("error", "no code")
    words = told.get("error_description", "no reason was given").rstrip(".")
    advice = "Run the command again"
    if code == "invalid_scope":
        advice += ', with --scopes naming those of your application, or with --scopes ""'
    msg = f"Pennylane did not grant access ({code}: {words}). {advice}"
    raise FatalError(msg)


def _whose(application: Application, pair: Pair, kind: str) -> str:
    """Return which company or firm the tokens are for."""
    client = Client(
        application.url + _APIS[kind][0],
        BearerTokenAuthenticator(token=pair.access_token),
        Limiter(5, 1),
        timeout=application.timeout,
        max_retries=1,
        user_agent=application.user_agent,
    )
    try:
        me: Any = client.get("/me")
    except (RefusedError, UnauthorizedError) as error:
        msg = (
            f"The tokens were written, but the {kind} API does not accept them ({error}). "
            "Check --api, and the scopes of your application"
        )
        raise FatalError(msg) from error
    company = me.get("company") if isinstance(me, dict) else None
    found = company if isinstance(company, dict) else {}
    return f"the {kind} {found.get('name')} ({found.get('id')})"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tap-pennylane-login",
        description="Sign in to Pennylane with OAuth 2.0, and write the tokens for the tap.",
        epilog=(
            "The client's secret is read from TAP_PENNYLANE_CLIENT_SECRET, or asked for. A command "
            "line is visible to other users: if the database's URL contains a password, set "
            "TAP_PENNYLANE_CREDENTIALS_URL instead of --credentials-url."
        ),
    )
    for name in _OPTIONS:
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            default=os.environ.get(settings.variable(name)) or _DEFAULTS.get(name),
            help=f"default: the variable {settings.variable(name)}",
        )
    parser.add_argument(
        "--api",
        choices=_APIS,
        default=os.environ.get(settings.variable("api")) or _DEFAULTS["api"],
        help="a company's tokens, or those of an accounting firm",
    )
    parser.add_argument("--scopes", help="separated by spaces (default: those of all streams)")
    parser.add_argument(
        "--port", type=int, default=0, help="where to wait for the redirect (default: any)"
    )
    parser.add_argument(
        "--minutes", type=float, default=10, help="how long to wait for it (default: 10)"
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address without opening it"
    )
    return parser


def _complete(options: argparse.Namespace) -> None:
    """Add the secret, and check the settings.

    Raises:
        FatalError: A setting is missing or wrong.
    """
    options.client_secret = os.environ.get(settings.variable("client_secret"))
    if not options.client_secret and sys.stdin.isatty():
        options.client_secret = getpass.getpass("The client's secret: ")
    given = _given(options)
    if wrong := [*settings.oauth_problems(given), *settings.problems(given, ())]:
        raise FatalError(wrong[0])


def _given(options: argparse.Namespace) -> dict[str, str]:
    """Return the settings among the options that have a value."""
    names = (*_OPTIONS, "api", "client_secret")
    return {name: value for name in names if (value := getattr(options, name))}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command."""
    options = _parser().parse_args(arguments)
    try:
        _complete(options)
        _say(sign_in(options))
    except (TransientError, PennylaneError) as error:
        is_retry_useful = isinstance(error, TransientError | UnavailableError)
        sys.stderr.write(f"{redacted(str(error))}.\n")
        sys.exit(1 if is_retry_useful else os.EX_CONFIG)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


if __name__ == "__main__":
    main()

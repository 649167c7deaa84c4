"""OAuth 2.0 over HTTP: where a user agrees, and where a client gets its tokens."""

import base64
import binascii
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from pennylane_sandbox.model import Json
from pennylane_sandbox.oauth import CLIENT_ID, OAuthError, check_client
from pennylane_sandbox.sandbox import Sandbox
from pennylane_sandbox.serving.failing import failure

_AUTHORIZE: Final = "/oauth/authorize"
_TOKEN: Final = "/oauth/token"  # noqa: S105 - a path
_REVOKE: Final = "/oauth/revoke"


class OAuthPages:
    """Serves the three addresses, or fails according to a fault."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Serve the grants of this sandbox."""
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """Return where they are."""
        return [
            Route(_AUTHORIZE, self._authorize),
            Route(_TOKEN, self._post, methods=["POST"]),
            Route(_REVOKE, self._post, methods=["POST"]),
        ]

    async def _authorize(self, request: Request) -> Response:
        query = dict(request.query_params)
        back = query.get("redirect_uri", "")
        self._received(_AUTHORIZE, {})
        # Nobody is redirected to an address that no client named.
        if query.get("client_id") != CLIENT_ID or not urlsplit(back).hostname:
            error = OAuthError("invalid_client", "The client or its redirect URI is unknown.", 401)
            return self._reply(_AUTHORIZE, error.body, error.status)
        try:
            told: Mapping[str, str] = self._sandbox.oauth.authorize(query)
        except OAuthError as error:
            told = error.body
        if "state" in query:
            told = {**told, "state": query["state"]}
        self._sandbox.stats.answered(_AUTHORIZE, 302, 0)
        joint = "&" if urlsplit(back).query else "?"
        return RedirectResponse(f"{back}{joint}{urlencode(told)}", 302)

    async def _post(self, request: Request) -> Response:
        path = request.url.path
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        self._received(path, {key: form[key] for key in form if key == "grant_type"})
        fault = self._sandbox.faults.strike(path)
        if fault is not None and fault.kind == "latency":
            await self._sandbox.faults.hold_back(fault)
        elif fault is not None and fault.kind != "truncate":
            return failure(fault, bytes)
        reply = self._answer(path, form, request.headers.get("authorization", ""))
        if fault is not None and fault.kind == "truncate":
            return failure(fault, lambda: bytes(reply.body))
        return reply

    def _answer(self, path: str, form: dict[str, str], header: str) -> Response:
        try:
            check_client(*_client(form, header))
            if path == _TOKEN:
                return self._reply(path, self._sandbox.oauth.token(form))
            self._sandbox.oauth.revoke(form)
        except OAuthError as error:
            return self._reply(path, error.body, error.status)
        return self._reply(path, {})

    def _received(self, path: str, query: dict[str, str]) -> None:
        self._sandbox.stats.received(path, path, query, self._sandbox.clock.seconds())

    def _reply(self, path: str, body: Json, status: int = 200) -> Response:
        self._sandbox.stats.answered(path, status, 0)
        headers = {"date": self._sandbox.clock.http_date().decode(), "cache-control": "no-store"}
        return Response(orjson.dumps(body), status, headers, "application/json")


def _client(form: Mapping[str, str], header: str) -> tuple[str | None, str | None]:
    """Return id and secret of the client: in a header, or in the body."""
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id"), form.get("client_secret")
    try:
        name, _, secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, None
    return unquote_plus(name), unquote_plus(secret)

"""The API over HTTP: access, rate limit and answers."""

import asyncio
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl

import orjson
from starlette.types import Receive, Scope, Send

from pennylane_sandbox.api.endpoint import Endpoint
from pennylane_sandbox.api.endpoints import ENDPOINTS
from pennylane_sandbox.api.errors import ApiError, refuse, refuse_unknown
from pennylane_sandbox.company.books import API
from pennylane_sandbox.faults import Fault
from pennylane_sandbox.sandbox import Sandbox
from pennylane_sandbox.serving.answers import Answer, Answers, Request
from pennylane_sandbox.serving.http import Headers, body_of, cut_off, respond

PREFIX: Final = "/api/external/v2"
_BY_SHAPE: Final = {
    "/".join("{id}" if part.startswith("{") else part for part in path.split("/")): endpoint
    for path, endpoint in ENDPOINTS.items()
}


def resolve(path: str) -> tuple[str, Endpoint | None, tuple[str, ...]]:
    """Return the path with `{id}` for ids, its endpoint if it exists, and the ids."""
    if path in _BY_SHAPE:
        return path, _BY_SHAPE[path], ()
    parts = path.split("/")
    for places in ((2,), (3,), (2, 4)):
        if len(parts) > places[-1]:
            named = ["{id}" if place in places else part for place, part in enumerate(parts)]
            shape = "/".join(named)
            if shape in _BY_SHAPE:
                return shape, _BY_SHAPE[shape], tuple(parts[place] for place in places)
    return path, None, ()


class Api:
    """The ASGI application below the API's prefix."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Serve this sandbox."""
        self._sandbox = sandbox
        self._answers = Answers(sandbox)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        sandbox = self._sandbox
        path = scope["path"].removeprefix(PREFIX)
        shape, endpoint, ids = resolve(path)
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        headers = dict(scope["headers"])
        token = headers.get(b"authorization", b"").decode("latin-1").removeprefix("Bearer ")
        now = sandbox.clock.seconds()
        sandbox.stats.received(token, shape, query, now)
        extra: Headers = [(b"date", sandbox.clock.http_date())]
        if sandbox.limiter is not None:
            verdict = sandbox.limiter.ask(token, now)
            extra += verdict.headers
            if verdict.retry_after is not None:
                sandbox.stats.limited()
                sandbox.stats.answered(shape, 429, 0)
                await _refuse_rate(send, verdict.retry_after, extra)
                return
        if sandbox.latency:
            await asyncio.sleep(sandbox.latency)
        fault = sandbox.faults.strike(path)
        if fault is not None and fault.kind == "latency":
            await sandbox.faults.hold_back(fault)
            fault = None
        if fault is not None and fault.kind != "truncate":
            await self._fail(fault, shape, (scope, receive, send), extra)
            return
        origin = "http://" + headers.get(b"host", b"localhost").decode("latin-1")
        sent = await body_of(receive) if scope["method"] == "POST" else b""
        request = Request(path, query, (), ids, scope["method"], sent, origin)
        answer = self._answer(endpoint, request, token)
        base = (origin + PREFIX).encode()
        body = orjson.dumps(answer.body).replace(API.encode(), base)
        sandbox.stats.answered(shape, answer.status, answer.rows)
        if fault is not None:
            await cut_off(scope, receive, send, body, extra)
            return
        await respond(send, answer.status, body, b"application/json; charset=utf-8", extra)

    def _answer(self, endpoint: Endpoint | None, request: Request, token: str) -> Answer:
        try:
            scopes = self._sandbox.tokens.scopes(token)
            if scopes is None:
                refuse(401, "The access token is invalid")
            if endpoint is None:
                refuse_unknown()
            if request.method not in {"GET", "HEAD"} and not _takes_orders(endpoint):
                refuse(405, "Method Not Allowed")
            if endpoint.scopes and not set(endpoint.scopes) & set(scopes):
                wanted = endpoint.scopes[0]
                refuse(403, f'Access to this resource requires scope "{wanted}".')
            return self._answers.answer(endpoint, replace(request, scopes=scopes))
        except ApiError as error:
            return Answer(error.body, 0, error.status)

    async def _fail(
        self, fault: Fault, shape: str, connection: tuple[Scope, Receive, Send], extra: Headers
    ) -> None:
        """Answer according to the fault."""
        scope, receive, send = connection
        if fault.kind == "drop":
            await cut_off(scope, receive, send, None, extra)
            return
        status, content_type = fault.status, b"application/json; charset=utf-8"
        match fault.kind:
            case "rate_limit":
                self._sandbox.stats.answered(shape, 429, 0)
                wait = max(0, int(fault.seconds))
                await _refuse_rate(send, wait, [*extra, (b"retry-after", b"%d" % wait)])
                return
            case "html":
                status, content_type = 502, b"text/html; charset=utf-8"
                body = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
            case "body":
                status, body = 200, fault.body.encode()
            case _:
                body = orjson.dumps({"error": "Something went wrong", "status": status})
        self._sandbox.stats.answered(shape, status, 0)
        await respond(send, status, body, content_type, extra)


def _takes_orders(endpoint: Endpoint) -> bool:
    return endpoint.path.startswith("/exports/") and not endpoint.path.endswith("}")


async def _refuse_rate(send: Send, wait: int, extra: Headers) -> None:
    body = f"Rate limit exceeded. Please retry in {wait} seconds."
    await respond(send, 429, body.encode(), b"text/plain; charset=utf-8", extra)

"""An API over HTTP: rate limit, faults and answers."""

import asyncio
from urllib.parse import parse_qsl

import orjson
from starlette.types import Receive, Scope, Send

from pennylane_sandbox.api.errors import ApiError
from pennylane_sandbox.company.books import API
from pennylane_sandbox.faults import Fault, Faults
from pennylane_sandbox.sandbox import Sandbox
from pennylane_sandbox.serving.doors import Door, Target
from pennylane_sandbox.serving.exchange import Answer, Request
from pennylane_sandbox.serving.files import address
from pennylane_sandbox.serving.http import Headers, body_of, cut_off, respond


class Api:
    """The ASGI application below an API's prefix."""

    def __init__(self, sandbox: Sandbox, door: Door) -> None:
        """Serve this sandbox behind this door."""
        self._sandbox = sandbox
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        sandbox, door = self._sandbox, self._door
        path = scope["path"].removeprefix(door.prefix)
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        headers = dict(scope["headers"])
        token = headers.get(b"authorization", b"").decode("latin-1").removeprefix("Bearer ")
        target = door.find(path, token)
        now = sandbox.clock.seconds()
        self._received(target, token, query, now)
        extra: Headers = [(b"date", sandbox.clock.http_date())]
        if (limiter := door.limiter) is not None:
            verdict = limiter.ask(token, now)
            extra += verdict.headers
            if verdict.retry_after is not None:
                self._limited(target)
                await _refuse_rate(send, verdict.retry_after, extra)
                return
        if sandbox.latency:
            await asyncio.sleep(sandbox.latency)
        fault, faults = self._strike(path, target)
        if fault is not None and fault.kind == "latency":
            await faults.hold_back(fault)
            fault = None
        if fault is not None and fault.kind != "truncate":
            await self._fail(fault, target, (scope, receive, send), extra)
            return
        origin = "http://" + headers.get(b"host", b"localhost").decode("latin-1")
        sent = await body_of(receive) if scope["method"] == "POST" else b""
        files = address(origin, sandbox, target.company)
        request = Request(target.path, query, (), target.ids, scope["method"], sent, files)
        answer = self._answer(target, request, token)
        base = (origin + target.base).encode()
        body = orjson.dumps(answer.body).replace(API.encode(), base)
        self._answered(target, answer.status, answer.rows)
        if fault is not None:
            await cut_off(scope, receive, send, body, extra)
            return
        await respond(send, answer.status, body, b"application/json; charset=utf-8", extra)

    def _answer(self, target: Target, request: Request, token: str) -> Answer:
        try:
            return self._door.answer(target, request, token)
        except ApiError as error:
            return Answer(error.body, 0, error.status)

    def _strike(self, path: str, target: Target) -> tuple[Fault | None, Faults]:
        """Return the fault for a request, if any: the company's own, or one for all."""
        if target.company and (fault := target.company.faults.strike(target.path)):
            return fault, target.company.faults
        return self._sandbox.faults.strike(path), self._sandbox.faults

    def _received(self, target: Target, token: str, query: dict[str, str], now: float) -> None:
        self._sandbox.stats.received(token, target.shape, query, now)
        if target.company:
            target.company.stats.received(token, target.own_shape, query, now)

    def _answered(self, target: Target, status: int, rows: int) -> None:
        self._sandbox.stats.answered(target.shape, status, rows)
        if target.company:
            target.company.stats.answered(target.own_shape, status, rows)

    def _limited(self, target: Target) -> None:
        self._sandbox.stats.limited()
        if target.company:
            target.company.stats.limited()
        self._answered(target, 429, 0)

    async def _fail(
        self, fault: Fault, target: Target, connection: tuple[Scope, Receive, Send], extra: Headers
    ) -> None:
        """Answer according to the fault."""
        scope, receive, send = connection
        if fault.kind == "drop":
            await cut_off(scope, receive, send, None, extra)
            return
        status, content_type = fault.status, b"application/json; charset=utf-8"
        match fault.kind:
            case "rate_limit":
                self._answered(target, 429, 0)
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
        self._answered(target, status, 0)
        await respond(send, status, body, content_type, extra)


async def _refuse_rate(send: Send, wait: int, extra: Headers) -> None:
    body = f"Rate limit exceeded. Please retry in {wait} seconds."
    await respond(send, 429, body.encode(), b"text/plain; charset=utf-8", extra)

"""The control plane, with which tests and demos control and inspect the sandbox."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from pennylane_sandbox.api.errors import ApiError
from pennylane_sandbox.company.books import API
from pennylane_sandbox.model import Json
from pennylane_sandbox.ratelimit import Limit
from pennylane_sandbox.sandbox import Sandbox
from pennylane_sandbox.serving.answers import Answers
from pennylane_sandbox.serving.answers import Request as Asked
from pennylane_sandbox.serving.app import PREFIX, resolve

_CHUNK = 500
_JSON = "application/json"

Handler = Callable[[Request], Awaitable[Response]]


class Control:
    """The routes below `/sandbox`."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Control this sandbox."""
        self._sandbox = sandbox
        self._answers = Answers(sandbox)

    def routes(self) -> list[Route]:
        """Return all routes."""
        return [
            Route("/sandbox/health", self._guarded(self._health)),
            Route("/sandbox/stats", self._guarded(self._stats), methods=["GET", "DELETE"]),
            Route("/sandbox/state/{resource:path}", self._guarded(self._state)),
            Route("/sandbox/changes", self._guarded(self._changes), methods=["POST"]),
            Route("/sandbox/anomalies", self._guarded(self._anomalies), methods=["GET", "POST"]),
            Route("/sandbox/clock", self._guarded(self._clock), methods=["POST"]),
            Route("/sandbox/limits", self._guarded(self._limits), methods=["POST"]),
            Route("/sandbox/sizes", self._guarded(self._sizes)),
            Route("/sandbox/tokens", self._guarded(self._tokens), methods=["POST"]),
            Route(
                "/sandbox/faults",
                self._guarded(self._faults),
                methods=["GET", "POST", "DELETE"],
            ),
        ]

    def _reply(self, body: Json, status: int = 200) -> Response:
        return Response(
            orjson.dumps(body),
            status,
            {"date": self._sandbox.clock.http_date().decode()},
            _JSON,
        )

    def _guarded(self, handler: Handler) -> Handler:
        """Answer an invalid request with the reason."""

        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except ApiError as error:
                return self._reply(error.body, error.status)
            except (ValueError, TypeError, LookupError) as error:
                return self._reply({"error": f"{type(error).__name__}: {error}"}, 400)

        return guarded

    async def _health(self, _: Request) -> Response:
        options = self._sandbox.options
        return self._reply(
            {
                "status": "ok",
                "seed": options.seed,
                "size": options.size,
                "now": self._sandbox.clock.now(),
            }
        )

    async def _stats(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._sandbox.stats.reset()
        return self._reply(self._sandbox.stats.report())

    async def _state(self, request: Request) -> Response:
        path = f"/{request.path_params['resource'].strip('/')}"
        _, endpoint, ids = resolve(path)
        pieces = self._answers.everything(
            endpoint, Asked(path, dict(request.query_params), (), ids)
        )
        base = f"http://{request.headers.get('host', 'localhost')}{PREFIX}".encode()

        async def body() -> AsyncIterator[bytes]:
            yield b'{"items":['
            chunk: list[Any] = []
            first = True
            for item in pieces:
                chunk.append(item)
                if len(chunk) == _CHUNK:
                    yield _piece(chunk, base, first=first)
                    first, chunk = False, []
            if chunk:
                yield _piece(chunk, base, first=first)
            yield b"]}"

        date = self._sandbox.clock.http_date().decode()
        return StreamingResponse(body(), headers={"date": date}, media_type=_JSON)

    async def _changes(self, request: Request) -> Response:
        return self._reply(self._sandbox.engine.apply(orjson.loads(await request.body())))

    async def _anomalies(self, request: Request) -> Response:
        anomalies = self._sandbox.engine.anomalies
        if request.method == "GET":
            return self._reply({"kinds": anomalies.kinds})
        wanted = orjson.loads(await request.body())
        return self._reply({"made": anomalies.make(wanted["kinds"])})

    async def _clock(self, request: Request) -> Response:
        wanted = orjson.loads(await request.body())
        self._sandbox.clock.advance(float(wanted["advance_seconds"]))
        return self._reply({"now": self._sandbox.clock.now()})

    async def _limits(self, request: Request) -> Response:
        wanted = orjson.loads(await request.body())
        limit, latency = Limit.parse(wanted["rate_limit"]), float(wanted["latency_ms"])
        self._sandbox.limit(limit)
        self._sandbox.latency = latency / 1000
        return self._reply(wanted)

    async def _sizes(self, _: Request) -> Response:
        return self._reply(
            {name: len(rows) for name, rows in self._sandbox.books.collections.items()}
        )

    async def _tokens(self, request: Request) -> Response:
        wanted = orjson.loads(await request.body())
        tokens = self._sandbox.tokens
        if "without" in wanted:
            scopes = tokens.grant_without(wanted["token"], wanted["without"])
        else:
            scopes = tokens.grant(wanted["token"], wanted.get("scopes"))
        return self._reply({"token": wanted["token"], "scopes": scopes})

    async def _faults(self, request: Request) -> Response:
        faults = self._sandbox.faults
        if request.method == "DELETE":
            faults.clear()
        elif request.method == "POST":
            faults.add(orjson.loads(await request.body()))
        return self._reply({"faults": faults.waiting()})


def _piece(chunk: list[Any], base: bytes, *, first: bool) -> bytes:
    piece = orjson.dumps(chunk)[1:-1].replace(API.encode(), base)
    return piece if first else b"," + piece

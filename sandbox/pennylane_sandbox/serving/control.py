"""The control plane, with which tests and demos control and inspect the sandbox."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from pennylane_sandbox.api.errors import ApiError, refuse_unknown
from pennylane_sandbox.company.books import API
from pennylane_sandbox.model import Json
from pennylane_sandbox.one_company import Company
from pennylane_sandbox.ratelimit import Limit
from pennylane_sandbox.sandbox import Sandbox
from pennylane_sandbox.serving.doors import CompanyDoor, FirmDoor
from pennylane_sandbox.serving.exchange import Request as Asked

_CHUNK = 500
_JSON = "application/json"

Handler = Callable[[Request], Awaitable[Response]]


class Control:
    """The routes below `/sandbox`."""

    def __init__(
        self, sandbox: Sandbox, company_door: CompanyDoor, firm_door: FirmDoor | None
    ) -> None:
        """Control this sandbox, whose APIs say how they show a record."""
        self._sandbox = sandbox
        self._company_door = company_door
        self._firm_door = firm_door

    def routes(self) -> list[Route]:
        """Return all routes: those for everything, and those for one company."""
        either = ["GET", "POST"]
        return [
            Route("/sandbox/health", self._guarded(self._health)),
            Route("/sandbox/clock", self._guarded(self._clock), methods=["POST"]),
            Route("/sandbox/limits", self._guarded(self._limits), methods=["POST"]),
            Route("/sandbox/tokens", self._guarded(self._tokens), methods=["POST"]),
            Route("/sandbox/companies", self._guarded(self._companies), methods=either),
            *self._routes_below("/sandbox"),
            *self._routes_below("/sandbox/companies/{company_id:int}"),
        ]

    def _routes_below(self, base: str) -> list[Route]:
        every = ["GET", "POST", "DELETE"]
        return [
            Route(f"{base}/stats", self._guarded(self._stats), methods=["GET", "DELETE"]),
            Route(f"{base}/state/{{resource:path}}", self._guarded(self._state)),
            Route(f"{base}/firm_state/{{resource:path}}", self._guarded(self._firm_state)),
            Route(f"{base}/changes", self._guarded(self._changes), methods=["POST"]),
            Route(f"{base}/anomalies", self._guarded(self._anomalies), methods=["GET", "POST"]),
            Route(f"{base}/sizes", self._guarded(self._sizes)),
            Route(f"{base}/faults", self._guarded(self._faults), methods=every),
        ]

    def _company(self, request: Request) -> Company:
        """Return the company that the path names, or the only or first one."""
        return self._sandbox.find(request.path_params.get("company_id"))

    def _of(self, request: Request) -> Company | Sandbox:
        """Return whose statistics and faults are meant: a company's, or those of everything."""
        return self._company(request) if "company_id" in request.path_params else self._sandbox

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
        health = {
            "status": "ok",
            "seed": options.seed,
            "size": options.size,
            "now": self._sandbox.clock.now(),
        }
        if self._sandbox.firm is not None:
            health["companies"] = sum(1 for _ in self._sandbox.firm)
        return self._reply(health)

    async def _companies(self, request: Request) -> Response:
        """List all companies; take on new ones, or change what the firm's tokens may do."""
        firm = self._sandbox.firm
        if firm is None:
            msg = "the sandbox serves no firm; start it with --companies"
            raise LookupError(msg)
        if request.method == "GET":
            return self._reply({"items": [self._described(one) for one in firm]})
        wanted = orjson.loads(await request.body())
        if "create" in wanted:
            created = firm.grow(int(wanted["create"]))
        else:
            self._sandbox.find(wanted["id"]).allow(wanted["access"])
            created = []
        return self._reply({"created": [one.profile.id for one in created]})

    def _described(self, company: Company) -> Json:
        profile = company.profile
        return {
            **profile.shown(),
            "seed": profile.seed,
            "token": f"{self._sandbox.options.token}-{profile.id}",
            "access": company.access,
            "loaded": company.is_loaded,
        }

    async def _stats(self, request: Request) -> Response:
        stats = self._of(request).stats
        if request.method == "DELETE":
            stats.reset()
        return self._reply(stats.report())

    async def _state(self, request: Request) -> Response:
        path = f"/{request.path_params['resource'].strip('/')}"
        company = self._company(request)
        target = self._company_door.target(path, company)
        answers = self._company_door.answers(company)
        asked = Asked(path, dict(request.query_params), (), target.ids)
        return self._stream(request, answers.everything(target.endpoint, asked), target.base)

    async def _firm_state(self, request: Request) -> Response:
        door = self._firm_door
        if door is None:
            refuse_unknown()
        path = f"/{request.path_params['resource'].strip('/')}"
        company = self._company(request)
        target = door.target(path, company)
        asked = Asked(path, dict(request.query_params), (), target.ids)
        pieces = door.answers(company).everything(target.endpoint, asked)
        return self._stream(request, pieces, target.base)

    def _stream(self, request: Request, pieces: Iterator[Json], address: str) -> Response:
        base = f"http://{request.headers.get('host', 'localhost')}{address}".encode()

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
        wanted = orjson.loads(await request.body())
        return self._reply(self._company(request).engine.apply(wanted))

    async def _anomalies(self, request: Request) -> Response:
        anomalies = self._company(request).engine.anomalies
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
        self._sandbox.limit(limit, Limit.parse(wanted.get("firm_rate_limit", wanted["rate_limit"])))
        self._sandbox.latency = latency / 1000
        return self._reply(wanted)

    async def _sizes(self, request: Request) -> Response:
        collections = self._company(request).books.collections
        return self._reply({name: len(rows) for name, rows in collections.items()})

    async def _tokens(self, request: Request) -> Response:
        wanted = orjson.loads(await request.body())
        tokens, company_id = self._sandbox.tokens, None
        if wanted.get("firm") and self._sandbox.firm is not None:
            tokens = self._sandbox.firm.tokens
        else:
            company_id = self._sandbox.find(wanted.get("company")).profile.id
        if "without" in wanted:
            scopes = tokens.grant_without(wanted["token"], wanted["without"], company_id)
        else:
            scopes = tokens.grant(wanted["token"], wanted.get("scopes"), company_id)
        return self._reply({"token": wanted["token"], "scopes": scopes})

    async def _faults(self, request: Request) -> Response:
        faults = self._of(request).faults
        if request.method == "DELETE":
            faults.clear()
        elif request.method == "POST":
            faults.add(orjson.loads(await request.body()))
        return self._reply({"faults": faults.waiting()})


def _piece(chunk: list[Any], base: bytes, *, first: bool) -> bytes:
    piece = orjson.dumps(chunk)[1:-1].replace(API.encode(), base)
    return piece if first else b"," + piece

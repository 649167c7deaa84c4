"""Pytest fixtures: the sandbox as a real process that answers over HTTP."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Query = dict[str, list[str]]
    Answer = tuple[int, dict[str, str], bytes]

TOKEN = "sandbox-token"  # noqa: S105 - the sandbox's own
FIRM_TOKEN = "sandbox-firm-token"  # noqa: S105 - the sandbox's own
_SESSION = requests.Session()  # keeps connections open, which halves the time of a request
_SESSION.trust_env = False
CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"}
API = "/api/external/v2"
FIRM_API = "/api/external/firm/v1"
_OF_A_COMPANY = frozenset(
    {"anomalies", "changes", "faults", "firm_state", "sizes", "state", "stats"}
)


def flat(value: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """An independent implementation of flattening: the nested keys, joined."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from flat(inner, (*path, key))
        else:
            yield "_".join(part for part in (*path, key) if part != "items"), kept(inner)


def kept(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """What a row keeps from a list: for references to objects, the id and the weight."""
    if not isinstance(value, list):
        return value
    return [
        {key: item[key] for key in ("id", "weight") if key in item}
        if isinstance(item, dict) and "id" in item
        else item
        for item in value
    ]


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox and its control plane.

    With a `company_id`, everything is about this company of the firm, seen through one of the APIs:
    `of` the Firm API's, `alone` the Company API's.
    """

    url: str
    token: str = TOKEN
    api: str = API
    company_id: int | None = None

    @property
    def firm(self) -> Sandbox:
        """What the firm's token sees: `/companies`, and what is below."""
        return replace(self, token=FIRM_TOKEN, api=FIRM_API, company_id=None)

    def of(self, company_id: int) -> Sandbox:
        """One company of the firm, through the firm's token."""
        api = f"{FIRM_API}/companies/{company_id}"
        return replace(self, token=FIRM_TOKEN, api=api, company_id=company_id)

    def alone(self, company_id: int) -> Sandbox:
        """One company of the firm, through its own token at the Company API."""
        token = f"{TOKEN}-{company_id}"
        return replace(self, token=token, api=API, company_id=company_id)

    @property
    def companies(self) -> list[dict[str, Any]]:
        """The firm's companies, hidden ones, too: profile, seed, company token, access."""
        items: list[dict[str, Any]] = self.control("GET", "companies")["items"]
        return items

    def take_on(self, count: int = 1) -> list[int]:
        """Let new companies appear in the firm."""
        created: list[int] = self.control("POST", "companies", create=count)["created"]
        return created

    def allow(self, company_id: int, access: str) -> None:
        """Let firm tokens read a company (`open`), or not (`refused`: 403; `hidden`: 404)."""
        self.control("POST", "companies", id=company_id, access=access)

    def control(self, method: str, endpoint: str, /, **body: Any) -> Any:  # noqa: ANN401 - any JSON
        """Call the control plane."""
        if self.company_id is not None and re.split("[/?]", endpoint)[0] in _OF_A_COMPANY:
            endpoint = f"companies/{self.company_id}/{endpoint}"
        answer = _SESSION.request(
            method, f"{self.url}/sandbox/{endpoint}", json=body or None, timeout=60
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def get(self, path: str, **query: Any) -> Any:  # noqa: ANN401 - any JSON
        """The API's answer for a path below its prefix."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = _SESSION.get(
            f"{self.url}{self.api}{path}", params=query, headers=headers, timeout=60
        )
        answer.raise_for_status()
        return answer.json()

    def listed(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Every item of a list, read page by page through the API."""
        page = self.get(path, **query)
        items: list[dict[str, Any]] = page["items"]
        while page.get("next_cursor"):
            page = self.get(path, **query, cursor=page["next_cursor"])
            items += page["items"]
        # Others have numbered pages, and so many of them; at the Company API, the number is null.
        for number in range(2, (page.get("total_pages") or 1) + 1):
            items += self.get(path, **query, page=number)["items"]
        return items

    def state(self, collection: str) -> list[dict[str, Any]]:
        """Every record of a collection, as the API would show it."""
        kind = "firm_state" if self.api.startswith(FIRM_API) else "state"
        items: list[dict[str, Any]] = self.control("GET", f"{kind}/{collection}")["items"]
        return items

    def rows(self, path: str) -> list[dict[str, Any]]:
        """A collection or an object as flat rows; for the trial balance, all fiscal years."""
        if path == "/me":
            return [dict(flat(self.get("/me")))]
        if path == "/company/features":
            features: dict[str, bool] = self.get(path)
            return [{"name": name, "enabled": enabled} for name, enabled in features.items()]
        if path == "/companies":
            return self.listed(path, per_page=1000)
        if "{" in path:
            return list(self._rows_of_lists(path))
        if path != "/trial_balance":
            return [dict(flat(item)) for item in self.state(path.lstrip("/"))]
        rows = []
        for year in self.state("fiscal_years"):
            period = {"period_start": year["start"], "period_end": year["finish"]}
            query = "&".join(f"{key}={day}" for key, day in period.items())
            page = self.state(f"trial_balance?{query}&is_auxiliary=true")
            rows += [{**row, **period} for row in page]
        return rows

    def _rows_of_lists(self, path: str) -> Iterator[dict[str, Any]]:
        """The child lists of a collection's records, with the parent's id as named in the path."""
        before, key, after = re.split("[{}]", path)
        for parent in self.state(before.strip("/")):
            for item in self.listed(f"{before}{parent['id']}{after}", limit=100):
                yield {**dict(flat(item)), key: parent["id"]}

    def change(self, resource: str, **changes: Any) -> dict[str, list[int]]:
        """Create, update and delete records."""
        done: dict[str, list[int]] = self.control("POST", "changes", resource=resource, **changes)
        return done

    def spoil(self, *kinds: str) -> None:
        """Make anomalies of these kinds in the books."""
        self.control("POST", "anomalies", kinds=list(kinds))

    def fault(self, path: str, kind: str, *, times: int | None = None, **options: Any) -> None:
        """Make requests to a path fail: a number of them, or all."""
        self.control("POST", "faults", path=path, kind=kind, times=times, **options)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.control("DELETE", "faults")

    def limit(self, rate_limit: str, *, latency_ms: float = 0) -> None:
        """Change the rate limit (25/5 or none) and the latency; earlier requests do not count."""
        self.control("POST", "limits", rate_limit=rate_limit, latency_ms=latency_ms)

    def sign_in(self) -> dict[str, Any]:
        """A new pair of OAuth tokens, as the token endpoint answers it."""
        back = "http://127.0.0.1:1/"
        query = {**CLIENT, "response_type": "code", "redirect_uri": back}
        told = requests.get(
            f"{self.url}/oauth/authorize", params=query, allow_redirects=False, timeout=60
        )
        (code,) = parse_qs(urlsplit(told.headers["location"]).query)["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
        answer = requests.post(f"{self.url}/oauth/token", data={**CLIENT, **form}, timeout=60)
        answer.raise_for_status()
        pair: dict[str, Any] = answer.json()
        return pair

    @property
    def sizes(self) -> dict[str, int]:
        """The number of live records of each collection."""
        sizes: dict[str, int] = self.control("GET", "sizes")
        return sizes

    def add_token(self, token: str, **scopes: list[str]) -> None:
        """Add another token."""
        self.control("POST", "tokens", token=token, **scopes)

    @property
    def stats(self) -> dict[str, Any]:
        """The requests since the last reset."""
        stats: dict[str, Any] = self.control("GET", "stats")
        return stats


@contextmanager
def running(*options: str) -> Iterator[Sandbox]:
    """A sandbox in its own process, stopped at the end."""
    program = Path(sys.executable).parent / "pennylane-sandbox"
    command = [str(program), "--port", "0", "--token", TOKEN, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith("pennylane-sandbox: http"):
                pytest.fail("the sandbox did not start")
            yield Sandbox(line.split(": ", 1)[1].strip())
        finally:
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture(scope="session")
def _unlimited_sandbox() -> Iterator[Sandbox]:
    with running("--size", "2000", "--rate-limit", "none") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_unlimited_sandbox: Sandbox) -> Iterator[Sandbox]:
    """A small company without a rate limit; faults are removed after the test."""
    _unlimited_sandbox.control("DELETE", "stats")
    yield _unlimited_sandbox
    _unlimited_sandbox.clear_faults()


@contextmanager
def other_server(
    sandbox: Sandbox,
    *,
    asked: Callable[[str, Query], Answer | None],
    answered: Callable[[dict[str, str]], None] = lambda _: None,
) -> Iterator[str]:
    """A server in front of the sandbox, which may answer itself or change what passes."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            answer = asked(parts.path.removeprefix(API).removeprefix(FIRM_API), query)
            if answer is None:
                found = requests.get(
                    f"{sandbox.url}{parts.path}?{urlencode(query, doseq=True)}",
                    headers={"Authorization": self.headers["Authorization"]},
                    timeout=60,
                )
                names = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
                headers = {name: found.headers[name] for name in names if name in found.headers}
                answer = found.status_code, headers, found.content
            status, headers, body = answer
            answered(headers)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()

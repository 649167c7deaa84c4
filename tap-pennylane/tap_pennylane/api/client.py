"""One HTTP exchange with Pennylane: budget, retries, and errors that name their cause."""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import backoff
import requests

from tap_pennylane.api import answer
from tap_pennylane.api.refusal import allowed_limit, refusal
from tap_pennylane.errors import (
    FatalError,
    PennylaneError,
    RefusedError,
    TransientError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from tap_pennylane.api.limiter import Limiter

LONGEST_PAUSE = 300.0
"""Seconds that the server may ask to wait; a run that waits longer looks as if it hung."""

LONGEST_WAIT = 60.0
"""No wait of our own between two attempts is longer, in seconds."""

FIRST_ATTEMPTS = 5
"""A host that never answered is given up after so many, some ten seconds: it may be a wrong one."""

_ID = re.compile(r"(?<=/)\d+(?=/|$)")

P = ParamSpec("P")
T = TypeVar("T")

_logger = logging.getLogger("tap-pennylane.client")
_PORTS = {"http": 80, "https": 443}


@dataclass
class Usage:
    """What was asked of the API."""

    requests: int = 0
    rate_limited: int = 0
    """Answers with 429."""
    seconds_waited: float = 0.0
    """By the clock, while the request budget let nothing be sent."""

    def __sub__(self, earlier: Usage) -> Usage:
        """What was asked since an earlier moment."""
        return Usage(
            self.requests - earlier.requests,
            self.rate_limited - earlier.rate_limited,
            self.seconds_waited - earlier.seconds_waited,
        )


class Client:
    """Reads the API with one token. Safe to share between threads."""

    def __init__(
        self,
        url: str,
        auth: Callable[[requests.PreparedRequest], requests.PreparedRequest],
        limiter: Limiter,
        *,
        timeout: float,
        max_retries: int,
        user_agent: str,
        connections: int = 1,
    ) -> None:
        """Prepare a session; nothing is sent yet.

        Args:
            url: Scheme, host and the API's path prefix.
            auth: Puts the token into a request.
            limiter: The token's request budget.
            timeout: Seconds to wait for a connection, and for each answer.
            max_retries: How often an attempt that failed in passing is repeated.
            user_agent: Who we say we are.
            connections: How many requests may be under way at once.
        """
        self._url = url
        self._limiter = limiter
        self._lock = threading.Lock()
        self._usage = Usage()
        self.on_request: Callable[[float], None] = lambda _share: None
        """Called with each request, with the share of the budget that is in use, from 0 to 1."""
        self._connections = connections
        self._thread = threading.local()
        self._is_abandoned = False
        self._was_reached = False
        self._told_of_slowness = False
        self._limits: dict[str, int] = {}
        """The largest page that a list allows, where it refused a larger one."""
        self._server_clock: tuple[datetime, float] | None = None
        self._max_retries = max_retries
        self.timeout = timeout
        self.user_agent = user_agent
        self._session = requests.Session()
        # As `auth`, not as a header: requests would put a netrc entry over a header.
        self._session.auth = auth
        # `answer.body` unpacks it.
        self._session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "gzip"})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=4 * connections))
        self._attempt = self.persistent(self._exchange)

    def persistent(self, attempt: Callable[P, T]) -> Callable[P, T]:
        """Let an attempt, whose first argument names it, be repeated while it fails in passing."""
        return backoff.on_exception(
            _waits,
            TransientError,
            max_tries=self._max_retries + 1,
            giveup=lambda _: not self._was_reached and self._usage.requests >= FIRST_ATTEMPTS,
            jitter=None,
            on_backoff=_log_retry,
            logger=None,
        )(attempt)

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> object:
        """Send a GET request until it is answered, and decode the answer.

        Args:
            path: Below the API's prefix, with a leading slash.
            params: The query.

        Returns:
            The JSON document; numbers with a fraction are `Decimal`.

        Raises:
            FatalError: The token is refused, or the host is no Pennylane.
            RefusedError: The request is refused.
            UnavailableError: It kept failing.
        """
        query = dict(params or {})
        place = _ID.sub("{id}", path)
        if "limit" in query and place in self._limits:
            query["limit"] = min(query["limit"], self._limits[place])
        try:
            return self._send(path, query)
        except RefusedError as error:
            limit = allowed_limit(error, query.get("limit"))
            if limit is None:
                raise
            self._lower_limit(place, limit, error.words)
            return self._send(path, {**query, "limit": limit})

    def _lower_limit(self, place: str, limit: int, words: str) -> None:
        with self._lock:
            if self._limits.get(place) == limit:
                return  # another thread met the same refusal
            self._limits[place] = limit
        _logger.warning("%s is read with %d rows per page: %s", place, limit, words)

    def post(self, path: str, body: Mapping[str, Any]) -> object:
        """Send a POST request until it is answered: only what does no harm when it comes twice.

        Args:
            path: Below the API's prefix, with a leading slash.
            body: What to send as JSON.

        Returns:
            The JSON document.

        Raises:
            FatalError: The token is refused, or the host is no Pennylane.
            RefusedError: The request is refused.
            UnavailableError: It kept failing.
        """
        return self._send(path, None, body)

    def _send(self, path: str, *query_and_body: Mapping[str, Any] | None) -> object:
        try:
            return self._attempt(path, *query_and_body)
        except TransientError as error:
            msg = (
                f"{self._url}{path} kept failing, last with: {error}. "
                "Nothing is lost: run again once Pennylane and the network are well"
            )
            raise UnavailableError(msg) from error

    def answers(self) -> bool:
        """Whether the API answers at all, asked once and without patience."""
        try:
            self._exchange("/me", None)
        except TransientError as error:
            return error.retry_after is not None
        except PennylaneError:
            return True
        return True

    @contextmanager
    def budget_for(self, url: str) -> Iterator[None]:
        """Take a slot for a request that somebody else sends, if it goes to the API's own host."""
        if _origin(url) != _origin(self._url):
            yield
            return
        slot = self._limiter.acquire()
        self.count(Usage(requests=1))
        self.on_request(self._limiter.share_in_use())
        try:
            yield
        finally:
            self._limiter.release(slot)

    def abandon(self) -> None:
        """Send nothing any more: what other threads still ask for is of no use."""
        self._is_abandoned = True

    def count(self, more: Usage) -> None:
        """Add to what this thread asked for."""
        with self._lock:
            usage = getattr(self._thread, "usage", self._usage)
            for name, value in vars(more).items():
                setattr(usage, name, getattr(usage, name) + value)

    @contextmanager
    def counting(self, usage: Usage) -> Iterator[None]:
        """Let what this thread asks for be counted there, not in the client's own usage."""
        self._thread.usage = usage
        yield
        del self._thread.usage

    def readers(self) -> int:
        """How many requests may be under way at once; more than the budget has use for is none."""
        return min(self._connections, self._limiter.useful_concurrency())

    def next_slot(self) -> float:
        """Seconds until a request can be sent, by what is known now; 0 if one can."""
        return self._limiter.next_slot()

    @property
    def usage(self) -> Usage:
        """What was asked so far."""
        return replace(self._usage, seconds_waited=self._limiter.seconds_waited())

    def now(self) -> datetime:
        """The time by the server's clock, as its last answer said; ours before the first."""
        if self._server_clock is None:
            return datetime.now(UTC)
        moment, at = self._server_clock
        return moment + timedelta(seconds=time.monotonic() - at)

    def _exchange(
        self, path: str, params: Mapping[str, Any] | None, body: Mapping[str, Any] | None = None
    ) -> object:
        slot = self._limiter.acquire()
        if self._is_abandoned:
            self._limiter.release(slot)
            msg = "The run has ended"
            raise UnavailableError(msg)
        self.count(Usage(requests=1))
        self.on_request(self._limiter.share_in_use())
        response, deadline = None, time.monotonic() + self.timeout
        try:
            with self._session.request(
                "GET" if body is None else "POST",
                self._url + path,
                params=params,
                json=body,
                timeout=self.timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = answer.body(response, path, deadline)
        except requests.exceptions.SSLError as error:
            raise FatalError(answer.tls_trouble(self._url, error)) from error
        except requests.RequestException as error:
            raise TransientError(answer.connection_trouble(error)) from error
        finally:
            self._limiter.release(slot, *answer.budget(response))
        self._mention_slowness()
        self._was_reached = True
        if date := answer.date(response):
            # In whole seconds: the later of two estimates is nearer, and time never goes back.
            known = self.now() if self._server_clock else date
            self._server_clock = max(date, known), time.monotonic()
        if response.status_code not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            self._refuse(response, content, path)
        return answer.document(content)

    def _refuse(self, response: requests.Response, content: bytes, path: str) -> None:
        status, words = response.status_code, answer.words(content, str(response.reason))
        said = f"HTTP {status}: {words}"
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self.count(Usage(rate_limited=1))
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            wait = answer.retry_after(response)
            if wait is not None and wait > LONGEST_PAUSE:
                moment = self.now() + timedelta(seconds=wait)
                msg = (
                    f"Pennylane asks to wait {timedelta(seconds=round(wait))} before {path} is "
                    f"requested again ({said}). Run again after {moment:%Y-%m-%d %H:%M} UTC"
                )
                raise UnavailableError(msg)
            if wait is not None and status == HTTPStatus.TOO_MANY_REQUESTS:
                self._limiter.pause(wait)
            raise TransientError(said, wait)
        raise refusal(path, status, words, response.headers.get("location"))

    def _mention_slowness(self) -> None:
        """Say once that the server's headers leave less of the budget than is ours."""
        pace = self._limiter.pace()
        with self._lock:
            if pace is None or self._told_of_slowness:
                return
            self._told_of_slowness = True
        _logger.warning(
            "Pennylane reports fewer free requests (ratelimit-remaining) than this run has used: "
            "another program uses the token. Reading goes on at about %d requests per %g s",
            *pace,
        )


def _log_retry(details: Any) -> None:  # noqa: ANN401 - backoff's type lacks the exception
    _logger.warning(
        "%s failed (%s); attempt %d in %.1f s",
        details["args"][0],
        details["exception"],
        details["tries"] + 1,
        details["wait"],
    )


def _waits() -> Generator[float, Any, None]:
    """Seconds before each next attempt: what the server asks for, else exponential with jitter."""
    error = yield  # type: ignore[misc] # backoff primes the generator, then sends exceptions
    for attempt in count():
        longest = min(LONGEST_WAIT, 2.0**attempt)
        jitter = random.uniform(0, longest / 2)  # noqa: S311 - spreads load, guards nothing
        error = yield (
            longest / 2 + jitter if error.retry_after is None else error.retry_after + jitter / 10
        )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)

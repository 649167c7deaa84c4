"""Sends requests to Pennylane: rate limit, retries, and errors that name their cause."""

from __future__ import annotations

import copy
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
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar
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
    UnauthorizedError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from tap_pennylane.api.limiter import Limiter

LONGEST_WAIT = 60.0
"""Maximum seconds between two attempts, unless the server asks for more."""

FIRST_ATTEMPTS = 5
"""Attempts, over about ten seconds, after which the tap gives up on a host that never responded:
its name may be wrong."""

_ID = re.compile(r"(?<=/)\d+(?=/|$)")

P = ParamSpec("P")
T = TypeVar("T")

_logger = logging.getLogger("tap-pennylane.client")
_PORTS = {"http": 80, "https": 443}


@dataclass
class Usage:
    """How much the API was used."""

    requests: int = 0
    rate_limited: int = 0
    """Responses with status 429."""
    seconds_waited: float = 0.0
    """Elapsed time in which the request budget was exhausted."""

    def __sub__(self, earlier: Usage) -> Usage:
        """Return the usage since an earlier one."""
        return Usage(
            self.requests - earlier.requests,
            self.rate_limited - earlier.rate_limited,
            self.seconds_waited - earlier.seconds_waited,
        )


class Client:
    """Reads the API with one token. Thread-safe."""

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
            auth: Adds the token to a request.
            limiter: The token's request budget.
            timeout: Seconds to wait for a connection, and for each response.
            max_retries: Maximum number of retries after transient failures.
            user_agent: The User-Agent header.
            connections: Maximum number of requests in flight.
        """
        self._limiter = limiter
        self._lock = threading.Lock()
        self.on_request: Callable[[float], None] = lambda _share: None
        """Called for each request with the share of the budget in use, from 0 to 1."""
        self.renew: Callable[[], bool] = lambda: False
        """Called after a refused token: replaces it, or returns that this is impossible."""
        self._connections = connections
        self._was_reached = False
        self._has_warned_of_slowness = threading.Event()
        self._limits: dict[str, int] = {}
        """The maximum page size of each list that refused a larger one."""
        self._server_clock: tuple[datetime, float] | None = None
        self._max_retries = max_retries
        self.timeout = timeout
        self.user_agent = user_agent
        self._session = requests.Session()
        # As `auth`, not as a header, which requests would replace with a netrc entry.
        self._session.auth = auth
        # `answer.body` decompresses it.
        self._session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "gzip"})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=4 * connections))
        self.begin(url)

    def below(self, prefix: str) -> Self:
        """Return a client for the paths below a prefix, such as one company of a firm.

        It shares the connections, the limit and the clock, and counts its requests on its own.

        Args:
            prefix: With a leading slash.
        """
        client = copy.copy(self)
        client.begin(self._url + prefix)
        return client

    def begin(self, url: str) -> None:
        """Send requests to the paths below a URL from now on, and count from zero."""
        self._url = url
        self._usage = Usage()
        self._thread = threading.local()
        self._is_abandoned = False
        self._attempt = self.persistent(self._authorized)

    def persistent(self, attempt: Callable[P, T]) -> Callable[P, T]:
        """Wrap an attempt, whose first argument names it, with retries of transient failures."""
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
        """Send a GET request, with retries, and decode the response.

        Args:
            path: Below the API's prefix, with a leading slash.
            params: The query.

        Returns:
            The JSON document; numbers with a fraction are `Decimal`.

        Raises:
            FatalError: The token is refused, or the host is not Pennylane.
            RefusedError: The request is refused.
            UnavailableError: All attempts failed, or the server asks for too long a wait.
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
                return  # another thread got the same refusal
            self._limits[place] = limit
        _logger.warning("%s is read with %d rows per page: %s", place, limit, words)

    def post(self, path: str, body: Mapping[str, Any]) -> object:
        """Send a POST request, with retries: it must be harmless if it arrives twice.

        Args:
            path: Below the API's prefix, with a leading slash.
            body: The JSON to send.

        Returns:
            The JSON document.

        Raises:
            FatalError: The token is refused, or the host is not Pennylane.
            RefusedError: The request is refused.
            UnavailableError: All attempts failed, or the server asks for too long a wait.
        """
        return self._send(path, None, body)

    def _send(self, path: str, *query_and_body: Mapping[str, Any] | None) -> object:
        try:
            return self._attempt(path, *query_and_body)
        except TransientError as error:
            msg = (
                f"{self._url}{path} kept failing; last error: {error}. "
                "Nothing is lost: run again once Pennylane and the network are available"
            )
            raise UnavailableError(msg) from error

    def answers(self) -> bool:
        """Return whether the API responds at all, by a single request without retries."""
        try:
            self._exchange("/me", None)
        except TransientError as error:
            return error.retry_after is not None
        except PennylaneError:
            return True
        return True

    @contextmanager
    def budget_for(self, url: str) -> Iterator[None]:
        """Take a slot for a request sent by the caller, if it goes to the API's own host."""
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
        """Send no more requests: the run has ended, but other threads may still be reading."""
        self._is_abandoned = True

    def count(self, more: Usage) -> None:
        """Add to the usage that this thread counts into."""
        with self._lock:
            usage = getattr(self._thread, "usage", self._usage)
            for name, value in vars(more).items():
                setattr(usage, name, getattr(usage, name) + value)

    @contextmanager
    def counting(self, usage: Usage) -> Iterator[None]:
        """Count this thread's requests in `usage` instead of the client's own usage."""
        self._thread.usage = usage
        yield
        del self._thread.usage

    def readers(self) -> int:
        """Return how many requests to keep in flight: no more than the rate limit can use."""
        return min(self._connections, self._limiter.useful_concurrency())

    def next_slot(self) -> float:
        """Return the estimated seconds until a request can be sent; 0 if one can."""
        return self._limiter.next_slot()

    @property
    def usage(self) -> Usage:
        """The usage so far."""
        return replace(self._usage, seconds_waited=self._limiter.seconds_waited())

    def now(self) -> datetime:
        """Return the time by the server's clock, or by ours before its first response."""
        if self._server_clock is None:
            return datetime.now(UTC)
        moment, at = self._server_clock
        return moment + timedelta(seconds=time.monotonic() - at)

    def _authorized(
        self, path: str, params: Mapping[str, Any] | None, body: Mapping[str, Any] | None = None
    ) -> object:
        """Send a request, and again if its token was replaced."""
        while True:
            try:
                return self._exchange(path, params, body)
            except UnauthorizedError:
                if not self.renew():
                    raise

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
            # `Date` has whole seconds: the later estimate is closer, and time never goes back.
            known = self.now() if self._server_clock else date
            self._server_clock = max(date, known), time.monotonic()
        if response.status_code not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            self._refuse(response, content, path)
        return answer.document(content)

    def _refuse(self, response: requests.Response, content: bytes, path: str) -> None:
        status, words = response.status_code, answer.words(content, str(response.reason))
        cause = f"HTTP {status}: {words}"
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self.count(Usage(rate_limited=1))
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            wait = answer.retry_after(response)
            if wait is not None and wait > answer.LONGEST_PAUSE:
                moment = self.now() + timedelta(seconds=wait)
                msg = (
                    f"Pennylane asks to wait {timedelta(seconds=round(wait))} before {path} is "
                    f"requested again ({cause}). Run again after {moment:%Y-%m-%d %H:%M} UTC"
                )
                raise UnavailableError(msg)
            if wait is not None and status == HTTPStatus.TOO_MANY_REQUESTS:
                self._limiter.pause(wait)
            raise TransientError(cause, wait)
        raise refusal(path, status, words, response.headers.get("location"))

    def _mention_slowness(self) -> None:
        """Warn once if the server's headers leave less of the budget than this run should have."""
        pace = self._limiter.pace()
        with self._lock:
            if pace is None or self._has_warned_of_slowness.is_set():
                return
            self._has_warned_of_slowness.set()
        _logger.warning(
            "Pennylane reports fewer free requests (ratelimit-remaining) than this run leaves: "
            "another program uses the token. Reading continues at about %d requests per %g s",
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
    """Yield the seconds before each retry: as the server asks, else exponential with jitter."""
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

"""The request budget of a token: a number of requests in any window of some seconds."""

import re
from collections import deque
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Limit:
    """A number of requests in a number of seconds."""

    requests: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> "Limit | None":
        """Read `25/5` or `none`."""
        if text == "none":
            return None
        match = re.fullmatch(r"(\d+)/(\d+(?:\.\d+)?)", text)
        if match is None or int(match[1]) < 1 or float(match[2]) <= 0:
            msg = f"a rate limit looks like 25/5 or none, not {text!r}"
            raise ValueError(msg)
        return cls(int(match[1]), float(match[2]))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may pass, and the values for its answer's headers."""

    retry_after: int | None
    headers: list[tuple[bytes, bytes]]


class Limiter:
    """A sliding window per token."""

    def __init__(self, limit: Limit) -> None:
        """Start with an unused budget."""
        self._limit = limit
        self._passed: dict[str, deque[float]] = {}

    def ask(self, token: str, now: float) -> Verdict:
        """Count a request if it may pass."""
        limit = self._limit
        passed = self._passed.setdefault(token, deque())
        while passed and passed[0] <= now - limit.seconds:
            passed.popleft()
        allowed = len(passed) < limit.requests
        if allowed:
            passed.append(now)
        reset = passed[0] + limit.seconds
        headers = [
            (b"ratelimit-limit", b"%d" % limit.requests),
            (b"ratelimit-remaining", b"%d" % (limit.requests - len(passed))),
            (b"ratelimit-reset", b"%d" % ceil(reset)),
        ]
        if allowed:
            return Verdict(None, headers)
        wait = max(1, ceil(reset - now))
        return Verdict(wait, [*headers, (b"retry-after", b"%d" % wait)])

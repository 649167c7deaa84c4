"""Statistics of requests to the API, for tests."""

from collections import Counter, defaultdict, deque
from typing import Any


class Stats:
    """Counts of requests and answers."""

    def __init__(self, window: float) -> None:
        """Start at zero; `window` is the rate limit's."""
        self._window = window
        self.reset()

    def reset(self) -> None:
        """Reset everything."""
        self._requests: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()
        self._rows: Counter[str] = Counter()
        self._queries: dict[str, dict[str, str]] = {}
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)
        self._rate_limited = 0
        self._busiest = 0

    def received(self, token: str, path: str, query: dict[str, str], now: float) -> None:
        """Count an incoming request."""
        self._requests[path] += 1
        self._queries[path] = query
        recent = self._recent[token]
        while recent and recent[0] <= now - self._window:
            recent.popleft()
        recent.append(now)
        self._busiest = max(self._busiest, len(recent))

    def answered(self, path: str, status: int, rows: int) -> None:
        """Count an answer and its rows."""
        self._statuses[str(status)] += 1
        if rows:
            self._rows[path] += rows

    def limited(self) -> None:
        """Count a request refused by the rate limit."""
        self._rate_limited += 1

    def report(self) -> dict[str, Any]:
        """Return all counts."""
        return {
            "requests": dict(self._requests),
            "statuses": dict(self._statuses),
            "total": self._requests.total(),
            "rate_limited": self._rate_limited,
            "busiest_window": self._busiest,
            "rows": dict(self._rows),
            "last_query": self._queries,
        }

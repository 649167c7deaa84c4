"""METRIC lines about requests: what a display of a running load needs."""

from __future__ import annotations

import threading

from singer_sdk.metrics import Counter, Metric

INTERVAL = 2.0
"""Seconds between two METRIC lines of one counter, at least: the SDK's 60 are too rare to watch."""

SHARE = "rate_limit_used"
"""The tag that says what part of the request budget was in use, from 0 to 1."""


class RequestMeter:
    """Counts requests, and logs the count once in a while. Safe to share between threads."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._lock = threading.Lock()
        self._counter = Counter(Metric.HTTP_REQUEST_COUNT, {}, log_interval=INTERVAL)

    def sent(self, share: float) -> None:
        """Count one request.

        Args:
            share: The part of the request budget in use, this request included.
        """
        with self._lock:
            self._counter.tags[SHARE] = round(share, 2)
            self._counter.increment()

    def flush(self) -> None:
        """Log what was not logged yet."""
        with self._lock:
            if self._counter.value:
                self._counter.exit()

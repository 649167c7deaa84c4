"""METRIC lines about requests, for a progress display."""

from __future__ import annotations

import threading

from singer_sdk.metrics import Counter, Metric

INTERVAL = 2.0
"""Minimum seconds between two METRIC lines of a counter; the SDK's 60 are too long to watch."""

SHARE = "rate_limit_used"
"""The tag with the share of the request budget in use, from 0 to 1."""


class RequestMeter:
    """Counts requests, and logs the count at intervals. Thread-safe."""

    def __init__(self) -> None:
        """Start at zero."""
        self._lock = threading.Lock()
        self._counter = Counter(Metric.HTTP_REQUEST_COUNT, {}, log_interval=INTERVAL)

    def sent(self, share: float) -> None:
        """Count one request.

        Args:
            share: The share of the request budget in use, this request included, from 0 to 1.
        """
        with self._lock:
            self._counter.tags[SHARE] = round(share, 2)
            self._counter.increment()

    def flush(self) -> None:
        """Log the requests that were counted since the last METRIC line."""
        with self._lock:
            if self._counter.value:
                self._counter.exit()

"""The request budget of one token."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Limiter:
    """At most `requests` in any `window` seconds, shared by all threads of the process.

    A slot is given back one window after its answer came, not after its request left: the server
    counts arrivals, and a slow request may arrive late. So a 429 can't be of our making.
    """

    def __init__(
        self,
        requests: int,
        window: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start with a full budget.

        Args:
            requests: How many requests the API allows in one window.
            window: The window's length in seconds.
            clock: The current time in seconds, never going back.
            sleep: Waits the given seconds.
        """
        self._requests = requests
        self._window = window
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._in_flight = 0
        self._free_at: deque[float] = deque()
        self._closed_until = 0.0
        self._others = 0
        self._others_until = 0.0
        self._doubt_at: float | None = None

    def acquire(self) -> float:
        """Wait for a slot and take it; `release` must follow when the answer came or failed.

        Returns:
            The seconds waited.
        """
        waited = 0.0
        while True:
            with self._lock:
                wait = self._wait()
                if wait <= 0:
                    self._in_flight += 1
                    return waited
            self._sleep(wait)
            waited += wait

    def release(self, remaining: int | None = None, reset_in: float | None = None) -> None:
        """Give the slot back, with what the answer's headers say of the budget.

        Args:
            remaining: `ratelimit-remaining`: requests that the server still allows.
            reset_in: Seconds until the server allows all of them again.
        """
        with self._lock:
            now = self._clock()
            self._in_flight -= 1
            self._free_at.append(now + self._window)
            if remaining is not None:
                reset_in = self._window if reset_in is None else min(reset_in, self._window)
                self._heed(remaining, now, now + reset_in)

    def pause(self, seconds: float) -> None:
        """Send nothing for this long: the server said so."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    def _wait(self) -> float:
        now = self._clock()
        while self._free_at and self._free_at[0] <= now:
            self._free_at.popleft()
        if now >= self._others_until:
            self._others = 0
        if now < self._closed_until:
            return self._closed_until - now
        if self._in_flight + len(self._free_at) + self._others < self._requests:
            return 0
        next_free = [*self._free_at][:1] + ([self._others_until] if self._others else [])
        # All slots in flight: look again soon, an answer gives the time to wait for.
        return min(next_free) - now if next_free else self._window / self._requests

    def _heed(self, remaining: int, now: float, reset: float) -> None:
        """Leave the slots alone that somebody else used, until the server gives them back.

        A header that is still low after that may be wrong: from then on a fifth of the budget is
        ours, and a 429 would be the truth.
        """
        others = self._requests - remaining - self._in_flight - len(self._free_at)
        if others <= 0:
            self._doubt_at = None
            return
        if self._doubt_at is None:
            self._doubt_at = reset
        if now >= self._doubt_at:
            others = min(others, self._requests - max(1, self._requests // 5))
        if others >= self._others:
            self._others, self._others_until = others, reset

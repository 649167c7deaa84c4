"""The request budget of one token."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


GRAIN = 0.02
"""Allowance for the inaccuracy of clocks and schedulers, in seconds."""

JITTER, MOST_JITTER = 0.1, 0.05
"""How much network latency varies between requests: a share of the quickest exchange, and a maximum
in seconds, since an exchange also includes the server's own time."""


class Slot(NamedTuple):
    """A place in the budget."""

    taken_at: float
    used: int
    """How many of our slots were in use then, this one included."""


class Limiter:
    """Allows at most `requests` in any `window` seconds, for all threads of the process.

    The server counts arrivals, which we cannot observe: a request arrives some time after it was
    sent and before its response. The quickest exchange so far shows how much time always passes;
    any longer exchange is assumed to have arrived late. So this process alone never causes a 429.

    Another program may use the same token, or a run that has just ended may have. The response
    headers show how many slots it used; these are left free until the headers release them.
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
            requests: How many requests the API allows per window.
            window: The window's length in seconds.
            clock: Returns the time in seconds, monotonically.
            sleep: Waits the given seconds.
        """
        self._requests = requests
        self._window = window
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._in_flight = 0
        self._answered: deque[tuple[float, float]] = deque()
        """Slots that are not free yet: when the response came, and when the slot was taken."""
        self._quickest = float("inf")
        self._typical = 0.0
        self._closed_until = 0.0
        self._others = 0
        self._others_until = 0.0
        self._oldest_until = 0.0
        self._doubt_at: float | None = None
        self._is_slowed = False
        self._seconds_waited = 0.0
        self._waiting_until = clock()

    def acquire(self) -> Slot:
        """Wait for a slot and take it; call `release` after the response or an error."""
        while True:
            with self._lock:
                wait = self.seconds_until_free()
                if wait <= 0:
                    return self.take()
                self._count_wait(wait)
            self._sleep(wait)

    def take(self) -> Slot:
        """Take a slot, which must be free according to `seconds_until_free`."""
        self._in_flight += 1
        return Slot(self._clock(), self._used())

    def release(
        self, slot: Slot, remaining: int | None = None, reset_in: float | None = None
    ) -> None:
        """Return a slot, with the rate limit's state from the response headers.

        Args:
            slot: The slot that `acquire` returned.
            remaining: `ratelimit-remaining`: requests that the server still allows.
            reset_in: Seconds until the server allows all of them again.
        """
        with self._lock:
            now = self._clock()
            self._in_flight -= 1
            spent = now - slot.taken_at
            self._quickest = min(self._quickest, spent)
            self._typical = (self._typical * 3 + spent) / 4 if self._typical else spent
            self._answered.append((now, slot.taken_at))
            if remaining is not None:
                reset_in = self._window if reset_in is None else min(reset_in, self._window)
                used = self._requests - remaining
                # Of ours, it had counted those in use when this one was sent, or some more since.
                self._reserve_for_others(
                    used - max(slot.used, self._used()), slot, now, now + reset_in
                )
                if self._others:
                    self._others = max(
                        0, min(self._others, used - self._certainly_counted(slot, now))
                    )

    def pause(self, seconds: float) -> None:
        """Give out no slot for this many seconds, because the server asked for it."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    def useful_concurrency(self) -> int:
        """Return how many requests in flight use the entire budget; more would only wait.

        This is three times what a steady pace needs, because slots are released in bursts.
        """
        with self._lock:
            return math.ceil(3 * self._requests / self._window * self._typical) + 1

    def share_in_use(self) -> float:
        """Return the share of the budget in use by us and by others, from 0 to 1."""
        with self._lock:
            self.seconds_until_free()  # releases expired slots
            return min(1.0, (self._used() + self._others) / self._requests)

    def next_slot(self) -> float:
        """Return the seconds until a slot may be free, 0 if one is; no slot is taken."""
        with self._lock:
            wait = self.seconds_until_free()
            self._count_wait(wait)
            return wait

    def seconds_waited(self) -> float:
        """Return the seconds in which at least one thread waited for a slot."""
        with self._lock:
            return self._seconds_waited - max(0.0, self._waiting_until - self._clock())

    def pace(self) -> tuple[int, float] | None:
        """Return our share, as requests and seconds; None unless the server's headers reduce it."""
        with self._lock:
            return (self._requests - self._others, self._window) if self._is_slowed else None

    def seconds_until_free(self) -> float:
        """Return the seconds until a slot may be free; 0 if one is."""
        now = self._clock()
        # The quickest exchange as known now: the first ones included connecting and were too slow.
        spent = min(self._quickest, self._window)
        counted = self._window + GRAIN - spent + min(spent * JITTER, MOST_JITTER)
        while self._answered and self._answered[0][0] + counted <= now:
            self._answered.popleft()
        if now >= self._others_until:
            self._others = 0
        elif self._others and now >= self._oldest_until:
            self._others -= 1
            self._oldest_until = self._others_until
        if now < self._closed_until:
            return self._closed_until - now
        if self._used() + self._others < self._requests:
            return 0
        next_free = [answered + counted for answered, _ in [*self._answered][:1]] + (
            [min(self._oldest_until, self._others_until)] if self._others else []
        )
        # All slots are in flight: check again soon; a response will show how long to wait.
        return min(next_free) - now if next_free else self._window / self._requests

    def _count_wait(self, wait: float) -> None:
        """Add a wait that begins now, except the part already counted for another thread."""
        begin = self._clock()
        end = begin + max(0.0, wait)
        self._seconds_waited += max(0.0, end - max(begin, self._waiting_until))
        self._waiting_until = max(self._waiting_until, end)

    def _used(self) -> int:
        return self._in_flight + len(self._answered)

    def _certainly_counted(self, slot: Slot, now: float) -> int:
        """Return how many of our requests were in the server's window when it counted this one."""
        return 1 + sum(
            answered < slot.taken_at and taken + self._window > now
            for answered, taken in self._answered
        )

    def _reserve_for_others(self, others: int, slot: Slot, now: float, reset: float) -> None:
        """Reserve the slots that another program used, until the server releases them.

        A header that is still low after a window may be wrong. From then on we use a fifth of the
        budget anyway; a 429 would show that the header was right.
        """
        if others <= 0:
            self._doubt_at, self._is_slowed = None, False
            return
        if self._doubt_at is None:
            self._doubt_at = now + self._window
        if now >= self._doubt_at:
            self._is_slowed = True
            most = self._requests - max(1, self._requests // 5)
            others, self._others = min(others, most), min(self._others, most)
        if others >= self._others:
            self._others, self._others_until = others, now + self._window
            # The server says when the oldest slot is released: if before any of ours, it is theirs.
            ours = min(taken for _, taken in [*self._answered, (now, slot.taken_at)]) + self._window
            self._oldest_until = reset if reset <= ours else self._others_until

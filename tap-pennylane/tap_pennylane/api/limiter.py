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
"""Seconds that clocks and schedulers may err."""

JITTER, MOST_JITTER = 0.1, 0.05
"""What the way of a request to the server may differ from another's: a part of the quickest
exchange, and at most so many seconds, for the time that the server itself takes is none of it."""


class Slot(NamedTuple):
    """A place in the budget."""

    taken_at: float
    used: int
    """Slots of ours in use then, this one included."""


class Limiter:
    """At most `requests` in any `window` seconds, shared by all threads of the process.

    The server counts arrivals, which nobody here sees: a request arrives some time after it left
    and before its answer came. The quickest exchange so far tells how much of that is always spent;
    whatever an exchange takes longer is taken for a late arrival. So a 429 is not of our making.

    Others may use the same token, or a run of ours that ended just now did: the headers of the
    answers tell how much, and their slots are left alone until the headers say they are free.
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
        self._answered: deque[tuple[float, float]] = deque()
        """Slots that are not free again: when the answer came, and when they were taken."""
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
        """Wait for a slot and take it; `release` must follow when the answer came or failed."""
        while True:
            with self._lock:
                wait = self.seconds_until_free()
                if wait <= 0:
                    return self.take()
                self._count_wait(wait)
            self._sleep(wait)

    def take(self) -> Slot:
        """Take a slot that `seconds_until_free` said is free."""
        self._in_flight += 1
        return Slot(self._clock(), self._used())

    def release(
        self, slot: Slot, remaining: int | None = None, reset_in: float | None = None
    ) -> None:
        """Give the slot back, with what the answer's headers say of the budget.

        Args:
            slot: What `acquire` gave.
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
                # Of ours it had counted those when this one was sent, or some that came since.
                self._heed(used - max(slot.used, self._used()), slot, now, now + reset_in)
                if self._others:
                    self._others = max(0, min(self._others, used - self._surely_counted(slot, now)))

    def pause(self, seconds: float) -> None:
        """Send nothing for this long: the server said so."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    def useful_concurrency(self) -> int:
        """How many requests under way at once use the whole budget; more would only wait.

        Three times what an even pace needs: slots come free in bursts, as they were taken.
        """
        with self._lock:
            return math.ceil(3 * self._requests / self._window * self._typical) + 1

    def share_in_use(self) -> float:
        """The part of the budget that is in use, by us and by others: from 0 to 1."""
        with self._lock:
            self.seconds_until_free()  # gives back what is free again
            return min(1.0, (self._used() + self._others) / self._requests)

    def next_slot(self) -> float:
        """Seconds until a slot may be free; 0 if one is. It is not taken."""
        with self._lock:
            wait = self.seconds_until_free()
            self._count_wait(wait)
            return wait

    def seconds_waited(self) -> float:
        """Seconds so far in which somebody waited for a slot, however many did at once."""
        with self._lock:
            return self._seconds_waited - max(0.0, self._waiting_until - self._clock())

    def pace(self) -> tuple[int, float] | None:
        """Requests per seconds that are left to us; None unless the server's headers slow us."""
        with self._lock:
            return (self._requests - self._others, self._window) if self._is_slowed else None

    def seconds_until_free(self) -> float:
        """Seconds until a slot may be free; 0 if one is."""
        now = self._clock()
        # By the quickest exchange of today: the first ones had to connect, and tell too much.
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
        # All slots in flight: look again soon, an answer gives the time to wait for.
        return min(next_free) - now if next_free else self._window / self._requests

    def _count_wait(self, wait: float) -> None:
        """Add a wait that begins now, but for the part that was counted for somebody else."""
        begin = self._clock()
        end = begin + max(0.0, wait)
        self._seconds_waited += max(0.0, end - max(begin, self._waiting_until))
        self._waiting_until = max(self._waiting_until, end)

    def _used(self) -> int:
        return self._in_flight + len(self._answered)

    def _surely_counted(self, slot: Slot, now: float) -> int:
        """How many of ours the server had in its window when it counted this one."""
        return 1 + sum(
            answered < slot.taken_at and taken + self._window > now
            for answered, taken in self._answered
        )

    def _heed(self, others: int, slot: Slot, now: float, reset: float) -> None:
        """Leave the slots alone that somebody else used, until the server gives them back.

        A header that is still low after a window may be wrong: from then on a fifth of the budget
        is ours, and a 429 would be the truth.
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
            # The server says when the oldest slot of all is free: theirs, if it comes before ours.
            ours = min(taken for _, taken in [*self._answered, (now, slot.taken_at)]) + self._window
            self._oldest_until = reset if reset <= ours else self._others_until

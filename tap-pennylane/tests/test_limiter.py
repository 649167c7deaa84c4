"""The request budget, against a server that counts arrivals in a sliding window."""

from __future__ import annotations

import heapq
import itertools
import math
import random
import threading
import time
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tap_pennylane.api.limiter import JITTER, MOST_JITTER, Limiter


@dataclass
class Clock:
    """A clock that moves only when someone waits."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def busiest(moments: list[float], window: float) -> int:
    """The maximum number of arrivals in any window."""
    ordered = sorted(moments)
    return max(
        sum(start <= moment < start + window for moment in ordered[index:])
        for index, start in enumerate(ordered)
    )


def limiter(clock: Clock, requests: int = 25, window: float = 5.0) -> Limiter:
    return Limiter(requests, window, clock=clock, sleep=clock.sleep)


@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3), st.floats(0, 1)), min_size=1, max_size=120)
)
def test_never_more_arrivals_than_allowed_whatever_the_latency(
    exchanges: list[tuple[float, float, float]],
) -> None:
    clock = Clock()
    budget = limiter(clock, requests=7)
    arrivals = []
    # The quickest exchange comes first: 0.1 s there and 0.1 s back.
    for late, slow, pause in [(0.0, 0.0, 0.0), *exchanges]:
        slot = budget.acquire()
        arrivals.append(clock.now + 0.1 + late)
        clock.sleep(0.1 + late + 0.1 + slow)
        budget.release(slot)
        clock.sleep(pause)
    assert busiest(arrivals, 5.0) <= 7


class Server:
    """Counts arrivals in a sliding window, and refuses excess requests."""

    def __init__(self, requests: int, window: float, earlier: list[float]) -> None:
        self.requests, self.window = requests, window
        self.passed = sorted(earlier)
        self.refused = 0

    def arrive(self, now: float) -> tuple[int, float]:
        """Count a request; return `ratelimit-remaining` and the seconds until a slot is free."""
        self.passed = [moment for moment in self.passed if moment > now - self.window]
        if len(self.passed) < self.requests:
            self.passed.append(now)
        else:
            self.refused += 1
        return self.requests - len(self.passed), math.ceil(self.passed[0] + self.window - now)


def late(chance: random.Random) -> float:
    """An occasional extra delay of a request or response, in seconds."""
    return chance.choice([0, 0, 0.001, chance.expovariate(10)])


@given(
    seed=st.integers(0, 10**9),
    latency=st.sampled_from([0.01, 0.05, 0.4, 1.5, 4.0]),
    readers=st.integers(1, 16),
    earlier=st.lists(st.floats(-5, 0), max_size=24),
)
def test_side_by_side_nothing_is_refused_even_just_after_another_run(
    seed: int, latency: float, readers: int, earlier: list[float]
) -> None:
    """A response takes at least `latency`, most of it at the server and on the way back."""
    way = min(latency * JITTER, MOST_JITTER)
    chance = random.Random(seed)  # noqa: S311 - delays, no secrets
    clock = Clock()
    budget = limiter(clock)
    server = Server(25, 5.0, earlier)
    first, said = budget.acquire(), server.arrive(clock.now)  # `/me`, requested alone
    clock.sleep(latency)
    budget.release(first, *said)
    order = itertools.count()
    events: list[tuple[float, int, str, Any]] = [
        (clock.now, next(order), "ask", None) for _ in range(readers)
    ]
    heapq.heapify(events)
    answered = 0
    while answered < 150:
        clock.now, _, event, about = heapq.heappop(events)
        if event == "ask":
            wait = budget.seconds_until_free()
            if wait > 0:
                heapq.heappush(events, (clock.now + wait, next(order), "ask", None))
                continue
            there = chance.uniform(0, way) + late(chance)
            about = budget.take(), latency - way + late(chance)
            heapq.heappush(events, (clock.now + there, next(order), "arrive", about))
        elif event == "arrive":
            slot, back = about
            about = slot, *server.arrive(clock.now)
            heapq.heappush(events, (clock.now + back, next(order), "answer", about))
        else:
            budget.release(*about)
            answered += 1
            heapq.heappush(events, (clock.now, next(order), "ask", None))
    assert server.refused == 0
    # And the budget is used, except for what the readers cannot send while they wait.
    possible = min(25 / 5, readers / (latency + 0.1))
    assert clock.now <= 5 + 150 / possible * 1.5


def test_the_whole_budget_is_used_at_once() -> None:
    clock = Clock()
    budget = limiter(clock)
    for _ in range(25):
        budget.release(budget.acquire())
    assert clock.now == 0
    budget.acquire()
    assert 5 <= clock.now < 5.1


def test_another_programs_requests_are_heeded_until_the_reset() -> None:
    clock = Clock()
    budget = limiter(clock)
    budget.release(budget.acquire(), remaining=2, reset_in=3)
    for _ in range(2):
        budget.release(budget.acquire())
    assert clock.now == 0
    budget.acquire()
    assert clock.now == 3


def test_a_slot_that_another_program_gave_back_is_not_given_back_twice() -> None:
    clock = Clock()
    budget = limiter(clock)
    budget.release(budget.acquire(), remaining=23, reset_in=1)  # one slot is another program's …
    clock.now = 0.1
    budget.release(budget.acquire(), remaining=23, reset_in=5)  # … and free again
    for _ in range(23):
        budget.release(budget.acquire())
    assert clock.now == 0.1
    clock.now = 1.5
    budget.acquire()
    assert clock.now >= 5


def test_a_header_that_never_recovers_does_not_stall_a_run() -> None:
    clock = Clock()
    budget = limiter(clock)
    for _ in range(50):
        budget.release(budget.acquire(), remaining=0, reset_in=5)
    assert clock.now <= 5 + 51  # after the first reset, a fifth of the budget is ours


def test_a_pause_holds_everybody_back() -> None:
    clock = Clock()
    budget = limiter(clock)
    budget.pause(17)
    budget.acquire()
    assert clock.now == 17


def test_threads_share_one_budget() -> None:
    budget = Limiter(5, 0.2)
    sent: list[float] = []

    def work() -> None:
        for _ in range(5):
            slot = budget.acquire()
            sent.append(time.monotonic())
            budget.release(slot)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == 30
    assert busiest(sent, 0.2) <= 5

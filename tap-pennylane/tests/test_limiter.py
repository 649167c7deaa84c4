"""The request budget, against a server that counts arrivals in a sliding window."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from tap_pennylane.limiter import Limiter


@dataclass
class Clock:
    """A clock that moves only when someone waits."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def busiest(moments: list[float], window: float) -> int:
    """The most arrivals in any window."""
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
    # The quickest exchange comes first: 0.1 s there and 0.1 s for the answer.
    for late, slow, pause in [(0.0, 0.0, 0.0), *exchanges]:
        slot = budget.acquire()
        arrivals.append(clock.now + 0.1 + late)
        clock.sleep(0.1 + late + 0.1 + slow)
        budget.release(slot)
        clock.sleep(pause)
    assert busiest(arrivals, 5.0) <= 7


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


def test_a_header_that_never_recovers_does_not_stall_a_run() -> None:
    clock = Clock()
    budget = limiter(clock)
    for _ in range(50):
        budget.release(budget.acquire(), remaining=0, reset_in=5)
    assert clock.now <= 5 + 51  # after the first reset a fifth of the budget is ours


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

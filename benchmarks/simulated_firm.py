"""A firm whose companies are read in simulated time, by the tap's own limiter and in its own order.

Requests take a fixed latency. Only what decides about time is the tap's: `Limiter`, `Turns`, and
`FirmState`, which says who needs a turn most.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from tap_pennylane.api.limiter import Limiter, Slot
from tap_pennylane.companies import Company
from tap_pennylane.firm_state import FirmState
from tap_pennylane.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LATENCY = 0.15
"""Seconds per request."""
LIMIT = (5, 1.0)
"""Requests, and the seconds in which they are allowed."""
READERS = 8
"""Requests in flight, at most."""
STARTING = 8.0
"""Seconds until a run sends its first request, and from its last one to its end."""
INTERVAL = 600.0
"""Seconds between the beginnings of two runs, unless one takes longer."""
FOLLOW = 15 * 60.0
"""The default of `follow_minutes`, in seconds."""
MOST_VERIFIED = 100
"""The default of `verify_requests`."""
PAGE_OF_FIRST_LOAD = 8
"""Requests of a first load between two looks at the clock."""
HOUR, DAY = 3600.0, 86400.0
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Costs:
    """What one company costs, in requests."""

    idle: int
    """Without changes: in every run."""
    hourly: int
    """Once an hour."""
    six_hourly: int
    """Every six hours."""
    daily: int
    """Once a day."""
    weekly: int
    """Within a week: its verification."""
    changed: int
    """With changes: on top of all that."""


class Clock:
    """Simulated seconds, and what happens when they have passed."""

    def __init__(self) -> None:
        """Start at 0."""
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def later(self, seconds: float, event: Callable[[], None]) -> None:
        """Let something happen after some seconds."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), event))

    def sleep(self, seconds: float) -> None:
        """Let time pass, with all that happens meanwhile."""
        until = self.now + seconds
        while self._events and self._events[0][0] <= until:
            self.next()
        self.now = until

    def next(self) -> None:
        """Let time pass until something happens."""
        self.now, _, event = heapq.heappop(self._events)
        event()


class Api:
    """Answers each request after `LATENCY`, as far as the token's limit allows."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nothing sent."""
        self.requests = 0
        self._clock = clock
        self._limiter = Limiter(*LIMIT, clock=clock, sleep=clock.sleep)
        self._in_flight = 0

    def send(self, requests: int, at_once: int = READERS) -> None:
        """Send requests, and wait for all answers."""
        for _ in range(requests):
            while self._in_flight >= at_once:
                self._clock.next()
            slot = self._limiter.acquire()
            self._in_flight += 1
            self.requests += 1

            def answer(slot: Slot = slot) -> None:
                self._limiter.release(slot)
                self._in_flight -= 1

            self._clock.later(LATENCY, answer)
        while self._in_flight:
            self._clock.next()


class _NoMessages:
    """Stands for the target."""

    def write_message(self, message: object) -> None:
        """Take a STATE message."""


@dataclass
class Simulated:
    """One company: when it was read, and when it changes next."""

    changes_at: float
    hour_at: float
    quarter_at: float
    day_at: float
    first_load: int = 0
    """Requests of its first load that are left."""


@dataclass
class Outcome:
    """What a simulation found."""

    companies: int
    requests: list[int] = field(default_factory=list)
    """Of each run."""
    seconds: list[float] = field(default_factory=list)
    """From the beginning of each run to the beginning of the next."""
    delays: list[float] = field(default_factory=list)
    """From each change until it was delivered, in seconds."""


class Firm:
    """Some companies, whose runs follow one another."""

    def __init__(
        self,
        companies: int,
        costs: Costs,
        *,
        changes_per_hour: float,
        first_loads: Sequence[int] = (),
        seed: int = 1,
    ) -> None:
        """Prepare it.

        Args:
            companies: How many are loaded already.
            costs: What each costs.
            changes_per_hour: How often each changes.
            first_loads: The requests of first loads that begin in the first run, one per company.
            seed: The same seed, the same history.
        """
        self._chance = random.Random(seed)  # noqa: S311 - a history, not a secret
        self._clock = Clock()
        self._api = Api(self._clock)
        self._costs = costs
        self._rate = changes_per_hour / HOUR
        self._state = FirmState({}, cast("Any", _NoMessages()))
        self.outcome = Outcome(companies)
        self._companies: dict[Company, Simulated] = {}
        self._turns: Turns[Company] | None = None
        self._verified_until = 0.0
        chance = self._chance
        for number in range(companies + len(first_loads)):
            company = Company(number, f"Company {number}")
            left = 0 if number < companies else first_loads[number - companies]
            self._companies[company] = Simulated(
                changes_at=chance.expovariate(self._rate),
                hour_at=-chance.random() * HOUR,
                quarter_at=-chance.random() * 6 * HOUR,
                day_at=-chance.random() * DAY,
                first_load=left,
            )
            if not left:
                self._state.note_read(company, EPOCH - timedelta(hours=1))

    def run_for(self, hours: float) -> Outcome:
        """Let run follow run for some hours."""
        while self._clock.now < hours * HOUR:
            began, sent = self._clock.now, self._api.requests
            self._run()
            self._clock.sleep(max(0.0, began + INTERVAL - self._clock.now))
            self.outcome.requests.append(self._api.requests - sent)
            self.outcome.seconds.append(self._clock.now - began)
        return self.outcome

    def _run(self) -> None:
        self._clock.sleep(STARTING / 2)
        self._api.send(1)  # the list of companies
        ordered = sorted(self._companies, key=self._state.need)
        loaded = [one for one in ordered if self._state.is_loaded(one)]
        new = [one for one in ordered if one not in set(loaded)]
        self._turns = Turns(loaded, new, self._read, follow_seconds=FOLLOW, clock=self._clock)
        self._turns.take()
        weeks = (self._clock.now - self._verified_until) / (7 * DAY)
        self._verified_until = self._clock.now
        self._api.send(min(MOST_VERIFIED, round(weeks * self._costs.weekly * len(loaded))))
        self._clock.sleep(STARTING / 2)

    def _read(self, company: Company) -> None:
        one, costs, began = self._companies[company], self._costs, self._clock.now
        while one.first_load > 0:
            one.first_load -= PAGE_OF_FIRST_LOAD
            self._api.send(PAGE_OF_FIRST_LOAD)
            if self._turns and self._turns.are_due():
                self._turns.follow()
        self._api.send(costs.idle + self._due(one, began))
        if one.changes_at <= began:
            self._api.send(costs.changed)
            while one.changes_at <= began:
                self.outcome.delays.append(self._clock.now - one.changes_at)
                one.changes_at += self._chance.expovariate(self._rate)
        self._state.note_read(company, EPOCH + timedelta(seconds=began))

    def _due(self, one: Simulated, now: float) -> int:
        """Return the requests of what is not read in every run."""
        requests = 0
        for name, span, cost in (
            ("hour_at", HOUR, self._costs.hourly),
            ("quarter_at", 6 * HOUR, self._costs.six_hourly),
            ("day_at", DAY, self._costs.daily),
        ):
            if now - getattr(one, name) >= span:
                setattr(one, name, now)
                requests += cost
        return requests

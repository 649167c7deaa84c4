"""The days of the company's books, and the format of its instants."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Final

LAST_DAY: Final = date(2026, 6, 30)
"""How far the books go unless told otherwise."""
_YEARS = 3
_DAYS_IN_MEMORY = 4096


class Calendar:
    """The days of the books: this year up to a day, and the two years before.

    Attributes:
        days: Each day.
        last_day: The last one, which the sandbox takes for today.
        months: The first and the last day of each complete month.
        is_extended: Whether they go beyond the default's last day, like those of `make demo`.
    """

    def __init__(self, until: date = LAST_DAY) -> None:
        """End on this day."""
        first = date(until.year - _YEARS + 1, 1, 1)
        number = (until - first).days + 1
        self.days = tuple((first + timedelta(days=n)).isoformat() for n in range(number))
        self.last_day = self.days[-1]
        self.is_extended = until > LAST_DAY
        following = (*self.days[1:], (until + timedelta(days=1)).isoformat())
        ends = [day for day, after in zip(self.days, following, strict=True) if after[8:] == "01"]
        self.months = tuple((f"{end[:8]}01", end) for end in ends)

    def year(self, ago: int) -> int:
        """Return the year that many years before the last one of the books."""
        return int(self.last_day[:4]) - ago


@lru_cache(4096)
def rank(day: str | None) -> int:
    """A number that sorts like the date; no date sorts first."""
    return 0 if day is None else date.fromisoformat(day).toordinal()


@lru_cache(_DAYS_IN_MEMORY)
def _date(day: str) -> date:
    return date.fromisoformat(day)


def shift(day: str, days: int) -> str:
    """The date that number of days later."""
    return (_date(day) + timedelta(days=days)).isoformat()


def instant(day: str, rng: Random) -> str:
    """An instant in office hours on that day, to the microsecond."""
    bits = rng.getrandbits(42)
    minute = bits % 600
    return (
        f"{day}T{8 + minute // 60:02}:{minute % 60:02}:{(bits >> 10) % 60:02}"
        f".{(bits >> 16) % 1_000_000:06}Z"
    )


def later(stamp: str, rng: Random) -> str:
    """When a row created then was last changed: often never."""
    draw = rng.random()
    return stamp if draw < 0.6 else instant(shift(stamp[:10], 1 + int(draw * 20)), rng)  # noqa: PLR2004 - a share of the rows


def rfc3339(micros: int) -> str:
    """Write microseconds since 1970 as the API does."""
    moment = datetime.fromtimestamp(micros // 1_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{micros % 1_000_000:06}Z"

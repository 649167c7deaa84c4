"""The fixed calendar of the company's books, and the format of its instants."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Final

FIRST_DAY: Final = date(2024, 1, 1)
DAYS: Final = tuple((FIRST_DAY + timedelta(days=n)).isoformat() for n in range(912))
LAST_DAY: Final = DAYS[-1]
MONTHS: Final = tuple(
    (day, max(other for other in DAYS if other[:7] == day[:7])) for day in DAYS if day[8:] == "01"
)
"""The first and the last day of each month."""
DAY_NUMBER: Final = {day: number for number, day in enumerate(DAYS)}


@lru_cache(4096)
def rank(day: str | None) -> int:
    """A number that sorts like the date; no date sorts first."""
    return 0 if day is None else date.fromisoformat(day).toordinal()


def shift(day: str, days: int) -> str:
    """The date that number of days later."""
    number = DAY_NUMBER.get(day, -1) + days
    if day in DAY_NUMBER and 0 <= number < len(DAYS):
        return DAYS[number]
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


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

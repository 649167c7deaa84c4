"""Formats moments and durations for people, in local time."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pennylane_launcher.errors import LauncherError

SETTING = "HEALTH_TIMEZONE"
UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))


def zone(settings: Mapping[str, str]) -> tzinfo | None:
    """Return the time zone in the settings; None is this machine's.

    Args:
        settings: environment variables, those of `.env` included.

    Raises:
        LauncherError: there is no such zone.
    """
    name = settings.get(SETTING)
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"{SETTING} is not a time zone like Europe/Paris: {name}"
        raise LauncherError(msg) from error


def local(moment: datetime, where: tzinfo | None) -> str:
    """Return a moment like `Mon 23 Nov 2026, 07:30 (CET)`.

    Args:
        moment: in UTC if it has no time zone.
        where: the time zone; None is this machine's.
    """
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    there = aware.astimezone(where)
    return f"{there:%a} {there.day} {there:%b %Y, %H:%M} ({there:%Z})"


def span(length: timedelta) -> str:
    """Return a duration in its largest suitable unit, like `40 minutes` or `3 days`."""
    for name, unit in UNITS:
        count = round(length / unit, 1) if name == "hour" and length < 3 * unit else length // unit
        # Days are used from two on: a day and a half is 36 hours.
        if count >= (2 if name == "day" else 1):
            return f"{count:g} {name}{'' if count == 1 else 's'}"
    return "a moment"

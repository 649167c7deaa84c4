"""What a stream owes in a run: decided once, from its bookmark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tap_pennylane.api.events import Position
from tap_pennylane.errors import FatalError
from tap_pennylane.replication.bookmark import FORMAT, Bookmark, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

MARGIN = timedelta(minutes=1)
"""The changelog is consumed from this much before the scan began: clocks have grains."""

AHEAD = timedelta(minutes=10)
"""A bookmark this far ahead of the server's clock is not a bookmark of this server."""


@dataclass(frozen=True)
class Terms:
    """What a stream is and what the settings ask of it: a bookmark of other terms is void."""

    name: str
    changelogs: tuple[str, ...] = ()
    start_date: str | None = None
    may_lack_date: bool = False
    """Whether records without a date are read whatever the start date."""
    once_lacked_undated: bool = False
    """Whether version 0.1.0 left records without a date out."""
    max_age: timedelta = timedelta()
    """Without changelogs: how old a read may get before the next one is due."""


@dataclass(frozen=True)
class Now:
    """The run in which a stream is read."""

    company: int
    began: datetime
    """By the server's clock, before anything of any stream was read."""
    version: int
    """Of the tables that are read whole; higher than in any earlier run, unless a clock erred."""
    columns: str
    """Fingerprint of the selected columns and of the stream maps."""


@dataclass(frozen=True)
class Scan:
    """Read the collection whole."""

    bookmark: Bookmark
    """A new one."""
    progress: Progress
    """Of the scan; part of the bookmark."""
    reason: str | None = None
    """Why the earlier bookmark can't be built upon; None where nothing is wrong."""


@dataclass(frozen=True)
class Resume:
    """Read what an earlier scan left, then follow the changelogs."""

    bookmark: Bookmark
    progress: Progress


@dataclass(frozen=True)
class Follow:
    """Read what the changelogs say has changed."""

    bookmark: Bookmark


@dataclass(frozen=True)
class NotDue:
    """Read nothing: the last read is fresh enough."""


Plan = Scan | Resume | Follow | NotDue


def decide(bookmark: Bookmark | None, terms: Terms, now: Now) -> Plan:
    """Decide what a stream owes.

    Args:
        bookmark: Of the stream's last run; None where there is none.
        terms: What the stream is now.
        now: The run.

    Raises:
        FatalError: The bookmark is of another system.
    """
    if bookmark is None:
        return _scan(None, terms, now)
    _refuse_the_future(bookmark, terms, now)
    if reason := _obstacle(bookmark, terms, now):
        return _scan(bookmark, terms, now, reason)
    if bookmark.scan:
        return Resume(bookmark, bookmark.scan)
    if terms.changelogs:
        return Follow(bookmark)
    if bookmark.read_at and terms.max_age:
        age = now.began - datetime.fromisoformat(bookmark.read_at)
        if age < terms.max_age:
            return NotDue()
    return _scan(bookmark, terms, now)


def start_over(
    bookmark: Bookmark, terms: Terms, now: Now, positions: Mapping[str, Position], reason: str
) -> Scan:
    """Decide to read a stream whole whose changelogs can't be followed.

    Args:
        bookmark: Of the stream's last run.
        terms: What the stream is now.
        now: The run.
        positions: How far the changelogs were read, as far as they were.
        reason: Why they can't be followed.
    """
    return _scan(bookmark, terms, now, reason, positions)


def _obstacle(bookmark: Bookmark, terms: Terms, now: Now) -> str | None:
    """Why a bookmark can't be built upon."""
    if bookmark.start_date != terms.start_date:
        return "the setting 'start_date' changed"
    if terms.once_lacked_undated and not bookmark.undated:
        return "an earlier version left out the records without a date"
    if bookmark.columns != now.columns:
        return "other columns are selected than then, or other stream maps set"
    if bookmark.scan and not terms.changelogs:
        return "the last read was cut off"
    if bookmark.scan is None and bookmark.changes.keys() != set(terms.changelogs):
        return "other changelogs are followed than then"
    return None


def _scan(
    earlier: Bookmark | None,
    terms: Terms,
    now: Now,
    reason: str | None = None,
    positions: Mapping[str, Position] | None = None,
) -> Scan:
    """A scan that begins.

    The changelogs take over from where they were read to a moment ago, or else from now.
    """
    start = Position((now.began - MARGIN).isoformat())
    progress = Progress(now.began.isoformat(), _new_version(earlier, now))
    bookmark = Bookmark(
        format=FORMAT,
        company=now.company,
        start_date=terms.start_date,
        undated=terms.may_lack_date,
        unlisted=bool(earlier and earlier.unlisted),
        columns=now.columns,
        version=earlier.version if earlier else None,
        changes={path: (positions or {}).get(path, start) for path in terms.changelogs},
        scan=progress,
    )
    return Scan(bookmark, progress, reason)


def _new_version(earlier: Bookmark | None, now: Now) -> int:
    """Versions only grow, whatever our clock does; odd follows even: see `ExportStream`."""
    version = now.version
    if earlier and earlier.version:
        version = max(version, earlier.version + 1)
    if earlier and earlier.scan:
        version = max(version, earlier.scan.version + 1)
    if earlier and earlier.version and version % 2 == earlier.version % 2:
        version += 1
    return version


def _refuse_the_future(bookmark: Bookmark, terms: Terms, now: Now) -> None:
    moments = [position.processed_at for position in bookmark.changes.values()]
    moments += [bookmark.scan.began] if bookmark.scan else []
    latest = max(map(datetime.fromisoformat, moments), default=None)
    if latest and latest > now.began + AHEAD:
        msg = (
            f"The state of '{terms.name}' is of {latest.isoformat()}, ahead of Pennylane's own "
            "clock: it is of another system. Start over with `meltano run --full-refresh …`"
        )
        raise FatalError(msg)

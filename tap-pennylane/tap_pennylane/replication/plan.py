"""Decides once per stream and run, from the bookmark, what to read."""

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
"""The changelog is consumed from this long before the scan began, since clocks are inexact."""

AHEAD = timedelta(minutes=10)
"""A bookmark this far ahead of the server's clock comes from another server."""


@dataclass(frozen=True)
class Terms:
    """The stream's properties and settings that its bookmark must match to be used."""

    name: str
    changelogs: tuple[str, ...] = ()
    start_date: str | None = None
    may_lack_date: bool = False
    """Whether records may lack a date; those are read regardless of the start date."""
    once_lacked_undated: bool = False
    """Whether version 0.1.0 omitted records without a date."""
    max_age: timedelta = timedelta()
    """How old a read, or a look at the changelogs, may be before the next one is due."""
    verify_within: timedelta = timedelta(days=7)
    """With changelogs: how old the last complete read may become."""


@dataclass(frozen=True)
class Now:
    """The facts about the current run."""

    company: int
    began: datetime
    """By the server's clock, before any stream was read."""
    version: int
    """The table version of full reads; higher than in any earlier run, unless a clock was wrong."""
    columns: str
    """Fingerprint of the selected columns and of the stream maps."""


@dataclass(frozen=True)
class Scan:
    """Read the complete collection."""

    bookmark: Bookmark
    """The new bookmark."""
    progress: Progress
    """The scan's progress, part of the bookmark."""
    reason: str | None = None
    """Why the earlier bookmark can't be used; None if that is not the reason for the scan."""


@dataclass(frozen=True)
class Resume:
    """Read what an interrupted scan left, then follow the changelogs."""

    bookmark: Bookmark
    progress: Progress


@dataclass(frozen=True)
class Follow:
    """Read the records that changed according to the changelogs."""

    bookmark: Bookmark


@dataclass(frozen=True)
class NotDue:
    """Read nothing, because the last read is recent enough.

    If a collection that this one derives from has changed in this run, some is read after all: see
    `derived.py`.
    """

    bookmark: Bookmark


Plan = Scan | Resume | Follow | NotDue


def decide(bookmark: Bookmark | None, terms: Terms, now: Now) -> Plan:
    """Decide what to read of a stream.

    Args:
        bookmark: The bookmark of the stream's last run; None if there is none.
        terms: The stream's current properties and settings.
        now: The current run.

    Raises:
        FatalError: The bookmark comes from another system.
    """
    if bookmark is None:
        return _scan(None, terms, now)
    _refuse_the_future(bookmark, terms, now)
    if reason := _obstacle(bookmark, terms, now):
        return _scan(bookmark, terms, now, reason)
    if bookmark.scan:
        return Resume(bookmark, bookmark.scan)
    last = bookmark.followed_at if terms.changelogs else bookmark.read_at
    if last and now.began - datetime.fromisoformat(last) < terms.max_age:
        return NotDue(bookmark)
    return Follow(bookmark) if terms.changelogs else _scan(bookmark, terms, now)


def start_over(
    bookmark: Bookmark,
    terms: Terms,
    now: Now,
    positions: Mapping[str, Position],
    reason: str | None = None,
) -> Scan:
    """Plan a full read because the changelogs can't be followed, or there is none to follow.

    Args:
        bookmark: The bookmark of the stream's last run.
        terms: The stream's current properties and settings.
        now: The current run.
        positions: How far each changelog was read; one that was not read is absent.
        reason: Why they can't be followed, if that is the reason.
    """
    return _scan(bookmark, terms, now, reason, positions)


def _obstacle(bookmark: Bookmark, terms: Terms, now: Now) -> str | None:
    """Return why a bookmark can't be used; None if it can."""
    if bookmark.start_date != terms.start_date:
        return "the setting 'start_date' changed"
    if terms.once_lacked_undated and not bookmark.undated:
        return "an earlier version omitted the records without a date"
    if bookmark.columns != now.columns:
        return "the selected columns or the stream maps changed"
    if bookmark.scan and not terms.changelogs:
        return "the last read was interrupted"
    if bookmark.scan is None and bookmark.changes.keys() != set(terms.changelogs):
        return "the changelogs of the stream changed"
    return None


def _scan(
    earlier: Bookmark | None,
    terms: Terms,
    now: Now,
    reason: str | None = None,
    positions: Mapping[str, Position] | None = None,
) -> Scan:
    """Return the plan for a new scan.

    Afterwards, the changelogs are followed from `positions` or, failing that, from now.
    """
    start = Position((now.began - MARGIN).isoformat())
    progress = Progress(now.began.isoformat(), new_version(earlier, now))
    bookmark = Bookmark(
        format=FORMAT,
        company=now.company,
        start_date=terms.start_date,
        undated=terms.may_lack_date,
        unlisted=bool(earlier and earlier.unlisted),
        columns=now.columns,
        version=earlier.version if earlier else None,
        moved=earlier.moved if earlier else {},
        changes={path: (positions or {}).get(path, start) for path in terms.changelogs},
        scan=progress,
    )
    return Scan(bookmark, progress, reason)


def new_version(earlier: Bookmark | None, now: Now) -> int:
    """Return a table version that is higher than any before, even if our clock is wrong.

    Odd and even versions alternate, for the two copies of an export: see `ExportStream`.
    """
    version = now.version
    if earlier and earlier.version:
        version = max(version, earlier.version + 1)
    for progress in (earlier.scan, earlier.verification) if earlier else ():
        version = max(version, progress.version + 1 if progress else 0)
    if earlier and earlier.version and version % 2 == earlier.version % 2:
        version += 1
    return version


def _refuse_the_future(bookmark: Bookmark, terms: Terms, now: Now) -> None:
    moments = [position.processed_at for position in bookmark.changes.values()]
    moments += [one.began for one in (bookmark.scan, bookmark.verification) if one]
    latest = max(map(datetime.fromisoformat, moments), default=None)
    if latest and latest > now.began + AHEAD:
        msg = (
            f"The state of '{terms.name}' dates from {latest.isoformat()}, ahead of Pennylane's "
            "clock: it comes from another system. Start over with `meltano run --full-refresh …`"
        )
        raise FatalError(msg)

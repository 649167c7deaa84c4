"""Which way a stream is read in this run, and what its bookmark says afterwards.

A scan reads the collection whole, a changelog only what changed since. The first scan hands over to
the changelog from the moment it began, so that nothing falls in between.
"""

from __future__ import annotations

import zlib
from array import array
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_pennylane.bookmark import FORMAT, Bookmark, Position, Scan
from tap_pennylane.errors import ExpiredError, FatalError, UntraceableError
from tap_pennylane.record import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_pennylane.ahead import Request
    from tap_pennylane.streams.base import PennylaneStream
    from tap_pennylane.streams.child import ChildStream
    from tap_pennylane.sync_log import Entry

MARGIN = timedelta(minutes=1)
"""The changelog is consumed from this much before the scan began: clocks have grains."""

AHEAD = timedelta(minutes=10)
"""A bookmark this far ahead of the server's clock is no bookmark of this server."""


def replicate(stream: PennylaneStream, entry: Entry) -> Iterator[dict[str, Any]]:
    """Deliver what a stream owes since its last run, and move its bookmark.

    Args:
        stream: What to read.
        entry: Of the record of runs; told the mode and what was delivered.

    Yields:
        Records, and tombstones: the key, the time of a deletion, and nothing else.

    Raises:
        FatalError: The state can't be used with this token.
        PennylaneError: Not all could be read; the bookmark says what is left.
    """
    bookmark = load(stream)
    way, reason = _way(stream, bookmark)
    positions: dict[str, Position] = {}
    if way == "not due":
        entry.mode = way
        return
    if bookmark and bookmark.scan and way == "resumed scan":
        entry.mode = way
        yield from _scan(stream, bookmark, bookmark.scan, entry)
        way = "changelog"
    if bookmark and way == "changelog":
        entry.mode = entry.mode or way
        try:
            yield from _follow(stream, bookmark, positions, entry)
        except UntraceableError as error:
            reason = str(error)
            entry.mode = "expired→scan" if isinstance(error, ExpiredError) else "scan"
        else:
            return
    if reason:
        stream.logger.info("'%s' is read whole again: %s.", stream.name, reason)
    entry.mode = entry.mode or "scan"
    progress = _new_scan(stream, bookmark)
    yield from _scan(stream, _new_bookmark(stream, bookmark, progress, positions), progress, entry)


def opening(stream: PennylaneStream) -> Iterable[Request]:
    """The first requests that `replicate` will send, as far as they are known beforehand.

    Raises:
        FatalError: The state can't be used with this token.
    """
    bookmark = load(stream)
    way, _ = _way(stream, bookmark)
    if bookmark and way == "changelog":
        for path in stream.changelogs:
            stream.tap.changelogs.expect(path, bookmark.changes[path])
    return stream.opening() if way == "scan" else ()


def lists_ahead(stream: ChildStream) -> int:
    """How many lists of single records `replicate` will read, a request or more each.

    Raises:
        PennylaneError: It can't be told.
    """
    bookmark = load(stream)
    way, _ = _way(stream, bookmark)
    if way == "not due":
        return 0
    if bookmark and way == "changelog":
        with suppress(UntraceableError):
            gone, _ = _changes(stream, bookmark, {})
            return len(gone) - sum(gone.values())
    left = bookmark.scan.left if bookmark and bookmark.scan and way == "resumed scan" else None
    return len(stream.parents(left))


def load(stream: PennylaneStream) -> Bookmark | None:
    """The stream's bookmark; None where there is none.

    Raises:
        FatalError: The state can't be used with this token.
    """
    bookmark = Bookmark.load(stream.stream_state, stream.name, stream.tap.company_id)
    if bookmark:
        _refuse_the_future(stream, bookmark)
    return bookmark


def _scan(
    stream: PennylaneStream, bookmark: Bookmark, progress: Scan, entry: Entry
) -> Iterator[dict[str, Any]]:
    """Deliver the collection, or what is left of it, and then say what is gone."""
    stream.activate(progress.version)
    stream.unlisted = bookmark.unlisted
    ids = array("q") if progress.left is None and stream.has_children else None
    for page, left in stream.whole(progress.left):
        for item in page:
            yield stream.read(item)
            entry.records += 1
        if ids is not None:
            ids.extend(item["id"] for item in page)
        stream.accompany(page)
        progress.left = left
        _remember(stream, bookmark)
    if ids is not None:
        stream.found(ids)
    stream.announce(progress.version)
    bookmark.scan = None
    bookmark.unlisted = stream.unlisted
    bookmark.version = progress.version
    bookmark.read_at = progress.began
    _remember(stream, bookmark)


def _follow(
    stream: PennylaneStream, bookmark: Bookmark, positions: dict[str, Position], entry: Entry
) -> Iterator[dict[str, Any]]:
    """Deliver what the changelogs name; `positions` then says how far they were read."""
    gone, steps = _changes(stream, bookmark, positions)
    stream.activate(bookmark.version or 0, whole=False)
    deleted = [identity for identity in gone if gone[identity]]
    yield from _tombstones(stream, deleted, entry)
    stream.accompany([], deleted)
    delivered = set(deleted)
    for asked, items in stream.again([identity for identity in gone if not gone[identity]]):
        began, missing = datetime.now(UTC), set(asked)
        for item in items:
            record = stream.read(item)
            missing.discard(record[stream.primary_keys[0]])
            stream.followed(record)
            yield record
            entry.records += 1
        if stream.replaces:
            yield from (stream.tombstone(identity, began) for identity in asked)
        else:
            yield from _tombstones(stream, sorted(missing), entry)
        stream.accompany(items, asked)
        delivered.update(asked)
        while steps and steps[0].ids <= delivered:
            step = steps.popleft()
            bookmark.changes = {**bookmark.changes, step.path: step.position}
        _remember(stream, bookmark)
    bookmark.changes = positions
    _remember(stream, bookmark)


def _tombstones(
    stream: PennylaneStream, ids: Sequence[int], entry: Entry
) -> Iterator[dict[str, Any]]:
    moment = datetime.now(UTC)
    for identity in ids:
        yield stream.tombstone(identity, moment)
        entry.tombstones += 1


class _Step(NamedTuple):
    """A changelog is consumed up to a position once these records are delivered."""

    path: str
    position: Position
    ids: set[int]


def _changes(
    stream: PennylaneStream, bookmark: Bookmark, positions: dict[str, Position]
) -> tuple[dict[int, bool], deque[_Step]]:
    """The records that changed, and whether they are gone; and the steps on the way.

    `positions` says how far the changelogs were read.
    """
    parts = {}
    for path in stream.changelogs:
        parts[path] = stream.tap.changelogs.since(path, bookmark.changes[path])
        positions[path] = parts[path][-1].position
    gone: dict[int, bool] = {}
    steps: deque[_Step] = deque()
    for path, key in stream.changelogs.items():
        events = [event for part in parts[path] for event in part.events]
        for identity, deleted in stream.changed(path, key, events).items():
            gone[identity] = gone.get(identity, False) or deleted
        for part in parts[path]:
            ids = set(stream.changed(path, key, part.events))
            steps.append(_Step(path, part.position, ids))
    return gone, steps


def _new_scan(stream: PennylaneStream, earlier: Bookmark | None) -> Scan:
    """A scan that begins now.

    Versions only grow, whatever our clock does; odd ones follow even ones: see `ExportStream`.
    """
    version = stream.tap.initialized_at
    if earlier and earlier.version:
        version = max(version, earlier.version + 1)
    if earlier and earlier.scan:
        version = max(version, earlier.scan.version + 1)
    if earlier and earlier.version and version % 2 == earlier.version % 2:
        version += 1
    return Scan(stream.tap.began.isoformat(), version)


def _new_bookmark(
    stream: PennylaneStream,
    earlier: Bookmark | None,
    progress: Scan,
    positions: dict[str, Position],
) -> Bookmark:
    """The bookmark of a scan that begins.

    The changelogs take over from where they were read to a moment ago, or else from now.
    """
    start = Position((datetime.fromisoformat(progress.began) - MARGIN).isoformat())
    return Bookmark(
        format=FORMAT,
        company=stream.tap.company_id,
        start_date=stream.config.get("start_date"),
        undated=stream.may_lack_date,
        unlisted=bool(earlier and earlier.unlisted),
        columns=_columns(stream),
        version=earlier.version if earlier else None,
        changes={path: positions.get(path, start) for path in stream.changelogs},
        scan=progress,
    )


def _way(stream: PennylaneStream, bookmark: Bookmark | None) -> tuple[str, str | None]:
    """How a stream is read in this run; if the bookmark can't be built upon, why."""
    if bookmark is None:
        return "scan", None
    if reason := _obstacle(stream, bookmark):
        return "scan", reason
    if bookmark.scan:
        return "resumed scan", None
    if stream.changelogs:
        return "changelog", None
    return ("scan" if stream.due(bookmark) else "not due"), None


def _obstacle(stream: PennylaneStream, bookmark: Bookmark) -> str | None:
    if bookmark.start_date != stream.config.get("start_date"):
        return "the setting 'start_date' changed"
    if stream.once_lacked_undated and not bookmark.undated:
        return "an earlier version left out the records without a date"
    if bookmark.columns != _columns(stream):
        return "other columns are selected than then, or other stream maps set"
    if bookmark.scan and not stream.changelogs:
        return "the last read was cut off"
    if bookmark.scan is None and bookmark.changes.keys() != stream.changelogs.keys():
        return "other changelogs are followed than then"
    return None


def _remember(stream: PennylaneStream, bookmark: Bookmark) -> None:
    bookmark.columns = _columns(stream)  # a companion may have failed meanwhile
    stream.remember(bookmark)


def _refuse_the_future(stream: PennylaneStream, bookmark: Bookmark) -> None:
    moments = [position.processed_at for position in bookmark.changes.values()]
    moments += [bookmark.scan.began] if bookmark.scan else []
    latest = max(map(datetime.fromisoformat, moments), default=None)
    if latest and latest > stream.tap.client.now() + AHEAD:
        msg = (
            f"The state of '{stream.name}' is of {latest.isoformat()}, ahead of Pennylane's own "
            "clock: it is of another system. Start over with `meltano run --full-refresh …`"
        )
        raise FatalError(msg)


def _columns(stream: PennylaneStream) -> str:
    """Fingerprint of the selected columns and of stream maps, a companion's too.

    The column of tombstones is none of them: no bookmark is void because it was declared.
    """
    parts = [
        (prefix, one) for prefix, one in (("", stream), ("companion ", stream.companion)) if one
    ]
    names = [
        f"{prefix}{name}"
        for prefix, one in parts
        for name in one.effective_schema["properties"]
        if name != DELETED_AT and one.mask[("properties", name)]
    ]
    names += [
        f"{prefix}{maps}"
        for prefix, one in parts
        if (maps := one.tap.stream_maps.fingerprint(one.name))
    ]
    return f"{zlib.crc32(' '.join(sorted(names)).encode()):08x}"

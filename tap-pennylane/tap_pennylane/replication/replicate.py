"""Carries out a stream's plan, and moves its bookmark.

A scan reads the complete collection; a changelog names only the records that changed since. After a
scan, the changelog is followed from the time at which the scan began, so that no change is missed.
"""

from __future__ import annotations

import logging
import zlib
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_pennylane.errors import ExpiredError, UntraceableError
from tap_pennylane.replication import changelog
from tap_pennylane.replication.bookmark import Bookmark
from tap_pennylane.replication.plan import (
    Follow,
    NotDue,
    Now,
    Resume,
    Scan,
    decide,
    start_over,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_pennylane.api.ahead import Request
    from tap_pennylane.api.collection import Items
    from tap_pennylane.record import RecordReader
    from tap_pennylane.replication.bookmark import Progress
    from tap_pennylane.replication.changelog import Changes
    from tap_pennylane.replication.children import IncludedChild
    from tap_pennylane.replication.output import Output
    from tap_pennylane.replication.plan import Plan, Terms
    from tap_pennylane.replication.source import Source
    from tap_pennylane.run import Run
    from tap_pennylane.sync_log import Entry

LOGGER = logging.getLogger("tap-pennylane.replication")


class Replication:
    """Reads what a stream's plan says, and moves its bookmark."""

    def __init__(
        self,
        run: Run,
        source: Source,
        reader: RecordReader,
        output: Output,
        terms: Terms,
        *,
        state: Mapping[str, Any],
        included: IncludedChild | None = None,
    ) -> None:
        """Prepare it; nothing is decided yet.

        Args:
            run: The objects that the company's streams share.
            source: What to read.
            reader: Converts items to records.
            output: Sends the records and the bookmark.
            terms: The properties and settings that the bookmark must match.
            state: The stream's part of the Singer state.
            included: The child stream whose lists are part of the responses.
        """
        self.source = source
        self._run = run
        self._reader = reader
        self._output = output
        self._included = included
        self._state = state
        self._terms = terms

    @cached_property
    def plan(self) -> Plan:
        """What to read in this run.

        Raises:
            FatalError: The state can't be used with this token.
        """
        bookmark = Bookmark.load(self._state, self._terms.name, self._run.company_id)
        return decide(bookmark, self._terms, self._now)

    @property
    def _now(self) -> Now:
        run = self._run
        return Now(run.company_id, run.began, run.version, self._columns())

    @property
    def _child(self) -> IncludedChild | None:
        """The included child stream, while it is wanted."""
        return self._included if self._included and self._included.is_wanted else None

    def opening(self) -> Iterable[Request]:
        """Return the first requests that `deliver` will send, as far as they are known beforehand.

        Changelogs are announced to the run instead, which shares them among the streams.
        """
        if isinstance(self.plan, Follow):
            for path in self.source.changelogs:
                self._run.changelogs.expect(path, self.plan.bookmark.changes[path])
        return self.source.opening() if isinstance(self.plan, Scan) else ()

    def deliver(self, entry: Entry) -> Iterator[dict[str, Any]]:
        """Read what the plan says.

        Args:
            entry: The stream's entry in the record of runs; receives the mode and the counts.

        Yields:
            Records, and tombstones: the key, the time of the deletion, and nulls.

        Raises:
            PennylaneError: Not everything could be read; the bookmark says what is left.
        """
        plan = self.plan
        if isinstance(plan, NotDue):
            entry.mode = "not due"
            return
        if isinstance(plan, Resume):
            entry.mode = "resumed scan"
            yield from self._scan(plan.bookmark, plan.progress, entry)
            plan = Follow(plan.bookmark)
        if isinstance(plan, Follow):
            entry.mode = entry.mode or "changelog"
            bookmark, events = plan.bookmark, {}
            try:
                events = changelog.read_events(
                    self._run.changelogs, self.source.changelogs, bookmark.changes
                )
                changes = changelog.trace(self.source, events)
            except UntraceableError as error:
                entry.mode = "expired→scan" if isinstance(error, ExpiredError) else "scan"
                reached = changelog.positions(events)
                plan = start_over(bookmark, self._terms, self._now, reached, str(error))
            else:
                yield from self._follow(bookmark, changes, entry)
                return
        if plan.reason:
            LOGGER.info("'%s' is read completely again: %s.", entry.stream, plan.reason)
        entry.mode = entry.mode or "scan"
        yield from self._scan(plan.bookmark, plan.progress, entry)

    def sample(self, count: int) -> Iterator[dict[str, Any]]:
        """Read a few records for a connection test, without plan or bookmark."""
        return map(self._reader.read, self.source.sample(count))

    def _scan(
        self, bookmark: Bookmark, progress: Progress, entry: Entry
    ) -> Iterator[dict[str, Any]]:
        """Deliver the collection, or what is left of it, then activate the table version."""
        self._begin(progress.version, is_whole=True)
        self.source.unlisted = bookmark.unlisted
        for items, left in self.source.read_all(progress.left):
            for item in items:
                yield self._reader.read(item)
                entry.records += 1
            self._send_along(items)
            progress.left = left
            self._remember(bookmark)
        for output in self._outputs():
            output.activate_version(progress.version)
        bookmark.scan = None
        bookmark.unlisted = self.source.unlisted
        bookmark.version = progress.version
        bookmark.read_at = progress.began
        self._remember(bookmark)

    def _follow(
        self, bookmark: Bookmark, changes: Changes, entry: Entry
    ) -> Iterator[dict[str, Any]]:
        """Deliver the changes that the changelogs name."""
        self._begin(bookmark.version or 0, is_whole=self.source.replaces)
        deleted = [identity for identity, is_gone in changes.gone.items() if is_gone]
        yield from self._tombstones(deleted, datetime.now(UTC), entry)
        self._send_along([], deleted)
        delivered = set(deleted)
        living = [identity for identity, is_gone in changes.gone.items() if not is_gone]
        for asked, items in self.source.fetch_by_ids(living):
            began, missing = datetime.now(UTC), set(asked)
            for item in items:
                record = self._reader.read(item)
                missing.discard(record[self._reader.keys[0]])
                yield record
                entry.records += 1
            if self.source.replaces:
                for identity in asked:
                    yield self._tombstone(identity, began)
            else:
                yield from self._tombstones(sorted(missing), datetime.now(UTC), entry)
            self._send_along(items, asked)
            delivered.update(asked)
            while changes.steps and changes.steps[0].ids <= delivered:
                step = changes.steps.popleft()
                bookmark.changes = {**bookmark.changes, step.path: step.position}
            self._remember(bookmark)
        bookmark.changes = changes.positions
        self._remember(bookmark)

    def _tombstones(
        self, identities: Sequence[int], moment: datetime, entry: Entry
    ) -> Iterator[dict[str, Any]]:
        for identity in identities:
            yield self._tombstone(identity, moment)
            entry.tombstones += 1

    def _tombstone(self, identity: int, moment: datetime) -> dict[str, Any]:
        return self._reader.tombstone(self.source.keys_of(identity), moment)

    def _send_along(self, items: Items, replaced: Sequence[int] = ()) -> None:
        """Send the lists of the included child stream that belong to items just delivered."""
        if child := self._child:
            child.deliver(items, replaced)

    def _begin(self, version: int, *, is_whole: bool) -> None:
        self._output.begin(version, is_whole=is_whole)
        if child := self._child:
            child.output.begin(version, is_whole=True)

    def _remember(self, bookmark: Bookmark) -> None:
        bookmark.columns = self._columns()  # the included child may have failed meanwhile
        self._output.remember(bookmark.dump())

    def _outputs(self) -> Iterator[Output]:
        """Yield the outputs of the stream and, while it is wanted, of its included child."""
        yield self._output
        if child := self._child:
            yield child.output

    def _columns(self) -> str:
        """Return a fingerprint of the selected columns and the stream maps."""
        prefixes = ("", "companion ")  # existing states contain fingerprints made from these
        names = [
            f"{prefix}{name}"
            for prefix, output in zip(prefixes, self._outputs(), strict=False)
            for name in output.columns()
        ]
        return f"{zlib.crc32(' '.join(sorted(names)).encode()):08x}"

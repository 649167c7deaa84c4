"""Carries out a stream's plan, and moves its bookmark.

A scan reads the complete collection; a changelog names only the records that changed since. After a
scan, the changelog is followed from the time at which the scan began, so that no change is missed.
"""

from __future__ import annotations

import logging
import zlib
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_pennylane.errors import ExpiredError
from tap_pennylane.replication import changelog, verification
from tap_pennylane.replication.bookmark import Bookmark, Progress
from tap_pennylane.replication.plan import (
    Follow,
    NotDue,
    Now,
    Resume,
    Scan,
    decide,
    new_version,
    start_over,
)
from tap_pennylane.replication.source import ALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_pennylane.api.ahead import Request
    from tap_pennylane.api.collection import Items
    from tap_pennylane.record import RecordReader
    from tap_pennylane.replication.budget import Budget
    from tap_pennylane.replication.changelog import Changes
    from tap_pennylane.replication.children import IncludedChild
    from tap_pennylane.replication.output import Output
    from tap_pennylane.replication.plan import Plan, Terms
    from tap_pennylane.replication.source import Source
    from tap_pennylane.run import Run
    from tap_pennylane.sync_log import Entry

LOGGER = logging.getLogger("tap-pennylane.replication")

LATENESS = timedelta(seconds=10)
"""How long after a deletion its event may be processed."""


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
        self._followed: Bookmark | None = None
        """The bookmark, once this run has followed the changelogs."""

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
        if not isinstance(plan, Scan):
            moved = plan.bookmark.moved.items()
            self.source.note_moved({key: datetime.fromisoformat(at) for key, at in moved})
        if isinstance(plan, NotDue):
            if not self.source.is_behind(plan.bookmark):
                yield from self._catch_up(plan.bookmark, entry)
                return
            plan = start_over(plan.bookmark, self._terms, self._now, {})
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
            except ExpiredError as error:
                entry.mode = "expired→scan"
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
        self.source.note_moved({ALL: self._run.began})
        for items, left in self.source.read_all(progress.left):
            for item in items:
                yield self._reader.read(item)
                entry.records += 1
            self._send_along(items)
            progress.records += len(items)
            progress.left = left
            self._remember(bookmark)
            self._run.between_pages()
        bookmark.scanned_until = self._run.client.now().isoformat()
        self._complete(bookmark, progress, entry)

    def _complete(self, bookmark: Bookmark, progress: Progress, entry: Entry) -> None:
        """Activate the table version: rows that were not sent with it are gone."""
        is_verified = bookmark.verification is not None
        if not (is_verified and self.source.unlisted):  # what was not listed may still exist
            for output in self._outputs():
                output.activate_version(progress.version)
        bookmark.scan = bookmark.verification = None
        bookmark.unlisted = self.source.unlisted
        bookmark.version = progress.version
        bookmark.read_at, bookmark.records = progress.began, progress.records
        self.source.note_scan(bookmark)
        self._remember(bookmark)
        entry.verified_at, entry.verified_share = datetime.fromisoformat(progress.began), None

    def _catch_up(self, bookmark: Bookmark, entry: Entry) -> Iterator[dict[str, Any]]:
        """Deliver what other collections' changes affect."""
        entry.mode = "not due"
        self._begin(bookmark.version or 0, is_whole=False)
        for piece in self.source.catch_up(bookmark, self._run.began):
            entry.mode = "derived"
            for item in piece.items:
                yield self._reader.read(item)
                entry.records += 1
            if piece.void:
                yield self._reader.tombstone(*piece.void)
            self._remember(bookmark)

    def urgency(self) -> float:
        """Return how urgent a verification is: see `verification.urgency`."""
        if (bookmark := self._followed) is None:
            return 0
        # Lines that were deleted during a full read are not known, so the views can't tell that
        # their entry is gone.
        deleted, scanned = self.source.untold_deletion, bookmark.scanned_until
        is_urgent = deleted and scanned and deleted < datetime.fromisoformat(scanned) + LATENESS
        within = timedelta() if is_urgent else self._terms.verify_within
        return verification.urgency(bookmark, within, self._run.began)

    def verify(self, budget: Budget, entry: Entry) -> Iterator[dict[str, Any]]:
        """Read the next part of a verification, after the changelogs were followed.

        Args:
            budget: The requests that it may cost; what is left then can verify other collections.
            entry: The stream's entry in the record of runs; receives the counts.

        Yields:
            Records.
        """
        if (bookmark := self._followed) is None:
            return
        progress = bookmark.verification or Progress(
            self._run.began.isoformat(), new_version(bookmark, self._now)
        )
        self._begin(progress.version, is_whole=True)
        self.source.unlisted = bookmark.unlisted
        budget.was_refused = False
        for items, left in self.source.verify(progress.left, budget):
            for item in items:
                yield self._reader.read(item)
                entry.verified_records += 1
            progress.records += len(items)
            self._send_along(items)
            budget.spend(self._child.take_requests() if self._child else 0)
            if left is not None:
                progress.left, bookmark.verification = left, progress
                self._remember(bookmark)
        if budget.was_refused:
            entry.verified_share = verification.share(bookmark)
            verification.warn_if_late(bookmark, self._terms, self._run.began)
        else:
            bookmark.verification = progress
            self.source.moved[ALL] = self._run.began  # it may have found changes without an event
            self._complete(bookmark, progress, entry)

    def _follow(
        self, bookmark: Bookmark, changes: Changes, entry: Entry
    ) -> Iterator[dict[str, Any]]:
        """Deliver the changes that the changelogs name."""
        # While a verification is under way, changes belong to its version: it will not send the
        # records that were created since, or that it has sent before.
        version = bookmark.verification.version if bookmark.verification else bookmark.version
        self._begin(version or 0, is_whole=self.source.replaces)
        if bookmark.read_at:
            entry.verified_at = datetime.fromisoformat(bookmark.read_at)
        entry.verified_share = verification.share(bookmark)
        deleted = [identity for identity, is_gone in changes.gone.items() if is_gone]
        yield from self._tombstones(deleted, datetime.now(UTC), entry)
        self._send_along([], deleted)
        self.source.note_changes([], deleted, self._run.began)
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
            self.source.note_changes(items, sorted(missing), self._run.began)
            delivered.update(asked)
            while changes.steps and changes.steps[0].ids <= delivered:
                step = changes.steps.popleft()
                bookmark.changes = {**bookmark.changes, step.path: step.position}
            self._remember(bookmark)
        bookmark.changes = changes.positions
        bookmark.followed_at = self._run.began.isoformat() if self._terms.max_age else None
        self._remember(bookmark)
        self._followed = bookmark

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
        if self.source.changelogs:
            bookmark.moved = {key: at.isoformat() for key, at in self.source.moved.items()}
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

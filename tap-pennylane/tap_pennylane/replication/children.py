"""Reads child streams: lists that belong to one record of a parent stream.

Each list needs a request, so only the lists of changed parents are read. The API does not say which
rows of a list were deleted. So after each list that is read again, a tombstone with the id 0 is
sent: rows of this parent that were sent before the tombstone's time are void.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from copy import copy
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_pennylane.api.collection import Collection
from tap_pennylane.api.pagination import INCLUDED, pages
from tap_pennylane.errors import ExpiredError, PennylaneError, RefusedError
from tap_pennylane.replication import changelog
from tap_pennylane.replication.bookmark import Range
from tap_pennylane.replication.budget import Allowance
from tap_pennylane.replication.plan import Follow, NotDue, Resume
from tap_pennylane.replication.source import Source
from tap_pennylane.sync_log import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_pennylane.api.collection import Items
    from tap_pennylane.api.events import Changelogs, Event
    from tap_pennylane.record import RecordReader
    from tap_pennylane.replication.budget import Budget
    from tap_pennylane.replication.output import Output
    from tap_pennylane.replication.plan import Plan
    from tap_pennylane.replication.scan import Pages
    from tap_pennylane.run import Run

LOGGER = logging.getLogger("tap-pennylane.children")

LISTS_PER_STATE = 10
"""Maximum number of lists delivered between two bookmarks."""

PARENTS_PER_PAGE = 10
"""Maximum number of parents whose lists are read together in a verification."""


class ChildLists(Collection):
    """The lists of all parents, each with its own path."""

    def __init__(self, parent: Source, parent_key: str, *arguments: Any, **options: Any) -> None:
        """Prepare the lists; nothing is sent yet.

        Args:
            parent: The source of the parent stream.
            parent_key: The placeholder in the path, and the column with the parent's id.
            arguments: Passed to `Collection`.
            options: Passed to `Collection`.
        """
        super().__init__(*arguments, **options)
        self.parent = parent
        self.parent_key = parent_key

    @override
    def parts(self) -> Iterator[dict[str, Any]]:
        return ({self.parent_key: parent} for parent in self.parent.ids())

    @override
    def read_part(self, part: Mapping[str, Any]) -> Iterator[Items]:
        """Read the list of one parent; nothing if the parent was deleted meanwhile."""
        parent = part[self.parent_key]
        try:
            yield from pages(self.client, self.path.format_map(part), self.dated_query)
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND or self._is_there(parent):
                raise

    def _is_there(self, parent: int) -> bool:
        return any(items for _, items in self.parent.collection.by_ids([parent], {"limit": 1}))

    def lists(self, parents: Sequence[int]) -> Iterator[tuple[int, Items]]:
        """Yield each of these parents with its list."""
        for part, found in self.read_parts([{self.parent_key: parent} for parent in parents]):
            yield part[self.parent_key], [item for items in found for item in items]


class ChildSource(Source):
    """Lists that follow the changelogs of their parents."""

    replaces = True

    def __init__(self, lists: ChildLists, other_keys: Mapping[str, Any]) -> None:
        """Prepare it; nothing is sent yet.

        Args:
            lists: The lists to read.
            other_keys: The values of the other key columns in the tombstone of an entire list.
        """
        super().__init__(lists, lists.parent.changelogs)
        self.lists = lists
        self.parent = lists.parent
        self._other_keys = other_keys

    def parents(self, left: list[Range] | None) -> Sequence[int]:
        """Return the ids of the parents whose lists are left to read; None in `left` means all."""
        after = int(left[0].after) if left else 0
        return [] if left == [] else [one for one in self.parent.ids() if one > after]

    @override
    def _read(self, left: list[Range] | None) -> Pages:
        return self._by_parent(left) if self.changelogs else super()._read(left)

    @override
    def verify(self, left: list[Range] | None, budget: Budget) -> Pages:
        """Read some parents by their own id or date, and their lists."""
        parents = copy(self.parent.collection)
        size = max(1, min(PARENTS_PER_PAGE, budget.left - 1))
        parents.query = {**parents.query, "limit": size}
        for found, rest in self.parent.scan(parents, left, Allowance(budget, per_page=1 + size)):
            lists = self.lists.lists(sorted(item["id"] for item in found))
            yield [item for _, items in lists for item in items], rest

    def _by_parent(self, left: list[Range] | None) -> Pages:
        waiting: Items = []
        for count, (parent, items) in enumerate(self.lists.lists(self.parents(left)), 1):
            waiting += items
            if count % LISTS_PER_STATE == 0:
                yield waiting, [Range(parent)]
                waiting = []
        yield waiting, []

    @override
    def sample(self, count: int) -> Items:
        collection = self.parent.collection
        parents, _ = collection.page({**collection.dated_query, "limit": 1})
        lists = self.lists.lists([item["id"] for item in parents])
        return [item for _, items in lists for item in items][:count]

    @override
    def changed(self, key: str, events: Sequence[Event]) -> dict[int, bool]:
        return self.parent.changed(key, events)

    @override
    def fetch_by_ids(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Items]]:
        wanted = set(ids)
        if self.parent.collection.since:  # parents before the start date have no rows here
            wanted = {item["id"] for _, items in self.parent.fetch_by_ids(ids) for item in items}
        lists = self.lists.lists([one for one in ids if one in wanted])
        for first in range(0, len(ids), LISTS_PER_STATE):
            asked = ids[first : first + LISTS_PER_STATE]
            count = sum(one in wanted for one in asked)
            yield asked, [item for _, items in islice(lists, count) for item in items]

    @override
    def keys_of(self, identity: int) -> dict[str, Any]:
        return {**self._other_keys, self.lists.parent_key: identity}

    def lists_ahead(self, plan: Plan, changelogs: Changelogs) -> int:
        """Return how many lists a plan reads; each needs at least one request.

        Raises:
            PennylaneError: The number can't be determined.
        """
        if isinstance(plan, NotDue):
            return 0
        if isinstance(plan, Follow):
            with suppress(ExpiredError):
                since = plan.bookmark.changes
                events = changelog.read_events(changelogs, self.changelogs, since)
                gone = changelog.trace(self, events).gone
                return len(gone) - sum(gone.values())
        return len(self.parents(plan.progress.left if isinstance(plan, Resume) else None))


class IncludedChild:
    """A child stream whose lists are part of the parent stream's responses, without extra requests.

    Its records are sent along with the parent's, under the parent's bookmark. If the API truncates
    a list in a response, the list is requested separately.
    """

    def __init__(
        self, name: str, source: ChildSource, reader: RecordReader, output: Output, run: Run
    ) -> None:
        """Prepare it; nothing is sent yet.

        Args:
            name: The child stream's name.
            source: Reads the lists that a response does not contain completely.
            reader: Converts items to records.
            output: Sends the records.
            run: Records failures.
        """
        self._name = name
        self._source = source
        self._reader = reader
        self._run = run
        self._has_warned_of_missing_lists = False
        self.output = output
        self._lists_requested = 0
        self.sent = Entry(name)
        """The counts of what was sent along so far."""

    @property
    def is_wanted(self) -> bool:
        """Whether its records are sent: it is selected and has not failed."""
        return self.output.is_wanted and self._name not in self._run.failures

    def take_requests(self) -> int:
        """Return how many lists have cost a request since the last call."""
        requests, self._lists_requested = self._lists_requested, 0
        return requests

    def deliver(self, parents: Items, replaced: Sequence[int] = ()) -> None:
        """Send the lists of some parents.

        A failure is recorded; the parent stream then continues without the child. Its bookmark
        shows that, so the next run reads both completely.

        Args:
            parents: Items of a response, with their included lists.
            replaced: Ids of the parents whose earlier lists are void.
        """
        began = datetime.now(UTC)
        try:
            for _ in self.output.send(self._records(parents)):
                self.sent.records += 1
            for _ in self.output.send(self._tombstones(replaced, began)):
                self.sent.tombstones += 1
        except PennylaneError as error:
            self._run.fail(self._name, error)

    def _records(self, parents: Items) -> Iterator[dict[str, Any]]:
        lists = self._source.lists
        kind = lists.path.rpartition("/")[2]
        included = {one["id"]: (one.get(INCLUDED) or {}).get(kind) or {} for one in parents}
        cut = [one for one, part in included.items() if part.get("has_more", True)]
        self._lists_requested += len(cut)
        self._mention_missing_lists(kind, sum(not part for part in included.values()))
        for parent, part in included.items():
            if parent not in cut:
                for item in part["items"]:
                    yield self._reader.read({**item, lists.parent_key: parent})
        for _, items in lists.lists(cut):
            yield from map(self._reader.read, items)

    def _tombstones(self, parents: Sequence[int], moment: datetime) -> Iterator[dict[str, Any]]:
        keys = map(self._source.keys_of, parents)
        return (self._reader.tombstone(one, moment) for one in keys)

    def _mention_missing_lists(self, kind: str, missing: int) -> None:
        if missing and not self._has_warned_of_missing_lists:
            self._has_warned_of_missing_lists = True
            LOGGER.warning(
                "'%s' did not come with '%s' (Pennylane ignored include=%s): each list now needs "
                "its own request, %d for this page alone",
                self._name,
                self._source.parent.collection.name,
                kind,
                missing,
            )

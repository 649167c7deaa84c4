"""What the lists that belong to one record share: see `children.py`.

Such a list costs a request, so only those of the parents that changed are read. The API does not
say which of its rows went away: behind a list that is read again comes a tombstone with the id 0,
and says since when the rows of this parent are those. What was sent before is void.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_pennylane.ahead import in_order
from tap_pennylane.bookmark import Range
from tap_pennylane.changelog import by_id
from tap_pennylane.errors import PennylaneError, RefusedError
from tap_pennylane.pagination import INCLUDED, page
from tap_pennylane.replication import replicate
from tap_pennylane.streams.base import PennylaneStream
from tap_pennylane.sync_log import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.helpers.types import Context

    from tap_pennylane.changelog import Event
    from tap_pennylane.scan import Items, Pages

LISTS_A_STATE = 10
"""So many lists are delivered from one bookmark to the next, at most."""


class ChildStream(PennylaneStream):
    """A list of each record of another stream. Its key begins with the parent's id."""

    parent: ClassVar[type[PennylaneStream]]
    primary_keys: ClassVar[Sequence[str]]
    selected_by_default = False
    refresh_hours = 24
    replaces = True
    begins_with_itself = False
    order = 2

    def __init_subclass__(cls) -> None:
        """Replicate as the parent does."""
        if parent := getattr(cls, "parent", None):
            cls.changelog, cls.link_changelogs = parent.changelog, parent.link_changelogs

    @property
    def parent_stream(self) -> PennylaneStream:
        """The stream whose records have these lists."""
        stream: PennylaneStream = self.tap.streams[vars(self.parent)["name"]]
        return stream

    @property
    def parent_key(self) -> str:
        """The column with the parent's id."""
        return self.primary_keys[0]

    def parents(self, left: list[Range] | None) -> Sequence[int]:
        """The ids of those whose lists are to be read: all, or those that are left."""
        after = int(left[0].after) if left else 0
        return [] if left == [] else [one for one in self.parent_stream.ids() if one > after]

    @override
    def slices(self) -> Iterator[dict[str, Any]]:
        return ({self.parent_key: parent} for parent in self.parents(None))

    @override
    def pages(self, parameters: dict[str, Any]) -> Iterator[Items]:
        query = dict(parameters)
        parent = query.pop(self.parent_key)
        path = self.path.format_map({self.parent_key: parent})
        try:
            yield from self.pages_at(path, query)
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND or self._is_there(parent):
                raise

    def _is_there(self, parent: int) -> bool:
        return any(items for _, items in by_id(self.parent_stream, [parent], {"limit": 1}))

    @override
    def whole(self, left: list[Range] | None) -> Pages:
        return self._by_parent(left) if self.changelog else super().whole(left)

    def _by_parent(self, left: list[Range] | None) -> Pages:
        waiting: Items = []
        for count, (parent, items) in enumerate(self._lists(self.parents(left)), 1):
            waiting += items
            if count % LISTS_A_STATE == 0:
                yield waiting, [Range(parent)]
                waiting = []
        yield waiting, []

    def _lists(self, parents: Sequence[int]) -> Iterator[tuple[int, Items]]:
        """The list of each of these parents."""
        query = self.parameters()
        slices = [{self.parent_key: parent} for parent in parents]
        tasks = (partial(self.pages, {**query, **one}) for one in slices)
        for one, pages in zip(slices, in_order(tasks, self.readers), strict=True):
            yield one[self.parent_key], [{**item, **one} for items in pages for item in items]

    @override
    def changed(self, path: str, key: str, events: Sequence[Event]) -> dict[int, bool]:
        return self.parent_stream.changed(path, key, events)

    @override
    def again(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], Items]]:
        parent = self.parent_stream
        wanted = set(ids)
        if parent.dated and parent.first_date:  # those before the start date have no rows here
            wanted = {item["id"] for _, items in parent.again(ids) for item in items}
        lists = self._lists([one for one in ids if one in wanted])
        for first in range(0, len(ids), LISTS_A_STATE):
            asked = ids[first : first + LISTS_A_STATE]
            count = sum(one in wanted for one in asked)
            yield asked, [item for _, items in islice(lists, count) for item in items]

    @override
    def tombstone(self, identity: int, moment: datetime) -> dict[str, Any]:
        types = self.schema["properties"]
        others = {key: "" if types[key]["type"] == "string" else 0 for key in self.primary_keys}
        return self._reader.tombstone({**others, self.parent_key: identity}, moment)

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        if not self.tap.fatal and not self.ABORT_AT_RECORD_COUNT:
            self.tap.say_what_lists_cost()
        yield from super().get_records(context)

    @override
    def _sample(self, count: int) -> Iterator[dict[str, Any]]:
        parent = self.parent_stream
        parents, _ = page(self.tap.client, parent.path, {**parent.parameters(), "limit": 1})
        for _, items in self._lists([item["id"] for item in parents]):
            yield from map(self.read, items[:count])


class IncludedStream(ChildStream):
    """A list that the answers of its parent's stream hold, at no request more.

    Its records are sent along with the parent's, under the parent's bookmark. What an answer holds
    of a list is cut off at some length: then the list is read by itself.
    """

    selected_by_default = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Nothing was sent along yet."""
        super().__init__(*arguments, **options)
        self._sent = Entry(self.name)
        self._is_begun = False
        self._told_of_missing_lists = False

    def deliver(self, parents: Items, replaced: Sequence[int]) -> None:
        """Send the lists of some parents.

        A failure is noted; the parent's stream then has no companion any more, and its bookmark
        says so: the next run reads both whole.

        Args:
            parents: Items of an answer, with what was included.
            replaced: Parents whose rows of before are void.
        """
        began = datetime.now(UTC)
        if not self._is_begun:
            self._is_begun = True
            self._write_schema_message()
        try:
            for item in self._items(parents):
                self._write_record_message(self.read(item))
                self.output.confirm()
                self._sent.records += 1
            for parent in replaced:
                self._write_record_message(self.tombstone(parent, began))
                self._sent.tombstones += 1
        except PennylaneError as error:
            self.tap.fail(self.name, error)

    def _items(self, parents: Items) -> Iterator[dict[str, Any]]:
        kind = self.path.rpartition("/")[2]
        included = {one["id"]: (one.get(INCLUDED) or {}).get(kind) or {} for one in parents}
        cut = [one for one, part in included.items() if part.get("has_more", True)]
        self._mention_missing_lists(kind, sum(not part for part in included.values()))
        for parent, part in included.items():
            if parent not in cut:
                yield from ({**item, self.parent_key: parent} for item in part["items"])
        for _, items in self._lists(cut):
            yield from items

    def _mention_missing_lists(self, kind: str, missing: int) -> None:
        if missing and not self._told_of_missing_lists:
            self._told_of_missing_lists = True
            self.logger.warning(
                "'%s' did not come with '%s' (Pennylane ignored include=%s): each list now costs "
                "a request of its own, %d for this page alone",
                self.name,
                self.parent_stream.name,
                kind,
                missing,
            )

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        if self.ABORT_AT_RECORD_COUNT or self.tap.fatal:
            yield from super().get_records(context)
            return
        with self.tap.sync_log.entry(self.name) as entry:
            if self.name not in self.tap.failures:
                alone = iter(()) if self.parent_stream.selected else self._alone()
                yield from self._guarded(entry, alone)
            modes = {one.stream: one.mode for one in self.tap.sync_log.entries}
            entry.mode = modes.get(self.parent_stream.name) or self._sent.mode
            entry.records, entry.tombstones = self._sent.records, self._sent.tombstones
            failures = self.tap.failures
            if error := failures.get(self.name) or failures.get(self.parent_stream.name):
                failures[self.name] = error
                entry.fail(error)
            self._counter.increment(self._sent.records + self._sent.tombstones)
            self._report(entry)

    def _alone(self) -> Iterator[dict[str, Any]]:
        """Read the parent's stream for the sake of this one; nothing of it is sent."""
        for _ in replicate(self.parent_stream, reading := Entry(self.parent_stream.name)):
            pass
        self._sent.mode = reading.mode
        yield from ()

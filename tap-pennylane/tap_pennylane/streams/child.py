"""The base of child streams: lists that belong to each record of another stream."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_pennylane.errors import PennylaneError
from tap_pennylane.replication.children import ChildLists, ChildSource, IncludedChild
from tap_pennylane.streams.base import PennylaneStream
from tap_pennylane.sync_log import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.helpers.types import Context

    from tap_pennylane.streams.owner import OwningTap


MANY_LISTS = 1000
"""From this many requests for child streams on, their duration is logged beforehand."""


class ChildStream(PennylaneStream):
    """A list that each record of another stream has; its key begins with the parent's id."""

    parent: ClassVar[type[PennylaneStream]]
    primary_keys: ClassVar[Sequence[str]]
    selected_by_default = False
    refresh_hours = 24
    opening_pages = 0
    order = 2

    def __init_subclass__(cls) -> None:
        """Follow the parent's changelogs."""
        if parent := getattr(cls, "parent", None):
            cls.changelog, cls.link_changelogs = parent.changelog, parent.link_changelogs
            cls.refresh_hours = parent.refresh_hours if parent.changelog else cls.refresh_hours

    @property
    def parent_stream(self) -> PennylaneStream:
        """The stream whose records have these lists."""
        stream: PennylaneStream = self.tap.streams[vars(self.parent)["name"]]
        return stream

    @cached_property
    @override
    def collection(self) -> ChildLists:
        return self.collection_of(ChildLists, self.parent_stream.source, self.own_keys[0])

    @cached_property
    @override
    def source(self) -> ChildSource:
        types = self.schema["properties"]
        keys = {key: "" if types[key]["type"] == "string" else 0 for key in self.own_keys}
        return ChildSource(self.collection, keys)

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        if not self.run.fatal and not self.ABORT_AT_RECORD_COUNT:
            log_cost_of_lists(self.tap)
        yield from super().get_records(context)

    def lists_ahead(self) -> int:
        """Return how many lists will be read; each needs at least one request.

        Raises:
            PennylaneError: The number can't be determined.
        """
        return self.source.lists_ahead(self.replication.plan, self.run.changelogs)


class IncludedChildStream(ChildStream):
    """A child stream whose lists are part of its parent stream's responses."""

    selected_by_default = True

    @override
    def lists_ahead(self) -> int:
        return 0

    @cached_property
    def lists_sent_along(self) -> IncludedChild:
        """Sends this stream's records along with the parent stream's."""
        return IncludedChild(self.name, self.source, self.reader, self.output, self.run)

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Record what was sent along with the parent stream, which was read before."""
        if self.ABORT_AT_RECORD_COUNT or self.run.fatal:
            yield from super().get_records(context)
            return
        parent, sent, failures = self.parent_stream, self.lists_sent_along.sent, self.run.failures
        with self.run.log.entry(self.name) as entry:
            if self.name not in failures:
                with self.run.guarded(entry):
                    self.output.confirm()
                    if not parent.selected:
                        self._read_parent(sent)
            modes = {one.stream: one.mode for one in self.run.log.entries}
            entry.mode = modes.get(parent.name) or sent.mode
            entry.records, entry.tombstones = sent.records, sent.tombstones
            if error := failures.get(self.name) or failures.get(parent.name):
                failures[self.name] = error
                entry.fail(error)
                self.mark_failed()
            self.count(sent.records + sent.tombstones)
        yield from ()

    def _read_parent(self, sent: Entry) -> None:
        """Read the parent stream only for this one; none of its own records are sent."""
        for _ in self.parent_stream.replication.deliver(reading := Entry(self.parent_stream.name)):
            pass
        sent.mode = reading.mode


def log_cost_of_lists(tap: OwningTap) -> None:
    """Log once per run, before the first child stream, how long they will take, if that is long."""
    run = tap.run
    if run.is_cost_logged:
        return
    run.is_cost_logged = True
    ahead: dict[str, int] = {}
    for stream in tap.selected:
        if isinstance(stream, ChildStream):
            with suppress(PennylaneError):  # reported when the stream itself is read
                ahead[stream.name] = stream.lists_ahead()
    total = sum(ahead.values())
    if total > MANY_LISTS:
        per_second = tap.config["requests_per_window"] / tap.config["window_seconds"]
        tap.logger.info(
            "Child streams need %d requests, about %s (%s).",
            total,
            timedelta(seconds=round(total / per_second)),
            ", ".join(f"{name}: {count}" for name, count in ahead.items() if count),
        )

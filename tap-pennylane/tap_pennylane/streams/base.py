"""What every stream shares; a stream declares only what differs."""

from __future__ import annotations

import json
from array import array
from datetime import datetime, timedelta
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk import Stream, StreamSchema
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.metrics import Status, Tag
from singer_sdk.schema.source import SchemaDirectory
from singer_sdk.singerlib import Metadata, Schema
from typing_extensions import override

from tap_pennylane import schemas
from tap_pennylane.changelog import by_id, changed
from tap_pennylane.errors import PennylaneError
from tap_pennylane.meter import INTERVAL
from tap_pennylane.output import Output
from tap_pennylane.pagination import pages
from tap_pennylane.record import DELETED_AT, OMITTED, PRIVATE, RecordReader
from tap_pennylane.replication import replicate
from tap_pennylane.scan import filtered, from_the_end, scan
from tap_pennylane.sync_log import Entry

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from singer_sdk.helpers.types import Context
    from singer_sdk.metrics import Counter, Timer
    from singer_sdk.singerlib import Catalog, MetadataMapping, RecordMessage

    from tap_pennylane.ahead import Request
    from tap_pennylane.bookmark import Bookmark, Range
    from tap_pennylane.changelog import Event
    from tap_pennylane.scan import Pages
    from tap_pennylane.streams.child import IncludedStream
    from tap_pennylane.tap import TapPennylane


def schema_file(name: str) -> dict[str, Any]:
    """The schema of the stream `name` as it is in its file, private keywords and all."""
    text = (files(schemas) / f"{name}.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


class _PublicSchemas(SchemaDirectory):
    """The schema files without the private keywords: what a catalog and a target see."""

    @override
    def fetch_schema(self, key: str) -> dict[str, Any]:
        schema = super().fetch_schema(key)
        schema.pop(OMITTED, None)
        for definition in schema["properties"].values():
            for keyword in PRIVATE:
                definition.pop(keyword, None)
        return schema


class PennylaneStream(Stream):
    """A collection of the API."""

    path: ClassVar[str]
    """Below the API's prefix, with a leading slash."""

    primary_keys: ClassVar[Sequence[str]] = ("id",)
    schema: ClassVar[StreamSchema[str]] = StreamSchema(_PublicSchemas(schemas))

    largest_page: ClassVar[int | None] = 100
    """Rows that the endpoint allows in a page; None where it takes no `limit`."""

    sort: ClassVar[str | None] = "id"
    """The order to read in; None where the endpoint takes no `sort`."""

    dated: ClassVar[bool] = False
    """Whether the endpoint filters by `date`, and so honours the start date."""

    may_lack_date: ClassVar[bool] = False
    """Whether a record's `date` may be null; a filter by date then leaves the record out."""

    scan_by: ClassVar[str] = "id"
    """What a whole read goes on by when it was cut off: `id` or `date`. Only with a changelog:
    without one nobody would tell what came meanwhile, and a read starts over."""

    changelog: ClassVar[str | None] = None
    """The path of the changelog whose events name the records that changed."""

    link_changelogs: ClassVar[Sequence[tuple[str, str]]] = ()
    """Changelogs of links to the records, and what names the record in their events."""

    refresh_hours: ClassVar[float] = 0
    """Without changelog: how many hours old a read may get before the next; 0 is every run."""

    replaces: ClassVar[bool] = False
    """Whether a tombstone for earlier records comes behind what is read again."""

    include: ClassVar[tuple[str, str] | None] = None
    """A list that the answers hold if they are asked to, and the stream that it makes."""

    begins_with_itself: ClassVar[bool] = True
    """Whether the first request of a whole read is this path with these parameters, nothing else:
    it can be sent ahead then."""

    has_many: ClassVar[bool] = False
    """Whether any company has pages of it: the last one is asked for along with the first."""

    order: ClassVar[int] = 0
    """Streams of a higher order are read after those of a lower one."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the record reader conforms

    def __init__(self, tap: TapPennylane) -> None:
        """Belong to a tap."""
        super().__init__(tap)
        self.tap = tap
        if self.changelog:
            self.forced_replication_method = "LOG_BASED"
        self.is_empty = True
        """Whether a connection test found no record."""
        self._told_of_unknown_fields = False
        self._refusal: str | None = None
        """Why nothing can be sent under this catalog."""
        self._ids: array[int] | None = None
        self.unlisted = False
        """Whether the list was found to leave out records that other streams refer to."""

    @cached_property
    def _reader(self) -> RecordReader:
        return RecordReader(schema_file(self.name), type(self).primary_keys)

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """Never by the SDK, which sends it before the first record.

        Targets flag every older row as deleted then, and a failure would leave them so.
        """
        return False

    @property
    @override
    def metadata(self) -> MetadataMapping:
        """The SDK's own, and what tells a deletion is always selected, whatever a catalog says."""
        metadata = super().metadata
        if DELETED_AT in self.schema["properties"]:
            metadata[("properties", DELETED_AT)].inclusion = Metadata.InclusionType.AUTOMATIC
        return metadata

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take a catalog's selection, and nothing else of it.

        What tells a deletion is added to a catalog that is older than it.
        """
        method, keys = self.forced_replication_method, list(self.primary_keys)
        if entry := catalog.get_stream(self.name):
            if DELETED_AT in (own := self.schema["properties"]):
                declared = {DELETED_AT: Schema.from_dict(own[DELETED_AT])}
                entry.schema.properties = {**declared, **(entry.schema.properties or {})}
            if entry.key_properties and list(entry.key_properties) != keys:
                self._refusal = (
                    f"the catalog makes {', '.join(entry.key_properties)} its key, by which no "
                    "deletion can be told: remove 'table-key-properties' there"
                )
            entry.key_properties = keys
        super().apply_catalog(catalog)
        if self.replication_key or self.forced_replication_method == "INCREMENTAL":
            self._refusal = (
                f"the catalog asks to replicate it by {self.replication_key!r}, by which Pennylane "
                "can't filter: remove 'replication-method' and 'replication-key' there, the tap "
                "follows changes without them"
            )
        self.replication_key, self.forced_replication_method = None, method

    @property
    def changelogs(self) -> dict[str, str]:
        """The changelogs to follow, and what names the record in their events."""
        own = {self.changelog: "id"} if self.changelog else {}
        return own | dict(self.link_changelogs)

    def query(self) -> dict[str, Any]:
        """The query that every page of this stream is asked with, whatever the start date."""
        query: dict[str, Any] = {}
        if self.largest_page:
            query["limit"] = min(self.config["page_size"], self.largest_page)
        if self.sort:
            query["sort"] = self.sort
        if self.include and self.companion:
            query["include"] = self.include[0]
        return query

    def parameters(self) -> dict[str, Any]:
        """The query that every page of a whole read is asked with."""
        if self.dated and (start := self.first_date):
            return filtered(self.query(), ("date", "gteq", start))
        return self.query()

    @property
    def first_date(self) -> str | None:
        """The earliest date to read from, YYYY-MM-DD; None for all there is."""
        start: str | None = self.config.get("start_date")
        return start[:10] if start else None

    @property
    def once_lacked_undated(self) -> bool:
        """Whether version 0.1.0 left records without a date out: its bookmark is not built upon."""
        return self.may_lack_date and self.first_date is not None

    def slices(self) -> Iterable[dict[str, Any]]:
        """Queries that together make the collection, whose parameters are fields of its records."""
        return ({},)

    def fiscal_years(self) -> Iterator[dict[str, str]]:
        """Slices for `slices`: a period for each fiscal year from the start date on."""
        for year in self.tap.fiscal_years():
            if not self.first_date or year["finish"] >= self.first_date:
                yield {"period_start": year["start"], "period_end": year["finish"]}

    def pages(self, parameters: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """The pages of the API's items that a query answers."""
        return self.pages_at(self.path, parameters)

    def pages_at(self, path: str, query: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """The pages of a list."""
        return pages(self.tap.client, path, query)

    def opening(self) -> Iterable[Request]:
        """The requests that a whole read begins with, as far as they are known beforehand."""
        if not self.begins_with_itself:
            return []
        query = self.parameters()
        return [(self.path, one) for one in (query, from_the_end(query))[: 1 + self.has_many]]

    def whole(self, left: list[Range] | None) -> Pages:
        """Read the whole collection, or what is left of it: see `scan`."""
        return scan(self, left)

    @property
    def readers(self) -> int:
        """How many requests may be under way at once; more than the budget has use for is none."""
        allowed: int = self.config["concurrency"]
        return min(allowed, self.tap.client.useful_concurrency())

    def changed(self, path: str, key: str, events: Sequence[Event]) -> dict[int, bool]:
        """The records that events of a changelog are about, and whether they are gone.

        Args:
            path: The changelog's path.
            key: What names the record in an event, as `changelogs` says.
            events: In order.

        Raises:
            UntraceableError: They don't tell.
        """
        del path
        return changed(events, key)

    def followed(self, record: dict[str, Any]) -> None:
        """Take note of a record that a changelog named."""

    def again(self, ids: Sequence[int]) -> Iterator[tuple[Sequence[int], list[dict[str, Any]]]]:
        """Read what changed once more.

        Args:
            ids: Which records, as `changed` names them.

        Yields:
            Some of the ids, and the items that the API has of them.
        """
        if not (self.may_lack_date and self.first_date):
            yield from by_id(self, ids, self.parameters())
            return
        # The start date is applied here: the API would leave out what has no date, too.
        for asked, items in by_id(self, ids, self.query()):
            yield asked, [item for item in items if self.is_wanted(item)]

    def is_wanted(self, item: dict[str, Any]) -> bool:
        """Whether a record is of the start date or later; one without a date always is."""
        start = self.first_date
        return not start or (item.get("date") or start) >= start

    def tombstone(self, identity: int, moment: datetime) -> dict[str, Any]:
        """The record that says since when another one is no more, by this machine's clock."""
        return self._reader.tombstone({"id": identity}, moment)

    @property
    def companion(self) -> IncludedStream | None:
        """The stream whose records come in the answers of this one, if it is wanted."""
        stream = self.tap.streams[self.include[1]] if self.include else None
        if stream is None or not stream.selected or stream.name in self.tap.failures:
            return None
        return None if stream.output.refusal else cast("IncludedStream", stream)

    def accompany(self, items: list[dict[str, Any]], replaced: Sequence[int] = ()) -> None:
        """Deliver what an answer brought along for the companion.

        Args:
            items: Of an answer, delivered just now.
            replaced: Records whose earlier part of the companion is void.
        """
        if self.companion:
            self.companion.deliver(items, replaced)

    def ids(self) -> Sequence[int]:
        """The ids of the whole collection, ascending, read at most once a run."""
        if self._ids is None:
            found = array("q")
            for items, _ in self.whole(None):
                found.extend(item["id"] for item in items)
            self.found(found)
        return self._ids or ()

    def found(self, ids: array[int]) -> None:
        """Be told the ids of the whole collection."""
        self._ids = array("q", sorted(ids))

    @property
    def has_children(self) -> bool:
        """Whether somebody will ask for the ids."""
        return any(getattr(stream, "parent", None) is type(self) for stream in self.tap.selected)

    def due(self, bookmark: Bookmark) -> bool:
        """Whether a collection without changelog is to be read again."""
        hours = self.config["refresh_hours"].get(self.name, self.refresh_hours)
        if not hours or not bookmark.read_at:
            return True
        age = self.tap.client.now() - datetime.fromisoformat(bookmark.read_at)
        return age >= timedelta(hours=hours)

    @override
    def get_record_counter(
        self, *, endpoint: str | None = None, log_interval: float = INTERVAL
    ) -> Counter:
        self._counter = super().get_record_counter(endpoint=endpoint, log_interval=log_interval)
        return self._counter

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Deliver what is owed; a failure is noted and said, and the other streams go on."""
        if self.ABORT_AT_RECORD_COUNT:
            reading = self._sample(self.ABORT_AT_RECORD_COUNT)
            for record in self._guarded(Entry(self.name), reading):
                self.is_empty = False
                yield record
            return
        with self.tap.sync_log.entry(self.name) as entry:
            if self.tap.fatal:
                entry.status, entry.error = "skipped", str(self.tap.fatal)
            else:
                yield from self._guarded(entry, replicate(self, entry))
            self._report(entry)

    def _report(self, entry: Entry) -> None:
        """Let the SDK's metrics say how the stream ended: it does not see the failures itself."""
        if entry.error:
            self._timer.tags[Tag.STATUS] = Status.FAILED

    def _guarded(self, entry: Entry, reading: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        try:
            self.output.confirm()
            for record in reading:
                yield record
                self.output.confirm()
        except PennylaneError as error:
            entry.fail(str(error))
            self.tap.fail(self.name, error)
        except BrokenPipeError:
            raise  # the target is gone: nobody is left to go on for
        except Exception as error:  # a bug here must not take the other streams down
            self.logger.exception("Unexpected error in '%s'", self.name)
            entry.fail(f"{type(error).__name__}: {error}")
            self.tap.fail(self.name, error)

    def _sample(self, count: int) -> Iterator[dict[str, Any]]:
        """A few records, for a connection test. The SDK would read on and complain of that."""
        for page, _ in self.whole(None):
            for item in page[:count]:
                yield self.read(item)
            if page:
                return

    def read(self, item: dict[str, Any]) -> dict[str, Any]:
        """Shape one item of the API's answer.

        Raises:
            RecordError: A value can't be its type.
        """
        record = self._reader.read(item)
        if self._reader.unknown:
            self._mention_unknown_fields()
        return record

    @cached_property
    def output(self) -> Output:
        """What this stream's records become on their way out."""
        output = Output(self, self.tap.stream_maps)
        output.refusal = self._refusal or output.refusal
        return output

    @override
    def generate_child_contexts(
        self, record: dict[str, Any], context: Context | None
    ) -> Iterable[Context | None]:
        """None: no stream is a child in the SDK's terms. It would apply the filter once more."""
        return ()

    @override
    def _generate_record_messages(
        self, record: dict[str, Any]
    ) -> Generator[RecordMessage, None, None]:
        yield from self.output.messages(record, super()._generate_record_messages)

    @override
    def get_sync_timer(self) -> Timer:
        self._timer = super().get_sync_timer()
        return self._timer

    def activate(self, version: int, *, whole: bool = True) -> None:
        """Let records carry this version of the table from now on.

        Args:
            version: Only ever grows.
            whole: Whether all records are sent, or only what changed.
        """
        self._stream_version = self.output.version = version
        self.output.is_whole = whole or self.replaces
        if self.companion:
            self.companion.activate(version, whole=whole)

    def announce(self, version: int) -> None:
        """Say that all of this version was sent: what a target has of older ones is gone."""
        if self.selected:
            self._write_activate_version_message(version)
        if self.companion:
            self.companion.announce(version)

    def remember(self, bookmark: Bookmark) -> None:
        """Write a bookmark. What it says was delivered must be written already."""
        self.stream_state.clear()
        self.stream_state.update(bookmark.dump())
        self.state_manager.is_flushed = False
        self._write_state_message()

    def _mention_unknown_fields(self) -> None:
        names, self._reader.unknown = sorted(self._reader.unknown), set()
        if not self._told_of_unknown_fields:
            self._told_of_unknown_fields = True
            self.logger.warning(
                "'%s' has fields that this version does not know and leaves out: %s",
                self.name,
                ", ".join(names),
            )

"""The base of all streams; a stream declares only what differs from it."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from singer_sdk.helpers.conform import TypeConformanceLevel
from typing_extensions import override

from tap_pennylane.api.collection import Collection
from tap_pennylane.record import RecordReader
from tap_pennylane.replication.derived import DerivedSource
from tap_pennylane.replication.output import Output, WritingStream
from tap_pennylane.replication.plan import Terms
from tap_pennylane.replication.replicate import Replication
from tap_pennylane.replication.source import Source
from tap_pennylane.streams.catalogued import CataloguedStream
from tap_pennylane.streams.keyed import KeyedStream
from tap_pennylane.streams.metered import MeteredStream
from tap_pennylane.sync_log import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context

    from tap_pennylane.replication.children import IncludedChild
    from tap_pennylane.run import Run
    from tap_pennylane.streams.owner import OwningTap

C = TypeVar("C", bound=Collection)
S = TypeVar("S", bound=Source)


class PennylaneStream(KeyedStream, CataloguedStream, MeteredStream, WritingStream):
    """A collection of the API."""

    path: ClassVar[str]
    """The path below the API's prefix, with a leading slash."""

    page_size_parameter: ClassVar[str] = "limit"
    """The parameter with the rows per page; `per_page` if the pages have numbers."""

    largest_page: ClassVar[int | None] = 100
    """Maximum rows per page; None if the endpoint takes no `limit`."""

    sort: ClassVar[str | None] = "id"
    """The value of `sort`; None if the endpoint takes no `sort`."""

    parameters: ClassVar[Mapping[str, str]] = {}
    """Additional query parameters of every page."""

    dated: ClassVar[bool] = False
    """Whether the endpoint filters by `date`, so that the start date applies."""

    may_lack_date: ClassVar[bool] = False
    """Whether a record's `date` may be null; a filter by date then omits the record."""

    once_lacked_undated: ClassVar[bool | None] = None
    """Whether version 0.1.0 omitted records without a date, so that its bookmark must not be used;
    None: only if there is a start date."""

    scan_by: ClassVar[str | None] = "id"
    """The field by which an interrupted full read resumes: `id` or `date`; None if the endpoint
    does not sort, so that the read starts over. Only with a changelog: without one, later changes
    to the part already read would go unnoticed, so the read starts over as well."""

    changelog: ClassVar[str | None] = None
    """The path of the changelog whose events name the changed records."""

    link_changelogs: ClassVar[Sequence[tuple[str, str]]] = ()
    """Changelogs of links to the records: path, and the event field that names the record."""

    refresh_hours: ClassVar[float] = 0
    """The number of hours between two reads or, with a changelog, between two looks at it; 0 means
    every run."""

    verify_days: ClassVar[float] = 7
    """With a changelog: how old the last complete read may become, in days."""

    moved_by: ClassVar[str | None] = None
    """Without a changelog: the stream from whose records this one derives."""

    replaces_parts: ClassVar[bool] = False
    """Whether parts are read again on their own, each followed by a tombstone of the earlier ones.
    """

    include: ClassVar[tuple[str, str] | None] = None
    """A list that responses contain on request (`include`), and the child stream made from it."""

    opening_pages: ClassVar[int] = 1
    """How many requests of a full read are sent ahead: 0, 1 (the first page) or 2 (the first and
    last pages, for streams in which every company has many pages)."""

    order: ClassVar[int] = 0
    """Streams with a higher order are read later."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the record reader does it

    def __init__(self, tap: OwningTap) -> None:
        """Create the stream; nothing is sent yet."""
        super().__init__(tap)
        self.tap = tap
        if self.changelog:
            self.forced_replication_method = "LOG_BASED"
        self.is_empty = True
        """Whether a connection test found no records."""

    @property
    @override
    def run(self) -> Run:
        return self.tap.run

    @property
    def changelogs(self) -> dict[str, str]:
        """The changelogs to follow: path, and the event field that names the record."""
        own = {self.changelog: "id"} if self.changelog else {}
        return own | dict(self.link_changelogs)

    @property
    def included(self) -> IncludedChild | None:
        """The child stream whose lists are part of this stream's responses."""
        if not self.include:
            return None
        child: IncludedChild = self.tap.streams[self.include[1]].lists_sent_along
        return child

    @cached_property
    def collection(self) -> Collection:
        """The list that is read."""
        return self.collection_of(Collection)

    def collection_of(self, kind: Callable[..., C], *arguments: Any, **options: Any) -> C:
        """Create a collection from the stream's declarations.

        Args:
            kind: Its class.
            arguments: Positional arguments before the client.
            options: Additional keyword arguments.
        """
        query: dict[str, Any] = {}
        if self.largest_page:
            query[self.page_size_parameter] = min(self.config["page_size"], self.largest_page)
        if self.sort:
            query["sort"] = self.sort
        if self.include and self.tap.streams[self.include[1]].output.is_wanted:
            query["include"] = self.include[0]
        start: str | None = self.config.get("start_date")
        return kind(
            *arguments,
            self.run.client,
            self.name,
            self.path,
            {**query, **self.parameters},
            since=start[:10] if start and self.dated else None,
            may_lack_date=self.may_lack_date,
            **options,
        )

    @cached_property
    def source(self) -> Source:
        """The collection and its changelogs."""
        if basis := self.basis:
            return self.source_of(DerivedSource, basis)
        return self.source_of(Source)

    def source_of(self, kind: Callable[..., S], *arguments: Any) -> S:
        """Create a source from the stream's declarations.

        Args:
            kind: Its class.
            arguments: Positional arguments before the collection.
        """
        return kind(
            *arguments,
            self.collection,
            self.changelogs,
            scan_by=self.scan_by if self.changelog else None,
            first_day=self.run.fiscal_years.first_day,
            opening_pages=self.opening_pages,
            keeps_ids=any(
                getattr(stream, "parent", None) is type(self) for stream in self.tap.selected
            ),
        )

    @cached_property
    def output(self) -> Output:
        """Writes this stream's messages."""
        return Output(self, self.tap.stream_maps, self.refusal, self.constants)

    @cached_property
    def reader(self) -> RecordReader:
        """Converts items to this stream's records."""
        return RecordReader(self.private_schema(), self.own_keys, self.name, self.constants)

    @property
    def max_age(self) -> timedelta:
        """How old a read, or a look at the changelog, may be before the next one is due."""
        return timedelta(hours=self._setting("refresh_hours"))

    def _setting(self, name: str) -> float:
        """Return this stream's value of a setting that may differ by stream."""
        value: float = self.config[name].get(self.name, getattr(self, name))
        return value

    @property
    def basis(self) -> Source | None:
        """What the stream derives from, if that is read as well."""
        stream = self.tap.streams.get(self.moved_by or "")
        return stream.source if stream and stream.selected else None

    @cached_property
    def replication(self) -> Replication:
        """Decides what to read in this run, and reads it."""
        start_date = self.config.get("start_date")
        lacked_undated = self.once_lacked_undated
        if lacked_undated is None:
            lacked_undated = self.may_lack_date and bool(start_date)
        terms = Terms(
            self.name,
            tuple(self.source.changelogs),
            start_date=start_date,
            may_lack_date=self.may_lack_date,
            once_lacked_undated=lacked_undated,
            max_age=self.max_age,
            verify_within=timedelta(days=self._setting("verify_days")),
        )
        return Replication(
            self.run,
            self.source,
            self.reader,
            self.output,
            terms,
            state=self.stream_state,
            included=self.included,
        )

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Yield the records to deliver; log an error, so that the other streams continue."""
        if limit := self.ABORT_AT_RECORD_COUNT:  # a connection test
            with self.run.guarded(Entry(self.name)):
                for record in self.output.confirmed(self.replication.sample(limit)):
                    self.is_empty = False
                    yield record
            return
        with self.run.log.entry(self.name) as entry:
            if self.run.fatal:
                entry.skip(str(self.run.fatal))
            else:
                with self.run.guarded(entry):
                    yield from self.output.confirmed(self.replication.deliver(entry))
            if entry.error:
                self.mark_failed()

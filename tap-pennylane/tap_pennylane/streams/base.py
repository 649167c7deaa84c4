"""What every stream shares; a stream declares only what differs."""

from __future__ import annotations

import json
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk import Stream, StreamSchema
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.schema.source import SchemaDirectory
from typing_extensions import override

from tap_pennylane import schemas
from tap_pennylane.errors import FatalError, PennylaneError
from tap_pennylane.record import OMITTED, PATH, RecordReader
from tap_pennylane.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from singer_sdk.helpers.types import Context

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
        schema.pop(OMITTED)
        for definition in schema["properties"].values():
            definition.pop(PATH, None)
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

    earliest: ClassVar[str | None] = None
    """A date to filter from even without a start date."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the record reader conforms

    def __init__(self, tap: TapPennylane) -> None:
        """Belong to a tap."""
        super().__init__(tap)
        self.tap = tap
        self._told_of_unknown_fields = False

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

    def parameters(self) -> dict[str, Any]:
        """The query that every page of this stream is asked with."""
        query: dict[str, Any] = {}
        if self.largest_page:
            query["limit"] = min(self.config["page_size"], self.largest_page)
        if self.sort:
            query["sort"] = self.sort
        if self.dated and (start := self.first_date):
            query["filter"] = json.dumps([{"field": "date", "operator": "gteq", "value": start}])
        return query

    @property
    def first_date(self) -> str | None:
        """The earliest date to read from, YYYY-MM-DD; None for all there is."""
        start: str | None = self.config.get("start_date")
        return start[:10] if start else self.earliest

    def slices(self) -> Iterable[dict[str, str]]:
        """Queries that together make the collection, whose parameters are fields of its records."""
        return ({},)

    def items(self) -> Iterator[dict[str, Any]]:
        """The API's items, all of them.

        Raises:
            PennylaneError: Not all could be read.
        """
        return scan(self)

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Read the collection whole; only then is what it lacks known to be gone."""
        self._stream_version = self.tap.initialized_at
        try:
            for count, item in enumerate(self.items(), start=1):
                yield self._reader.read(item)
                if self._reader.unknown:
                    self._mention_unknown_fields()
                if count == self.ABORT_AT_RECORD_COUNT:
                    return  # a connection test: the SDK would complain of an unhandled error
        except FatalError:
            raise
        except PennylaneError as error:
            self.tap.fail(self.name, str(error))
        except Exception as error:  # a bug here must not take the other streams down
            self.logger.exception("Unexpected error in '%s'", self.name)
            self.tap.fail(self.name, f"{type(error).__name__}: {error}")
        else:
            self._write_activate_version_message(self._stream_version)

    def _mention_unknown_fields(self) -> None:
        names, self._reader.unknown = sorted(self._reader.unknown), set()
        if not self._told_of_unknown_fields:
            self._told_of_unknown_fields = True
            self.logger.warning(
                "'%s' has fields that this version does not know and leaves out: %s",
                self.name,
                ", ".join(names),
            )

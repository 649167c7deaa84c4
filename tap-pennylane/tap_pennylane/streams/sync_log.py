"""The stream that reports on the others."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import StreamSchema
from singer_sdk.schema.source import SchemaDirectory
from typing_extensions import override

from tap_pennylane import schemas
from tap_pennylane.errors import PennylaneError
from tap_pennylane.replication.output import Output, WritingStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.helpers.types import Context

    from tap_pennylane.streams.owner import OwningTap


class SyncLog(WritingStream):
    """The record of runs: one row per stream and run, including failed ones. Sent last."""

    name = "sync_log"
    primary_keys: ClassVar[Sequence[str]] = ("run_id", "stream")
    schema: ClassVar[StreamSchema[str]] = StreamSchema(SchemaDirectory(schemas))
    order = 3

    def __init__(self, tap: OwningTap) -> None:
        """Create the stream; its rows are only ever added, so it is not FULL_TABLE."""
        super().__init__(tap)
        self.tap = tap
        self.forced_replication_method = "LOG_BASED"

    @cached_property
    def output(self) -> Output:
        """Writes this stream's messages."""
        return Output(self, self.tap.stream_maps)

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Yield the entries of this run, after the verification, which is part of it."""
        self.tap.verify()
        try:
            yield from self.output.confirmed(self.tap.run.log.rows())
        except PennylaneError as error:
            self.tap.run.fail(self.name, error)

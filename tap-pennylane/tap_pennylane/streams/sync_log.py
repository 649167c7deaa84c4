"""The stream that reports on the others."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, StreamSchema
from singer_sdk.schema.source import SchemaDirectory
from typing_extensions import override

from tap_pennylane import schemas
from tap_pennylane.errors import PennylaneError
from tap_pennylane.output import Output

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import RecordMessage

    from tap_pennylane.tap import TapPennylane


class SyncLog(Stream):
    """The record of runs: one row a stream and run, failed ones too. Sent last."""

    name = "sync_log"
    primary_keys: ClassVar[Sequence[str]] = ("run_id", "stream")
    schema: ClassVar[StreamSchema[str]] = StreamSchema(SchemaDirectory(schemas))
    order = 3

    def __init__(self, tap: TapPennylane) -> None:
        """Belong to a tap. Rows are only ever added, which in Singer's terms is no full table."""
        super().__init__(tap)
        self.tap = tap
        self.forced_replication_method = "LOG_BASED"
        self._sync_log = tap.sync_log if tap.config.get("api_token") else None

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """The entries of this run."""
        try:
            self.output.confirm()
            for row in self._sync_log.rows() if self._sync_log else ():
                yield row
                self.output.confirm()
        except PennylaneError as error:
            self.tap.fail(self.name, error)

    @cached_property
    def output(self) -> Output:
        """What the rows become on their way out."""
        return Output(self, self.tap.stream_maps)

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

"""The stream that reports on the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, StreamSchema
from singer_sdk.schema.source import SchemaDirectory
from typing_extensions import override

from tap_pennylane import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.helpers.types import Context

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
        self.forced_replication_method = "LOG_BASED"
        self._sync_log = tap.sync_log if tap.config.get("api_token") else None

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """The entries of this run."""
        return self._sync_log.rows() if self._sync_log else iter(())

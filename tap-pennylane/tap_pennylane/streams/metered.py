"""The SDK's metrics of a stream: how often they are logged, and the stream's final status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk import Stream
from singer_sdk.metrics import Status, Tag
from typing_extensions import override

from tap_pennylane.meter import INTERVAL

if TYPE_CHECKING:
    from singer_sdk.metrics import Counter, Timer


class MeteredStream(Stream):
    """A stream whose METRIC lines suit a progress display, and report failures."""

    @override
    def get_record_counter(
        self, *, endpoint: str | None = None, log_interval: float = INTERVAL
    ) -> Counter:
        self._counter = super().get_record_counter(endpoint=endpoint, log_interval=log_interval)
        return self._counter

    @override
    def get_sync_timer(self) -> Timer:
        self._timer = super().get_sync_timer()
        return self._timer

    def count(self, records: int) -> None:
        """Count records that were sent outside the SDK's own loop."""
        self._counter.increment(records)

    def mark_failed(self) -> None:
        """Set the metrics' status to failed: the SDK does not see the stream's errors."""
        self._timer.tags[Tag.STATUS] = Status.FAILED

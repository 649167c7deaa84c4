"""Reads the selected streams of one run, in order, and verifies some of what they have."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from singer_sdk.helpers._catalog import get_selected_schema
from typing_extensions import override

from tap_pennylane import selection
from tap_pennylane.replication.budget import Budget
from tap_pennylane.replication.stream_maps import StreamMapper
from tap_pennylane.streams import verification
from tap_pennylane.streams.base import PennylaneStream
from tap_pennylane.streams.owner import OwningTap


class ReadingTap(OwningTap):
    """A tap that reads its streams with one run."""

    def __init__(self, **options: Any) -> None:
        """Prepare it; nothing is sent yet.

        Args:
            options: The arguments of the SDK's `Tap`.
        """
        self._selection_warning: str | None = None
        """A warning about costly streams that are not read."""
        self._is_verified = False
        super().__init__(**options)

    @property
    @override
    def streams(self) -> dict[str, Any]:
        """The streams by name, in reading order."""
        if self._streams is None:
            by_name = super().streams.items()
            self._streams = dict(sorted(by_name, key=lambda item: getattr(item[1], "order", 0)))
            if self.input_catalog and not self.config.get("all_streams"):
                self._selection_warning = selection.spare_costly_streams(self._streams.values())
        return self._streams

    @override
    def setup_mapper(self) -> None:
        """Prepare the stream maps."""
        self.mapper = self.stream_maps
        for stream in self.streams.values():
            schema = get_selected_schema(stream.name, stream.effective_schema, stream.mask)
            self.mapper.register_raw_stream_schema(stream.name, schema, stream.primary_keys)

    @cached_property
    def stream_maps(self) -> StreamMapper:
        """The stream maps of all streams."""
        return StreamMapper(dict(self.config), self.logger)

    @cached_property
    def verification_budget(self) -> Budget:
        """The requests that verifications may cost in this run."""
        return Budget(self.config["verify_requests"])

    @property
    def selected(self) -> list[PennylaneStream]:
        """The selected streams of the API, in reading order."""
        return [
            stream
            for stream in self.streams.values()
            if stream.selected and isinstance(stream, PennylaneStream)
        ]

    def check_state(self) -> None:
        """Check that each selected stream's state can be used.

        Raises:
            FatalError: It belongs to another company, or to another system.
        """
        for stream in self.selected:
            _ = stream.replication.plan

    def read_streams(self) -> None:
        """Read the selected streams; the first requests of all of them are sent in parallel."""
        self.logger.debug("The run began at %s.", self.run.began)
        scans = [one for stream in self.selected for one in stream.replication.opening()]
        requests = [*self.run.changelogs.requests(), *scans]
        self.run.client.expect(requests, self.config["concurrency"])
        self.sync_all()
        self.verify()

    def try_streams(self) -> None:
        """Read one record of every selected stream; the SDK's own test would select all streams."""
        selected = [stream for stream in self.streams.values() if stream.selected]
        self.run_sync_dry_run(dry_run_record_limit=1, streams=selected)
        read = [stream for stream in self.selected if stream.name not in self.run.failures]
        empty = sorted(stream.name for stream in read if stream.is_empty)
        self.logger.info(
            "One record of each of %d streams was read%s",
            len(read) - len(empty),
            f"; {len(empty)} are empty ({', '.join(empty)})" if empty else "",
        )

    @override
    def verify(self) -> None:
        if not self._is_verified:
            self._is_verified = True
            verification.verify(self)

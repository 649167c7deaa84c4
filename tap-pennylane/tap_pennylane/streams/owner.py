"""The part of the tap that its streams use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import Tap
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk import Stream

    from tap_pennylane.replication.budget import Budget
    from tap_pennylane.replication.stream_maps import StreamMapper
    from tap_pennylane.run import Run


class OwningTap(Tap):
    """A tap whose streams share a run."""

    @property
    @override
    def streams(self) -> dict[str, Any]:
        """The streams by name."""
        return super().streams

    @property
    def run(self) -> Run:
        """The objects that the company's streams share."""
        raise NotImplementedError

    @property
    def stream_maps(self) -> StreamMapper:
        """The stream maps of all streams."""
        raise NotImplementedError

    @property
    def verification_budget(self) -> Budget:
        """The requests that verifications may cost in this run, of all companies together."""
        raise NotImplementedError

    def verify(self) -> None:
        """Verify some records, once per run, after all streams were read."""
        raise NotImplementedError

    @property
    def selected(self) -> Sequence[Stream]:
        """The selected streams of the API, in reading order."""
        raise NotImplementedError

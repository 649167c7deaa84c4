"""Rolling verification: after the changes, some requests go to reading old records again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_pennylane.replication.budget import Budget
from tap_pennylane.streams.base import PennylaneStream
from tap_pennylane.streams.child import IncludedChildStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pennylane.streams.owner import OwningTap


def verify(tap: OwningTap) -> None:
    """Spend `verify_requests` on the streams whose last complete read is oldest.

    Streams that failed in this run are left out; a failure is recorded like any other.
    """
    run = tap.run
    budget = Budget(tap.config["verify_requests"])
    streams = {stream.name: stream for stream in _senders(tap)}
    urgency = {
        name: stream.replication.urgency()
        for name, stream in streams.items()
        if name not in run.failures
    }
    for name in sorted(urgency, key=lambda one: -urgency[one]):
        if run.fatal or budget.left <= 0 or not urgency[name]:
            return
        stream = streams[name]
        with run.log.verifying(name) as entry, run.guarded(entry):
            records = stream.replication.verify(budget, entry)
            for _ in stream.output.send(records) if stream.selected else records:
                pass


def _senders(tap: OwningTap) -> Iterator[PennylaneStream]:
    """Yield the streams whose responses contain the selected streams' records."""
    for stream in tap.selected:
        if isinstance(stream, IncludedChildStream):
            yield stream.parent_stream
        elif isinstance(stream, PennylaneStream):
            yield stream

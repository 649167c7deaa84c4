"""Rolling verification: after the changes, some requests go to reading old records again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_pennylane.streams.base import PennylaneStream
from tap_pennylane.streams.child import IncludedChildStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pennylane.streams.owner import OwningTap


def verify(tap: OwningTap) -> None:
    """Spend the budget for it on the streams whose last complete read is oldest.

    Streams that failed in this run are left out; a failure is recorded like any other.
    """
    run, budget = tap.run, tap.verification_budget
    senders = dict(_senders(tap))
    urgency = {
        name: sender.replication.urgency()
        for name, sender in senders.items()
        if run.failures.keys().isdisjoint({name, sender.name})
    }
    for name in sorted(urgency, key=lambda one: -urgency[one]):
        if run.fatal or budget.left <= 0 or not urgency[name]:
            return
        sender = senders[name]
        with run.log.verifying(name) as entry, run.guarded(entry):
            records = sender.replication.verify(budget, entry)
            for _ in sender.output.send(records) if sender.selected else records:
                pass


def _senders(tap: OwningTap) -> Iterator[tuple[str, PennylaneStream]]:
    """Yield the streams whose responses contain selected records, and under which name they log."""
    for stream in tap.selected:
        if isinstance(stream, IncludedChildStream):
            if not (parent := stream.parent_stream).selected:
                yield stream.name, parent
        elif isinstance(stream, PennylaneStream):
            yield stream.name, stream

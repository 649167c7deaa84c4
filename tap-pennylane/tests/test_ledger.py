"""What the sources of the ledger make of events: no tap, no server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tap_pennylane.api.collection import Collection
from tap_pennylane.api.events import Event
from tap_pennylane.replication.ledger import EntriesSource, LinesSource
from tap_pennylane.replication.source import ALL

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Client:
    """The part of a client that is used although nothing is requested."""

    def readers(self) -> int:
        return 1


def collection() -> Collection:
    client: Any = Client()
    return Collection(client, "ledger", "/ledger", {"limit": 100})


def event(line: int, operation: str, minute: int) -> Event:
    return Event(line, operation, f"2026-03-01T11:{minute:02}:00Z")


def lines() -> LinesSource:
    """Lines of a company whose fiscal years are calendar years."""
    return LinesSource(lambda day: f"{day[:4]}-01-01", collection())


def test_the_first_deletion_is_remembered_whichever_events_come_last() -> None:
    entries = EntriesSource(lines(), lambda: BEGAN, collection())
    events = [event(1, "delete", 10), event(2, "delete", 20)]
    for some in (events, events[:1], events[1:], []):
        entries.changed("id", some)
    assert entries.untold_deletion == datetime(2026, 3, 1, 11, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("events", "moved"),
    [
        ([event(1, "insert", 1)], {"2026-01-01"}),
        ([event(1, "update", 1)], {"2026-01-01", ALL}),
        # It was in another fiscal year before it was deleted, or before it was edited.
        ([event(1, "delete", 1), event(1, "insert", 2)], {"2026-01-01", ALL}),
        ([event(1, "insert", 1), event(1, "update", 2)], {"2026-01-01", ALL}),
    ],
)
def test_only_a_line_that_is_new_and_unchanged_moves_its_own_year_alone(
    events: list[Event], moved: set[str]
) -> None:
    source = lines()
    source.changed("id", events)
    for one in events:  # as the changelog's parts
        source.changed("id", [one])
    source.note_changes([{"id": 1, "date": "2026-02-03"}], [], BEGAN)
    assert source.moved.keys() == moved

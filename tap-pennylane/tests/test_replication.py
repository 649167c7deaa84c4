"""Scan, resume and changelog against a list in memory: no tap, no server."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tap_pennylane.api.collection import Collection
from tap_pennylane.api.events import Event, Part, Position
from tap_pennylane.errors import ExpiredError, PennylaneError
from tap_pennylane.record import DELETED_AT, RecordReader
from tap_pennylane.replication.plan import Terms
from tap_pennylane.replication.replicate import Replication
from tap_pennylane.replication.source import Source
from tap_pennylane.sync_log import Entry
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_pennylane.api.collection import Items

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHANGELOG = "/changelogs/customers"
PAGE = 10
SCHEMA = {
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": ["string", "null"]},
        DELETED_AT: {"type": ["string", "null"]},
    }
}


class Clock:
    """The part of a client that scans use."""

    def now(self) -> datetime:
        return BEGAN

    def next_slot(self) -> float:
        return 0

    def readers(self) -> int:
        return 1


class ListInMemory(Collection):
    """A collection that needs no server."""

    def __init__(self, rows: dict[int, str], fail_after: int | None = None) -> None:
        super().__init__(Clock(), "customers", "/customers", {"limit": PAGE, "sort": "id"})  # type: ignore[arg-type]
        self.rows = rows
        self.asked: list[Mapping[str, Any]] = []
        self.fail_after = fail_after

    @override
    def page(self, query: Mapping[str, Any]) -> tuple[Items, str | None]:
        found = self._found(query)
        return found[:PAGE], "more" if len(found) > PAGE else None

    @override
    def pages(self, query: Mapping[str, Any]) -> Iterator[Items]:
        yield self._found(query)

    def _found(self, query: Mapping[str, Any]) -> Items:
        self.asked.append(query)
        if self.fail_after is not None and len(self.asked) > self.fail_after:
            msg = "cut off"
            raise PennylaneError(msg)
        found = sorted(self.rows, reverse=query["sort"] == "-id")
        for condition in json.loads(query.get("filter", "[]")):
            value = condition["value"]
            if condition["operator"] == "gt":
                found = [one for one in found if one > value]
            elif condition["operator"] == "lteq":
                found = [one for one in found if one <= value]
            else:
                found = [one for one in found if one in value]
        return [{"id": one, "name": self.rows[one]} for one in found]


@dataclass
class Messages:
    """An output that keeps what it receives."""

    versions: list[int] = field(default_factory=list)
    activated: list[int] = field(default_factory=list)
    states: list[dict[str, Any]] = field(default_factory=list)

    def begin(self, version: int, *, is_whole: bool) -> None:
        self.versions.append(version)
        self.is_whole = is_whole

    def activate_version(self, version: int) -> None:
        self.activated.append(version)

    def remember(self, state: dict[str, Any]) -> None:
        self.states.append(state)

    def columns(self) -> list[str]:
        return ["id", "name"]


@dataclass
class Books:
    """A company, and the events of its customers."""

    rows: dict[int, str]
    events: list[Event] = field(default_factory=list)
    expired: bool = False
    company_id = 7
    began = BEGAN
    between_pages = staticmethod(lambda: None)
    version = 100
    client = Clock()

    @property
    def changelogs(self) -> Books:
        return self

    def since(self, path: str, position: Position) -> list[Part]:
        assert path == CHANGELOG
        if self.expired:
            msg = "it no longer has the events"
            raise ExpiredError(msg)
        new = [one for one in self.events if one.processed_at > position.processed_at]
        parts = [new[start : start + 100] for start in range(0, len(new), 100)]
        return [Part(part, Position(part[-1].processed_at)) for part in parts] or [
            Part([], position)
        ]

    def change(self, identity: int, name: str | None) -> None:
        """Change, make or delete a customer a second later than the last time."""
        operation = "update" if identity in self.rows else "insert"
        if name is None:
            operation = "delete"
            del self.rows[identity]
        else:
            self.rows[identity] = name
        moment = BEGAN + timedelta(seconds=len(self.events) + 1)
        self.events.append(Event(identity, operation, moment.isoformat()))

    def run(
        self, state: dict[str, Any] | None = None, fail_after: int | None = None
    ) -> tuple[list[dict[str, Any]], Messages, Entry, ListInMemory]:
        """One run of the stream."""
        collection = ListInMemory(self.rows, fail_after)
        source = Source(collection, {CHANGELOG: "id"}, scan_by="id")
        reader = RecordReader(SCHEMA, ("id",), "customers")
        output, entry = Messages(), Entry("customers")
        replication = Replication(
            self,  # type: ignore[arg-type]
            source,
            reader,
            output,  # type: ignore[arg-type]
            Terms("customers", (CHANGELOG,)),
            state=state or {},
        )
        records = []
        try:
            for record in replication.deliver(entry):
                records.append(record)  # noqa: PERF402 - kept when it is cut off
        except PennylaneError as error:
            entry.fail(str(error))
        return records, output, entry, collection


@pytest.fixture
def books() -> Books:
    return Books({number: f"Customer {number}" for number in range(1, 96)})


def test_a_scan_delivers_everything_once_and_then_says_so(books: Books) -> None:
    records, output, entry, _ = books.run()
    assert sorted(record["id"] for record in records) == sorted(books.rows)
    assert (entry.mode, entry.records) == ("scan", 95)
    assert output.activated == output.versions == [100]
    assert output.is_whole
    assert "scan" not in output.states[-1]
    # During the scan, the bookmark says what is left; nothing is activated before the end.
    assert all(state["scan"]["left"] is not None for state in output.states[:-1])


@pytest.mark.parametrize("fail_after", range(2, 8))
def test_a_scan_that_was_cut_off_goes_on_and_follows_the_changelog(
    books: Books, fail_after: int
) -> None:
    first, output, entry, _ = books.run(fail_after=fail_after)
    assert entry.error == "cut off"
    assert not output.activated
    books.change(3, None)
    books.change(4, "Changed")
    second, resumed, again, collection = books.run(output.states[-1])
    assert again.mode == "resumed scan"
    assert resumed.activated == [100]
    table = {record["id"]: record["name"] for record in [*first, *second]}
    gone = {record["id"] for record in second if record[DELETED_AT]}
    assert gone == {3}
    assert {key: name for key, name in table.items() if key not in gone} == books.rows
    # Delivered records are not requested again, unless they changed.
    assert len(second) == len(books.rows) + 1 - len(first) + 1 + (3 in {one["id"] for one in first})
    assert len(collection.asked) < 95 // PAGE + 2


def test_the_changelog_takes_over_from_the_moment_the_scan_began(books: Books) -> None:
    _, output, _, _ = books.run()
    books.change(50, "Changed")
    books.change(51, None)
    books.change(200, "New")
    records, followed, entry, collection = books.run(output.states[-1])
    assert entry.mode == "changelog"
    assert {record["id"]: record["name"] for record in records} == {
        50: "Changed",
        51: None,
        200: "New",
    }
    assert [record["id"] for record in records if record[DELETED_AT]] == [51]
    assert (entry.records, entry.tombstones) == (2, 1)
    assert len(collection.asked) == 1
    assert not followed.activated
    assert not followed.is_whole
    idle, still, _, unasked = books.run(followed.states[-1])
    assert (idle, unasked.asked) == ([], [])
    assert still.states[-1]["changes"] == followed.states[-1]["changes"]


def test_the_bookmark_does_not_move_past_what_was_delivered(books: Books) -> None:
    books.rows.update({number: f"Customer {number}" for number in range(96, 251)})
    _, output, _, _ = books.run()
    for number in range(1, 251):
        books.change(number, f"Changed {number}")
    first, cut_off, entry, _ = books.run(output.states[-1], fail_after=1)
    assert entry.error == "cut off"
    assert [record["id"] for record in first] == list(range(1, 101))
    assert cut_off.states[-1]["changes"][CHANGELOG]["processed_at"] == books.events[99].processed_at
    second, _, again, _ = books.run(cut_off.states[-1])
    assert again.error is None
    assert [record["id"] for record in second] == list(range(101, 251))


def test_an_expired_changelog_leads_to_a_scan_with_a_higher_version(books: Books) -> None:
    _, output, _, _ = books.run()
    books.change(1, None)
    books.expired = True
    records, rescanned, entry, _ = books.run(output.states[-1])
    assert entry.mode == "expired→scan"
    assert {record["id"] for record in records} == books.rows.keys()
    assert rescanned.activated == [101]


def test_a_failure_leaves_the_bookmark_that_was(books: Books) -> None:
    records, output, entry, _ = books.run(fail_after=0)
    assert (records, output.states, entry.error) == ([], [], "cut off")

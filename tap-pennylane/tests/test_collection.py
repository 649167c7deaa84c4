"""One list of the API, against responses from memory: pages, ids, and the start date."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tap_pennylane.api.collection import Collection
from tap_pennylane.errors import PennylaneError

if TYPE_CHECKING:
    from collections.abc import Mapping

ROWS = [{"id": number, "date": None if number % 50 == 0 else "2024-01-01"} for number in range(250)]


class Answers:
    """A client with a list in memory: it filters by id and date, and pages by `limit`."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def readers(self) -> int:
        return 2

    def get(self, path: str, query: Mapping[str, Any]) -> object:
        assert path == "/invoices"
        self.asked.append(dict(query))
        found = ROWS
        for condition in json.loads(query.get("filter", "[]")):
            if condition["field"] == "id":
                found = [row for row in found if row["id"] in condition["value"]]
            else:
                found = [row for row in found if (row["date"] or "") >= condition["value"]]
        start = int(query.get("cursor", 0))
        end = start + query["limit"]
        cursor = str(end) if end < len(found) else None
        return {"items": found[start:end], "next_cursor": cursor, "has_more": cursor is not None}


def collection(answers: Answers, **options: Any) -> Collection:
    client: Any = answers
    return Collection(client, "invoices", "/invoices", {"limit": 60, "sort": "id"}, **options)


def test_pages_follow_the_cursor_and_repeat_the_query() -> None:
    answers = Answers()
    pages = list(collection(answers).pages({"limit": 60, "sort": "id"}))
    assert [item for items in pages for item in items] == ROWS
    assert [query.get("cursor") for query in answers.asked] == [None, "60", "120", "180", "240"]
    assert {query["sort"] for query in answers.asked} == {"id"}


def test_records_are_fetched_a_hundred_at_a_time() -> None:
    answers = Answers()
    ids = [*range(240), 999]
    found = list(collection(answers).fetch_by_ids(ids))
    assert [len(asked) for asked, _ in found] == [100, 100, 41]
    assert [item["id"] for _, items in found for item in items] == list(range(240))


@pytest.mark.parametrize(
    ("since", "may_lack_date", "expected"),
    [
        (None, True, [0, 1]),
        ("2024-01-01", False, [1]),  # the API's filter omits records without a date
        ("2024-01-01", True, [0, 1]),
        ("2025-01-01", True, [0]),
        ("2025-01-01", False, []),
    ],
)
def test_what_has_no_date_is_wanted_whatever_the_start_date(
    since: str | None, expected: list[int], *, may_lack_date: bool
) -> None:
    invoices = collection(Answers(), since=since, may_lack_date=may_lack_date)
    found = [item["id"] for _, items in invoices.fetch_by_ids([0, 1]) for item in items]
    assert found == expected


def test_a_cursor_that_comes_again_is_refused() -> None:
    answers = Answers()
    answers.get = lambda path, query: {"items": [], "next_cursor": "x"}  # type: ignore[method-assign] # noqa: ARG005
    with pytest.raises(PennylaneError, match="its list would never end"):
        list(collection(answers).pages({}))

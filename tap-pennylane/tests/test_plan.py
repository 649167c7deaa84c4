"""The plan of a stream in a run, decided from its bookmark alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tap_pennylane.api.events import Position
from tap_pennylane.errors import FatalError
from tap_pennylane.replication.bookmark import FORMAT, Bookmark, Progress, Range
from tap_pennylane.replication.plan import (
    MARGIN,
    Follow,
    NotDue,
    Now,
    Resume,
    Scan,
    Terms,
    decide,
    start_over,
)

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = Now(company=7, began=BEGAN, version=1000, columns="abc")
CHANGELOG = "/changelogs/customers"
FOLLOWED = Terms("customers", (CHANGELOG,))
UNFOLLOWED = Terms("journals", max_age=timedelta(hours=6))
YESTERDAY = (BEGAN - timedelta(days=1)).isoformat()


def bookmark(terms: Terms, **changes: Any) -> Bookmark:
    """The bookmark of an earlier run with these terms."""
    given: dict[str, Any] = {
        "format": FORMAT,
        "company": 7,
        "columns": "abc",
        "version": 900,
        "read_at": YESTERDAY,
        "start_date": terms.start_date,
        "changes": {path: Position(YESTERDAY) for path in terms.changelogs},
    }
    return Bookmark(**{**given, **changes})


CUT_OFF = {"scan": Progress(YESTERDAY, 950, [Range(5, 9)]), "read_at": None}


@pytest.mark.parametrize(
    ("terms", "changes", "kind", "reason"),
    [
        (FOLLOWED, {}, Follow, None),
        (FOLLOWED, CUT_OFF, Resume, None),
        (UNFOLLOWED, {}, Scan, None),
        (UNFOLLOWED, {"read_at": (BEGAN - timedelta(hours=5)).isoformat()}, NotDue, None),
        (UNFOLLOWED, {"read_at": None}, Scan, None),
        (UNFOLLOWED, CUT_OFF, Scan, "the last read was interrupted"),
        (replace(UNFOLLOWED, max_age=timedelta()), {"read_at": BEGAN.isoformat()}, Scan, None),
        (FOLLOWED, {"start_date": "2024-01-01"}, Scan, "the setting 'start_date' changed"),
        (FOLLOWED, {"columns": "xyz"}, Scan, "the selected columns or the stream maps changed"),
        (FOLLOWED, {"changes": {}}, Scan, "the changelogs of the stream changed"),
        (
            replace(FOLLOWED, may_lack_date=True, once_lacked_undated=True),
            {},
            Scan,
            "an earlier version omitted",
        ),
        (
            replace(FOLLOWED, may_lack_date=True, once_lacked_undated=True),
            {"undated": True},
            Follow,
            None,
        ),
    ],
)
def test_the_bookmark_decides(
    terms: Terms, changes: dict[str, Any], kind: type, reason: str | None
) -> None:
    plan = decide(bookmark(terms, **changes), terms, NOW)
    assert type(plan) is kind
    found = getattr(plan, "reason", None)
    assert (found or "").startswith(reason or "")
    assert bool(found) == bool(reason)


def test_without_a_bookmark_all_is_read_and_the_changelog_takes_over_from_just_before() -> None:
    plan = decide(None, FOLLOWED, NOW)
    assert isinstance(plan, Scan)
    assert plan.reason is None
    assert plan.progress == Progress(BEGAN.isoformat(), 1000)
    assert plan.bookmark.changes == {CHANGELOG: Position((BEGAN - MARGIN).isoformat())}
    assert plan.bookmark.scan is plan.progress


def test_a_scan_that_takes_the_place_of_the_changelog_keeps_how_far_that_was_read() -> None:
    reached = Position((BEGAN - timedelta(hours=2)).isoformat(), 3, "f00")
    plan = start_over(bookmark(FOLLOWED), FOLLOWED, NOW, {CHANGELOG: reached}, "why")
    assert (plan.bookmark.changes, plan.reason) == ({CHANGELOG: reached}, "why")


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [({"version": 900}, 1001), ({"version": 901}, 1000), ({"version": 5000}, 5001)],
)
def test_versions_grow_and_odd_ones_follow_even_ones(
    earlier: dict[str, int], expected: int
) -> None:
    plan = decide(bookmark(UNFOLLOWED, **earlier), UNFOLLOWED, NOW)
    assert isinstance(plan, Scan)
    assert plan.progress.version == expected


def test_a_bookmark_of_the_future_is_of_another_system() -> None:
    ahead = {CHANGELOG: Position((BEGAN + timedelta(hours=1)).isoformat())}
    with pytest.raises(FatalError, match="ahead of Pennylane's clock"):
        decide(bookmark(FOLLOWED, changes=ahead), FOLLOWED, NOW)

"""Ranges read in parallel: nothing is lost, whatever the ids, the readers and the timing."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tap_pennylane.errors import PennylaneError
from tap_pennylane.replication.bookmark import Range
from tap_pennylane.replication.budget import Budget
from tap_pennylane.replication.ranges import LONGEST_QUEUE, RangeReaders, Request
from tap_pennylane.replication.scan import pieces

PAGE = 5

# Clusters with gaps between them, as ids with a type suffix form.
sparse_ids = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 400)), min_size=1, max_size=300
).map(lambda pairs: sorted({cluster * 1_000_000 + number for cluster, number in pairs}))


class Table:
    """A list of ids, with the API's paging."""

    def __init__(self, ids: list[int], fail_after: int | None = None) -> None:
        self.ids, self.requests, self.fail_after = ids, 0, fail_after
        self._lock = threading.Lock()

    def fetch(self, request: Request) -> tuple[list[dict[str, Any]], bool]:
        with self._lock:
            self.requests += 1
            if self.fail_after is not None and self.requests > self.fail_after:
                msg = "cut off"
                raise PennylaneError(msg)
        first = bisect_right(self.ids, request.after)
        found = self.ids[first : bisect_right(self.ids, request.until)]
        if not request.upwards:
            found.reverse()
        return [{"id": id_} for id_ in found[:PAGE]], len(found) > PAGE


def covered(ranges: list[Range], ids: list[int]) -> set[int]:
    return {
        id_
        for id_ in ids
        for one in ranges
        if one.until is not None and int(one.after) < id_ <= one.until
    }


@settings(deadline=None, max_examples=60)
@given(ids=sparse_ids, readers=st.integers(1, 6))
def test_at_every_moment_all_is_delivered_or_left(ids: list[int], readers: int) -> None:
    table = Table(ids)
    everything = Range(ids[0] - 1, ids[-1])
    delivered: list[int] = []
    for items, left in RangeReaders(table.fetch, [everything], readers, PAGE).pages():
        delivered += [item["id"] for item in items]
        assert set(delivered) | covered(left, ids) == set(ids)
        # At most one range per reader, and one more per waiting page.
        assert len(left) <= 2 * readers + LONGEST_QUEUE
    assert sorted(delivered) == ids
    assert not left


@settings(deadline=None, max_examples=40)
@given(ids=sparse_ids, readers=st.integers(1, 6), fail_after=st.integers(0, 20))
def test_a_read_that_was_cut_off_goes_on(ids: list[int], readers: int, fail_after: int) -> None:
    left = [Range(ids[0] - 1, ids[-1])]
    delivered: set[int] = set()
    try:
        for items, rest in RangeReaders(Table(ids, fail_after).fetch, left, readers, PAGE).pages():
            delivered |= {item["id"] for item in items}
            left = rest
    except PennylaneError:
        assert left
    for items, rest in RangeReaders(Table(ids).fetch, left, readers, PAGE).pages():
        delivered |= {item["id"] for item in items}
        left = rest
    assert delivered == set(ids)


@settings(deadline=None, max_examples=40)
@given(ids=sparse_ids, readers=st.integers(1, 6), requests=st.integers(1, 12))
def test_small_budgets_read_everything_once(ids: list[int], readers: int, requests: int) -> None:
    left, delivered = [Range(ids[0] - 1, ids[-1])], []
    while left:
        table, budget = Table(ids), Budget(requests)
        reading = RangeReaders(table.fetch, left, readers, PAGE, may_read=budget.take)
        for items, rest in reading.pages():
            delivered += [item["id"] for item in items]
            left = rest
        assert table.requests <= requests
        assert budget.was_refused == bool(left)
    assert sorted(delivered) == ids


def test_the_first_to_ask_a_budget_is_served() -> None:
    budget = Budget(3)
    assert budget.take(8)
    assert not budget.take()
    budget.spend(-7)
    assert budget.take(2)
    assert not budget.take()
    assert budget.was_refused
    assert not Budget(0).take()


@pytest.mark.parametrize(
    ("ids", "has_more", "complaint"),
    [
        ([1, 6], True, "1 came"),
        ([6, 91], False, "91 came"),
        ([6, 8, 7], True, "came in another order"),
        ([6, 6], True, "came in another order"),
        ([], True, "none came, yet more were reported"),
    ],
)
def test_a_page_that_is_not_what_was_asked_for_is_refused(
    ids: list[int],
    has_more: bool,  # noqa: FBT001 - a parameter of the test
    complaint: str,
) -> None:
    def fetch(_request: Request) -> tuple[list[dict[str, Any]], bool]:
        return [{"id": id_} for id_ in ids], has_more

    with pytest.raises(PennylaneError, match=f"ids above 5 up to 90 .*{complaint}"):
        list(RangeReaders(fetch, [Range(5, 90)], 1, PAGE).pages())


@pytest.mark.parametrize("readers", [1, 2, 8, 16])
def test_many_readers_waste_few_requests(readers: int) -> None:
    """Even if nearly all ids are gaps."""
    table = Table(sorted([*range(0, 3_000, 3), *range(100_000_000, 100_030_000, 3)]))
    side_by_side = RangeReaders(table.fetch, [Range(-1, table.ids[-1])], readers, PAGE)
    assert sum(len(items) for items, _ in side_by_side.pages()) == len(table.ids)
    # The page at which two readers meet is not full.
    assert table.requests <= len(table.ids) / PAGE + 2 * (readers - 1)


def test_what_to_ask_for_is_decided_when_it_can_be_sent() -> None:
    table = Table(list(range(10 * PAGE)))
    allowed = 1

    def next_slot() -> float:
        return 0 if table.requests < allowed else 0.01

    everything = [Range(-1, table.ids[-1])]
    pages = RangeReaders(table.fetch, everything, 1, PAGE, next_slot=next_slot).pages()
    next(pages)
    time.sleep(0.1)
    assert table.requests == 1
    allowed = 1_000
    assert sum(len(items) for items, _ in pages) == 9 * PAGE


@example(after=0, ids=2**62 - 1, pages=16, readers=8)  # a float is exact to 2**53
@given(
    after=st.integers(0, 2**62),
    ids=st.integers(1, 2**62),
    pages=st.integers(0, 10**6),
    readers=st.integers(1, 32),
)
def test_the_first_pieces_are_the_whole_range(
    after: int, ids: int, pages: int, readers: int
) -> None:
    parts = pieces(after, after + ids, pages, readers)
    assert len(parts) <= readers
    assert (parts[0].after, parts[-1].until) == (after, after + ids)
    for one, other in pairwise(parts):
        assert one.until == other.after


def test_where_most_is_a_gap_the_pieces_double_from_both_ends() -> None:
    page = 100_000_000 // 140_000
    parts = pieces(0, 100_000_000, 140_000, 8)
    sizes = [int(one.until or 0) - int(one.after) for one in parts]
    assert sizes[:4] == sorted(sizes[:4])
    assert sizes[:3] == pytest.approx([2 * page, 2 * page, 4 * page], rel=0.01)
    assert sizes == pytest.approx(sizes[::-1], abs=1)

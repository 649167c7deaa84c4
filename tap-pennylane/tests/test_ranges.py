"""Ranges read side by side: nothing is lost, whatever the ids, the readers and the moment."""

from __future__ import annotations

import threading
from bisect import bisect_right
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tap_pennylane.bookmark import Range
from tap_pennylane.errors import PennylaneError
from tap_pennylane.ranges import SideBySide
from tap_pennylane.scan import pieces

PAGE = 5

# Clusters with gaps between them, as ids with a type suffix have.
sparse_ids = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 400)), min_size=1, max_size=300
).map(lambda pairs: sorted({cluster * 1_000_000 + number for cluster, number in pairs}))


class Table:
    """A list of ids, as the API pages it."""

    def __init__(self, ids: list[int], fail_after: int | None = None) -> None:
        self.ids, self.requests, self.fail_after = ids, 0, fail_after
        self._lock = threading.Lock()

    def fetch(self, after: int, until: int) -> tuple[list[dict[str, Any]], bool]:
        with self._lock:
            self.requests += 1
            if self.fail_after is not None and self.requests > self.fail_after:
                msg = "cut off"
                raise PennylaneError(msg)
        first, last = bisect_right(self.ids, after), bisect_right(self.ids, until)
        page = self.ids[first : min(first + PAGE, last)]
        return [{"id": id_} for id_ in page], last - first > PAGE


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
    for items, left in SideBySide(table.fetch, [everything], readers, PAGE).pages():
        delivered += [item["id"] for item in items]
        assert set(delivered) | covered(left, ids) == set(ids)
        assert len(left) <= readers + 1
    assert sorted(delivered) == ids
    assert not left


@settings(deadline=None, max_examples=40)
@given(ids=sparse_ids, readers=st.integers(1, 6), fail_after=st.integers(0, 20))
def test_a_read_that_was_cut_off_goes_on(ids: list[int], readers: int, fail_after: int) -> None:
    left = [Range(ids[0] - 1, ids[-1])]
    delivered: set[int] = set()
    try:
        for items, rest in SideBySide(Table(ids, fail_after).fetch, left, readers, PAGE).pages():
            delivered |= {item["id"] for item in items}
            left = rest
    except PennylaneError:
        assert left
    for items, rest in SideBySide(Table(ids).fetch, left, readers, PAGE).pages():
        delivered |= {item["id"] for item in items}
        left = rest
    assert delivered == set(ids)


def test_an_api_that_ignores_the_filter_is_noticed() -> None:
    def fetch(_after: int, _until: int) -> tuple[list[dict[str, Any]], bool]:
        return [{"id": 1}], True

    with pytest.raises(PennylaneError, match="ids above 5 were asked for"):
        list(SideBySide(fetch, [Range(5, 90)], 2, PAGE).pages())


def test_many_readers_waste_few_requests() -> None:
    table = Table(sorted([*range(0, 30_000, 3), *range(100_000_000, 100_030_000, 3)]))
    readers = SideBySide(table.fetch, [Range(-1, table.ids[-1])], 8, PAGE)
    assert sum(len(items) for items, _ in readers.pages()) == 20_000
    assert table.requests <= 20_000 / PAGE * 1.05


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


def test_where_most_is_a_gap_the_pieces_are_small_at_both_ends() -> None:
    parts = pieces(0, 100_000_000, 140_000, 8)
    sizes = [int(one.until or 0) - int(one.after) for one in parts]
    assert sizes[:4] == sorted(sizes[:4])
    assert sizes[0] < 100_000_000 / 1_000
    assert sizes == pytest.approx(sizes[::-1], abs=1)

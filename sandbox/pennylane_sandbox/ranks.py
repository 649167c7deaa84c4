"""The ids of rows, grouped by the rank of a field: an order, and a way to any part of it."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Ranks:
    """Ids by rank; the ranks and the ids of each are ascending."""

    def __init__(self, ranked: Iterable[tuple[int, int]]) -> None:
        """Group these pairs of rank and id, whose ids ascend."""
        # Not lists: the garbage collector would visit every id now and then.
        groups: defaultdict[int, array[int]] = defaultdict(partial(array, "q"))
        for rank, row_id in ranked:
            groups[rank].append(row_id)
        self._groups = dict(groups)
        self._ranks = sorted(groups)

    def add(self, rank: int, row_id: int) -> None:
        """Insert an id."""
        if rank not in self._groups:
            self._groups[rank] = array("q")
            insort(self._ranks, rank)
        insort(self._groups[rank], row_id)

    def remove(self, rank: int, row_id: int) -> None:
        """Remove an id."""
        group = self._groups[rank]
        del group[bisect_left(group, row_id)]
        if not group:
            del self._groups[rank]
            del self._ranks[bisect_left(self._ranks, rank)]

    def between(self, low: int | None, high: int | None) -> list[tuple[int, array[int]]]:
        """Return the ranks from `low` to `high`, each with its ids."""
        first = 0 if low is None else bisect_left(self._ranks, low)
        last = len(self._ranks) if high is None else bisect_right(self._ranks, high)
        return [(rank, self._groups[rank]) for rank in self._ranks[first:last]]

"""The rows of a collection that a request selects, in order: filter, sort, position."""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from pennylane_sandbox import calendar
from pennylane_sandbox.api.filters import RANGE, Condition, Conditions, Fields, predicate
from pennylane_sandbox.collection import ID_BITS, Collection

_ID_MASK: Final = (1 << ID_BITS) - 1
_KEPT: Final = 24


@dataclass(frozen=True, slots=True)
class View:
    """The sort keys `keys[low:high]`, ascending."""

    keys: list[int]
    low: int
    high: int

    def page(self, after: int | None, limit: int, *, descending: bool) -> tuple[list[int], bool]:
        """Return the ids of one page after a sort key, and whether more follow.

        Behind a key, not at a number of rows: rows that come and go elsewhere shift nothing.
        """
        low, high = self.low, self.high
        if descending:
            if after is not None:
                high = min(high, bisect_left(self.keys, after))
            first = max(low, high - limit)
            return [key & _ID_MASK for key in reversed(self.keys[first:high])], first > low
        if after is not None:
            low = max(low, bisect_right(self.keys, after))
        last = min(high, low + limit)
        return [key & _ID_MASK for key in self.keys[low:last]], last < high


class Views:
    """Makes views, and keeps the most recent ones: the pages of one scan share a view."""

    def __init__(self) -> None:
        """Start without any."""
        self._kept: OrderedDict[object, View] = OrderedDict()

    def select(
        self, rows: Collection[Any], sort: str, conditions: Conditions, fields: Fields
    ) -> View:
        """Return the view of the rows that meet all conditions."""
        for condition in conditions:
            if condition.field == "id" and condition.operator in {"eq", "in"}:
                wanted = condition.value if condition.operator == "in" else {condition.value}
                return _few(rows, sort, wanted, conditions, fields)
        order = rows.order(sort)
        low, high = _bounds(order, sort, conditions)
        rest = tuple(one for one in conditions if one.field != sort or one.operator not in RANGE)
        if not rest:
            return View(order, low, high)
        key = (rows, rows.version, sort, conditions)
        view = self._kept.get(key)
        if view is None:
            view = _filtered(rows, sort, (low, high), rest, fields)
            self._kept[key] = view
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return view


def _few(
    rows: Collection[Any], sort: str, ids: set[int], conditions: Conditions, fields: Fields
) -> View:
    meets = predicate(conditions, fields)
    found = [rows.rows[one] for one in ids if one in rows.rows]
    keys = sorted(rows.key(sort, row) for row in found if meets(row))
    return View(keys, 0, len(keys))


def _bounds(order: list[int], sort: str, conditions: Conditions) -> tuple[int, int]:
    low, high = 0, len(order)
    for condition in conditions:
        if condition.field == sort and condition.operator in RANGE:
            first, last = _keys_of(sort, condition)
            if sort != "id":  # rows without a date come first, and are in no range
                low = max(low, bisect_left(order, 1 << ID_BITS))
            match condition.operator:
                case "lt":
                    high = min(high, bisect_left(order, first))
                case "lteq":
                    high = min(high, bisect_right(order, last))
                case "gt":
                    low = max(low, bisect_right(order, last))
                case _:
                    low = max(low, bisect_left(order, first))
    return low, max(low, high)


def _keys_of(sort: str, condition: Condition) -> tuple[int, int]:
    """Return the smallest and the largest sort key of a value."""
    if sort == "id":
        return condition.value, condition.value
    floor = calendar.rank(condition.value) << ID_BITS
    return floor, floor | _ID_MASK


def _filtered(
    rows: Collection[Any],
    sort: str,
    bounds: tuple[int, int],
    rest: Conditions,
    fields: Fields,
) -> View:
    by_id = rows.rows
    dates = tuple(one for one in rest if one.field == "date" and one.operator in RANGE)
    if sort == "id" and dates and "date" in rows.ranks():
        order = rows.order("date")
        low, high = _bounds(order, "date", dates)
        first, last = bounds
        ids = rows.order("id")
        candidates = sorted(key & _ID_MASK for key in order[low:high])
        if (first, last) != (0, len(ids)):
            least = ids[first] if first < len(ids) else ids[-1] + 1 if ids else 0
            most = ids[last - 1] if last > first else least - 1
            candidates = candidates[bisect_left(candidates, least) : bisect_right(candidates, most)]
        rest = tuple(one for one in rest if one not in dates)
    else:
        candidates = rows.order(sort)[slice(*bounds)]
    if rest:
        meets = predicate(rest, fields)
        candidates = [key for key in candidates if meets(by_id[key & _ID_MASK])]
    return View(candidates, 0, len(candidates))

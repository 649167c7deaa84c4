"""The rows of a collection that a request selects, in order: filter, sort, position.

A page costs what it holds, however large the collection is: it is read from the position on, along
an order that is kept up to date. Only conditions that no order serves are tested row by row.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import chain, islice
from typing import Any, Final

from pennylane_sandbox import calendar
from pennylane_sandbox.api.filters import RANGE, Condition, Conditions, Fields, predicate
from pennylane_sandbox.collection import ID_BITS, ID_MASK, Collection

_SPANNED: Final = frozenset({*RANGE, "eq"})


@dataclass(frozen=True, slots=True)
class Order:
    """The field by which a list is sorted, and the position after which a page begins."""

    field: str
    is_descending: bool
    after: int | None


@dataclass(slots=True)
class _Span:
    """The integers from `low` to `high`, or without a bound."""

    low: int | None = None
    high: int | None = None

    def narrow(self, operator: str, value: int) -> None:
        """Leave out what does not meet a condition."""
        if operator in {"gt", "gteq", "eq"}:
            least = value + (operator == "gt")
            self.low = least if self.low is None else max(self.low, least)
        if operator in {"lt", "lteq", "eq"}:
            most = value - (operator == "lt")
            self.high = most if self.high is None else min(self.high, most)

    def of(self, ids: Sequence[int], *, descending: bool) -> Iterator[int]:
        """Return those of ascending ids that are in the span."""
        first = 0 if self.low is None else bisect_left(ids, self.low)
        last = len(ids) if self.high is None else bisect_right(ids, self.high)
        places = range(last - 1, first - 1, -1) if descending else range(first, last)
        return map(ids.__getitem__, places)


def select(
    rows: Collection[Any], order: Order, conditions: Conditions, fields: Fields, limit: int
) -> tuple[list[Any], bool]:
    """Return the rows of one page, and whether more follow."""
    ids, rest = _candidates(rows, order, conditions)
    found: Iterator[Any] = map(rows.rows.__getitem__, ids)
    if rest:
        found = filter(predicate(rest, fields), found)
    page = list(islice(found, limit + 1))
    return page[:limit], len(page) > limit


def _candidates(
    rows: Collection[Any], order: Order, conditions: Conditions
) -> tuple[Iterator[int], Conditions]:
    """Return ids in order from the position on, and the conditions that are left to test."""
    for condition in conditions:
        if condition.field == "id" and condition.operator == "in":
            return _named(rows, order, condition), conditions
    ids, spans = _Span(), {field: _Span() for field in rows.sorts()}
    rest = []
    for condition in conditions:
        name, operator, value = condition.field, condition.operator, condition.value
        if operator not in _SPANNED or not (name == "id" or name in spans):
            rest.append(condition)
        elif name == "id":
            ids.narrow(operator, value)
        else:
            spans[name].narrow("gt", 0)  # rows without a date are in no range
            spans[name].narrow(operator, calendar.rank(value))
    if order.field == "id":
        return _by_id(rows, order, ids, spans), tuple(rest)
    return _by_rank(rows, order, ids, spans), tuple(rest)


def _named(rows: Collection[Any], order: Order, condition: Condition) -> Iterator[int]:
    found = [rows.rows[one] for one in condition.value if one in rows.rows]
    positions = sorted(rows.position(order.field, row) for row in found)
    span = _Span()
    if order.after is not None:
        span.narrow("lt" if order.is_descending else "gt", order.after)
    return (one & ID_MASK for one in span.of(positions, descending=order.is_descending))


def _by_id(
    rows: Collection[Any], order: Order, ids: _Span, spans: dict[str, _Span]
) -> Iterator[int]:
    if order.after is not None:
        ids.narrow("lt" if order.is_descending else "gt", order.after)
    groups: list[Sequence[int]] = [rows.ids]
    for field, span in spans.items():
        if span != _Span():
            groups = [group for _, group in rows.ranks(field).between(span.low, span.high)]
    parts = [ids.of(group, descending=order.is_descending) for group in groups]
    return parts[0] if len(parts) == 1 else merge(*parts, reverse=order.is_descending)


def _by_rank(
    rows: Collection[Any], order: Order, ids: _Span, spans: dict[str, _Span]
) -> Iterator[int]:
    span, at = spans[order.field], None
    if order.after is not None:
        at = order.after >> ID_BITS
        span.narrow("lteq" if order.is_descending else "gteq", at)
    groups = rows.ranks(order.field).between(span.low, span.high)
    if order.is_descending:
        groups.reverse()

    def part(rank: int, group: Sequence[int]) -> Iterator[int]:
        own = _Span(ids.low, ids.high)
        if order.after is not None and rank == at:
            own.narrow("lt" if order.is_descending else "gt", order.after & ID_MASK)
        return own.of(group, descending=order.is_descending)

    return chain.from_iterable(part(rank, group) for rank, group in groups)

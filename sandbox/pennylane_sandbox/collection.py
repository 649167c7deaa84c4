"""Rows by id, and their orders, like a database's table and indexes."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from pennylane_sandbox.model import Row

R = TypeVar("R", bound=Row)

# A sort key is one integer, the sorted field's rank above the id, so that a million of them are
# cheap to store, sort and bisect, and no two are equal.
ID_BITS = 43


class Collection(Generic[R]):
    """The live rows of one resource."""

    def __init__(self, sort_ranks: dict[str, Callable[[R], int]] | None = None) -> None:
        """Declare the fields, besides `id`, by which rows can be sorted."""
        self.rows: dict[int, R] = {}
        self.version = 0
        self._ranks = sort_ranks or {}
        self._orders: dict[str, list[int]] = {"id": []}

    def load(self, rows: Iterable[R]) -> None:
        """Replace everything with these rows."""
        self.rows = {row.id: row for row in rows}
        self._orders = {"id": sorted(self.rows)}
        self.version += 1

    def add(self, row: R) -> None:
        """Insert a row."""
        self.rows[row.id] = row
        ids = self._orders["id"]
        insort(ids, row.id)
        self._orders = {"id": ids}
        self.version += 1

    def remove(self, row_id: int) -> R:
        """Delete a row."""
        row = self.rows.pop(row_id)
        ids = self._orders["id"]
        del ids[bisect_left(ids, row_id)]
        self._orders = {"id": ids}
        self.version += 1
        return row

    def touched(self) -> None:
        """Note that rows have new values."""
        self._orders = {"id": self._orders["id"]}
        self.version += 1

    def ranks(self) -> Iterable[str]:
        """The fields, besides `id`, by which rows can be sorted."""
        return self._ranks

    def order(self, field: str) -> list[int]:
        """All sort keys by a field, ascending."""
        keys = self._orders.get(field)
        if keys is None:
            rank = self._ranks[field]
            keys = sorted((rank(row) << ID_BITS) | row.id for row in self.rows.values())
            self._orders[field] = keys
        return keys

    def key(self, field: str, row: R) -> int:
        """One row's sort key."""
        return row.id if field == "id" else (self._ranks[field](row) << ID_BITS) | row.id

    def __getitem__(self, row_id: int) -> R:
        """The row with this id."""
        return self.rows[row_id]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def __iter__(self) -> Iterator[R]:
        """All rows, highest id first, like the API's default order."""
        return (self.rows[i] for i in reversed(self._orders["id"]))

"""Rows by id, and their orders, like a database's table and indexes."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

from pennylane_sandbox.model import Row
from pennylane_sandbox.ranks import Ranks

R = TypeVar("R", bound=Row)

# A row's position in an order is one integer: the sorted field's rank above the id.
ID_BITS: Final = 43
ID_MASK: Final = (1 << ID_BITS) - 1


class Collection(Generic[R]):
    """The live rows of one resource."""

    def __init__(self, sort_ranks: dict[str, Callable[[R], int]] | None = None) -> None:
        """Declare the fields, besides `id`, by which rows can be sorted."""
        self.rows: dict[int, R] = {}
        self.ids: list[int] = []
        """All ids, ascending."""
        self._rank_of = sort_ranks or {}
        self._ranks: dict[str, Ranks] = {}
        self._watchers: list[Callable[[R, int], None]] = []

    def load(self, rows: Iterable[R]) -> None:
        """Replace everything with these rows."""
        self.rows = {row.id: row for row in rows}
        self.ids = sorted(self.rows)
        self._ranks = {}

    def add(self, row: R) -> None:
        """Insert a row."""
        self.rows[row.id] = row
        insort(self.ids, row.id)
        self._enter(row)

    def remove(self, row_id: int) -> R:
        """Delete a row."""
        row = self.rows.pop(row_id)
        del self.ids[bisect_left(self.ids, row_id)]
        self._leave(row)
        return row

    @contextmanager
    def changing(self, row: R) -> Iterator[None]:
        """Change a row in a way that its place in an order, or a sum, depends on."""
        self._leave(row)
        try:
            yield
        finally:
            self._enter(row)

    def watch(self, watcher: Callable[[R, int], None]) -> None:
        """Call this with each row that comes (and 1) or goes (and -1)."""
        self._watchers.append(watcher)

    def _enter(self, row: R) -> None:
        for field, ranks in self._ranks.items():
            ranks.add(self._rank_of[field](row), row.id)
        for watcher in self._watchers:
            watcher(row, 1)

    def _leave(self, row: R) -> None:
        for field, ranks in self._ranks.items():
            ranks.remove(self._rank_of[field](row), row.id)
        for watcher in self._watchers:
            watcher(row, -1)

    def sorts(self) -> Iterable[str]:
        """The fields, besides `id`, by which rows can be sorted."""
        return self._rank_of

    def ranks(self, field: str) -> Ranks:
        """All ids by a field; grouped when first requested, and kept up to date from then on."""
        if field not in self._ranks:
            rank = self._rank_of[field]
            self._ranks[field] = Ranks((rank(self.rows[one]), one) for one in self.ids)
        return self._ranks[field]

    def position(self, field: str, row: R) -> int:
        """One row's position in the order of a field."""
        return row.id if field == "id" else (self._rank_of[field](row) << ID_BITS) | row.id

    def __getitem__(self, row_id: int) -> R:
        """The row with this id."""
        return self.rows[row_id]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def __iter__(self) -> Iterator[R]:
        """All rows, highest id first, like the API's default order."""
        return (self.rows[i] for i in reversed(self.ids))

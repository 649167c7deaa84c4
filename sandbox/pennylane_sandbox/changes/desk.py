"""What every change uses: the books, the changelogs, and the deleted rows."""

from typing import Any

from pennylane_sandbox.calendar import rfc3339
from pennylane_sandbox.chance import generator
from pennylane_sandbox.changelog import Changes
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.model import Shares


class RefusedError(ValueError):
    """A change that would leave the books incoherent."""


class Desk:
    """The books that are being changed."""

    def __init__(self, books: Books, log: Changes) -> None:
        """Change these books, and write to this log."""
        self.books = books
        self.log = log
        self.rng = generator("changes", books.seed)
        self.deleted: dict[str, dict[int, Any]] = {}
        self._links: dict[tuple[str, int, int], int] = {}

    def stamp(self) -> str:
        """Return the instant of a change, in the format of the rows."""
        return rfc3339(self.log.instant())

    def day(self) -> str:
        """Draw a date for a new row, in an open fiscal year."""
        return self.books.calendar.days[-1 - int(self.rng.random() * 150)]

    def link_id(self, kind: str, row_id: int, category_id: int) -> int:
        """Return the id of the link between a category and the row that has it."""
        key = (kind, row_id, category_id)
        if key not in self._links:
            self._links[key] = self.books.next_id("category_links")
        return self._links[key]

    def other_shares(self, shares: Shares) -> Shares:
        """Draw categories other than these."""
        return self.rng.choice([one for one in self.books.share_pool if one != shares])

    def revise(self, text: str | None) -> str:
        """Return an edited text."""
        original, _, _ = (text or "Sans libellé").partition(" — révision ")
        return f"{original} — révision {self.books.count('edit')}"

"""One company: its books, which are made when first read, and what happens to them."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

from pennylane_sandbox import calendar
from pennylane_sandbox.api.cursors import Cursors
from pennylane_sandbox.changelog import Changes
from pennylane_sandbox.changes.engine import Engine
from pennylane_sandbox.clock import Clock
from pennylane_sandbox.collection import Collection
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.company.profile import Profile
from pennylane_sandbox.exports import Exports
from pennylane_sandbox.faults import Faults
from pennylane_sandbox.model import Entry
from pennylane_sandbox.stats import Stats
from pennylane_sandbox.trial_balance import TrialBalances

ACCESS: Final = ("open", "refused", "hidden")
"""What the firm's tokens may do with a company: read it, be told 403, or not even see it."""


class Company:
    """A company of the sandbox."""

    def __init__(
        self, profile: Profile, make_books: Callable[[], Books], clock: Clock, window: float
    ) -> None:
        """Begin without books: `make_books` makes them when they are needed."""
        self.profile = profile
        self.access = "open"
        self.changes = Changes(clock)
        self.cursors = Cursors(clock)
        self.faults = Faults()
        self.stats = Stats(window)
        self._clock = clock
        self._make_books = make_books

    @cached_property
    def books(self) -> Books:
        """The company's books, which depend on nothing but its seed and the sandbox's options."""
        return self._make_books()

    @cached_property
    def engine(self) -> Engine:
        """Changes the books."""
        return Engine(self.books, self.changes)

    @cached_property
    def exports(self) -> Exports:
        """The exports of the books."""
        return Exports(self.books, self._clock)

    @cached_property
    def trial_balances(self) -> TrialBalances:
        """The sums of the books."""
        return TrialBalances(self.books)

    @cached_property
    def firm_collections(self) -> dict[str, Collection[Any]]:
        """The collections as the Firm API orders them: there, each entry has the lines' date."""
        entries = self.books.ledger_entries
        dated: Collection[Entry] = Collection({"date": lambda row: calendar.rank(row.date)})
        dated.load(entries.rows.values())

        def follow(row: Entry, sign: int) -> None:
            if sign > 0:
                dated.add(row)
            else:
                dated.remove(row.id)

        entries.watch(follow)
        return {**self.books.collections, "ledger_entries": dated}

    @property
    def is_loaded(self) -> bool:
        """Whether its books have been made."""
        return "books" in self.__dict__

    def allow(self, access: str) -> None:
        """Change what the firm's tokens may do with it."""
        if access not in ACCESS:
            msg = f"access is one of {', '.join(ACCESS)}"
            raise ValueError(msg)
        self.access = access

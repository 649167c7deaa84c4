"""The large collections while they grow, before they are loaded together."""

from collections import defaultdict

from pennylane_sandbox.calendar import instant, later
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.company.ledger import MANUAL, Movements, post
from pennylane_sandbox.model import Entry, Invoice, Transaction


class Growth:
    """What was made so far."""

    def __init__(self, books: Books) -> None:
        """Start with nothing."""
        self.books = books
        self.entries: list[Entry] = []
        self.lines = 0
        self.months: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        """The movements per month and account, in cents."""
        self.sales: list[Invoice] = []
        self.purchases: list[Invoice] = []
        self.transactions: list[Transaction] = []

    @property
    def left(self) -> int:
        """The number of lines that are still to be made."""
        return self.books.size - self.lines

    def enter(self, entry: Entry) -> None:
        """Add an entry."""
        self.entries.append(entry)
        self.lines += len(entry.lines)
        sums = self.months[entry.date[:7]]
        for line in entry.lines:
            sums[line.account.number] += line.cents

    def move(self, transaction: Transaction) -> Transaction:
        """Add a bank transaction with its entry."""
        self.transactions.append(transaction)
        self.enter(transaction.entry)
        return transaction

    def write(
        self,
        journal: str,
        day: str,
        label: str | None,
        movements: Movements,
        *,
        status: str | None = "entry",
        undated: bool = False,
    ) -> Entry:
        """Post an entry that no document belongs to."""
        books, rng = self.books, self.books.rng
        created = instant(day, rng)
        entry = post(
            books,
            books.next_id("manual_entries") * 1000 + MANUAL,
            books.journal[journal],
            day,
            label or "",
            movements,
            stamps=(created, later(created, rng)),
            piece_number=f"OD{books.count('OD'):06}",
            status=status,
            undated=undated,
        )
        entry.label = label
        self.enter(entry)
        return entry

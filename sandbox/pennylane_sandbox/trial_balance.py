"""The trial balance of a period, summed from the ledger's lines."""

from pennylane_sandbox.collection import Collection
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.model import Doc
from pennylane_sandbox.money import plain

_DIGITS = 8


class TrialBalances:
    """Sums the lines, and keeps recent results until the ledger changes."""

    def __init__(self, books: Books) -> None:
        """Use the ledger of these books."""
        self._books = books
        self._kept: dict[tuple[object, ...], Collection[Doc]] = {}

    def of(self, start: str, end: str, *, auxiliary: bool) -> Collection[Doc]:
        """Return the period's rows, with auxiliary accounts or only with general accounts."""
        books = self._books
        version = books.ledger_entry_lines.version
        key = (version, start, end, auxiliary)
        if key not in self._kept:
            if len(self._kept) > 16:  # noqa: PLR2004 - only a few periods are requested at a time
                self._kept.clear()
            self._kept[key] = self._add_up(start, end, auxiliary=auxiliary)
        return self._kept[key]

    def _add_up(self, start: str, end: str, *, auxiliary: bool) -> Collection[Doc]:
        sums: dict[str, list[int]] = {}
        for line in self._books.ledger_entry_lines.rows.values():
            if start <= line.entry.date <= end:
                number = line.account.number if auxiliary else line.account.general
                own = sums.setdefault(number, [0, 0])
                own[line.cents < 0] += abs(line.cents)
        rows: Collection[Doc] = Collection()
        rows.load(self._row(number, *own) for number, own in sums.items())
        return rows

    def _row(self, number: str, debits: int, credits_: int) -> Doc:
        padded = number.ljust(_DIGITS, "0")
        data = {
            "number": number,
            "formatted_number": padded,
            "label": self._books.account(number).label,
            "debits": plain(debits),
            "credits": plain(credits_),
        }
        return Doc(int(padded), data, {})

"""The trial balance of a period, summed from the ledger's lines."""

from dataclasses import dataclass, field

from pennylane_sandbox.collection import Collection
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.model import Json, Line, Total
from pennylane_sandbox.money import plain

_DIGITS = 8
_KEPT = 16
"""Only a few periods are requested at a time."""


@dataclass(frozen=True, slots=True)
class _Period:
    """The sums of one period."""

    start: str
    end: str
    is_auxiliary: bool
    totals: Collection[Total] = field(default_factory=Collection)

    def post(self, line: Line, sign: int) -> None:
        """Add a line to its account's sums, or take it out."""
        if not self.start <= line.entry.date <= self.end:
            return
        number = line.account.number if self.is_auxiliary else line.account.general
        key = int(_padded(number))
        total = self.totals.rows.get(key)
        if total is None:
            total = Total(key, number)
            self.totals.add(total)
        if line.cents < 0:
            total.credits -= sign * line.cents
        else:
            total.debits += sign * line.cents
        total.lines += sign
        if not total.lines:
            self.totals.remove(key)


class TrialBalances:
    """Sums the lines once per period, and keeps the sums right when lines change."""

    def __init__(self, books: Books) -> None:
        """Use the ledger of these books."""
        self._books = books
        self._kept: dict[tuple[str, str, bool], _Period] = {}
        books.ledger_entry_lines.watch(self._post)

    def of(self, start: str, end: str, *, auxiliary: bool) -> Collection[Total]:
        """Return the period's rows, with auxiliary accounts or only with general accounts."""
        key = (start, end, auxiliary)
        if key not in self._kept:
            if len(self._kept) == _KEPT:
                self._kept.clear()
            period = _Period(*key)
            for line in self._books.ledger_entry_lines.rows.values():
                period.post(line, 1)
            self._kept[key] = period
        return self._kept[key].totals

    def show(self, row: Total) -> Json:
        """Show a row."""
        return {
            "number": row.number,
            "formatted_number": _padded(row.number),
            "label": self._books.account(row.number).label,
            "debits": plain(row.debits),
            "credits": plain(row.credits),
        }

    def _post(self, line: Line, sign: int) -> None:
        for period in self._kept.values():
            period.post(line, sign)


def _padded(number: str) -> str:
    return number.ljust(_DIGITS, "0")

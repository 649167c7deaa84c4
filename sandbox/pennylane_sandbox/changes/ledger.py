"""Changes to the ledger: entries come and go with their lines, and always balance."""

from collections.abc import Iterable
from contextlib import ExitStack, nullcontext

from pennylane_sandbox.changes.desk import Desk
from pennylane_sandbox.company.ledger import MANUAL, Movement, depreciation, post, spread
from pennylane_sandbox.model import Entry, Json, Line, Share, Shares

_ENTRY_TYPES = {1: "Transaction", 2: "CustomerInvoice", 3: "SupplierInvoice", MANUAL: "ManualEntry"}
_INVOICES = {2: "customer_invoices", 3: "supplier_invoices"}
_PAIR = 2


def _entry_reference(entry: Entry) -> Json:
    return {"id": entry.id, "type": _ENTRY_TYPES[entry.id % 1000]}


class Ledger:
    """Changes entries and lines, with the events that each change causes."""

    def __init__(self, desk: Desk) -> None:
        """Use this desk."""
        self._desk = desk

    def enter(self, entry: Entry) -> None:
        """Add an entry with its lines."""
        self._desk.books.ledger_entries.add(entry)
        for line in entry.lines:
            self._insert_line(line)
        self._link_entry(entry, entry.shares, "insert")

    def complete(self, entry: Entry, movements: Iterable[Movement]) -> None:
        """Give an entry its lines, which it had none of."""
        label = entry.label or ""
        next_id, stamp = self._desk.books.next_id, self._desk.stamp()
        entry.lines = [
            Line(next_id("ledger_entry_lines"), entry, account, cents, label, shares, (), stamp)
            for account, cents, shares in movements
        ]
        entry.updated_at = stamp
        for line in entry.lines:
            self._insert_line(line)

    def strip(self, entry: Entry) -> None:
        """Delete an entry's lines, and leave the entry."""
        self._unletter_all(entry)
        for line in entry.lines:
            self._remove_line(line, whole_entry=False)
        entry.lines = []

    def withdraw(self, entry: Entry) -> None:
        """Delete an entry with its lines, and undo their letterings."""
        self._unletter_all(entry)
        self._erase(entry)

    def lose(self, entry: Entry) -> None:
        """Delete an entry with its lines, which leaves no event of either."""
        self._unletter_all(entry)
        with self._desk.log.silence():
            self._erase(entry)

    def _unletter_all(self, entry: Entry) -> None:
        for line in entry.lines:
            self.unletter(line)

    def _erase(self, entry: Entry) -> None:
        books = self._desk.books
        self._link_entry(entry, entry.shares, "delete")
        for line in entry.lines:
            self._remove_line(line, whole_entry=True)
        books.ledger_entries.remove(entry.id)

    def unletter(self, line: Line) -> None:
        """Undo a lettering."""
        tied = [self._desk.books.ledger_entry_lines[one] for one in line.lettering]
        for one in tied:
            one.lettering = ()
        self.touch(tied)

    def touch(self, lines: Iterable[Line]) -> None:
        """Record that lines were updated."""
        for line in lines:
            stamp = self._desk.log.record(
                "ledger_entry_lines", line.id, "update", line.entry.created_at
            )
            line.updated_at = line.entry.updated_at = stamp

    def move(self, line: Line, cents: int) -> None:
        """Add an amount to a line; the caller takes it from another line of the entry."""
        with self._desk.books.ledger_entry_lines.changing(line):
            line.cents += cents

    def give_a_date(self, entry: Entry) -> None:
        """Date an entry, and thereby the invoice that it belongs to."""
        if not entry.undated:
            return
        books, log = self._desk.books, self._desk.log
        number, suffix = divmod(entry.id, 1000)
        with ExitStack() as stack:
            stack.enter_context(books.ledger_entries.changing(entry))
            if suffix in _INVOICES:
                resource = _INVOICES[suffix]
                invoice = books.collections[resource][number]
                stack.enter_context(books.collections[resource].changing(invoice))
                stamp = log.record(resource, number, "update", invoice.created_at)
                invoice.updated_at = stamp
            entry.undated = False

    def create_entry(self, lines: int = 0) -> Entry:
        """Post a manual entry, with a given number of lines if requested."""
        desk = self._desk
        books, day, stamp = desk.books, desk.day(), desk.stamp()
        movements: list[Movement] = (
            spread(books, desk.rng, max(lines, _PAIR)) if lines else depreciation(books, desk.rng)
        )
        entry = post(
            books,
            books.next_id("manual_entries") * 1000 + MANUAL,
            books.journal["OD"],
            day,
            f"Opération diverse {day[:7]}",
            movements,
            stamps=(stamp, stamp),
            piece_number=f"OD{books.count('OD'):06}",
            status="entry",
            undated=books.counters["OD"] % 5 == 0,
        )
        self.enter(entry)
        return entry

    def update_entry(self, entry: Entry) -> None:
        """Edit an entry's label, and thereby its lines."""
        desk = self._desk
        entry.label = desk.revise(entry.label)
        self.give_a_date(entry)
        for line in entry.lines:
            line.label = entry.label
        if desk.rng.random() < 0.3:  # noqa: PLR2004 - sometimes its categories, too
            self._link_entry(entry, entry.shares, "delete")
            entry.shares = self._desk.other_shares(entry.shares)
            self._link_entry(entry, entry.shares, "insert")
        self.touch(entry.lines)

    def rewrite_entry(self, entry: Entry) -> None:
        """Edit an entry as Pennylane's users do: its lines are deleted, and others inserted.

        The entry of no document may get a line more or less; its lines still add up to zero.
        """
        desk = self._desk
        self._unletter_all(entry)
        self.give_a_date(entry)
        entry.label = desk.revise(entry.label)
        movements = [(line.account, line.cents, line.shares) for line in entry.lines]
        if entry.id % 1000 == MANUAL:
            movements = self._regrouped(movements)
        for line in entry.lines:
            self._remove_line(line, whole_entry=False)
        self.complete(entry, movements)

    def _regrouped(self, movements: list[Movement]) -> list[Movement]:
        """Split the last line in two, or join the last two, or leave the lines as they are."""
        *others, (account, cents, shares) = movements
        draw = self._desk.rng.random()
        if draw < 0.3:  # noqa: PLR2004 - sometimes a line more
            return [*others, (account, cents - cents // 2, shares), (account, cents // 2, ())]
        if draw < 0.6 and len(others) >= _PAIR:  # noqa: PLR2004 - sometimes a line less
            *others, (account, more, shares) = others
            return [*others, (account, cents + more, shares)]
        return movements

    def update_line(self, line: Line) -> None:
        """Edit a line's label or its categories."""
        desk = self._desk
        if desk.rng.random() < 0.5:  # noqa: PLR2004 - one or the other
            line.label = desk.revise(line.label)
        else:
            self.set_line_shares(line, self._desk.other_shares(line.shares))
        self.touch([line])

    def set_line_shares(self, line: Line, shares: Shares) -> None:
        """Give a line other categories."""
        kept = {share.category.id for share in shares}
        had = {share.category.id for share in line.shares}
        self._link_line(line, [one for one in line.shares if one.category.id not in kept], "delete")
        self._link_line(line, [one for one in shares if one.category.id not in had], "insert")
        line.shares = shares

    def relist(self, row: Entry | Line) -> None:
        """Give an entry or a line other categories, and change nothing else."""
        if isinstance(row, Line):
            self.set_line_shares(row, self._desk.other_shares(row.shares))
        else:
            shares = self._desk.other_shares(row.shares)
            self._link_entry(row, row.shares, "delete")
            row.shares = shares
            self._link_entry(row, shares, "insert")

    def set_entry_shares(self, entry: Entry, shares: Shares) -> None:
        """Give an entry other categories."""
        kept = {share.category.id for share in shares}
        self._link_entry(
            entry, [one for one in entry.shares if one.category.id not in kept], "delete"
        )
        entry.shares = shares

    def delete_line(self, line: Line, *, lost: bool = False) -> list[int]:
        """Delete a line: another line of the entry takes its amount, or the entry is deleted.

        If the line is lost, the line that takes its amount has an event, but it has none.
        """
        entry = line.entry
        if entry.id % 1000 != MANUAL or len(entry.lines) <= _PAIR:
            return []
        self.unletter(line)
        with self._desk.log.silence() if lost else nullcontext():
            self._remove_line(line, whole_entry=False)
        entry.lines.remove(line)
        self.move(entry.lines[-1], line.cents)
        self.touch([entry.lines[-1]])
        return [line.id]

    def _insert_line(self, line: Line) -> None:
        self._desk.books.ledger_entry_lines.add(line)
        self._desk.log.record("ledger_entry_lines", line.id, "insert", line.entry.created_at)
        self._link_line(line, line.shares, "insert")

    def _remove_line(self, line: Line, *, whole_entry: bool) -> None:
        self._link_line(line, line.shares, "delete", gone=True, whole_entry=whole_entry)
        self._desk.books.ledger_entry_lines.remove(line.id)
        self._desk.log.record("ledger_entry_lines", line.id, "delete", line.entry.created_at)

    def _link_line(
        self,
        line: Line,
        shares: Iterable[Share],
        operation: str,
        *,
        gone: bool = False,
        whole_entry: bool = False,
    ) -> None:
        entry = _entry_reference(line.entry)
        if gone:
            entry["type"] = None
        for share in shares:
            self._desk.log.record(
                "ledger_entry_lines_categories",
                self._desk.link_id("line", line.id, share.category.id),
                operation,
                line.entry.created_at,
                ledger_entry_line=None if gone else {"id": line.id},
                ledger_entry=None if whole_entry else entry,
            )

    def _link_entry(self, entry: Entry, shares: Iterable[Share], operation: str) -> None:
        for share in shares:
            self._desk.log.record(
                "ledger_entries_categories",
                self._desk.link_id("entry", entry.id, share.category.id),
                operation,
                entry.created_at,
                ledger_entry=_entry_reference(entry),
            )

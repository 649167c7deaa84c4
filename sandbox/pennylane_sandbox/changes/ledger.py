"""Changes to the ledger: entries come and go with their lines, and always balance."""

from collections.abc import Iterable

from pennylane_sandbox.changes.desk import Desk
from pennylane_sandbox.company.ledger import MANUAL, Movement, depreciation, post, spread
from pennylane_sandbox.model import Entry, Json, Line, Share, Shares

_ENTRY_TYPES = {1: "Transaction", 2: "CustomerInvoice", 3: "SupplierInvoice", MANUAL: "ManualEntry"}
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
        books, log = self._desk.books, self._desk.log
        books.ledger_entries.add(entry)
        for line in entry.lines:
            books.ledger_entry_lines.add(line)
            log.record("ledger_entry_lines", line.id, "insert", entry.created_at)
            self._link_line(line, line.shares, "insert")
        self._link_entry(entry, entry.shares, "insert")

    def withdraw(self, entry: Entry) -> None:
        """Delete an entry with its lines, and undo their letterings."""
        books = self._desk.books
        for line in entry.lines:
            self.unletter(line)
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
        self._desk.books.ledger_entry_lines.touched()
        self._desk.books.ledger_entries.touched()

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
        entry.undated = False
        for line in entry.lines:
            line.label = entry.label
        if desk.rng.random() < 0.3:  # noqa: PLR2004 - sometimes its categories, too
            self._link_entry(entry, entry.shares, "delete")
            entry.shares = self._other_shares(entry.shares)
            self._link_entry(entry, entry.shares, "insert")
        self.touch(entry.lines)

    def update_line(self, line: Line) -> None:
        """Edit a line's label or its categories."""
        desk = self._desk
        if desk.rng.random() < 0.5:  # noqa: PLR2004 - one or the other
            line.label = desk.revise(line.label)
        else:
            self.set_line_shares(line, self._other_shares(line.shares))
        self.touch([line])

    def set_line_shares(self, line: Line, shares: Shares) -> None:
        """Give a line other categories."""
        kept = {share.category.id for share in shares}
        had = {share.category.id for share in line.shares}
        self._link_line(line, [one for one in line.shares if one.category.id not in kept], "delete")
        self._link_line(line, [one for one in shares if one.category.id not in had], "insert")
        line.shares = shares

    def set_entry_shares(self, entry: Entry, shares: Shares) -> None:
        """Give an entry other categories."""
        kept = {share.category.id for share in shares}
        self._link_entry(
            entry, [one for one in entry.shares if one.category.id not in kept], "delete"
        )
        entry.shares = shares

    def delete_line(self, line: Line) -> list[int]:
        """Delete a line: another line of the entry takes its amount, or the entry is deleted."""
        entry = line.entry
        if entry.id % 1000 != MANUAL or len(entry.lines) <= _PAIR:
            return []
        self.unletter(line)
        self._remove_line(line, whole_entry=False)
        entry.lines.remove(line)
        entry.lines[-1].cents += line.cents
        self.touch([entry.lines[-1]])
        return [line.id]

    def _remove_line(self, line: Line, *, whole_entry: bool) -> None:
        self._link_line(line, line.shares, "delete", gone=True, whole_entry=whole_entry)
        self._desk.books.ledger_entry_lines.remove(line.id)
        self._desk.log.record("ledger_entry_lines", line.id, "delete", line.entry.created_at)

    def _other_shares(self, shares: Shares) -> Shares:
        pool = [one for one in self._desk.books.share_pool if one != shares]
        return self._desk.rng.choice(pool)

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

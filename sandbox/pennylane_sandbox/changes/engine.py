"""Requests to change the books: a number of rows, or specific rows."""

from collections.abc import Callable
from typing import Any, Protocol

from pennylane_sandbox.changelog import Changes
from pennylane_sandbox.changes.anomalies import Anomalies
from pennylane_sandbox.changes.desk import Desk, RefusedError
from pennylane_sandbox.changes.ledger import Ledger
from pennylane_sandbox.changes.plain import Plain
from pennylane_sandbox.changes.references import referred
from pennylane_sandbox.changes.trade import Invoices, Transactions
from pennylane_sandbox.collection import Collection
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.company.ledger import MANUAL, OPENING
from pennylane_sandbox.model import Entry, Invoice, Json, Line, Transaction

_KEYS = {
    "resource", "create", "update", "rewrite", "relist", "delete", "vanish", "recreate",
    "at_same_instant", "silent",
}  # fmt: skip
_LARGE = 10_000
"""Rows of a collection from which on rows are drawn one by one, not out of all at once."""
_TRIES = 100
"""How often a row is drawn for each that is wanted, before all are considered."""


class _Changer(Protocol):
    def create(self) -> int: ...

    def revive(self, row: Any) -> None: ...

    def update(self, row: Any) -> None: ...

    def relist(self, row: Any) -> None: ...

    def delete(self, row: Any) -> None: ...


class Engine:
    """Carries out requests to change the books."""

    def __init__(self, books: Books, log: Changes) -> None:
        """Change these books, and write to this log."""
        self._desk = Desk(books, log)
        self._ledger = ledger = Ledger(self._desk)
        sides = {kind: Invoices(self._desk, ledger, kind) for kind in ("customer", "supplier")}
        transactions = Transactions(self._desk, ledger, sides)
        self.anomalies = Anomalies(self._desk, ledger, sides, transactions)
        self._documents: dict[int, tuple[str, _Changer]] = {
            1: ("transactions", transactions),
            2: ("customer_invoices", sides["customer"]),
            3: ("supplier_invoices", sides["supplier"]),
        }
        self._changers: dict[str, _Changer] = dict(self._documents.values())
        for resource in books.collections:
            if resource not in {"ledger_entries", "ledger_entry_lines", *self._changers}:
                self._changers[resource] = Plain(self._desk, ledger, resource)

    def apply(self, wanted: Json) -> Json:
        """Carry out one request."""
        if unknown := set(wanted) - _KEYS:
            msg = f"unknown keys: {', '.join(sorted(unknown))}"
            raise RefusedError(msg)
        resource = wanted["resource"].strip("/")
        if resource not in self._desk.books.collections:
            msg = f"{resource} cannot be changed"
            raise RefusedError(msg)
        if wanted.get("at_same_instant"):
            self._desk.log.hold_instant()
        self._desk.log.is_silent = bool(wanted.get("silent"))
        try:
            created = self._create(resource, int(wanted.get("create", 0)))
            updated = self._update(resource, wanted.get("update", 0), set(created))
            updated += self._rewrite(resource, wanted.get("rewrite", 0), {*created, *updated})
            updated += self._relist(resource, wanted.get("relist", 0), {*created, *updated})
            deleted = self._delete(resource, wanted.get("delete", 0), {*created, *updated})
            deleted += self._vanish(resource, wanted.get("vanish", 0), {*created, *updated})
            created += [self._recreate(resource, one) for one in wanted.get("recreate", [])]
        finally:
            self._desk.log.release_instant()
            self._desk.log.is_silent = False
        return {"created": created, "updated": updated, "deleted": deleted}

    def _create(self, resource: str, count: int) -> list[int]:
        if resource == "ledger_entry_lines":
            entry = self._ledger.create_entry(count) if count else None
            return [line.id for line in entry.lines] if entry else []
        if resource == "ledger_entries":
            return [self._ledger.create_entry().id for _ in range(count)]
        return [self._changers[resource].create() for _ in range(count)]

    def _update(self, resource: str, wanted: int | list[int], spared: set[int]) -> list[int]:
        ids = self._pick(resource, wanted, spared)
        for one in ids:
            row = self._row(resource, one)
            if isinstance(row, Line):
                self._ledger.update_line(row)
            elif isinstance(row, Entry):
                self._ledger.update_entry(row)
            else:
                self._changers[resource].update(row)
        return ids

    def _rewrite(self, resource: str, wanted: int | list[int], spared: set[int]) -> list[int]:
        if wanted and resource != "ledger_entries":
            msg = f"{resource} cannot be rewritten; only ledger_entries can"
            raise RefusedError(msg)
        ids = self._pick(resource, wanted, spared)
        for one in ids:
            self._ledger.rewrite_entry(self._row(resource, one))
        return ids

    def _relist(self, resource: str, wanted: int | list[int], spared: set[int]) -> list[int]:
        ids = self._pick(resource, wanted, spared)
        for one in ids:
            row = self._row(resource, one)
            if isinstance(row, Line | Entry):
                self._ledger.relist(row)
            else:
                self._changers[resource].relist(row)
        return ids

    def _vanish(self, resource: str, wanted: int | list[int], spared: set[int]) -> list[int]:
        """Delete lines or entries without an event of their own."""
        if wanted and resource not in {"ledger_entries", "ledger_entry_lines"}:
            msg = f"{resource} cannot vanish; they can be deleted in silence"
            raise RefusedError(msg)
        ids = self._pick(resource, wanted, spared, deleting=True)
        for one in ids:
            row = self._row(resource, one)
            entry = row.entry if isinstance(row, Line) else row
            if entry.id % 1000 != MANUAL or (isinstance(row, Line) and not _can_fold(row)):
                msg = f"{resource} {one} cannot vanish: a document or a pair of lines needs it"
                raise RefusedError(msg)
            if isinstance(row, Line):
                self._ledger.delete_line(row, lost=True)
            else:
                self._ledger.lose(entry)
                self._bury(resource, entry)
        return ids

    def _delete(self, resource: str, wanted: int | list[int], spared: set[int]) -> list[int]:
        gone: list[int] = []
        for one in self._pick(resource, wanted, spared, deleting=True):
            if one in gone:
                continue
            row = self._row(resource, one)
            if isinstance(row, Line):
                entry_lines = [line.id for line in row.entry.lines]
                folded = self._ledger.delete_line(row)
                if not folded:
                    self._delete_entry(row.entry)
                gone += folded or entry_lines
                continue
            if isinstance(row, Entry):
                self._delete_entry(row)
            else:
                self._changers[resource].delete(row)
                self._bury(resource, row)
            gone.append(one)
        return gone

    def _delete_entry(self, entry: Entry) -> None:
        """Delete an entry, together with the document that it belongs to, if any."""
        number, suffix = divmod(entry.id, 1000)
        if suffix in self._documents:
            resource, changer = self._documents[suffix]
            document = self._row(resource, number)
            changer.delete(document)
            self._bury(resource, document)
        else:
            self._ledger.withdraw(entry)
        self._bury("ledger_entries", entry)

    def _bury(self, resource: str, row: Any) -> None:
        self._desk.deleted.setdefault(resource, {})[row.id] = row

    def _recreate(self, resource: str, row_id: int) -> int:
        if row_id in self._desk.books.collections[resource].rows:
            msg = f"{resource} {row_id} is there"
            raise RefusedError(msg)
        row = self._desk.deleted.get(resource, {}).pop(row_id, None)
        if row is None:
            msg = f"{resource} {row_id} was not deleted"
            raise RefusedError(msg)
        if isinstance(row, Entry):
            number, suffix = divmod(row.id, 1000)
            if suffix in self._documents:
                self._recreate(self._documents[suffix][0], number)
            else:
                self._ledger.enter(row)
        else:
            self._changers[resource].revive(row)
        return row_id

    def _row(self, resource: str, row_id: int) -> Any:
        row = self._desk.books.collections[resource].rows.get(row_id)
        if row is None:
            msg = f"{resource} has no record {row_id}"
            raise RefusedError(msg)
        return row

    def _pick(
        self, resource: str, wanted: int | list[int], spared: set[int], *, deleting: bool = False
    ) -> list[int]:
        """Return the given ids, or draw a number of available ones."""
        if isinstance(wanted, list):
            return wanted
        if not wanted:
            return []
        rows = self._desk.books.collections[resource]
        changer = self._changers.get(resource)
        needed = changer.needed() if deleting and isinstance(changer, Plain) else set()
        closed = self._desk.books.closed_until()

        def may(row: Any) -> bool:
            if row.id in spared or row.id in needed:
                return False
            return _may_go(row, closed) if deleting else not _is_silent(row)

        taken = referred(self._desk.books, resource) if deleting else set()
        if len(rows) > _LARGE and (found := self._draw(rows, wanted, may, taken)):
            return found
        pool = [row.id for row in rows if may(row)]
        if len(pool) < wanted:
            msg = f"only {len(pool)} of {resource} can be changed so, not {wanted}"
            raise RefusedError(msg)
        free = [one for one in pool if one not in taken]
        return self._desk.rng.sample(free if len(free) >= wanted else pool, wanted)

    def _draw(
        self, rows: Collection[Any], wanted: int, may: Callable[[Any], bool], taken: set[int]
    ) -> list[int]:
        """Draw rows one by one; none if too few are found."""
        found: dict[int, None] = {}
        for _ in range(wanted * _TRIES):
            one = self._desk.rng.choice(rows.ids)
            if one not in taken and may(rows[one]):
                found[one] = None
                if len(found) == wanted:
                    return list(found)
        return []


def _is_silent(row: Any) -> bool:
    """Tell whether no line says what happens to an entry, or too many would."""
    return isinstance(row, Entry) and (not row.lines or row.journal.code == OPENING)


def _may_go(row: Any, closed: str) -> bool:
    """Tell whether a row may be drawn for a deletion; closed years accept none."""
    if isinstance(row, Line | Entry | Invoice | Transaction) and _date(row) <= closed:
        return False
    if isinstance(row, Line):
        return row is row.entry.lines[0] and _can_fold(row)
    if isinstance(row, Entry):
        return row.id % 1000 == MANUAL and not _is_silent(row)
    return not (isinstance(row, Invoice) and row.draft)


def _date(row: Line | Entry | Invoice | Transaction) -> str:
    return row.entry.date if isinstance(row, Line) else row.date


def _can_fold(line: Line) -> bool:
    entry = line.entry
    return (
        entry.id % 1000 == MANUAL and len(entry.lines) > 2 and entry.journal.code != OPENING  # noqa: PLR2004 - a pair stays
    )

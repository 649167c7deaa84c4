"""Mistakes that real books have, made on request: one of each kind that controls look for."""

from collections.abc import Callable, Iterable
from typing import Final

from msgspec.structs import replace

from pennylane_sandbox.calendar import shift
from pennylane_sandbox.changes.desk import Desk, RefusedError
from pennylane_sandbox.changes.ledger import Ledger
from pennylane_sandbox.changes.trade import Invoices, Transactions
from pennylane_sandbox.company.bank import transact
from pennylane_sandbox.company.invoices import make_customer_invoice
from pennylane_sandbox.company.ledger import MANUAL, OPENING, Movements, post
from pennylane_sandbox.model import Entry, Invoice, Line

_OUTSIDE: Final = "2019-12-31"
_EXPENSES: Final = {"616000", "625100", "627000"}
_OFF: Final = 10_00


class Anomalies:
    """Spoils the books on purpose."""

    def __init__(
        self, desk: Desk, ledger: Ledger, sides: dict[str, Invoices], transactions: Transactions
    ) -> None:
        """Use this desk; everything goes through the changes that also write the changelogs."""
        self._desk = desk
        self._books = desk.books
        self._ledger = ledger
        self._sides = sides
        self._transactions = transactions
        self._last_day = self._books.calendar.last_day
        self._recent = shift(self._last_day, -20)
        self._open_year = f"{self._last_day[:4]}-01-02"
        self._kinds: dict[str, Callable[[], None]] = {
            name.removeprefix("_make_"): getattr(self, name)
            for name in dir(self)
            if name.startswith("_make_")
        }

    @property
    def kinds(self) -> list[str]:
        """Return the names of all anomalies."""
        return list(self._kinds)

    def make(self, kinds: Iterable[str]) -> list[str]:
        """Make one anomaly of each of these kinds."""
        wanted = list(kinds)
        if unknown := set(wanted) - set(self._kinds):
            msg = f"unknown anomalies: {', '.join(sorted(unknown))}"
            raise RefusedError(msg)
        for kind in wanted:
            self._kinds[kind]()
        return wanted

    def _invoice(self, kind: str, wanted: Callable[[Invoice], bool]) -> Invoice:
        """Return the latest invoice of the open year that is as wanted."""
        found = [
            one
            for one in self._sides[kind].rows
            if one.date >= self._open_year and one.entry.lines and wanted(one)
        ]
        if not found:
            msg = "no invoice of the open year can be spoiled so"
            raise RefusedError(msg)
        return max(found, key=lambda one: (one.date, one.id))

    def _post(self, day: str, label: str, *movements: tuple[str, int]) -> Entry:
        books, stamp = self._books, self._desk.stamp()
        entry = post(
            books,
            books.next_id("manual_entries") * 1000 + MANUAL,
            books.journal["OD"],
            day,
            label,
            [(books.account(number), cents, ()) for number, cents in movements],
            stamps=(stamp, stamp),
            piece_number=f"OD{books.count('OD'):06}",
            status="entry",
        )
        self._ledger.enter(entry)
        return entry

    def _shift(self, giver: Line, taker: Line, cents: int) -> None:
        self._ledger.move(giver, -cents)
        self._ledger.move(taker, cents)
        self._ledger.touch([giver, taker])

    def _last_number(self) -> tuple[Invoice, str, int]:
        """Return the invoice with the highest number of the last year, and this number."""
        prefix = f"F-{self._last_day[:4]}"
        last = max(
            (one for one in self._books.customer_invoices if one.number.startswith(prefix)),
            key=lambda one: one.number,
        )
        return last, prefix, int(last.number.rpartition("-")[2])

    def _number(self, invoice: Invoice, number: str) -> None:
        invoice.number = number
        invoice.entry.invoice_number = invoice.entry.piece_number = number
        self._sides["customer"].touch(invoice)
        self._ledger.touch(invoice.entry.lines)

    def _make_invoice_number_gap(self) -> None:
        last, prefix, number = self._last_number()
        self._number(last, f"{prefix}-{number + 3:05}")

    def _make_invoice_number_twice(self) -> None:
        last, prefix, number = self._last_number()
        invoice = make_customer_invoice(
            self._books, last.party, self._recent, stamp=self._desk.stamp()
        )
        invoice.number = invoice.entry.invoice_number = f"{prefix}-{number:05}"
        invoice.entry.piece_number = invoice.number
        self._sides["customer"].revive(invoice)

    def _make_supplier_invoice_twice(self) -> None:
        first = self._invoice("supplier", lambda one: one.date < self._recent)
        self._sides["supplier"].revive(self._copy(first, shift(first.date, 3), 1))

    def _copy(self, invoice: Invoice, day: str, sign: int) -> Invoice:
        """Make an unpaid invoice with the same amounts, or their opposites."""
        books, stamp = self._books, self._desk.stamp()
        row_id = books.next_id("supplier_invoices")
        old = invoice.entry
        entry = post(
            books,
            row_id * 1000 + 3,
            old.journal,
            day,
            old.label or "",
            [(line.account, sign * line.cents, line.shares) for line in old.lines],
            stamps=(stamp, stamp),
            due_date=day,
            invoice_number=old.invoice_number,
            status="complete",
            filename=old.filename,
        )
        return replace(
            invoice,
            id=row_id,
            date=day,
            deadline=day,
            before_tax=sign * invoice.before_tax,
            tax=sign * invoice.tax,
            euro_amount=sign * invoice.euro_amount,
            euro_tax=sign * invoice.euro_tax,
            remaining=sign * invoice.euro_amount,
            entry=entry,
            transactions=(),
            archived_at=None,
            created_at=stamp,
            updated_at=stamp,
        )

    def _make_suspense_account_open(self) -> None:
        stamp = self._desk.stamp()
        movements: Movements = [(self._books.account("471000"), -123_45, ())]
        unknown = transact(self._books, self._recent, "VIR INCONNU", movements, stamp=stamp)
        self._transactions.revive(unknown, counted=True)

    def _make_cash_below_zero(self) -> None:
        self._post(self._recent, "Achat réglé en espèces", ("606300", 12_34), ("530000", -12_34))

    def _make_supplier_in_debit(self) -> None:
        owing = {one.party.id for one in self._books.supplier_invoices if one.remaining}
        first = self._invoice("supplier", lambda one: one.party.id not in owing)
        note = self._copy(first, self._recent, -1)
        note.number = note.entry.invoice_number = f"AV{first.number}"
        self._sides["supplier"].revive(note)

    def _make_customer_in_credit(self) -> None:
        owing = {one.party.id for one in self._books.customer_invoices if one.remaining}
        paid = self._invoice(
            "customer", lambda one: one.credited_id is None and one.party.id not in owing
        )
        note = make_customer_invoice(
            self._books, paid.party, self._recent, credited=paid, stamp=self._desk.stamp()
        )
        self._sides["customer"].revive(note)

    def _make_vat_rate_mismatch(self) -> None:
        invoice = self._invoice(
            "customer", lambda one: one.euro_tax > 2 * _OFF and one.rate == "1.0"
        )
        _, sale, tax = invoice.entry.lines
        for name, cents in (("before_tax", _OFF), ("tax", -_OFF), ("euro_tax", -_OFF)):
            setattr(invoice, name, getattr(invoice, name) + cents)
        self._shift(sale, tax, _OFF)
        self._sides["customer"].touch(invoice)

    def _make_line_not_lettered(self) -> None:
        old = shift(self._last_day, -120)
        invoice = self._invoice("customer", lambda one: not one.remaining and one.date < old)
        self._ledger.unletter(invoice.entry.lines[0])

    def _make_invoice_without_entry(self) -> None:
        invoice = self._invoice(
            "customer", lambda one: not one.transactions and bool(one.remaining)
        )
        self._ledger.strip(invoice.entry)
        self._sides["customer"].touch(invoice)

    def _make_transaction_without_entry(self) -> None:
        old = shift(self._last_day, -45)
        found = [
            one
            for one in self._books.transactions
            if one.archived_at is None
            and self._open_year < one.date < old
            and one.entry.lines[1].account.number in _EXPENSES
        ]
        if not found:
            msg = "no transaction of the open year can be spoiled so"
            raise RefusedError(msg)
        self._ledger.withdraw(max(found, key=lambda one: (one.date, one.id)).entry)

    def _make_closed_year_changed(self) -> None:
        closed = self._books.closed_until()
        old = next(
            one
            for one in self._books.ledger_entries
            if one.date <= closed and one.id % 1000 == MANUAL and one.journal.code == "OD"
        )
        self._ledger.update_entry(old)

    def _make_opening_mismatch(self) -> None:
        opening = max(
            (one for one in self._books.ledger_entries if one.journal.code == OPENING),
            key=lambda one: one.date,
        )
        giver, taker, *_ = (
            one for one in opening.lines if one.account.number[:2] in {"10", "16", "21"}
        )
        self._shift(giver, taker, _OFF)

    def _party_account(self, kind: str) -> str:
        number: str = (
            self._invoice(kind, lambda one: one.remaining > 0).party.hidden["account"].number
        )
        return number

    def _make_customer_differs(self) -> None:
        number = self._party_account("customer")
        self._post(self._recent, "Client sans facture", (number, _OFF), ("758000", -_OFF))

    def _make_supplier_differs(self) -> None:
        number = self._party_account("supplier")
        self._post(self._recent, "Fournisseur sans facture", (number, -_OFF), ("658000", _OFF))

    def _make_bank_differs(self) -> None:
        self._post(self._recent, "Frais sans mouvement", ("627000", _OFF), ("512100", -_OFF))

    def _make_vat_differs(self) -> None:
        invoice = self._invoice("customer", lambda one: one.euro_tax > 2 * _OFF)
        _, sale, tax = invoice.entry.lines
        self._shift(sale, tax, _OFF)

    def _make_line_outside_years(self) -> None:
        self._post(_OUTSIDE, "Date erronée", ("606300", _OFF), ("613200", -_OFF))

    def _make_attachment_missing(self) -> None:
        invoice = self._invoice("supplier", lambda one: one.entry.filename is not None)
        invoice.entry.filename = None
        self._sides["supplier"].touch(invoice)
        self._ledger.touch(invoice.entry.lines)

    def _make_entry_unbalanced(self) -> None:
        entry = next(
            one
            for one in self._books.ledger_entries
            if one.date > self._open_year
            and one.lines
            and all(line.account.number[0] == "6" for line in one.lines)
        )
        self._ledger.move(entry.lines[0], 1)
        self._ledger.touch(entry.lines[:1])

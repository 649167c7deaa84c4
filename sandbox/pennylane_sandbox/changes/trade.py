"""Changes to invoices and transactions, and what follows in the ledger and in each other."""

from pennylane_sandbox.changes.desk import Desk
from pennylane_sandbox.changes.ledger import Ledger
from pennylane_sandbox.collection import Collection
from pennylane_sandbox.company.bank import make_other, settle
from pennylane_sandbox.company.invoices import (
    make_customer_invoice,
    make_supplier_invoice,
    next_number,
    sale,
)
from pennylane_sandbox.company.vocabulary import VAT_CODES
from pennylane_sandbox.model import Invoice, Transaction
from pennylane_sandbox.money import convert, share, short

_EXTRA = 10_00


class Invoices:
    """Changes the invoices of sales or of purchases."""

    def __init__(self, desk: Desk, ledger: Ledger, kind: str) -> None:
        """Use this desk, for invoices of this type: customer or supplier."""
        self._desk = desk
        self._ledger = ledger
        self.kind = kind
        self.resource = f"{kind}_invoices"

    @property
    def rows(self) -> Collection[Invoice]:
        """Return the invoices."""
        books = self._desk.books
        return books.customer_invoices if self.kind == "customer" else books.supplier_invoices

    def create(self) -> int:
        """Make an invoice of any customer or supplier."""
        desk = self._desk
        books, stamp = desk.books, desk.stamp()
        parties = books.customers if self.kind == "customer" else books.suppliers
        party = desk.rng.choice(tuple(parties.rows.values()))
        if self.kind == "customer":
            invoice = make_customer_invoice(books, party, desk.day(), stamp=stamp)
        else:
            invoice = make_supplier_invoice(books, party, desk.day(), stamp=stamp)
        self.revive(invoice)
        return invoice.id

    def revive(self, invoice: Invoice) -> None:
        """Add a new or a previously deleted invoice, with its entry."""
        self.rows.add(invoice)
        self._desk.log.record(self.resource, invoice.id, "insert", invoice.created_at)
        self._ledger.enter(invoice.entry)

    def update(self, invoice: Invoice) -> None:
        """Edit an invoice: its label, and its amount if nothing is paid yet."""
        invoice.label = self._desk.revise(invoice.label)
        if invoice.draft:
            self._finalize(invoice)
        if invoice.entry.undated:
            self._give_a_date(invoice)
        if not invoice.transactions and invoice.credited_id is None:
            self._raise_amount(invoice)
        self.touch(invoice)

    def _finalize(self, invoice: Invoice) -> None:
        """Issue a draft: only now it has a number, and is in the ledger."""
        books, entry = self._desk.books, invoice.entry
        self._ledger.give_a_date(entry)
        invoice.draft = False
        invoice.number = next_number(books, invoice.date)
        entry.invoice_number = entry.piece_number = invoice.number
        entry.status, entry.filename = "complete", f"{invoice.number}.pdf"
        amounts = (invoice.euro_amount, invoice.euro_tax)
        self._ledger.complete(entry, sale(books, invoice.party, amounts, invoice.shares))

    def _give_a_date(self, invoice: Invoice) -> None:
        self._ledger.give_a_date(invoice.entry)
        self._ledger.touch(invoice.entry.lines)

    def _raise_amount(self, invoice: Invoice) -> None:
        before, tax_before = invoice.euro_amount, invoice.euro_tax
        invoice.before_tax += _EXTRA
        invoice.tax = share(invoice.before_tax, dict(VAT_CODES)[invoice.vat_rate])
        invoice.euro_amount = convert(invoice.amount, invoice.rate)
        invoice.euro_tax = convert(invoice.tax, invoice.rate)
        more, taxed = invoice.euro_amount - before, invoice.euro_tax - tax_before
        invoice.remaining += more
        owed, counterpart, *vat = invoice.entry.lines
        sign = 1 if self.kind == "customer" else -1
        self._ledger.move(owed, sign * more)
        self._ledger.move(counterpart, sign * (taxed - more))
        for line in vat[:1]:
            self._ledger.move(line, -sign * taxed)
        self._ledger.touch(invoice.entry.lines)

    def relist(self, invoice: Invoice) -> None:
        """Change only the lists below an invoice: its categories, and its number of lines."""
        invoice.shares = self._desk.other_shares(invoice.shares)
        invoice.line_count += 1 if invoice.line_count == 1 else -1
        if not self._desk.log.is_silent:
            self.touch(invoice)

    def touch(self, invoice: Invoice) -> None:
        """Record that an invoice was updated."""
        invoice.updated_at = self._desk.log.record(
            self.resource, invoice.id, "update", invoice.created_at
        )

    def delete(self, invoice: Invoice) -> None:
        """Delete an invoice and its entry; its payments keep no invoice."""
        books = self._desk.books
        for transaction_id in invoice.transactions:
            transaction = books.transactions[transaction_id]
            transaction.matched = ()
            transaction.outstanding = transaction.cents
            transaction.updated_at = self._desk.log.record(
                "transactions", transaction.id, "update", transaction.created_at
            )
        invoice.transactions = ()
        invoice.remaining = invoice.euro_amount
        self._ledger.withdraw(invoice.entry)
        self.rows.remove(invoice.id)
        self._desk.log.record(self.resource, invoice.id, "delete", invoice.created_at)


class Transactions:
    """Changes bank transactions."""

    def __init__(self, desk: Desk, ledger: Ledger, sides: dict[str, Invoices]) -> None:
        """Use this desk; payments affect the invoices of both sides."""
        self._desk = desk
        self._ledger = ledger
        self._sides = sides

    def create(self) -> int:
        """Make a transaction; every third one pays an invoice."""
        desk = self._desk
        books, stamp = desk.books, desk.stamp()
        paid = self._payable() if books.count("paying") % 3 == 0 else None
        if paid is None:
            transaction = make_other(books, desk.day(), stamp)
        else:
            transaction = settle(books, "customer", paid, desk.day(), stamp=stamp)
        self.revive(transaction, counted=True)
        if paid is not None:
            self._sides["customer"].touch(paid)
            self._ledger.touch([paid.entry.lines[0]])
        return transaction.id

    def _payable(self) -> Invoice | None:
        for invoice in self._desk.books.customer_invoices:
            if not (invoice.transactions or invoice.draft or invoice.credited_id):
                return invoice
        return None

    def revive(self, transaction: Transaction, *, counted: bool = False) -> None:
        """Add a new or a previously deleted transaction, with its entry."""
        self._desk.books.transactions.add(transaction)
        self._desk.log.record("transactions", transaction.id, "insert", transaction.created_at)
        self._ledger.enter(transaction.entry)
        self._balance(transaction, 0 if counted else transaction.cents)

    def update(self, transaction: Transaction) -> None:
        """Edit a transaction's label and categories."""
        desk = self._desk
        transaction.label = desk.revise(transaction.label)
        transaction.shares = desk.rng.choice(desk.books.share_pool)
        self._touch(transaction)

    def relist(self, transaction: Transaction) -> None:
        """Change only a transaction's categories."""
        transaction.shares = self._desk.other_shares(transaction.shares)
        if not self._desk.log.is_silent:
            self._touch(transaction)

    def _touch(self, transaction: Transaction) -> None:
        transaction.updated_at = self._desk.log.record(
            "transactions", transaction.id, "update", transaction.created_at
        )

    def delete(self, transaction: Transaction) -> None:
        """Delete a transaction and its entry; what it paid is due again."""
        desk = self._desk
        for kind, invoice_id in transaction.matched:
            side = self._sides[kind]
            invoice = side.rows[invoice_id]
            invoice.transactions = tuple(
                one for one in invoice.transactions if one != transaction.id
            )
            back = abs(transaction.cents)
            invoice.remaining += back if invoice.euro_amount > 0 else -back
            side.touch(invoice)
        transaction.matched = ()
        transaction.outstanding = transaction.cents
        self._ledger.withdraw(transaction.entry)
        desk.books.transactions.remove(transaction.id)
        desk.log.record("transactions", transaction.id, "delete", transaction.created_at)
        self._balance(transaction, -transaction.cents)

    def _balance(self, transaction: Transaction, cents: int) -> None:
        bank = transaction.bank_account
        bank.hidden["cents"] += cents
        bank.data["balance"] = short(bank.hidden["cents"])
        bank.data["updated_at"] = transaction.updated_at

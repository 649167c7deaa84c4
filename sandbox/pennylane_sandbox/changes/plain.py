"""Changes to the collections whose rows are independent."""

from collections.abc import Callable
from typing import Any

from pennylane_sandbox.changes.desk import Desk, RefusedError
from pennylane_sandbox.changes.ledger import Ledger
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.company.documents import (
    make_commercial_document,
    make_quote,
    make_subscription,
)
from pennylane_sandbox.company.filing import make_file, make_folder, path_of
from pennylane_sandbox.company.paperwork import (
    make_gocardless_mandate,
    make_pro_account_mandate,
    make_purchase_request,
    make_sepa_mandate,
    make_webhook,
)
from pennylane_sandbox.company.parties import make_customer, make_product, make_supplier
from pennylane_sandbox.company.setup import (
    make_bank_account,
    make_category,
    make_category_group,
    open_account,
)
from pennylane_sandbox.model import Account, Doc, Journal, Row, Share

# The text field that an edit changes.
EDITED = {
    "bank_accounts": "name",
    "bank_establishments": "name",
    "billing_subscriptions": "label",
    "categories": "label",
    "category_groups": "label",
    "commercial_documents": "label",
    "customer_invoice_templates": "name",
    "customers": "notes",
    "dms_files": "name",
    "dms_folders": "name",
    "gocardless_mandates": "external_customer_label",
    "pro_account/mandate_migrations": "error_message",
    "products": "label",
    "purchase_requests": "reason",
    "quotes": "label",
    "sepa_mandates": "bank",
    "suppliers": "name",
}
LOGGED = frozenset({"customers", "dms_files", "suppliers", "products", "quotes"})


class Plain:
    """Changes the rows of one collection."""

    def __init__(self, desk: Desk, ledger: Ledger, resource: str) -> None:
        """Use this desk, for this collection."""
        self._desk = desk
        self._ledger = ledger
        self.resource = resource
        self.rows = desk.books.collections[resource]

    def create(self) -> int:
        """Make a row."""
        make = _MAKERS.get(self.resource)
        if make is None:
            msg = f"{self.resource} cannot be created"
            raise RefusedError(msg)
        row = make(self._desk.books, self._desk)
        self.revive(row)
        return row.id

    def revive(self, row: Any) -> None:
        """Add a new or a previously deleted row."""
        self.rows.add(row)
        self._record(row, "insert")

    def update(self, row: Any) -> None:
        """Edit a row."""
        if isinstance(row, Account | Journal):
            row.label = self._desk.revise(row.label)
        elif self.resource in EDITED:
            name = EDITED[self.resource]
            row.data[name] = self._desk.revise(row.data[name])
            if self.resource.startswith("dms_"):
                self._refile(row)
        elif self.resource == "webhook_subscriptions":
            row.data["consecutive_failures"] += 1
        elif self.resource == "pro_account/mandates":
            row.data["active_billing_subscription"] ^= True
        elif self.resource == "pa_registrations":
            row.data["status"] = "archived" if row.data["status"] == "activated" else "activated"
        elif self.resource == "fiscal_years":
            row.data["status"] = "reopen" if row.data["status"] == "closed" else "closed"
        self._touch(row)

    def relist(self, row: Any) -> None:
        """Change only the lists below a row: its categories, its contacts or its lines."""
        hidden = row.hidden if isinstance(row, Doc) else {}
        if not hidden.keys() & {"shares", "contacts", "line_count"}:
            msg = f"no list below {self.resource} can be changed by itself"
            raise RefusedError(msg)
        if "shares" in hidden:
            hidden["shares"] = self._desk.other_shares(hidden["shares"])
        if "contacts" in hidden:
            hidden["contacts"] = (hidden["contacts"] + 1) % 4
        if "line_count" in hidden:
            hidden["line_count"] += 1 if hidden["line_count"] == 1 else -1
        if not self._desk.log.is_silent:
            self._touch(row)

    def _touch(self, row: Any) -> None:
        stamp = self._record(row, "update")
        if isinstance(row, Account):
            row.updated_at = stamp
        elif isinstance(row, Doc) and "updated_at" in row.data:
            row.data["updated_at"] = stamp

    def delete(self, row: Any) -> None:
        """Delete a row that nothing needs."""
        if row.id in self.needed():
            msg = f"{self.resource} {row.id} is in use"
            raise RefusedError(msg)
        if self.resource == "categories":
            self._forget(row)
        self.rows.remove(row.id)
        self._record(row, "delete")

    def needed(self) -> set[int]:
        """Return the ids of rows that the ledger or other rows need."""
        finder = _NEEDED.get(self.resource)
        return finder(self._desk.books) if finder else set()

    def _record(self, row: Any, operation: str) -> str:
        desk = self._desk
        if self.resource not in LOGGED:
            return desk.stamp()
        return desk.log.record(self.resource, row.id, operation, row.data["created_at"])

    def _refile(self, row: Doc) -> None:
        """Give a renamed folder or file its path, and what is in the folder, too."""
        books, log = self._desk.books, self._desk.log
        folders = books.collections["dms_folders"]
        parent = row.data["parent_folder"]
        row.data["path"] = path_of(row.data["name"], parent and folders[parent["id"]])
        if row is not folders.rows.get(row.id):
            return
        for name in ("dms_folders", "dms_files"):
            for one in books.collections[name]:
                if one.data["parent_folder"] == {"id": row.id}:
                    self._refile(one)
                    stamp = log.record(name, one.id, "update", one.data["created_at"])
                    one.data["updated_at"] = stamp

    def _tell_carriers(self, without: Callable[[tuple[Share, ...]], tuple[Share, ...]]) -> None:
        """Record that a row changes when one of its categories is removed."""
        books, record = self._desk.books, self._desk.log.record
        for name in ("customer_invoices", "supplier_invoices", "transactions"):
            for one in getattr(books, name):
                if without(one.shares) != one.shares:
                    one.updated_at = record(name, one.id, "update", one.created_at)
        for name in ("customers", "suppliers"):
            for party in getattr(books, name):
                if without(party.hidden["shares"]) != party.hidden["shares"]:
                    stamp = record(name, party.id, "update", party.data["created_at"])
                    party.data["updated_at"] = stamp

    def _forget(self, category: Doc) -> None:
        """Remove a category from all rows that have it."""
        books = self._desk.books

        def without(shares: tuple[Share, ...]) -> tuple[Share, ...]:
            return tuple(one for one in shares if one.category is not category)

        self._tell_carriers(without)
        books.share_pool = [one for one in books.share_pool if without(one) == one]
        touched = []
        for line in books.ledger_entry_lines:
            if without(line.shares) != line.shares:
                self._ledger.set_line_shares(line, without(line.shares))
                touched.append(line)
        self._ledger.touch(touched)
        for entry in books.ledger_entries:
            if without(entry.shares) != entry.shares:
                self._ledger.set_entry_shares(entry, without(entry.shares))
        for carriers in (books.customer_invoices, books.supplier_invoices, books.transactions):
            for row in carriers:
                row.shares = without(row.shares)
        for party in (*books.customers, *books.suppliers):
            party.hidden["shares"] = without(party.hidden["shares"])


def _party_accounts(books: Books) -> set[int]:
    parties = (*books.customers, *books.suppliers)
    return {party.hidden["account"].id for party in parties}


_NEEDED: dict[str, Callable[[Books], set[int]]] = {
    "customers": lambda books: {row.party.id for row in books.customer_invoices},
    "suppliers": lambda books: {row.party.id for row in books.supplier_invoices},
    "ledger_accounts": lambda books: (
        {row.account.id for row in books.ledger_entry_lines}
        | _party_accounts(books)
        | {bank.hidden["account"].id for bank in books.bank_accounts}
        | {account.id for account in books.accounts.values() if account.number == account.general}
    ),
    "journals": lambda books: {row.journal.id for row in books.ledger_entries},
    "dms_folders": lambda books: {
        row.data["parent_folder"]["id"]
        for name in ("dms_folders", "dms_files")
        for row in books.collections[name]
        if row.data["parent_folder"]
    },
    "category_groups": lambda books: {row.data["category_group"]["id"] for row in books.categories},
    "bank_accounts": lambda books: {
        *books.current_accounts,
        *(row.bank_account.id for row in books.transactions),
    },
}


def _customer_of(books: Books, desk: Desk) -> Doc:
    return desk.rng.choice(tuple(books.customers.rows.values()))


def _customer(books: Books, desk: Desk) -> Row:
    row, account = make_customer(books, desk.stamp())
    books.ledger_accounts.add(account)
    return row


def _supplier(books: Books, desk: Desk) -> Row:
    row, account = make_supplier(books, desk.stamp())
    books.ledger_accounts.add(account)
    return row


def _account(books: Books, desk: Desk) -> Row:
    number = f"6582{books.count('6582'):02}"
    return open_account(
        books, number, "Charges exceptionnelles", "FR_200", "charge", letterable=False,
        stamp=desk.stamp(), general="658000",
    )  # fmt: skip


def _journal(books: Books, _: Desk) -> Row:
    place = books.count("journals")
    return Journal(books.next_id("journals"), f"J{place:02}", f"Journal n° {place}", "custom")


def _bank_account(books: Books, desk: Desk) -> Row:
    banks = tuple(books.collections["bank_establishments"].rows)
    account = books.account("512300")
    return make_bank_account(
        books, f"Compte n° {books.count('bank')}", account, None, banks[0], desk.stamp()
    )


def _category(books: Books, desk: Desk) -> Row:
    group = next(iter(books.category_groups))
    return make_category(books, f"Axe n° {books.count('axis')}", group, desk.stamp())


def _supplier_of(books: Books, desk: Desk) -> Doc:
    return desk.rng.choice(tuple(books.suppliers.rows.values()))


def _folder(books: Books, desk: Desk) -> Doc:
    folders: tuple[Doc, ...] = tuple(books.collections["dms_folders"].rows.values())
    return desk.rng.choice(folders)


def _pro_account_mandate(books: Books, desk: Desk) -> Row:
    taken = books.collections["pro_account/mandates"].rows
    for customer in books.customers:
        if customer.id not in taken:
            return make_pro_account_mandate(books, customer, desk.stamp())
    msg = "every customer already has a pro account mandate"
    raise RefusedError(msg)


_MAKERS: dict[str, Callable[[Books, Desk], Row]] = {
    "bank_accounts": _bank_account,
    "billing_subscriptions": lambda books, desk: make_subscription(
        books, _customer_of(books, desk), desk.stamp()
    ),
    "categories": _category,
    "category_groups": lambda books, desk: make_category_group(
        books, f"Famille n° {books.count('family')}", desk.stamp()
    ),
    "commercial_documents": lambda books, desk: make_commercial_document(
        books, _customer_of(books, desk), desk.stamp()
    ),
    "customers": _customer,
    "dms_files": lambda books, desk: make_file(
        books, f"Pièce n° {books.count('dms')}.pdf", _folder(books, desk), desk.stamp()
    ),
    "dms_folders": lambda books, desk: make_folder(
        books, f"Dossier n° {books.count('dms')}", _folder(books, desk), desk.stamp()
    ),
    "gocardless_mandates": lambda books, desk: make_gocardless_mandate(
        books, _customer_of(books, desk), desk.stamp()
    ),
    "journals": _journal,
    "ledger_accounts": _account,
    "pro_account/mandates": _pro_account_mandate,
    "products": lambda books, desk: make_product(books, desk.stamp()),
    "purchase_requests": lambda books, desk: make_purchase_request(
        books, _supplier_of(books, desk), desk.stamp()
    ),
    "quotes": lambda books, desk: make_quote(books, _customer_of(books, desk), desk.stamp()),
    "sepa_mandates": lambda books, desk: make_sepa_mandate(
        books, _customer_of(books, desk), desk.stamp()
    ),
    "suppliers": _supplier,
    "webhook_subscriptions": lambda books, desk: make_webhook(books, desk.stamp()),
}

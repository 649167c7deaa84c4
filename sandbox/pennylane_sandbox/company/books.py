"""The company's books: every collection, and what is needed to create rows."""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from pennylane_sandbox import calendar
from pennylane_sandbox.chance import generator
from pennylane_sandbox.collection import Collection
from pennylane_sandbox.ids import Ids
from pennylane_sandbox.model import Account, Doc, Entry, Invoice, Journal, Line, Shares, Transaction

API: Final = "https://app.pennylane.com/api/external/v2"

# Where each resource's ids begin; some exceed 32 bits, as in the API.
_ID_BASES: Final = {
    "bank_accounts": 2_000_000,
    "bank_establishments": 3_000,
    "billing_subscriptions": 11_000_000,
    "categories": 21_000_000,
    "category_groups": 1_000_000,
    "category_links": 8_000_000_000,
    "commercial_documents": 1_400_000_000,
    "customer_invoice_templates": 5_000_000,
    "customer_invoices": 1_000_000_000,
    "customers": 31_000_000,
    "dms_files": 95_000_000,
    "dms_folders": 93_000_000,
    "exports": 71_000_000,
    "fiscal_years": 4_000_000,
    "gocardless_mandates": 6_000_000,
    "journals": 7_000_000,
    "numberings": 90_000,
    "ledger_accounts": 300_000_000,
    "ledger_entry_lines": 6_000_000_000,
    "manual_entries": 500_000_000,
    "pa_registrations": 80_000,
    "pro_account/mandate_migrations": 9_000_000,
    "products": 15_000_000,
    "purchase_requests": 17_000_000,
    "quotes": 1_300_000_000,
    "sepa_mandates": 12_000_000,
    "supplier_invoices": 2_200_000_000,
    "suppliers": 41_000_000,
    "transactions": 3_000_000_000,
    "users": 400_000,
    "webhook_subscriptions": 60_000,
}


class Books:
    """All collections of one company."""

    def __init__(
        self, seed: int, size: int, cases: Iterable[str] = (), days: calendar.Calendar | None = None
    ) -> None:
        """Make empty books of a company of this size, which may show special cases."""
        self.seed = seed
        self.size = size
        self.calendar = days or calendar.Calendar()
        self.cases = frozenset(cases)
        self.rng = generator("books", seed)
        self._ids = {
            name: Ids(base, generator("ids", seed, name)) for name, base in _ID_BASES.items()
        }
        self.ledger_accounts: Collection[Account] = Collection()
        self.journals: Collection[Journal] = Collection()
        self.ledger_entries: Collection[Entry] = Collection(
            {"date": lambda row: calendar.rank(row.shown_date)}
        )
        self.ledger_entry_lines: Collection[Line] = Collection(
            {"date": lambda row: calendar.rank(row.entry.date)}
        )
        self.customer_invoices: Collection[Invoice] = Collection(
            {"date": lambda row: calendar.rank(row.shown_date)}
        )
        self.supplier_invoices: Collection[Invoice] = Collection(
            {"date": lambda row: calendar.rank(row.shown_date)}
        )
        self.transactions: Collection[Transaction] = Collection(
            {"date": lambda row: calendar.rank(row.date)}
        )
        self.fiscal_years: Collection[Doc] = Collection(
            {"start": lambda row: calendar.rank(row.data["start"])}
        )
        self.customers: Collection[Doc] = Collection()
        self.suppliers: Collection[Doc] = Collection()
        self.products: Collection[Doc] = Collection()
        self.categories: Collection[Doc] = Collection()
        self.category_groups: Collection[Doc] = Collection()
        self.bank_accounts: Collection[Doc] = Collection()
        self.templates: Collection[Doc] = Collection()
        self.quotes: Collection[Doc] = Collection()
        self.billing_subscriptions: Collection[Doc] = Collection()
        self.collections: dict[str, Collection[Any]] = {
            "ledger_accounts": self.ledger_accounts,
            "journals": self.journals,
            "ledger_entries": self.ledger_entries,
            "ledger_entry_lines": self.ledger_entry_lines,
            "customer_invoices": self.customer_invoices,
            "supplier_invoices": self.supplier_invoices,
            "transactions": self.transactions,
            "fiscal_years": self.fiscal_years,
            "customers": self.customers,
            "suppliers": self.suppliers,
            "products": self.products,
            "categories": self.categories,
            "category_groups": self.category_groups,
            "bank_accounts": self.bank_accounts,
            "customer_invoice_templates": self.templates,
            "quotes": self.quotes,
            "billing_subscriptions": self.billing_subscriptions,
        }
        for name in (
            "bank_establishments",
            "commercial_documents",
            "gocardless_mandates",
            "numberings",
            "pa_registrations",
            "pro_account/mandate_migrations",
            "pro_account/mandates",
            "purchase_requests",
            "sepa_mandates",
            "webhook_subscriptions",
        ):
            self.collections[name] = Collection()
        self.accounts: dict[str, Account] = {}
        self.journal: dict[str, Journal] = {}
        self.share_pool: list[Shares] = [()]
        self.employees: list[Doc] = []
        self.current_accounts: list[int] = []
        self.product_ids: tuple[int, ...] = ()
        self.counters: dict[str, int] = {}

    def next_id(self, resource: str) -> int:
        """Draw a new id of a resource."""
        return self._ids[resource].next()

    def count(self, name: str) -> int:
        """Return the next number, for document numbers."""
        self.counters[name] = self.counters.get(name, 0) + 1
        return self.counters[name]

    def account(self, number: str) -> Account:
        """Look up the account with this number."""
        return self.accounts[number]

    def closed_until(self) -> str:
        """Return the last day of the closed fiscal years."""
        return max(
            (
                row.data["finish"]
                for row in self.fiscal_years
                if row.data["status"] in {"closed", "frozen"}
            ),
            default="",
        )


def link(path: str) -> dict[str, str]:
    """Refer to another address of the API."""
    return {"url": f"{API}/{path}"}


def filtered(path: str, field: str, value: int) -> dict[str, str]:
    """Refer to those records of a list whose field has this value."""
    clause = f'[{{"field":"{field}","operator":"eq","value":"{value}"}}]'
    return link(f"{path}?filter={quote(clause)}")


def reference(resource: str, row_id: int) -> dict[str, Any]:
    """Refer to a record of the API."""
    return {"id": row_id, "url": f"{API}/{resource}/{row_id}"}

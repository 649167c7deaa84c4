"""The collections of the Company API v2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_pennylane.changelog import by_id, changed
from tap_pennylane.errors import UntraceableError
from tap_pennylane.streams.base import PennylaneStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_pennylane.changelog import Event
    from tap_pennylane.tap import TapPennylane


class BankAccounts(PennylaneStream):
    """Bank accounts with their balance."""

    name = "bank_accounts"
    path = "/bank_accounts"


class BankEstablishments(PennylaneStream):
    """Banks where the company has accounts."""

    name = "bank_establishments"
    path = "/bank_establishments"
    refresh_hours = 24


class BillingSubscriptions(PennylaneStream):
    """Subscriptions that bill a customer at intervals."""

    name = "billing_subscriptions"
    path = "/billing_subscriptions"
    refresh_hours = 1


class Categories(PennylaneStream):
    """Analytical categories."""

    name = "categories"
    path = "/categories"


class CategoryGroups(PennylaneStream):
    """Groups of analytical categories (axes)."""

    name = "category_groups"
    path = "/category_groups"
    sort = None


class CommercialDocuments(PennylaneStream):
    """Proformas, shipping orders and purchasing orders."""

    name = "commercial_documents"
    path = "/commercial_documents"
    refresh_hours = 1


class Company(PennylaneStream):
    """The company, user and scopes of the token: one row."""

    name = "company"
    path = "/me"
    primary_keys = ("company_id",)
    begins_with_itself = False

    @override
    def pages(self, parameters: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        return iter([[self.tap.me]])


class CustomerInvoiceTemplates(PennylaneStream):
    """Layouts of customer invoices."""

    name = "customer_invoice_templates"
    path = "/customer_invoice_templates"
    refresh_hours = 24


class CustomerInvoices(PennylaneStream):
    """Customer invoices and credit notes."""

    name = "customer_invoices"
    path = "/customer_invoices"
    changelog = "/changelogs/customer_invoices"
    dated = True
    include = ("invoice_lines", "customer_invoice_lines")


class Customers(PennylaneStream):
    """Customers, companies and individuals."""

    name = "customers"
    path = "/customers"
    changelog = "/changelogs/customers"


class FiscalYears(PennylaneStream):
    """Fiscal years (exercices) and whether they are closed."""

    name = "fiscal_years"
    path = "/fiscal_years"

    @override
    def pages(self, parameters: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """Read once: other streams need them too."""
        if self._pages is None:
            self._pages = list(super().pages(parameters))
        return iter(self._pages)

    _pages: list[list[dict[str, Any]]] | None = None


class GocardlessMandates(PennylaneStream):
    """Direct debit mandates held by GoCardless."""

    name = "gocardless_mandates"
    path = "/gocardless_mandates"
    refresh_hours = 6


class Journals(PennylaneStream):
    """Accounting journals."""

    name = "journals"
    path = "/journals"


class LedgerAccounts(PennylaneStream):
    """The chart of accounts (plan comptable)."""

    name = "ledger_accounts"
    path = "/ledger_accounts"
    largest_page = 1000


class LedgerEntries(PennylaneStream):
    """Ledger entries. The API leaves those of closed years out unless a date filter is sent."""

    name = "ledger_entries"
    path = "/ledger_entries"
    changelog = "/changelogs/ledger_entry_lines"
    link_changelogs = (
        ("/changelogs/ledger_entry_lines_categories", "ledger_entry"),
        ("/changelogs/ledger_entries_categories", "ledger_entry"),
    )
    order = 1
    dated = True
    earliest = "1900-01-01"

    @override
    def changed(self, path: str, key: str, events: Sequence[Event]) -> dict[int, bool]:
        """Entries have no changelog of their own: a changed line names its entry."""
        if key != "id":
            return super().changed(path, key, events)
        lines = changed(events, key)
        if any(lines.values()):
            msg = "lines were deleted, and the changelog does not say of which entries"
            raise UntraceableError(msg)
        return dict.fromkeys(self._entries_of(lines), False)

    def _entries_of(self, lines: Iterable[int]) -> list[int]:
        stream = self.tap.streams[LedgerEntryLines.name]
        known = stream.entry_of
        unknown = [line for line in lines if line not in known]
        # Whatever their dates: a line before the start date names its entry as well.
        for _, items in by_id(stream, unknown, {"limit": stream.largest_page}):
            for record in map(stream.read, items):
                stream.followed(record)
        if gone := next((line for line in lines if line not in known), None):
            msg = f"the line {gone} is gone, and nothing says of which entry"
            raise UntraceableError(msg)
        return [known[line] for line in lines]


class LedgerEntryLines(PennylaneStream):
    """Lines of the ledger entries: debits and credits."""

    name = "ledger_entry_lines"
    path = "/ledger_entry_lines"
    changelog = "/changelogs/ledger_entry_lines"
    link_changelogs = (("/changelogs/ledger_entry_lines_categories", "ledger_entry_line"),)
    dated = True
    has_many = True

    def __init__(self, tap: TapPennylane) -> None:
        """Begin without knowing which entry a line is of."""
        super().__init__(tap)
        self.entry_of: dict[int, int] = {}

    @override
    def followed(self, record: dict[str, Any]) -> None:
        self.entry_of[record["id"]] = record["ledger_entry_id"]


class PaRegistrations(PennylaneStream):
    """Registrations with the e-invoicing platform (plateforme agréée)."""

    name = "pa_registrations"
    path = "/pa_registrations"
    refresh_hours = 24
    largest_page = None
    sort = None


class ProAccountMandateMigrations(PennylaneStream):
    """Moves of mandates to the Pennylane Pro Account."""

    name = "pro_account_mandate_migrations"
    path = "/pro_account/mandate_migrations"
    refresh_hours = 6


class ProAccountMandates(PennylaneStream):
    """Direct debit mandates of the Pennylane Pro Account: one a customer, without an id."""

    name = "pro_account_mandates"
    path = "/pro_account/mandates"
    refresh_hours = 6
    primary_keys = ("customer_id",)


class Products(PennylaneStream):
    """What the company sells."""

    name = "products"
    path = "/products"
    changelog = "/changelogs/products"


class PurchaseRequests(PennylaneStream):
    """Purchases that wait for approval, or got it."""

    name = "purchase_requests"
    path = "/purchase_requests"
    refresh_hours = 1


class Quotes(PennylaneStream):
    """Quotes (devis)."""

    name = "quotes"
    path = "/quotes"
    changelog = "/changelogs/quotes"


class SepaMandates(PennylaneStream):
    """SEPA direct debit mandates."""

    name = "sepa_mandates"
    path = "/sepa_mandates"
    refresh_hours = 6


class SupplierInvoices(PennylaneStream):
    """Supplier invoices and credit notes."""

    name = "supplier_invoices"
    path = "/supplier_invoices"
    changelog = "/changelogs/supplier_invoices"
    dated = True


class Suppliers(PennylaneStream):
    """Suppliers."""

    name = "suppliers"
    path = "/suppliers"
    changelog = "/changelogs/suppliers"


class Transactions(PennylaneStream):
    """Bank transactions."""

    name = "transactions"
    path = "/transactions"
    scan_by = "date"
    changelog = "/changelogs/transactions"
    dated = True


class TrialBalance(PennylaneStream):
    """Debits and credits an account, auxiliary accounts apart: one slice a fiscal year."""

    name = "trial_balance"
    path = "/trial_balance"
    primary_keys = ("period_start", "period_end", "number")
    largest_page = 1000
    sort = None
    begins_with_itself = False

    @override
    def parameters(self) -> dict[str, Any]:
        return {**super().parameters(), "is_auxiliary": "true"}

    @override
    def slices(self) -> Iterator[dict[str, str]]:
        return self.fiscal_years()


class WebhookSubscriptions(PennylaneStream):
    """Webhooks that the company asked for."""

    name = "webhook_subscriptions"
    path = "/webhook_subscriptions"
    refresh_hours = 24
    sort = None

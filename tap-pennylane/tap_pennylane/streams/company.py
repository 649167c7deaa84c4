"""The collections of the Company API v2."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_pennylane.record import RecordReader
from tap_pennylane.streams.base import PennylaneStream, schema_file

if TYPE_CHECKING:
    from collections.abc import Iterator


class BankAccounts(PennylaneStream):
    """Bank accounts with their balance."""

    name = "bank_accounts"
    path = "/bank_accounts"


class BankEstablishments(PennylaneStream):
    """Banks where the company has accounts."""

    name = "bank_establishments"
    path = "/bank_establishments"


class BillingSubscriptions(PennylaneStream):
    """Subscriptions that bill a customer at intervals."""

    name = "billing_subscriptions"
    path = "/billing_subscriptions"


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


class Company(PennylaneStream):
    """The company, user and scopes of the token: one row."""

    name = "company"
    path = "/me"
    primary_keys = ("company_id",)

    @override
    def items(self) -> Iterator[dict[str, Any]]:
        return iter([self.tap.me])


class CustomerInvoiceTemplates(PennylaneStream):
    """Layouts of customer invoices."""

    name = "customer_invoice_templates"
    path = "/customer_invoice_templates"


class CustomerInvoices(PennylaneStream):
    """Customer invoices and credit notes."""

    name = "customer_invoices"
    path = "/customer_invoices"
    dated = True


class Customers(PennylaneStream):
    """Customers, companies and individuals."""

    name = "customers"
    path = "/customers"


class FiscalYears(PennylaneStream):
    """Fiscal years (exercices) and whether they are closed."""

    name = "fiscal_years"
    path = "/fiscal_years"

    @cached_property
    def _all(self) -> list[dict[str, Any]]:
        return list(super().items())

    @override
    def items(self) -> Iterator[dict[str, Any]]:
        """Read once: the trial balance needs them too."""
        return iter(self._all)


class GocardlessMandates(PennylaneStream):
    """Direct debit mandates held by GoCardless."""

    name = "gocardless_mandates"
    path = "/gocardless_mandates"


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
    dated = True
    earliest = "1900-01-01"


class LedgerEntryLines(PennylaneStream):
    """Lines of the ledger entries: debits and credits."""

    name = "ledger_entry_lines"
    path = "/ledger_entry_lines"
    dated = True


class PaRegistrations(PennylaneStream):
    """Registrations with the e-invoicing platform (plateforme agréée)."""

    name = "pa_registrations"
    path = "/pa_registrations"
    largest_page = None
    sort = None


class ProAccountMandateMigrations(PennylaneStream):
    """Moves of mandates to the Pennylane Pro Account."""

    name = "pro_account_mandate_migrations"
    path = "/pro_account/mandate_migrations"


class ProAccountMandates(PennylaneStream):
    """Direct debit mandates of the Pennylane Pro Account: one a customer, without an id."""

    name = "pro_account_mandates"
    path = "/pro_account/mandates"
    primary_keys = ("customer_id",)


class Products(PennylaneStream):
    """What the company sells."""

    name = "products"
    path = "/products"


class PurchaseRequests(PennylaneStream):
    """Purchases that wait for approval, or got it."""

    name = "purchase_requests"
    path = "/purchase_requests"


class Quotes(PennylaneStream):
    """Quotes (devis)."""

    name = "quotes"
    path = "/quotes"


class SepaMandates(PennylaneStream):
    """SEPA direct debit mandates."""

    name = "sepa_mandates"
    path = "/sepa_mandates"


class SupplierInvoices(PennylaneStream):
    """Supplier invoices and credit notes."""

    name = "supplier_invoices"
    path = "/supplier_invoices"
    dated = True


class Suppliers(PennylaneStream):
    """Suppliers."""

    name = "suppliers"
    path = "/suppliers"


class Transactions(PennylaneStream):
    """Bank transactions."""

    name = "transactions"
    path = "/transactions"
    dated = True


class TrialBalance(PennylaneStream):
    """Debits and credits an account, auxiliary accounts apart: one slice a fiscal year."""

    name = "trial_balance"
    path = "/trial_balance"
    primary_keys = ("period_start", "period_end", "number")
    largest_page = 1000
    sort = None

    @override
    def parameters(self) -> dict[str, Any]:
        return {**super().parameters(), "is_auxiliary": "true"}

    @override
    def slices(self) -> Iterator[dict[str, str]]:
        years = RecordReader(schema_file(FiscalYears.name), keys=("start", "finish"))
        for year in map(years.read, self.tap.streams[FiscalYears.name].items()):
            if not self.first_date or year["finish"] >= self.first_date:
                yield {"period_start": year["start"], "period_end": year["finish"]}


class WebhookSubscriptions(PennylaneStream):
    """Webhooks that the company asked for."""

    name = "webhook_subscriptions"
    path = "/webhook_subscriptions"
    sort = None

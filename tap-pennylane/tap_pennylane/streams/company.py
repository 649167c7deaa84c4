"""The streams of the Company API v2, except the ledger, child streams and exports."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_pennylane.api.collection import Collection
from tap_pennylane.errors import PennylaneError
from tap_pennylane.fiscal_years import ByFiscalYear
from tap_pennylane.replication.derived import BalancesSource, NamedSource
from tap_pennylane.replication.ledger import LinesSource
from tap_pennylane.streams.base import PennylaneStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_pennylane.api.collection import Items
    from tap_pennylane.replication.source import Source


class _Answer(Collection):
    """An endpoint that returns an object instead of a list: one page."""

    def __init__(
        self, rows: Callable[[Collection], Items], *arguments: Any, **options: Any
    ) -> None:
        """Prepare it; nothing is sent yet.

        Args:
            rows: Requests the object, and returns its rows.
            arguments: Passed to `Collection`.
            options: Passed to `Collection`.
        """
        super().__init__(*arguments, **options)
        self._rows = rows

    @override
    def read_part(self, part: Mapping[str, Any]) -> Iterator[Items]:
        yield self._rows(self)


class _Balances(ByFiscalYear):
    """Balances with the time of the request: the sums do not include later changes."""

    @override
    def read_part(self, part: Mapping[str, Any]) -> Iterator[Items]:
        asked_at = self.client.now().isoformat()
        for items in super().read_part(part):
            yield [{**item, "asked_at": asked_at} for item in items]


class BankAccounts(PennylaneStream):
    """Bank accounts and their balances."""

    name = "bank_accounts"
    path = "/bank_accounts"
    refresh_hours = 1
    moved_by = "transactions"
    order = 1


class BankEstablishments(PennylaneStream):
    """Banks where the company has accounts."""

    name = "bank_establishments"
    path = "/bank_establishments"
    refresh_hours = 24


class BillingSubscriptions(PennylaneStream):
    """Subscriptions that invoice a customer at regular intervals."""

    name = "billing_subscriptions"
    path = "/billing_subscriptions"
    refresh_hours = 1


class Categories(PennylaneStream):
    """Analytical categories."""

    name = "categories"
    path = "/categories"
    refresh_hours = 1


class CategoryGroups(PennylaneStream):
    """Groups of analytical categories (axes)."""

    name = "category_groups"
    path = "/category_groups"
    refresh_hours = 1
    sort = None


class CommercialDocuments(PennylaneStream):
    """Proformas, shipping orders and purchasing orders."""

    name = "commercial_documents"
    path = "/commercial_documents"
    refresh_hours = 1


class Company(PennylaneStream):
    """The token's company, user and scopes: one row."""

    name = "company"
    path = "/me"
    primary_keys = ("company_id",)
    opening_pages = 0

    @cached_property
    @override
    def collection(self) -> Collection:
        return self.collection_of(_Answer, lambda _: [self.run.me])


class CompanyFeatures(PennylaneStream):
    """Pennylane's features, and whether the company has them."""

    name = "company_features"
    path = "/company/features"
    primary_keys = ("name",)
    refresh_hours = 24
    largest_page = None
    sort = None

    @cached_property
    @override
    def collection(self) -> Collection:
        return self.collection_of(_Answer, self._rows)

    def _rows(self, collection: Collection) -> Items:
        """Make each key of the object a row, so that a new feature needs no new column."""
        features = collection.client.get(self.path)
        if not isinstance(features, dict):
            msg = f"{self.path} did not return an object"
            raise PennylaneError(msg)
        return [{"name": name, "enabled": enabled} for name, enabled in features.items()]


class CustomerInvoiceTemplates(PennylaneStream):
    """Customer invoice templates."""

    name = "customer_invoice_templates"
    path = "/customer_invoice_templates"
    refresh_hours = 24


class CustomerInvoices(PennylaneStream):
    """Customer invoices and credit notes."""

    name = "customer_invoices"
    path = "/customer_invoices"
    changelog = "/changelogs/customer_invoices"
    dated = True
    may_lack_date = True
    include = ("invoice_lines", "customer_invoice_lines")


class Customers(PennylaneStream):
    """Customers: companies and individuals."""

    name = "customers"
    path = "/customers"
    changelog = "/changelogs/customers"


class FiscalYears(PennylaneStream):
    """Fiscal years (exercices) and their status."""

    name = "fiscal_years"
    path = "/fiscal_years"
    refresh_hours = 1

    @cached_property
    @override
    def collection(self) -> Collection:
        return self.run.fiscal_years


class GocardlessMandates(PennylaneStream):
    """Direct debit mandates held by GoCardless."""

    name = "gocardless_mandates"
    path = "/gocardless_mandates"
    refresh_hours = 6


class Journals(PennylaneStream):
    """Accounting journals."""

    name = "journals"
    path = "/journals"
    refresh_hours = 1


class LedgerAccounts(PennylaneStream):
    """The chart of accounts (plan comptable)."""

    name = "ledger_accounts"
    path = "/ledger_accounts"
    refresh_hours = 1
    moved_by = "ledger_entry_lines"
    largest_page = 1000
    order = 1

    @cached_property
    @override
    def source(self) -> Source:
        if isinstance(basis := self.basis, LinesSource):
            return self.source_of(NamedSource, basis)
        return super().source


class Numberings(PennylaneStream):
    """Numbering schemes of invoices, quotes and other documents: prefix and next number."""

    name = "numberings"
    path = "/numberings"
    refresh_hours = 1


class PaRegistrations(PennylaneStream):
    """Registrations with the e-invoicing platform (plateforme agréée)."""

    name = "pa_registrations"
    path = "/pa_registrations"
    refresh_hours = 24
    largest_page = None
    sort = None


class ProAccountMandateMigrations(PennylaneStream):
    """Migrations of mandates to the Pennylane Pro Account."""

    name = "pro_account_mandate_migrations"
    path = "/pro_account/mandate_migrations"
    refresh_hours = 6


class ProAccountMandates(PennylaneStream):
    """Direct debit mandates of the Pennylane Pro Account: one per customer, without an id."""

    name = "pro_account_mandates"
    path = "/pro_account/mandates"
    refresh_hours = 6
    primary_keys = ("customer_id",)


class Products(PennylaneStream):
    """Products that the company sells."""

    name = "products"
    path = "/products"
    changelog = "/changelogs/products"


class PurchaseRequests(PennylaneStream):
    """Purchase requests, pending or approved."""

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
    may_lack_date = True


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
    """Totals per account and fiscal year, auxiliary accounts separate."""

    name = "trial_balance"
    path = "/trial_balance"
    primary_keys = ("period_start", "period_end", "number")
    refresh_hours = 1
    moved_by = "ledger_entry_lines"
    replaces_parts = True
    largest_page = 1000
    sort = None
    opening_pages = 0
    order = 1
    parameters: ClassVar[Mapping[str, str]] = {"is_auxiliary": "true"}

    @cached_property
    @override
    def collection(self) -> Collection:
        years, first_date = self.run.fiscal_years, self.config.get("start_date")
        return self.collection_of(_Balances, years, first_date)

    @cached_property
    @override
    def source(self) -> Source:
        if basis := self.basis:
            within = timedelta(days=self._setting("verify_days"))
            return self.source_of(BalancesSource, basis, self.run.fiscal_years, within)
        return super().source

    @property
    @override
    def max_age(self) -> timedelta:
        """No limit if the lines are read, which say when a balance changed."""
        is_set = self.name in self.config["refresh_hours"]
        return super().max_age if is_set or not self.basis else timedelta.max


class WebhookSubscriptions(PennylaneStream):
    """Webhooks that the company subscribed to."""

    name = "webhook_subscriptions"
    path = "/webhook_subscriptions"
    refresh_hours = 24
    sort = None

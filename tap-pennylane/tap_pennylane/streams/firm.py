"""The streams of the Firm API: the companies, and what each of them has."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import StreamSchema
from typing_extensions import override

from tap_pennylane.api.collection import Collection
from tap_pennylane.replication.ledger import ANY_DATE
from tap_pennylane.schemas import firm, schema_file
from tap_pennylane.streams import children, company, exports, ledger
from tap_pennylane.streams.base import PennylaneStream
from tap_pennylane.streams.keyed import PublicSchemas
from tap_pennylane.streams.sync_log import SyncLog

if TYPE_CHECKING:
    from collections.abc import Sequence

COMPANY_ID = "company_id"


class FirmStream(PennylaneStream):
    """A collection of the Firm API."""

    schema: ClassVar[StreamSchema[str]] = StreamSchema(PublicSchemas(firm))

    @override
    def private_schema(self) -> dict[str, Any]:
        return schema_file(self.name, firm.__name__)


class Companies(FirmStream):
    """The firm's client companies (dossiers), as far as the settings choose them."""

    name = "companies"
    path = "/companies"
    opening_pages = 0

    @cached_property
    @override
    def collection(self) -> Collection:
        return self.run.companies


class OfCompany(FirmStream):
    """A collection that each company has; its table has the rows of all companies."""

    company_key = (COMPANY_ID,)

    def __init_subclass__(cls) -> None:
        """Put the company in front of the key."""
        super().__init_subclass__()
        if "name" in vars(cls):
            cls.primary_keys = (COMPANY_ID, *cls.primary_keys)

    @property
    @override
    def introduced(self) -> set[str]:
        """The streams of earlier companies as well."""
        return self.run.introduced


class AnalyticalGeneralLedgerExport(OfCompany, exports.AnalyticalGeneralLedgerExport):
    """The analytical general ledger (grand livre analytique), one row per line and category."""

    name = "analytical_general_ledger_export"


class BankAccounts(OfCompany):
    """Bank accounts."""

    name = "bank_accounts"
    path = "/bank_accounts"
    refresh_hours = 24


class Categories(OfCompany, company.Categories):
    """Analytical categories."""

    name = "categories"
    refresh_hours = 24


class CategoryGroups(OfCompany, company.CategoryGroups):
    """Groups of analytical categories (axes)."""

    name = "category_groups"
    refresh_hours = 24


class CustomerInvoices(OfCompany):
    """Customer invoices and credit notes."""

    name = "customer_invoices"
    path = "/customer_invoices"
    changelog = "/changelogs/customer_invoices"
    dated = True
    may_lack_date = True


class Customers(OfCompany):
    """Customers: companies and individuals."""

    name = "customers"
    path = "/customers"
    refresh_hours = 24


class DmsFiles(OfCompany):
    """Files of the document management system (GED)."""

    name = "dms_files"
    path = "/dms/files"
    changelog = "/changelogs/dms_files"
    refresh_hours = 1  # each look costs a request per company, and no figure depends on a file
    sort = None
    scan_by = None
    verify_days = 28  # it can't be verified in parts


class DmsFolders(OfCompany):
    """Folders of the document management system (GED)."""

    name = "dms_folders"
    path = "/dms/folders"
    refresh_hours = 24
    sort = None


class Fec(OfCompany, exports.Fec):
    """The FEC (fichier des écritures comptables), one row per line."""

    name = "fec"


class FiscalYears(OfCompany, company.FiscalYears):
    """Fiscal years (exercices) and their status."""

    name = "fiscal_years"
    refresh_hours = 24
    opening_pages = 0


class Journals(OfCompany, company.Journals):
    """Accounting journals."""

    name = "journals"
    refresh_hours = 24
    sort = None


class LedgerAccounts(OfCompany, company.LedgerAccounts):
    """The chart of accounts (plan comptable)."""

    name = "ledger_accounts"
    refresh_hours = 24
    largest_page = 100
    sort = None


class LedgerEntryLines(OfCompany, ledger.LedgerEntryLines):
    """Lines of the ledger entries: debits and credits."""

    name = "ledger_entry_lines"
    link_changelogs = ()
    opening_pages = 1


class LedgerEntries(OfCompany, ledger.LedgerEntries):
    """Ledger entries, including drafts, entries without a date and those of closed years."""

    name = "ledger_entries"
    link_changelogs = ()
    verify_days = 7
    once_lacked_undated = False

    @cached_property
    @override
    def collection(self) -> Collection:
        """The list, filtered by date: without a filter, it omits closed years."""
        collection = self.collection_of(Collection)
        collection.since = collection.since or ANY_DATE[2]
        return collection


class LetteredLedgerEntryLines(OfCompany, children.LetteredLedgerEntryLines):
    """Ledger entry lines lettered together (lettrage), by line."""

    name = "lettered_ledger_entry_lines"
    parent = LedgerEntryLines


class SupplierInvoices(OfCompany, company.SupplierInvoices):
    """Supplier invoices and credit notes."""

    name = "supplier_invoices"


class Suppliers(OfCompany):
    """Suppliers."""

    name = "suppliers"
    path = "/suppliers"
    refresh_hours = 24


class Transactions(OfCompany):
    """Bank transactions."""

    name = "transactions"
    path = "/transactions"
    refresh_hours = 6
    dated = True


class TrialBalance(OfCompany, company.TrialBalance):
    """Totals per account and fiscal year, auxiliary accounts separate."""

    name = "trial_balance"
    page_size_parameter = "per_page"


class FirmSyncLog(SyncLog):
    """The record of runs: one row per company, stream and run, including failed ones. Sent last."""

    primary_keys: ClassVar[Sequence[str]] = (COMPANY_ID, "run_id", "stream")
    schema: ClassVar[StreamSchema[str]] = StreamSchema(PublicSchemas(firm))
    partitions = None
    """The state's partitions say when each company was read; the stream is written at once."""

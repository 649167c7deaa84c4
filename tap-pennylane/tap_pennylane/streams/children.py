"""The child streams: lists that belong to one record of a parent stream.

Two such lists of the API are not streams, because another list has their rows at a hundredth of the
requests: a ledger entry's lines are in `ledger_entry_lines`, a group's categories in `categories`.
"""

from __future__ import annotations

from tap_pennylane.streams.child import ChildStream, IncludedChildStream
from tap_pennylane.streams.company import (
    BillingSubscriptions,
    CommercialDocuments,
    CustomerInvoices,
    Customers,
    Quotes,
    SupplierInvoices,
    Suppliers,
    Transactions,
)
from tap_pennylane.streams.ledger import LedgerEntryLines


class BillingSubscriptionInvoiceLines(ChildStream):
    """Lines of the invoices that billing subscriptions create."""

    name = "billing_subscription_invoice_lines"
    parent = BillingSubscriptions
    path = "/billing_subscriptions/{billing_subscription_id}/invoice_lines"
    primary_keys = ("billing_subscription_id", "id")


class BillingSubscriptionInvoiceLineSections(ChildStream):
    """Sections of billing subscriptions' invoice lines."""

    name = "billing_subscription_invoice_line_sections"
    parent = BillingSubscriptions
    path = "/billing_subscriptions/{billing_subscription_id}/invoice_line_sections"
    primary_keys = ("billing_subscription_id", "id")


class CommercialDocumentAppendices(ChildStream):
    """Files attached to commercial documents."""

    name = "commercial_document_appendices"
    parent = CommercialDocuments
    path = "/commercial_documents/{commercial_document_id}/appendices"
    primary_keys = ("commercial_document_id", "id")
    sort = None


class CommercialDocumentInvoiceLines(ChildStream):
    """Lines of commercial documents."""

    name = "commercial_document_invoice_lines"
    parent = CommercialDocuments
    path = "/commercial_documents/{commercial_document_id}/invoice_lines"
    primary_keys = ("commercial_document_id", "id")


class CommercialDocumentInvoiceLineSections(ChildStream):
    """Sections of commercial documents' lines."""

    name = "commercial_document_invoice_line_sections"
    parent = CommercialDocuments
    path = "/commercial_documents/{commercial_document_id}/invoice_line_sections"
    primary_keys = ("commercial_document_id", "id")


class CustomerInvoiceAppendices(ChildStream):
    """Files attached to customer invoices."""

    name = "customer_invoice_appendices"
    parent = CustomerInvoices
    path = "/customer_invoices/{customer_invoice_id}/appendices"
    primary_keys = ("customer_invoice_id", "id")
    sort = None


class CustomerInvoiceCategories(ChildStream):
    """Analytical categories of customer invoices."""

    name = "customer_invoice_categories"
    parent = CustomerInvoices
    path = "/customer_invoices/{customer_invoice_id}/categories"
    primary_keys = ("customer_invoice_id", "id")
    sort = None


class CustomerInvoiceCustomHeaderFields(ChildStream):
    """Custom fields in the headers of customer invoices."""

    name = "customer_invoice_custom_header_fields"
    parent = CustomerInvoices
    path = "/customer_invoices/{customer_invoice_id}/custom_header_fields"
    primary_keys = ("customer_invoice_id", "id")


class CustomerInvoiceLineSections(ChildStream):
    """Sections of customer invoices' lines."""

    name = "customer_invoice_line_sections"
    parent = CustomerInvoices
    path = "/customer_invoices/{customer_invoice_id}/invoice_line_sections"
    primary_keys = ("customer_invoice_id", "id")


class CustomerInvoiceLines(IncludedChildStream):
    """Lines of customer invoices, read together with the invoices."""

    name = "customer_invoice_lines"
    parent = CustomerInvoices
    path = "/customer_invoices/{customer_invoice_id}/invoice_lines"
    primary_keys = ("customer_invoice_id", "id")


class CustomerInvoiceMatchedTransactions(ChildStream):
    """Bank transactions that settle customer invoices."""

    name = "customer_invoice_matched_transactions"
    parent = CustomerInvoices
    path = "/customer_invoices/{customer_invoice_id}/matched_transactions"
    primary_keys = ("customer_invoice_id", "id")


class CustomerInvoicePayments(ChildStream):
    """Payments of customer invoices."""

    name = "customer_invoice_payments"
    parent = CustomerInvoices
    path = "/customer_invoices/{customer_invoice_id}/payments"
    primary_keys = ("customer_invoice_id", "id")


class CustomerCategories(ChildStream):
    """Analytical categories of customers."""

    name = "customer_categories"
    parent = Customers
    path = "/customers/{customer_id}/categories"
    primary_keys = ("customer_id", "id")
    sort = None


class CustomerContacts(ChildStream):
    """Customer contacts."""

    name = "customer_contacts"
    parent = Customers
    path = "/customers/{customer_id}/contacts"
    primary_keys = ("customer_id", "id")


class LedgerEntryLineCategories(ChildStream):
    """Analytical categories of ledger entry lines, one row per line and category."""

    name = "ledger_entry_line_categories"
    parent = LedgerEntryLines
    path = "/ledger_entry_lines/{ledger_entry_line_id}/categories"
    primary_keys = ("ledger_entry_line_id", "id")


class LetteredLedgerEntryLines(ChildStream):
    """Ledger entry lines lettered together (lettrage), by line."""

    name = "lettered_ledger_entry_lines"
    parent = LedgerEntryLines
    path = "/ledger_entry_lines/{ledger_entry_line_id}/lettered_ledger_entry_lines"
    primary_keys = ("ledger_entry_line_id", "id")


class QuoteAppendices(ChildStream):
    """Files attached to quotes."""

    name = "quote_appendices"
    parent = Quotes
    path = "/quotes/{quote_id}/appendices"
    primary_keys = ("quote_id", "id")
    sort = None


class QuoteInvoiceLines(ChildStream):
    """Lines of quotes."""

    name = "quote_invoice_lines"
    parent = Quotes
    path = "/quotes/{quote_id}/invoice_lines"
    primary_keys = ("quote_id", "id")


class QuoteInvoiceLineSections(ChildStream):
    """Sections of quotes' lines."""

    name = "quote_invoice_line_sections"
    parent = Quotes
    path = "/quotes/{quote_id}/invoice_line_sections"
    primary_keys = ("quote_id", "id")


class SupplierInvoiceCategories(ChildStream):
    """Analytical categories of supplier invoices."""

    name = "supplier_invoice_categories"
    parent = SupplierInvoices
    path = "/supplier_invoices/{supplier_invoice_id}/categories"
    primary_keys = ("supplier_invoice_id", "id")
    sort = None


class SupplierInvoiceLines(ChildStream):
    """Lines of supplier invoices."""

    name = "supplier_invoice_lines"
    parent = SupplierInvoices
    path = "/supplier_invoices/{supplier_invoice_id}/invoice_lines"
    primary_keys = ("supplier_invoice_id", "id")


class SupplierInvoiceMatchedTransactions(ChildStream):
    """Bank transactions that settle supplier invoices."""

    name = "supplier_invoice_matched_transactions"
    parent = SupplierInvoices
    path = "/supplier_invoices/{supplier_invoice_id}/matched_transactions"
    primary_keys = ("supplier_invoice_id", "id")


class SupplierInvoicePayments(ChildStream):
    """Payments of supplier invoices."""

    name = "supplier_invoice_payments"
    parent = SupplierInvoices
    path = "/supplier_invoices/{supplier_invoice_id}/payments"
    primary_keys = ("supplier_invoice_id", "id")


class SupplierCategories(ChildStream):
    """Analytical categories of suppliers."""

    name = "supplier_categories"
    parent = Suppliers
    path = "/suppliers/{supplier_id}/categories"
    primary_keys = ("supplier_id", "id")
    sort = None


class TransactionCategories(ChildStream):
    """Analytical categories of bank transactions."""

    name = "transaction_categories"
    parent = Transactions
    path = "/transactions/{transaction_id}/categories"
    primary_keys = ("transaction_id", "id")
    sort = None


class TransactionMatchedInvoices(ChildStream):
    """Customer and supplier invoices that bank transactions settle."""

    name = "transaction_matched_invoices"
    parent = Transactions
    path = "/transactions/{transaction_id}/matched_invoices"
    primary_keys = ("transaction_id", "type", "id")
    sort = None

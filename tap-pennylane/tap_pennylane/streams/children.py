"""The lists that belong to one record, each with its parent.

Two of the API's are no streams: the lines of a ledger entry are rows of `ledger_entry_lines`, the
categories of a group rows of `categories`; there each costs a hundredth of a request.
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
    """Lines of the invoices that a subscription makes."""

    name = "billing_subscription_invoice_lines"
    parent = BillingSubscriptions
    path = "/billing_subscriptions/{billing_subscription_id}/invoice_lines"
    primary_keys = ("billing_subscription_id", "id")


class BillingSubscriptionInvoiceLineSections(ChildStream):
    """Sections that those lines are grouped in."""

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
    """Fields of its own in an invoice's heading."""

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
    """Lines of customer invoices: they come with the invoices themselves."""

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
    """People to talk to at a customer's."""

    name = "customer_contacts"
    parent = Customers
    path = "/customers/{customer_id}/contacts"
    primary_keys = ("customer_id", "id")


class LedgerEntryLineCategories(ChildStream):
    """Analytical categories of ledger entry lines, in full."""

    name = "ledger_entry_line_categories"
    parent = LedgerEntryLines
    path = "/ledger_entry_lines/{ledger_entry_line_id}/categories"
    primary_keys = ("ledger_entry_line_id", "id")


class LetteredLedgerEntryLines(ChildStream):
    """Lines that are lettered (lettrage) with a ledger entry line."""

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
    """Invoices, customer and supplier, that a transaction settles."""

    name = "transaction_matched_invoices"
    parent = Transactions
    path = "/transactions/{transaction_id}/matched_invoices"
    primary_keys = ("transaction_id", "type", "id")
    sort = None

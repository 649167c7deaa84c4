"""The fields by which each list can be filtered, and their operators."""

from collections.abc import Callable
from typing import Any, Final

from pennylane_sandbox.api.filters import ALL, EQUALITY, RANGE, Field
from pennylane_sandbox.model import Doc, Invoice
from pennylane_sandbox.show import invoices


def _own(name: str) -> Callable[[Doc], Any]:
    return lambda row: row.data[name]


def _inner(name: str) -> Callable[[Doc], Any]:
    return lambda row: row.data[name] and row.data[name]["id"]


def _hidden(name: str) -> Callable[[Doc], Any]:
    return lambda row: row.hidden[name]


def _attr(name: str) -> Callable[[object], Any]:
    return lambda row: getattr(row, name)


def _category_ids(row: Invoice) -> set[int]:
    return {share.category.id for share in row.shares}


_ID: Final = Field(ALL, "id", _attr("id"))
_DATE: Final = Field(ALL, "date", _attr("shown_date"))
CUSTOMER_INVOICES: Final = {
    "id": _ID,
    "date": _DATE,
    "customer_id": Field(ALL, "id", lambda row: row.party.id),
    "billing_subscription_id": Field(ALL, "id", _attr("subscription_id")),
    "quote_id": Field(ALL, "id", _attr("quote_id")),
    "invoice_number": Field(EQUALITY, "text", _attr("number")),
    "draft": Field(("eq",), "bool", _attr("draft")),
    "credit_note": Field(("eq",), "bool", lambda row: row.credited_id is not None),
    "external_reference": Field(("eq",), "text", _attr("reference")),
    "flow_id": Field(EQUALITY, "text", invoices.flow_id),
    "category_id": Field(("in",), "ids", _category_ids),
}
SUPPLIER_INVOICES: Final = {
    "id": _ID,
    "supplier_id": Field(ALL, "id", lambda row: row.party.id),
    "invoice_number": Field(EQUALITY, "text", _attr("number")),
    "date": _DATE,
    "category_id": Field(("in",), "ids", _category_ids),
    "external_reference": Field(EQUALITY, "text", _attr("reference")),
    "payment_status": Field(EQUALITY, "text", invoices.payment_status),
    "electronic_billing_address": Field(EQUALITY, "text", invoices.electronic_address),
    "flow_id": Field(EQUALITY, "text", invoices.flow_id),
}
CUSTOMERS: Final = {
    "id": _ID,
    "customer_type": Field(("eq", "not_eq"), "text", _own("customer_type")),
    "ledger_account_id": Field(("eq", "not_eq"), "id", _inner("ledger_account")),
    "name": Field(("start_with", "eq"), "text", _own("name")),
    "external_reference": Field(("start_with", *EQUALITY), "text", _own("external_reference")),
    "reg_no": Field(EQUALITY, "text", lambda row: row.data.get("reg_no")),
    "emails": Field(("in",), "texts", _own("emails")),
}
SUPPLIERS: Final = {
    "id": _ID,
    "ledger_account_id": Field(("eq", "not_eq"), "id", _inner("ledger_account")),
    "name": Field(("start_with",), "text", _own("name")),
    "external_reference": Field(EQUALITY, "text", _own("external_reference")),
    "emails": Field(("in",), "texts", _own("emails")),
}
TRANSACTIONS: Final = {
    "id": Field(EQUALITY, "id", _attr("id")),
    "bank_account_id": Field(EQUALITY, "id", lambda row: row.bank_account.id),
    "journal_id": Field(EQUALITY, "id", lambda row: row.entry.journal.id),
    "date": Field(("eq", "not_eq", *RANGE), "date", _attr("date")),
}
LEDGER_ENTRIES: Final = {
    "id": _ID,
    "date": Field((*RANGE, "eq", "not_eq"), "date", _attr("shown_date")),
    "journal_id": Field(ALL, "id", lambda row: row.journal.id),
}
LEDGER_ENTRY_LINES: Final = {
    "id": _ID,
    "journal_id": Field(ALL, "id", lambda row: row.entry.journal.id),
    "ledger_account_id": Field(ALL, "id", lambda row: row.account.id),
    "date": Field(ALL, "date", lambda row: row.entry.date),
}
LEDGER_ACCOUNTS: Final = {
    "id": _ID,
    "number": Field(("start_with", "eq", "in"), "text", _attr("number")),
    "enabled": Field(("eq",), "bool", _attr("enabled")),
}
BANK_ESTABLISHMENTS: Final = {"id": _ID}
BILLING_SUBSCRIPTIONS: Final = {
    "id": _ID,
    "start": Field(ALL, "date", _own("start")),
    "customer_id": Field(ALL, "id", _inner("customer")),
    "status": Field(EQUALITY, "text", _own("status")),
}
CATEGORIES: Final = {
    "id": _ID,
    "label": Field(("start_with", "eq", "in"), "text", _own("label")),
    "category_group_id": Field(ALL, "id", _inner("category_group")),
    "analytical_code": Field(EQUALITY, "text", _own("analytical_code")),
}
COMMERCIAL_DOCUMENTS: Final = {
    "id": _ID,
    "customer_id": Field(ALL, "id", _inner("customer")),
    "document_type": Field(EQUALITY, "text", _own("document_type")),
}
ENTRY_LINES: Final = {
    "ledger_account_id": Field(ALL, "id", _inner("ledger_account")),
}
GOCARDLESS_MANDATES: Final = {
    "id": _ID,
    "customer_id": Field(ALL, "id", _inner("customer")),
    "external_reference": Field(("eq",), "text", _own("external_reference")),
}
JOURNALS: Final = {"type": Field(EQUALITY, "text", _attr("type"))}
MANDATE_MIGRATIONS: Final = {
    "customer_id": Field(ALL, "id", _inner("customer")),
    "status": Field(ALL, "text", _own("status")),
}
PRO_ACCOUNT_MANDATES: Final = {
    "status": Field(EQUALITY, "text", _own("status")),
    "customer_id": Field(ALL, "id", _inner("customer")),
}
PRODUCTS: Final = {
    "id": _ID,
    "label": Field(("eq", "in"), "text", _own("label")),
    "reference": Field(("eq", "in"), "text", _own("reference")),
    "external_reference": Field(EQUALITY, "text", _own("external_reference")),
}
PURCHASE_REQUESTS: Final = {
    "id": _ID,
    "reviewed_by_id": Field(EQUALITY, "id", _hidden("reviewed_by_id")),
    "user_id": Field(EQUALITY, "id", _hidden("user_id")),
    "supplier_id": Field(EQUALITY, "id", _inner("supplier")),
}
QUOTES: Final = {
    "id": _ID,
    "customer_id": Field(ALL, "id", _inner("customer")),
    "status": Field(EQUALITY, "text", _own("status")),
}
SEPA_MANDATES: Final = {
    "id": _ID,
    "customer_id": Field(ALL, "id", _inner("customer")),
}

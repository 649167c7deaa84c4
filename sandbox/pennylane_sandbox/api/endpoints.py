"""Every endpoint of the company API that can be read."""

from typing import Any, Final

from pennylane_sandbox.api.endpoint import Changelog, Endpoint, Listing, Single, Special
from pennylane_sandbox.api.filters import ALL, EQUALITY, RANGE, Field
from pennylane_sandbox.show import bank, invoices, ledger


def _scopes(family: str) -> tuple[str, ...]:
    return (f"{family}:readonly", f"{family}:all")


def _own(name: str) -> Any:  # noqa: ANN401 - a getter of whatever the row holds
    return lambda row: row.data[name]


def _inner(name: str) -> Any:  # noqa: ANN401 - a getter of whatever the row refers to
    return lambda row: row.data[name] and row.data[name]["id"]


def _attr(name: str) -> Any:  # noqa: ANN401 - a getter of whatever the row holds
    return lambda row: getattr(row, name)


def _category_ids(row: Any) -> set[int]:  # noqa: ANN401 - an invoice of either kind
    return {share.category.id for share in row.shares}


_ID: Final = Field(ALL, "id", _attr("id"))
_DATE: Final = Field(ALL, "date", _attr("date"))
_CUSTOMER_INVOICE_FIELDS: Final = {
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
_SUPPLIER_INVOICE_FIELDS: Final = {
    "id": _ID,
    "supplier_id": Field(ALL, "id", lambda row: row.party.id),
    "invoice_number": Field(EQUALITY, "text", _attr("number")),
    "date": _DATE,
    "category_id": Field(("in",), "ids", _category_ids),
    "external_reference": Field(EQUALITY, "text", _attr("reference")),
    "payment_status": Field(EQUALITY, "text", invoices.payment_status),
    "flow_id": Field(EQUALITY, "text", invoices.flow_id),
}
_CUSTOMER_FIELDS: Final = {
    "id": _ID,
    "customer_type": Field(("eq", "not_eq"), "text", _own("customer_type")),
    "ledger_account_id": Field(("eq", "not_eq"), "id", _inner("ledger_account")),
    "name": Field(("start_with", "eq"), "text", _own("name")),
    "external_reference": Field(("start_with", *EQUALITY), "text", _own("external_reference")),
    "reg_no": Field(EQUALITY, "text", lambda row: row.data.get("reg_no")),
    "emails": Field(("in",), "texts", _own("emails")),
}
_SUPPLIER_FIELDS: Final = {
    "id": _ID,
    "ledger_account_id": Field(("eq", "not_eq"), "id", _inner("ledger_account")),
    "name": Field(("start_with",), "text", _own("name")),
    "external_reference": Field(EQUALITY, "text", _own("external_reference")),
    "emails": Field(("in",), "texts", _own("emails")),
}
_TRANSACTION_FIELDS: Final = {
    "id": Field(EQUALITY, "id", _attr("id")),
    "bank_account_id": Field(EQUALITY, "id", lambda row: row.bank_account.id),
    "journal_id": Field(EQUALITY, "id", lambda row: row.entry.journal.id),
    "date": Field(("eq", "not_eq", *RANGE), "date", _attr("date")),
}
_ENTRY_FIELDS: Final = {
    "id": _ID,
    "date": Field((*RANGE, "eq", "not_eq"), "date", _attr("date")),
    "journal_id": Field(ALL, "id", lambda row: row.journal.id),
}
_LINE_FIELDS: Final = {
    "id": _ID,
    "journal_id": Field(ALL, "id", lambda row: row.entry.journal.id),
    "ledger_account_id": Field(ALL, "id", lambda row: row.account.id),
    "date": Field(ALL, "date", lambda row: row.entry.date),
}
_ACCOUNT_FIELDS: Final = {
    "id": _ID,
    "number": Field(("start_with", "eq", "in"), "text", _attr("number")),
    "enabled": Field(("eq",), "bool", _attr("enabled")),
}
_ID_SORT: Final = ("id",)
_BY_DATE: Final = ("id", "date")

_LISTINGS: Final = (
    Listing(
        path="/bank_accounts",
        scopes=_scopes("bank_accounts"),
        collection="bank_accounts",
        show=ledger.doc,
        sorts=_ID_SORT,
    ),
    Listing(
        path="/customer_invoices",
        scopes=_scopes("customer_invoices"),
        collection="customer_invoices",
        show=invoices.customer_invoice,
        fields=_CUSTOMER_INVOICE_FIELDS,
        sorts=_BY_DATE,
        includes=True,
    ),
    Listing(
        path="/customers",
        scopes=_scopes("customers"),
        collection="customers",
        show=ledger.doc,
        fields=_CUSTOMER_FIELDS,
        sorts=_ID_SORT,
    ),
    Listing(
        path="/fiscal_years",
        scopes=("fiscal_years:readonly",),
        collection="fiscal_years",
        show=ledger.doc,
        sorts=("id", "start"),
        page_keys=True,
    ),
    Listing(
        path="/journals",
        scopes=_scopes("journals"),
        collection="journals",
        show=ledger.journal,
        fields={"type": Field(EQUALITY, "text", _attr("type"))},
        sorts=_ID_SORT,
        page_keys=True,
    ),
    Listing(
        path="/ledger_accounts",
        scopes=_scopes("ledger_accounts"),
        collection="ledger_accounts",
        show=ledger.account,
        max_limit=1000,
        fields=_ACCOUNT_FIELDS,
        sorts=_ID_SORT,
        page_keys=True,
    ),
    Listing(
        path="/ledger_entries",
        scopes=_scopes("ledger_entries"),
        collection="ledger_entries",
        show=ledger.entry,
        fields=_ENTRY_FIELDS,
        sorts=_BY_DATE,
        page_keys=True,
        open_years_only=True,
    ),
    Listing(
        path="/ledger_entry_lines",
        scopes=_scopes("ledger_entries"),
        collection="ledger_entry_lines",
        show=ledger.line,
        fields=_LINE_FIELDS,
        sorts=_BY_DATE,
    ),
    Listing(
        path="/products",
        scopes=_scopes("products"),
        collection="products",
        show=ledger.doc,
        fields={
            "id": _ID,
            "label": Field(("eq", "in"), "text", _own("label")),
            "reference": Field(("eq", "in"), "text", _own("reference")),
            "external_reference": Field(EQUALITY, "text", _own("external_reference")),
        },
        sorts=_ID_SORT,
    ),
    Listing(
        path="/supplier_invoices",
        scopes=_scopes("supplier_invoices"),
        collection="supplier_invoices",
        show=invoices.supplier_invoice,
        fields=_SUPPLIER_INVOICE_FIELDS,
        sorts=_BY_DATE,
    ),
    Listing(
        path="/suppliers",
        scopes=_scopes("suppliers"),
        collection="suppliers",
        show=ledger.doc,
        fields=_SUPPLIER_FIELDS,
        sorts=_ID_SORT,
    ),
    Listing(
        path="/transactions",
        scopes=_scopes("transactions"),
        collection="transactions",
        show=bank.transaction,
        fields=_TRANSACTION_FIELDS,
        sorts=_ID_SORT,
    ),
)
_CHANGELOGS: Final = tuple(
    Changelog(path=f"/changelogs/{resource}", scopes=_scopes(family), resource=resource)
    for resource, family in (
        ("customer_invoices", "customer_invoices"),
        ("customers", "customers"),
        ("ledger_entries_categories", "ledger_entries"),
        ("ledger_entry_lines", "ledger_entries"),
        ("ledger_entry_lines_categories", "ledger_entries"),
        ("products", "products"),
        ("quotes", "quotes"),
        ("supplier_invoices", "supplier_invoices"),
        ("suppliers", "suppliers"),
        ("transactions", "transactions"),
    )
)

_SINGLES: Final = tuple(
    Single(
        path=f"{listing.path}/{{id}}",
        scopes=listing.scopes,
        collection=listing.collection,
        show=ledger.entry_alone if listing.collection == "ledger_entries" else listing.show,
    )
    for listing in _LISTINGS
    if listing.path not in {"/fiscal_years", "/bank_establishments"}
)

ENDPOINTS: Final[dict[str, Endpoint]] = {
    endpoint.path: endpoint
    for endpoint in (
        *_LISTINGS,
        *_CHANGELOGS,
        *_SINGLES,
        Special(path="/me", scopes=()),
        Special(path="/trial_balance", scopes=("trial_balance:readonly",)),
    )
}

"""Every readable endpoint of the Company API."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pennylane_sandbox.api import fields
from pennylane_sandbox.api.endpoint import (
    Changelog,
    Endpoint,
    Listing,
    Single,
    Special,
    Sublist,
    SublistSingle,
)
from pennylane_sandbox.api.filters import Field
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.model import Doc, Json
from pennylane_sandbox.show import bank, invoices, ledger, lines, sublists

_BY_ID: Final = ("id",)
_BY_DATE: Final = ("id", "date")

# Families of scopes, any one of which opens an endpoint; the others can only be read.
_WRITABLE: Final = frozenset(
    {
        "bank_accounts",
        "billing_subscriptions",
        "categories",
        "commercial_documents",
        "customer_invoices",
        "customer_mandates",
        "customers",
        "journals",
        "ledger_accounts",
        "ledger_entries",
        "products",
        "purchase_requests",
        "quotes",
        "supplier_invoices",
        "suppliers",
        "transactions",
    }
)


def _scopes(family: str) -> tuple[str, ...]:
    readonly = f"{family}:readonly"
    return (readonly, f"{family}:all") if family in _WRITABLE else (readonly,)


_NUMBERED: Final = ("customer_invoices", "quotes", "commercial_documents")


def _list(
    name: str,
    *,
    family: str | None = None,
    families: tuple[str, ...] = (),
    show: Callable[[Any], Json] = ledger.doc,
    filters: Mapping[str, Field] | None = None,
    sorts: tuple[str, ...] = _BY_ID,
    **more: Any,
) -> Listing:
    # An empty family needs no scope.
    families = () if family == "" else families or (family or name,)
    return Listing(
        path=f"/{name}",
        scopes=tuple(scope for one in families for scope in _scopes(one)),
        collection=name,
        show=show,
        fields=filters or {},
        sorts=sorts,
        **more,
    )


_LISTINGS: Final = (
    _list("bank_accounts"),
    _list("bank_establishments", filters=fields.BANK_ESTABLISHMENTS),
    _list("billing_subscriptions", filters=fields.BILLING_SUBSCRIPTIONS),
    _list("categories", filters=fields.CATEGORIES),
    _list("category_groups", family="categories", sorts=()),
    _list("commercial_documents", filters=fields.COMMERCIAL_DOCUMENTS),
    _list("customer_invoice_templates"),
    _list(
        "customer_invoices",
        show=invoices.customer_invoice,
        filters=fields.CUSTOMER_INVOICES,
        sorts=_BY_DATE,
        includes=True,
    ),
    _list("customers", filters=fields.CUSTOMERS),
    _list("fiscal_years", sorts=("id", "start"), page_keys=True),
    _list("gocardless_mandates", family="customer_mandates", filters=fields.GOCARDLESS_MANDATES),
    _list("journals", show=ledger.journal, filters=fields.JOURNALS, page_keys=True),
    _list(
        "ledger_accounts",
        show=ledger.account,
        filters=fields.LEDGER_ACCOUNTS,
        max_limit=1000,
        page_keys=True,
    ),
    _list(
        "ledger_entries",
        show=ledger.entry,
        filters=fields.LEDGER_ENTRIES,
        sorts=_BY_DATE,
        page_keys=True,
        may_hide_closed_years=True,
    ),
    _list(
        "ledger_entry_lines",
        family="ledger_entries",
        show=ledger.line,
        filters=fields.LEDGER_ENTRY_LINES,
        sorts=_BY_DATE,
    ),
    _list("numberings", families=_NUMBERED),
    _list("pa_registrations", sorts=(), pages=False),
    _list(
        "pro_account/mandate_migrations",
        family="customer_mandates",
        filters=fields.MANDATE_MIGRATIONS,
    ),
    _list("pro_account/mandates", family="customer_mandates", filters=fields.PRO_ACCOUNT_MANDATES),
    _list("products", filters=fields.PRODUCTS),
    _list("purchase_requests", filters=fields.PURCHASE_REQUESTS),
    _list("quotes", filters=fields.QUOTES),
    _list("sepa_mandates", family="customer_mandates", filters=fields.SEPA_MANDATES),
    _list(
        "supplier_invoices",
        show=invoices.supplier_invoice,
        filters=fields.SUPPLIER_INVOICES,
        sorts=_BY_DATE,
    ),
    _list("suppliers", filters=fields.SUPPLIERS),
    _list("transactions", show=bank.transaction, filters=fields.TRANSACTIONS),
    _list("webhook_subscriptions", family="", sorts=()),
)
_WITHOUT_SINGLES: Final = frozenset(
    {
        "bank_establishments",
        "customer_invoice_templates",
        "fiscal_years",
        "numberings",
        "pa_registrations",
        "pro_account/mandate_migrations",
        "pro_account/mandates",
    }
)
_SINGLES: Final = tuple(
    Single(
        path=f"{one.path}/{{id}}",
        scopes=one.scopes,
        collection=one.collection,
        show=ledger.entry_alone if one.collection == "ledger_entries" else one.show,
    )
    for one in _LISTINGS
    if one.collection not in _WITHOUT_SINGLES
)


def _typed_customer(row: Doc) -> Json:
    shown = dict(row.data)
    del shown["customer_type"]
    return shown


_CUSTOMERS_BY_TYPE: Final = (
    Single(
        path="/company_customers/{id}",
        scopes=_scopes("customers"),
        collection="customers",
        show=_typed_customer,
        only=lambda row: row.data["customer_type"] == "company",
    ),
    Single(
        path="/individual_customers/{id}",
        scopes=_scopes("customers"),
        collection="customers",
        show=_typed_customer,
        only=lambda row: row.data["customer_type"] == "individual",
    ),
)


def _below(
    parent: str,
    name: str,
    items: Callable[[Books, Any], list[Json]],
    sorts: tuple[str, ...] = (),
    filters: Mapping[str, Field] | None = None,
) -> Sublist:
    family = {"category_groups": "categories", "ledger_entry_lines": "ledger_entries"}
    return Sublist(
        path=f"/{parent}/{{parent_id}}/{name}",
        scopes=_scopes(family.get(parent, parent)),
        parent=parent,
        items=items,
        fields=filters or {},
        sorts=sorts,
    )


_SUBLISTS: Final = (
    _below("billing_subscriptions", "invoice_line_sections", sublists.sections, _BY_ID),
    _below("billing_subscriptions", "invoice_lines", lines.subscription_lines, _BY_ID),
    _below("category_groups", "categories", sublists.group_categories),
    _below("commercial_documents", "appendices", sublists.appendices),
    _below("commercial_documents", "invoice_line_sections", sublists.sections, _BY_ID),
    _below("commercial_documents", "invoice_lines", lines.document_lines, _BY_ID),
    _below("customer_invoices", "appendices", sublists.appendices),
    _below("customer_invoices", "categories", sublists.categories),
    _below("customer_invoices", "custom_header_fields", sublists.header_fields, _BY_ID),
    _below("customer_invoices", "invoice_line_sections", sublists.sections, _BY_ID),
    _below("customer_invoices", "invoice_lines", lines.customer_invoice_lines, ("id", "rank")),
    _below("customer_invoices", "matched_transactions", sublists.customer_transactions, _BY_ID),
    _below("customer_invoices", "payments", sublists.payments, _BY_ID),
    _below("customers", "categories", sublists.party_categories),
    _below("customers", "contacts", sublists.contacts, _BY_ID),
    _below(
        "ledger_entries", "ledger_entry_lines", sublists.entry_lines, _BY_ID, fields.ENTRY_LINES
    ),
    _below("ledger_entry_lines", "categories", sublists.categories, _BY_ID),
    _below("ledger_entry_lines", "lettered_ledger_entry_lines", sublists.lettered_lines, _BY_DATE),
    _below("quotes", "appendices", sublists.appendices),
    _below("quotes", "invoice_line_sections", sublists.sections, _BY_ID),
    _below("quotes", "invoice_lines", lines.quote_lines, _BY_ID),
    _below("supplier_invoices", "categories", sublists.categories),
    _below("supplier_invoices", "invoice_lines", lines.supplier_invoice_lines, _BY_ID),
    _below("supplier_invoices", "matched_transactions", sublists.supplier_transactions, _BY_ID),
    _below("supplier_invoices", "payments", sublists.payments, _BY_ID),
    _below("suppliers", "categories", sublists.party_categories),
    _below("transactions", "categories", sublists.categories),
    _below("transactions", "matched_invoices", sublists.matched_invoices),
)
_SUBLIST_SINGLES: Final = (
    SublistSingle(
        path="/customers/{customer_id}/contacts/{id}",
        scopes=_scopes("customers"),
        parent="customers",
        items=sublists.contacts,
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
EXPORTS: Final = {
    "fecs": "exports:fec",
    "general_ledgers": "exports:gl",
    "analytical_general_ledgers": "exports:agl",
}
_SPECIALS: Final = (
    Special(path="/me", scopes=()),
    Special(path="/company/features", scopes=()),
    Special(path="/trial_balance", scopes=("trial_balance:readonly",)),
    *(Special(path=f"/exports/{kind}", scopes=(scope,)) for kind, scope in EXPORTS.items()),
    *(Special(path=f"/exports/{kind}/{{id}}", scopes=(scope,)) for kind, scope in EXPORTS.items()),
)
ENDPOINTS: Final[dict[str, Endpoint]] = {
    one.path: one
    for one in (
        *_LISTINGS,
        *_SINGLES,
        *_CUSTOMERS_BY_TYPE,
        *_SUBLISTS,
        *_SUBLIST_SINGLES,
        *_CHANGELOGS,
        *_SPECIALS,
    )
}

"""Every readable endpoint of the Firm API: those of one company, and the firm's own."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pennylane_sandbox.api import fields
from pennylane_sandbox.api.endpoint import Changelog, Endpoint, Listing, Single, Special, Sublist
from pennylane_sandbox.api.filters import ALL, EQUALITY, Field
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.model import Json
from pennylane_sandbox.show import firm, ledger

_BY_ID: Final = ("id",)
_BY_DATE: Final = ("id", "date")
# Families of scopes that can only be read.
_READ_ONLY: Final = frozenset(
    {"categories", "companies", "customers", "suppliers", "trial_balance"}
)


def _scopes(family: str) -> tuple[str, ...]:
    readonly = f"{family}:readonly"
    return (readonly,) if family in _READ_ONLY else (readonly, f"{family}:all")


def _without(declared: Mapping[str, Field], *names: str) -> dict[str, Field]:
    return {name: field for name, field in declared.items() if name not in names}


_ENTRY_LINES: Final = fields.LEDGER_ENTRY_LINES | {
    "ledger_entry_id": Field(ALL, "id", lambda row: row.entry.id)
}
_CUSTOMERS: Final = fields.CUSTOMERS | {
    "external_reference": Field(EQUALITY, "text", lambda row: row.data["external_reference"])
}
_SUPPLIERS: Final = fields.SUPPLIERS | {"name": fields.CUSTOMERS["name"]}
_DMS_FOLDERS: Final = {"id": fields.BANK_ESTABLISHMENTS["id"]}
_DMS_FILES: Final = _DMS_FOLDERS | {
    "parent_folder_id": Field(
        ALL, "id", lambda row: row.data["parent_folder"] and row.data["parent_folder"]["id"]
    )
}


def _list(
    collection: str,
    show: Callable[[Any], Json],
    filters: Mapping[str, Field] | None = None,
    sorts: tuple[str, ...] = (),
    **more: Any,
) -> Listing:
    family = more.pop("family", collection)
    return Listing(
        path=more.pop("path", f"/{collection}"),
        scopes=_scopes(family),
        collection=collection,
        show=show,
        fields=filters or {},
        sorts=sorts,
        **more,
    )


_WITH_SINGLES: Final = (
    _list("categories", firm.category, fields.CATEGORIES, _BY_ID),
    _list("category_groups", ledger.doc, family="categories"),
    _list(
        "customer_invoices",
        firm.customer_invoice,
        _without(fields.CUSTOMER_INVOICES, "flow_id"),
        _BY_DATE,
    ),
    _list("journals", ledger.journal, fields.JOURNALS),
    _list("ledger_accounts", firm.account, fields.LEDGER_ACCOUNTS),
    _list(
        "ledger_entries",
        firm.entry,
        fields.LEDGER_ENTRIES
        | {"date": Field(fields.LEDGER_ENTRIES["date"].operators, "date", lambda row: row.date)},
        _BY_DATE,
        may_hide_closed_years=True,
    ),
    _list("ledger_entry_lines", firm.line, _ENTRY_LINES, _BY_DATE, family="ledger_entries"),
    _list(
        "supplier_invoices",
        firm.supplier_invoice,
        _without(
            fields.SUPPLIER_INVOICES, "electronic_billing_address", "flow_id", "payment_status"
        ),
        _BY_DATE,
    ),
)
_WITHOUT_SINGLES: Final = (
    _list("bank_accounts", firm.bank_account, None, _BY_ID),
    _list("customers", firm.party, _CUSTOMERS, _BY_ID),
    _list("dms_files", ledger.doc, _DMS_FILES, path="/dms/files"),
    _list("dms_folders", ledger.doc, _DMS_FOLDERS, path="/dms/folders", family="dms_files"),
    _list("fiscal_years", firm.fiscal_year, page_size=20),
    _list("suppliers", firm.party, _SUPPLIERS, _BY_ID),
    _list("transactions", firm.transaction, fields.TRANSACTIONS, _BY_ID),
)
_SINGLES: Final = tuple(
    Single(path=f"{one.path}/{{id}}", scopes=one.scopes, collection=one.collection, show=one.show)
    for one in _WITH_SINGLES
)


def _below(
    parent: str,
    name: str,
    family: str,
    items: Callable[[Books, Any], list[Json]],
    sorts: tuple[str, ...] = (),
) -> Sublist:
    return Sublist(
        path=f"/{parent}/{{parent_id}}/{name}",
        scopes=_scopes(family),
        parent=parent,
        items=items,
        sorts=sorts,
    )


_SUBLISTS: Final = (
    _below("category_groups", "categories", "categories", firm.group_categories),
    _below(
        "ledger_entry_lines",
        "lettered_ledger_entry_lines",
        "ledger_entries",
        firm.lettered_lines,
        _BY_DATE,
    ),
)
_CHANGELOGS: Final = tuple(
    Changelog(path=f"/changelogs/{resource}", scopes=_scopes(family), resource=resource)
    for resource, family in (
        ("customer_invoices", "customer_invoices"),
        ("dms_files", "dms_files"),
        ("ledger_entry_lines", "ledger_entries"),
        ("supplier_invoices", "supplier_invoices"),
    )
)
_EXPORTS: Final = {
    "analytical_general_ledgers": "exports:agl",
    "fecs": "exports:fec",
    "software_specific_entries": "exports:software_specific_entries",
}
_SPECIALS: Final = (
    Special(path="/trial_balance", scopes=_scopes("trial_balance"), page_size=500),
    *(Special(path=f"/exports/{kind}", scopes=(scope,)) for kind, scope in _EXPORTS.items()),
    *(Special(path=f"/exports/{kind}/{{id}}", scopes=(scope,)) for kind, scope in _EXPORTS.items()),
)
OF_A_COMPANY: Final[dict[str, Endpoint]] = {
    one.path: one
    for one in (
        *_WITH_SINGLES,
        *_WITHOUT_SINGLES,
        *_SINGLES,
        *_SUBLISTS,
        *_CHANGELOGS,
        *_SPECIALS,
    )
}
"""The endpoints below `/companies/{company_id}`."""
OF_THE_FIRM: Final[dict[str, Endpoint]] = {
    one.path: one
    for one in (
        Special(path="/me", scopes=()),
        Special(path="/companies", scopes=_scopes("companies"), page_size=20),
        Special(path="/companies/{id}", scopes=_scopes("companies")),
    )
}
FIRM_ENDPOINTS: Final[dict[str, Endpoint]] = {**OF_A_COMPANY, **OF_THE_FIRM}
"""Both: no path is in both."""

"""What the Firm API shows differently from the Company API: mostly, it shows less."""

from collections.abc import Callable
from typing import Any

from pennylane_sandbox.company.books import API, Books, reference
from pennylane_sandbox.model import Account, Doc, Entry, Json, Line
from pennylane_sandbox.show import bank, invoices, ledger, sublists


def _without(show: Callable[[Any], Json], *names: str) -> Callable[[Any], Json]:
    left_out = frozenset(names)

    def shown(row: Any) -> Json:  # noqa: ANN401 - a row of any resource
        return {key: value for key, value in show(row).items() if key not in left_out}

    return shown


fiscal_year = _without(ledger.doc, "created_at", "updated_at")
bank_account = _without(ledger.doc, "balance")
transaction = _without(bank.transaction, "interbank_code", "matched_invoices")
customer_invoice = _without(
    invoices.customer_invoice,
    "e_invoicing",
    "factur_x",
    "installments",
    "payment_method_ledger_account",
    "purchase_order_reference",
    "sales_order_reference",
    "schematron_validation_status",
)
supplier_invoice = _without(
    invoices.supplier_invoice,
    "e_invoicing",
    "import_source",
    "paid",
    "payment_method_ledger_account",
)
_account = _without(ledger.account, "type", "created_at", "updated_at")
_entry = _without(ledger.entry, "journal_id", "ledger_attachment_filename")
_party = _without(ledger.doc, "mandates", "pro_account_mandates", "contacts")


def account(row: Account) -> Json:
    """Show a ledger account."""
    return _account(row) | {"archived_at": None if row.enabled else row.updated_at}


def category(row: Doc) -> Json:
    """Show an analytical category; none is archived."""
    return row.data | {"archived_at": None}


def party(row: Doc) -> Json:
    """Show a customer or a supplier."""
    own = row.data["ledger_account"]
    return _party(row) | {"ledger_account": own and reference("ledger_accounts", own["id"])}


def entry(row: Entry) -> Json:
    """Show a ledger entry, which always has its lines' date here."""
    return _entry(row) | {"date": row.date}


def line(row: Line) -> Json:
    """Show a ledger entry line."""
    return ledger.line(row) | {
        "ledger_entry": {"id": row.entry.id, "url": f"{API}/ledger_entries/{row.entry.id}"},
        "imputation_dates": _imputation(row),
    }


def _imputation(row: Line) -> list[Json]:
    """Return the period to which an expense belongs, if it was spread over its year."""
    if not row.account.number.startswith("6") or row.id % 8:
        return []
    return [{"start_date": row.entry.date, "end_date": f"{row.entry.date[:4]}-12-31"}]


def lettered_lines(books: Books, row: Line) -> list[Json]:
    """Return the other lines lettered with a line."""
    return [
        {key: value for key, value in one.items() if key != "categories"}
        for one in sublists.lettered_lines(books, row)
    ]


def group_categories(books: Books, row: Doc) -> list[Json]:
    """Return the categories of a group."""
    return [one | {"archived_at": None} for one in sublists.group_categories(books, row)]

"""The ledger as the API shows it."""

from typing import Any

from pennylane_sandbox.company.books import API, reference
from pennylane_sandbox.model import Account, Doc, Entry, Journal, Json, Line, Share
from pennylane_sandbox.money import plain


def doc(row: Doc) -> Json:
    """Show a row that is stored in the form in which it is shown."""
    return row.data


def category_shares(shares: tuple[Share, ...]) -> list[Json]:
    """Show the categories of something."""
    return [
        {
            "id": share.category.id,
            "label": share.category.data["label"],
            "weight": share.weight,
            "category_group": share.category.data["category_group"],
            "analytical_code": share.category.data["analytical_code"],
            "created_at": share.category.data["created_at"],
            "updated_at": share.category.data["updated_at"],
        }
        for share in shares
    ]


def account(row: Account) -> Json:
    """Show a ledger account."""
    return {
        "id": row.id,
        "number": row.number,
        "label": row.label,
        "vat_rate": row.vat_rate,
        "country_alpha2": row.country,
        "enabled": row.enabled,
        "type": row.type,
        "letterable": row.letterable,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def journal(row: Journal) -> Json:
    """Show a journal."""
    return {"id": row.id, "code": row.code, "label": row.label, "type": row.type}


def _account_reference(row: Account) -> Json:
    return {"id": row.id, "number": row.number, "url": f"{API}/ledger_accounts/{row.id}"}


def _sides(line: Line) -> tuple[str, str]:
    amount = plain(abs(line.cents))
    return (amount, "0.00") if line.cents >= 0 else ("0.00", amount)


def line(row: Line) -> Json:
    """Show a ledger entry line."""
    debit, credit = _sides(row)
    entry = row.entry
    return {
        "id": row.id,
        "debit": debit,
        "credit": credit,
        "label": row.label,
        "categories": category_shares(row.shares) if row.shares else [],
        "ledger_account": _account_reference(row.account),
        "journal": reference("journals", entry.journal.id),
        "date": entry.date,
        "ledger_entry": {"id": entry.id},
        "lettered_ledger_entry_lines": {
            "ids": row.lettering,
            "url": f"{API}/ledger_entry_lines/{row.id}/lettered_ledger_entry_lines",
        },
        "created_at": entry.created_at,
        "updated_at": row.updated_at,
    }


def entry_line(row: Line) -> Json:
    """Show a line below its own entry."""
    debit, credit = _sides(row)
    return {
        "id": row.id,
        "debit": debit,
        "credit": credit,
        "label": row.label,
        "ledger_account_id": row.account.id,
        "ledger_account": _account_reference(row.account),
    }


def _attachment(row: Entry) -> dict[str, Any] | None:
    if row.filename is None:
        return None
    address = f"https://app.pennylane.com/rails/active_storage/blobs/{row.id:x}"
    return {"filename": row.filename, "url": address}


def entry(row: Entry) -> Json:
    """Show a ledger entry in a list."""
    return {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "label": row.label,
        "piece_number": row.piece_number,
        "date": row.shown_date,
        "due_date": row.due_date,
        "invoice_number": row.invoice_number,
        "journal_id": row.journal.id,
        "journal": reference("journals", row.journal.id),
        "status": row.status,
        "categories": category_shares(row.shares),
        "ledger_attachment_filename": row.filename,
        "attachment": _attachment(row),
    }


def entry_alone(row: Entry) -> Json:
    """Show a single ledger entry: with its lines, without the deprecated fields."""
    shown = entry(row)
    del shown["journal_id"], shown["ledger_attachment_filename"]
    lines = [entry_line(one) for one in row.lines]
    for one in lines:
        del one["ledger_account_id"]
    return shown | {"ledger_entry_lines": lines}

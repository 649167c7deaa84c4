"""The lists that belong to one record."""

from collections.abc import Callable
from typing import Any

from pennylane_sandbox.chance import generator
from pennylane_sandbox.company.books import Books, reference
from pennylane_sandbox.company.vocabulary import FIRST_NAMES, LAST_NAMES
from pennylane_sandbox.model import Doc, Entry, Invoice, Json, Line, Row, Transaction
from pennylane_sandbox.money import short
from pennylane_sandbox.show import bank, ledger

_ROLES = ("accountant", "gérante", "acheteur", "")


def _stamps(row: Any) -> Json:  # noqa: ANN401 - a row of either kind
    shown = row.data if isinstance(row, Doc) else None
    return {
        "created_at": shown["created_at"] if shown else row.created_at,
        "updated_at": shown["updated_at"] if shown else row.updated_at,
    }


def sections(_: Books, row: Row) -> list[Json]:
    """Return the sections that a document's lines are grouped in."""
    if row.id % 3:
        return []
    return [
        {
            "id": row.id * 10 + rank,
            "title": f"Étape {rank}" if rank % 2 else None,
            "description": None if rank % 2 else "Détail de l'étape",
            "rank": rank,
            **_stamps(row),
        }
        for rank in (1, 2)
    ]


def appendices(_: Books, row: Row) -> list[Json]:
    """Return the files attached to a document."""
    return [
        {
            "id": row.id * 10 + place,
            "url": f"https://app.pennylane.com/appendices/{row.id:x}/{place}",
            "filename": f"annexe n° {place}.pdf",
            **_stamps(row),
        }
        for place in range(1, 1 + row.id % 4)
    ]


def header_fields(_: Books, row: Invoice) -> list[Json]:
    """Return the custom fields in an invoice's header."""
    return [
        {
            "id": row.id * 10 + rank,
            "title": ("Référence chantier", "Bon de commande")[rank - 1],
            "value": f"RC-{row.id % 1000}" if rank == 1 else None,
            "rank": rank,
            **_stamps(row),
        }
        for rank in range(1, 1 + row.id % 3)
    ]


def contacts(books: Books, row: Doc) -> list[Json]:
    """Return a customer's contacts."""
    rng = generator("contacts", books.seed, row.id)
    return [
        {
            "id": row.id * 10 + place,
            "first_name": rng.choice(FIRST_NAMES),
            "last_name": rng.choice(LAST_NAMES),
            "role": rng.choice(_ROLES),
            "email": f"contact{place}.{row.id}@exemple.fr",
            "telephone_number": f"+331{rng.randrange(10**7, 10**8)}",
            "mobile_number": "",
            **_stamps(row),
        }
        for place in range(1, 1 + row.hidden["contacts"])
    ]


def party_categories(_: Books, row: Doc) -> list[Json]:
    """Return a customer's or supplier's categories."""
    return ledger.category_shares(row.hidden["shares"])


def categories(_: Books, row: Invoice | Transaction | Line) -> list[Json]:
    """Return the categories of an invoice, a transaction or a line."""
    return ledger.category_shares(row.shares)


def payments(books: Books, row: Invoice) -> list[Json]:
    """Return the payments of an invoice, whatever the bank line's current label."""
    paid = [books.transactions[one] for one in row.transactions]
    return [
        {
            "id": one.id * 10 + 1,
            "label": f"Règlement {one.id % 10_000}",
            "currency": "EUR" if one.id % 5 else None,
            "currency_amount": short(abs(one.cents)),
            "status": "found",
            "created_at": one.created_at,
            "updated_at": one.created_at,
        }
        for one in paid
    ]


def _matched(show: Callable[[Transaction], Json]) -> Callable[[Books, Invoice], list[Json]]:
    def matched(books: Books, row: Invoice) -> list[Json]:
        return [show(books.transactions[one]) for one in row.transactions]

    return matched


customer_transactions = _matched(bank.of_customer_invoice)
supplier_transactions = _matched(bank.of_supplier_invoice)


def matched_invoices(_: Books, row: Transaction) -> list[Json]:
    """Return the invoices that a transaction pays."""
    return [
        {**reference(f"{kind}_invoices", invoice_id), "type": kind}
        for kind, invoice_id in row.matched
    ]


def entry_lines(_: Books, row: Entry) -> list[Json]:
    """Return the lines of a ledger entry."""
    return [ledger.entry_line(line) for line in row.lines]


def lettered_lines(books: Books, row: Line) -> list[Json]:
    """Return the other lines lettered with a line."""
    others = (one for one in row.lettering if one != row.id)
    return [ledger.line(books.ledger_entry_lines[one]) for one in others]


def group_categories(books: Books, row: Doc) -> list[Json]:
    """Return the categories of a group."""
    found = []
    for category in books.categories:
        if category.data["category_group"]["id"] == row.id:
            item = dict(category.data)
            del item["category_group"]
            found.append(item)
    return found

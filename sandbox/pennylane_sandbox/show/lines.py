"""The lines of invoices and documents: derived from the document's id, with matching sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from pennylane_sandbox.calendar import shift
from pennylane_sandbox.chance import generator
from pennylane_sandbox.company.books import Books, reference
from pennylane_sandbox.company.vocabulary import PRODUCTS
from pennylane_sandbox.model import Doc, Invoice, Json
from pennylane_sandbox.money import short

_UNITS = ("piece", "hour", "kg", None)
_QUANTITIES = ("1", "2", "1.5", "12", "0.25", "3")
_SCALE = 1_000_000


@dataclass(frozen=True, slots=True)
class Bill:
    """The sums of a document's lines, in cents."""

    id: int
    count: int
    before_tax: int
    tax: int
    euro_amount: int
    euro_tax: int
    vat_rate: str
    date: str
    created_at: str
    updated_at: str


def bill_of(row: Invoice | Doc) -> Bill:
    """Return the sums of a document's lines."""
    if isinstance(row, Invoice):
        return Bill(
            row.id,
            row.line_count,
            row.before_tax,
            row.tax,
            row.euro_amount,
            row.euro_tax,
            row.vat_rate,
            row.date,
            row.created_at,
            row.updated_at,
        )
    hidden, data = row.hidden, row.data
    before_tax, tax = hidden["before_tax"], hidden["tax"]
    return Bill(
        row.id,
        hidden["line_count"],
        before_tax,
        tax,
        before_tax + tax,
        tax,
        hidden["vat_rate"],
        data["created_at"][:10],
        data["created_at"],
        data["updated_at"],
    )


def _spread(total: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weight, without losing a cent."""
    whole, so_far, before = sum(weights), 0, 0
    parts = []
    for weight in weights:
        so_far += weight
        upto = total * so_far // whole
        parts.append(upto - before)
        before = upto
    return parts


def _unit_price(cents: int, quantity: str) -> str:
    millionths = round(cents * 10_000 / float(quantity))
    text = f"{abs(millionths) // _SCALE}.{abs(millionths) % _SCALE:06}".rstrip("0")
    return ("-" if millionths < 0 else "") + text + ("0" if text.endswith(".") else "")


def _rows(books: Books, bill: Bill) -> list[tuple[Json, Random]]:
    rng = generator("lines", books.seed, bill.id)
    weights = [rng.randrange(1, 100) for _ in range(bill.count)]
    amounts = zip(
        *(
            _spread(total, weights)
            for total in (bill.before_tax, bill.tax, bill.euro_amount, bill.euro_tax)
        ),
        strict=True,
    )
    rows = []
    for place, (before_tax, tax, euro_amount, euro_tax) in enumerate(amounts, 1):
        name = PRODUCTS[rng.randrange(len(PRODUCTS))]
        row = {
            "id": bill.id * 1000 + place,
            "label": name,
            "amount": short(euro_amount),
            "currency_amount": short(before_tax + tax),
            "description": f"{name} : ligne {place}" if place % 3 else "",
            "vat_rate": bill.vat_rate,
            "currency_amount_before_tax": short(before_tax),
            "currency_tax": short(tax),
            "tax": short(euro_tax),
            "created_at": bill.created_at,
            "updated_at": bill.updated_at,
        }
        rows.append((row, rng))
    return rows


def document_lines(books: Books, row: Invoice | Doc) -> list[Json]:
    """Return the lines of a commercial document."""
    bill = bill_of(row)
    lines = []
    for place, (line, rng) in enumerate(_rows(books, bill), 1):
        quantity = _QUANTITIES[rng.randrange(len(_QUANTITIES))]
        product = books.product_ids[rng.randrange(len(books.product_ids))]
        before_tax = round(float(line["currency_amount_before_tax"]) * 100)
        lines.append(
            line
            | {
                "unit": _UNITS[rng.randrange(len(_UNITS))],
                "quantity": quantity,
                "product": reference("products", product) if rng.random() < 0.6 else None,  # noqa: PLR2004 - most
                "raw_currency_unit_price": _unit_price(before_tax, quantity),
                "discount": {"type": "relative", "value": "0"},
                "section_rank": 1 + place % 2 if row.id % 3 == 0 else None,
            }
        )
    return lines


def custom_fields(place: int) -> list[Json]:
    """Return the company's own fields: a text, a number, a day, a choice and several."""
    if place % 3 == 0:
        return []
    return [
        {"name": "Chantier", "value": f"Lot n° {place}" if place % 2 else None},
        {"name": "Heures", "value": f"{place}.50"},
        {"name": "Livré le", "value": "2026-03-02"},
        {"name": "Équipe", "value": "Nord"},
        {"name": "Options", "value": ["Pose", "Dépose"] if place % 2 else []},
    ]


def _imputation(bill: Bill, place: int) -> Json | None:
    if place % 3:
        return None
    return {"start_date": bill.date, "end_date": shift(bill.date, 365)}


def quote_lines(books: Books, row: Doc) -> list[Json]:
    """Return the lines of a quote."""
    return [
        line | {"custom_fields": custom_fields(place)}
        for place, line in enumerate(document_lines(books, row))
    ]


def subscription_lines(books: Books, row: Doc) -> list[Json]:
    """Return the lines of a billing subscription."""
    bill = bill_of(row)
    return [
        line | {"imputation_dates": _imputation(bill, place)}
        for place, line in enumerate(document_lines(books, row))
    ]


def customer_invoice_lines(books: Books, row: Invoice) -> list[Json]:
    """Return the lines of a customer invoice."""
    bill = bill_of(row)
    return [
        line
        | {
            "custom_fields": custom_fields(place),
            "imputation_dates": _imputation(bill, place),
            "substance": ("goods", "services", None)[place % 3],
        }
        for place, line in enumerate(document_lines(books, row))
    ]


def supplier_invoice_lines(books: Books, row: Invoice) -> list[Json]:
    """Return the lines of a supplier invoice."""
    bill = bill_of(row)
    return [
        line | {"imputation_dates": _imputation(bill, place)}
        for place, (line, _) in enumerate(_rows(books, bill))
    ]

"""Customer and supplier invoices, each with its ledger entry."""

from pennylane_sandbox.calendar import instant, later, shift
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.company.ledger import Movements, post
from pennylane_sandbox.company.vocabulary import ASSETS, PURCHASES, RATES, VAT_CODES
from pennylane_sandbox.model import Doc, Invoice, Shares
from pennylane_sandbox.money import convert, share

_DELAYS = (0, 7, 15, 30, 30, 45, 60)
_SALES = ("706000", "706000", "707000", "701000")


def _currency(books: Books) -> tuple[str, str]:
    if books.rng.random() < (0.5 if "foreign_currency" in books.cases else 0.95):
        return "EUR", "1.0"
    return books.rng.choice(tuple(RATES.items()))


def next_number(books: Books, date: str, *, credit: bool = False) -> str:
    """Return the number of the next invoice or credit note of a year."""
    prefix = f"{'A' if credit else 'F'}-{date[:4]}"
    return f"{prefix}-{books.count(prefix):05}"


def sale(books: Books, customer: Doc, amounts: tuple[int, int], shares: Shares) -> Movements:
    """Return the movements of a sale: the customer owes the amount, which includes the tax."""
    amount, tax = amounts
    movements: Movements = [
        (customer.hidden["account"], amount, ()),
        (books.account(books.rng.choice(_SALES)), tax - amount, shares),
    ]
    if tax:
        movements.append((books.account("445710"), -tax, ()))
    return movements


def make_customer_invoice(
    books: Books,
    customer: Doc,
    date: str,
    *,
    line_count: int | None = None,
    credited: Invoice | None = None,
    stamp: str | None = None,
) -> Invoice:
    """Make an invoice, or the credit note of an invoice, and its entry in the sales journal."""
    rng = books.rng
    row_id = books.next_id("customer_invoices")
    created = stamp or instant(date, rng)
    updated = stamp or later(created, rng)
    place = books.count("customer_invoices")
    if credited is None:
        code, rate = rng.choice(VAT_CODES)
        currency, exchange = _currency(books)
        before_tax = rng.randrange(2_000, 900_000)
        tax = share(before_tax, rate)
    else:
        code, currency, exchange = credited.vat_rate, credited.currency, credited.rate
        before_tax, tax = -credited.before_tax, -credited.tax
    euro_amount = convert(before_tax + tax, exchange)
    euro_tax = convert(tax, exchange)
    shares = rng.choice(books.share_pool) if place % 3 else ()
    kind = "Avoir" if credited else "Facture"
    # Drafts are made by hand: none comes with a change, which the lines would not tell.
    draft = credited is None and stamp is None and place % 19 == 6
    invoice_number = (
        f"BROUILLON-{place}" if draft else next_number(books, date, credit=credited is not None)
    )
    label = f"{kind} {customer.data['name']} - {invoice_number}"
    deadline = shift(date, rng.choice(_DELAYS))
    entry = post(
        books,
        row_id * 1000 + 2,
        books.journal["VT"],
        date,
        label,
        [] if draft else sale(books, customer, (euro_amount, euro_tax), shares),
        stamps=(created, updated),
        due_date=deadline,
        piece_number=invoice_number,
        invoice_number=invoice_number,
        status="draft" if draft else "complete",
        shares=shares if place % 2 else (),
        filename=None if draft else f"{invoice_number}.pdf",
        # What belongs to a closed year is in its books: a draft is not.
        undated=draft and (place % 2 == 0 or date <= books.closed_until()),
    )
    return Invoice(
        id=row_id,
        party=customer,
        number=invoice_number,
        label=label if place % 8 else None,
        date=date,
        deadline=None if draft else deadline,
        is_due=deadline < books.calendar.last_day,
        currency=currency,
        rate=exchange,
        before_tax=before_tax,
        tax=tax,
        euro_amount=euro_amount,
        euro_tax=euro_tax,
        vat_rate=code,
        line_count=line_count or 1 + min(int(rng.expovariate(0.6)), 12),
        entry=entry,
        remaining=euro_amount,
        draft=draft,
        shares=shares,
        transactions=(),
        subscription_id=None,
        quote_id=None,
        credited_id=credited.id if credited else None,
        template_id=rng.choice(tuple(books.templates.rows)) if place % 3 else None,
        reference=f"CMD-{rng.getrandbits(40):010x}",
        archived_at=instant(shift(date, 25), rng) if place % 37 == 11 else None,
        created_at=created,
        updated_at=updated,
    )


def make_supplier_invoice(
    books: Books, supplier: Doc, date: str, stamp: str | None = None
) -> Invoice:
    """Make a supplier's invoice and its entry in the purchases journal."""
    rng = books.rng
    row_id = books.next_id("supplier_invoices")
    created = stamp or instant(date, rng)
    updated = stamp or later(created, rng)
    place = books.count("supplier_invoices")
    undated = place % 23 == 5  # its date has not been captured yet
    code, rate = rng.choice(VAT_CODES)
    currency, exchange = _currency(books)
    before_tax = rng.randrange(1_000, 400_000)
    tax = share(before_tax, rate)
    euro_amount = convert(before_tax + tax, exchange)
    euro_tax = convert(tax, exchange)
    shares = rng.choice(books.share_pool) if place % 3 else ()
    number, purpose = ASSETS if place % 20 == 3 else rng.choice(PURCHASES)
    deductible = "445620" if number == ASSETS[0] else "445660"
    label = f"{supplier.data['name']} - {purpose}"
    deadline = shift(date, rng.choice(_DELAYS))
    invoice_number = f"{rng.choice('ABCDEF')}{rng.randrange(10**6, 10**7)}"
    movements = [
        (supplier.hidden["account"], -euro_amount, ()),
        (books.account(number), euro_amount - euro_tax, shares),
    ]
    if euro_tax:
        movements.append((books.account(deductible), euro_tax, ()))
    entry = post(
        books,
        row_id * 1000 + 3,
        books.journal["AC"],
        date,
        label,
        movements,
        stamps=(created, updated),
        due_date=deadline,
        invoice_number=invoice_number,
        status="complete" if place % 6 else "validation_needed",
        filename=f"facture n° {invoice_number}.pdf",
        undated=undated,
    )
    return Invoice(
        id=row_id,
        party=supplier,
        number=invoice_number,
        label=label if place % 9 else None,
        date=date,
        deadline=None if undated else deadline,
        is_due=deadline < books.calendar.last_day,
        currency=currency,
        rate=exchange,
        before_tax=before_tax,
        tax=tax,
        euro_amount=euro_amount,
        euro_tax=euro_tax,
        vat_rate=code,
        line_count=1 + min(int(rng.expovariate(0.9)), 8),
        entry=entry,
        remaining=euro_amount,
        draft=False,
        shares=shares,
        transactions=(),
        subscription_id=None,
        quote_id=None,
        credited_id=None,
        template_id=None,
        reference=f"FRN-{rng.getrandbits(40):010x}",
        archived_at=instant(shift(date, 40), rng) if place % 41 == 5 else None,
        created_at=created,
        updated_at=updated,
    )

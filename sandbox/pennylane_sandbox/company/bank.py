"""Bank transactions, each with its entry in the bank's journal."""

from collections.abc import Sequence

from pennylane_sandbox.calendar import instant, later
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.company.ledger import Movements, letter, post
from pennylane_sandbox.model import Doc, Invoice, Transaction

SAVINGS = 1
_CODES = ("B1D", "18", "05", "A1", None)
# Transactions without an invoice: label, account, maximum in cents.
_OTHERS = (
    ("FRAIS TENUE DE COMPTE", "627000", -4_900),
    ("CB DÉJEUNER D'AFFAIRES", "625100", -12_000),
    ("PRLV ASSURANCE", "616000", -25_000),
    ("REMBOURSEMENT TROP-PERÇU", "758000", 6_000),
)


def transact(  # noqa: PLR0913 - a transaction's own data
    books: Books,
    date: str,
    label: str,
    movements: Movements,
    *,
    bank: int = 0,
    invoice: tuple[str, Invoice] | None = None,
    employee: Doc | None = None,
    stamp: str | None = None,
) -> Transaction:
    """Make a transaction on a bank account, against these accounts."""
    rng = books.rng
    row_id = books.next_id("transactions")
    created = stamp or instant(date, rng)
    updated = stamp or later(created, rng)
    place = books.count("transactions")
    account = books.bank_accounts[books.current_accounts[bank]]
    total = -sum(cents for _, cents, _ in movements)
    entry = post(
        books,
        row_id * 1000 + 1,
        account.hidden["journal"],
        date,
        label,
        [(account.hidden["account"], total, ()), *movements],
        stamps=(created, updated),
        piece_number=None if place % 5 else f"REL-{place}",
        status="complete" if invoice or place % 3 else "accounting_needed",
    )
    account.hidden["cents"] += total
    kind, document = invoice or ("", None)
    return Transaction(
        id=row_id,
        label=label if place % 31 else None,
        date=date,
        cents=total,
        outstanding=0 if invoice else total,
        bank_account=account,
        customer=document.party if document and kind == "customer" else None,
        supplier=document.party if document and kind == "supplier" else None,
        shares=movements[0][2],
        matched=((kind, document.id),) if document else (),
        entry=entry,
        employee=employee,
        interbank_code=rng.choice(_CODES),
        attachment_required=place % 4 != 0,
        archived_at=instant(date, rng) if place % 43 == 9 else None,
        created_at=created,
        updated_at=updated,
    )


def settle(  # noqa: PLR0913 - a payment's own data
    books: Books,
    kind: str,
    invoice: Invoice,
    date: str,
    *,
    partly: bool = False,
    earlier: Sequence[Transaction] = (),
    exchange: int = 0,
    stamp: str | None = None,
) -> Transaction:
    """Pay what remains of an invoice, or a third of it; if it is fully paid, it is lettered.

    `exchange` is what the bank charged more than the invoice said, because of the currency's rate.
    """
    owed = invoice.entry.lines[0]
    sign = 1 if owed.cents > 0 else -1
    cents = sign * (abs(invoice.remaining) // (3 if partly else 1))
    way = "VIR" if kind == "customer" else "PRLV SEPA"
    label = f"{way} {invoice.party.data['name'].upper()} {invoice.number}"
    movements: Movements = [(owed.account, -cents, ())]
    if exchange:
        movements.append((books.account("666000" if exchange > 0 else "766000"), exchange, ()))
    transaction = transact(books, date, label, movements, invoice=(kind, invoice), stamp=stamp)
    transaction.shares = invoice.shares if invoice.id % 4 == 0 else ()
    invoice.transactions = (*invoice.transactions, transaction.id)
    invoice.remaining -= abs(cents) if invoice.remaining > 0 else -abs(cents)
    if not invoice.remaining:
        letter([owed, *(one.entry.lines[1] for one in (*earlier, transaction))])
    return transaction


def make_other(books: Books, date: str, stamp: str | None = None) -> Transaction:
    """Make a transaction without an invoice."""
    rng = books.rng
    label, number, most = rng.choice(_OTHERS)
    cents = int(most * (0.1 + 0.9 * rng.random()))
    by_card = number == "625100"
    shares = rng.choice(books.share_pool) if by_card or number == "627000" else ()
    return transact(
        books,
        date,
        label,
        [(books.account(number), -cents, shares)],
        employee=rng.choice(books.employees) if by_card else None,
        stamp=stamp,
    )

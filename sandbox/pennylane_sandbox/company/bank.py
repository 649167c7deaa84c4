"""Bank transactions, each with its entry in the bank's journal."""

from pennylane_sandbox.calendar import instant, later
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.company.ledger import Movement, letter, post
from pennylane_sandbox.model import Doc, Invoice, Shares, Transaction

_CODES = ("B1D", "18", "05", "A1", None)
# Bank transactions other than payments of invoices: label, account, maximum in cents.
_OTHERS = (
    ("PRLV SEPA URSSAF ÎLE-DE-FRANCE", "431000", -350_000),
    ("FRAIS TENUE DE COMPTE", "627000", -4_900),
    ("CB DÉJEUNER D'AFFAIRES", "625100", -12_000),
    ("VIR SALAIRES", "421000", -500_000),
    ("PRLV ÉCHÉANCE PRÊT", "164000", -180_000),
    ("VIR INTERNE ÉPARGNE", "580000", -200_000),
    ("REMBOURSEMENT TROP-PERÇU", "758000", 30_000),
)


def _transaction(
    books: Books,
    date: str,
    label: str,
    movement: Movement,
    *,
    invoice: tuple[str, Invoice] | None = None,
    employee: Doc | None = None,
    stamp: str | None = None,
) -> Transaction:
    rng = books.rng
    row_id = books.next_id("transactions")
    created = stamp or instant(date, rng)
    updated = stamp or later(created, rng)
    place = books.count("transactions")
    bank = books.bank_accounts[books.current_accounts[0 if place % 6 else 1]]
    _, cents, shares = movement
    total = -cents
    entry = post(
        books,
        row_id * 1000 + 1,
        bank.hidden["journal"],
        date,
        label,
        [(bank.hidden["account"], total, ()), movement],
        stamps=(created, updated),
        piece_number=None if place % 5 else f"REL-{place}",
        status="complete" if invoice or place % 3 else "accounting_needed",
    )
    bank.hidden["cents"] += total
    kind, document = invoice or ("", None)
    return Transaction(
        id=row_id,
        label=label if place % 31 else None,
        date=date,
        cents=total,
        outstanding=0 if invoice else total,
        bank_account=bank,
        customer=document.party if document and kind == "customer" else None,
        supplier=document.party if document and kind == "supplier" else None,
        shares=shares,
        matched=((kind, document.id),) if document else (),
        entry=entry,
        employee=employee,
        interbank_code=rng.choice(_CODES),
        attachment_required=place % 4 != 0,
        archived_at=instant(date, rng) if place % 43 == 9 else None,
        created_at=created,
        updated_at=updated,
    )


def settle(
    books: Books,
    kind: str,
    invoice: Invoice,
    date: str,
    *,
    partly: bool = False,
    stamp: str | None = None,
) -> Transaction:
    """Pay an invoice, or a third of it; if it is fully paid, both sides are lettered."""
    owed = invoice.entry.lines[0]
    cents = owed.cents // 3 if partly else owed.cents
    way = "VIR" if kind == "customer" else "PRLV SEPA"
    label = f"{way} {invoice.party.data['name'].upper()} {invoice.number}"
    shares: Shares = invoice.shares if invoice.id % 4 == 0 else ()
    movement = (owed.account, -cents, ())
    transaction = _transaction(books, date, label, movement, invoice=(kind, invoice), stamp=stamp)
    transaction.shares = shares
    invoice.transactions = (*invoice.transactions, transaction.id)
    invoice.remaining -= abs(cents) if invoice.remaining > 0 else -abs(cents)
    if not partly:
        letter([owed, transaction.entry.lines[1]])
    return transaction


def make_other(books: Books, date: str, stamp: str | None = None) -> Transaction:
    """Make a transaction without an invoice."""
    rng = books.rng
    label, number, most = rng.choice(_OTHERS)
    cents = int(most * (0.1 + 0.9 * rng.random()))
    by_card = number == "625100"
    shares = rng.choice(books.share_pool) if by_card or number == "627000" else ()
    return _transaction(
        books,
        date,
        label,
        (books.account(number), -cents, shares),
        employee=rng.choice(books.employees) if by_card else None,
        stamp=stamp,
    )

"""Filling the books up to their size."""

import gc

from pennylane_sandbox.calendar import DAYS, LAST_DAY, instant, later, shift
from pennylane_sandbox.collection import Collection
from pennylane_sandbox.company.bank import make_other, settle
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.company.documents import (
    make_commercial_document,
    make_quote,
    make_subscription,
)
from pennylane_sandbox.company.invoices import make_customer_invoice, make_supplier_invoice
from pennylane_sandbox.company.ledger import (
    MANUAL,
    depreciation,
    post,
    salaries,
    spread,
    vat_return,
)
from pennylane_sandbox.company.paperwork import (
    make_gocardless_mandate,
    make_migration,
    make_numberings,
    make_pro_account_mandate,
    make_purchase_request,
    make_registrations,
    make_sepa_mandate,
    make_webhook,
)
from pennylane_sandbox.company.parties import make_customer, make_product, make_supplier
from pennylane_sandbox.company.setup import set_up
from pennylane_sandbox.model import Doc, Entry, Invoice, Transaction
from pennylane_sandbox.money import short

SMALLEST = 100


class _Growth:
    """The large collections while they grow, before they are loaded together."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.entries: list[Entry] = []
        self.lines = 0
        self.sales: list[Invoice] = []
        self.purchases: list[Invoice] = []
        self.transactions: list[Transaction] = []

    def enter(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.lines += len(entry.lines)


def build(seed: int, size: int) -> Books:
    """Make the books of a company with this number of ledger entry lines."""
    if size < SMALLEST:
        msg = f"a company needs at least {SMALLEST} ledger entry lines"
        raise ValueError(msg)
    gc.disable()
    books = Books(seed, size)
    set_up(books)
    growth = _Growth(books)
    parties = [make_customer(books) for _ in range(min(12 + size // 20, 20_000))]
    books.customers.load(row for row, _ in parties)
    parties = [make_supplier(books) for _ in range(min(8 + size // 40, 8_000))]
    books.suppliers.load(row for row, _ in parties)
    books.products.load([make_product(books) for _ in range(min(10 + size // 20, 3_000))])
    books.product_ids = tuple(row.id for row in _dealt_with(books.products))
    _documents(books, size)
    _trade(growth, max(6, size * 6 // 100), max(5, size * 6 // 100))
    _bank(growth, max(12, size * 12 // 100))
    _rest(growth, size)
    books.ledger_accounts.load(books.accounts.values())
    books.ledger_entries.load(growth.entries)
    books.ledger_entry_lines.load(line for entry in growth.entries for line in entry.lines)
    books.customer_invoices.load(growth.sales)
    books.supplier_invoices.load(growth.purchases)
    books.transactions.load(growth.transactions)
    _paperwork(books, size)
    for bank in books.bank_accounts:
        bank.data["balance"] = short(bank.hidden["cents"])
    gc.enable()
    gc.freeze()
    return books


def _dealt_with(rows: Collection[Doc]) -> tuple[Doc, ...]:
    """Return the rows that others may refer to; one in eight is left out and can be deleted."""
    return tuple(row for place, row in enumerate(rows.rows.values()) if place % 8)


def _documents(books: Books, size: int) -> None:
    customers = _dealt_with(books.customers)
    pick = books.rng.choice
    count = min(10 + size // 50, 10_000)
    books.quotes.load([make_quote(books, pick(customers)) for _ in range(count)])
    books.collections["commercial_documents"].load(
        [make_commercial_document(books, pick(customers)) for _ in range(count)]
    )
    books.billing_subscriptions.load(
        [make_subscription(books, pick(customers)) for _ in range(8 + count // 2)]
    )


def _paperwork(books: Books, size: int) -> None:
    customers = _dealt_with(books.customers)
    suppliers = _dealt_with(books.suppliers)
    rows = books.collections
    count = min(5 + len(customers) // 4, 3_000)
    sepa = [make_sepa_mandate(books, one) for one in customers[:count]]
    gocardless = [make_gocardless_mandate(books, one) for one in customers[-count:]]
    rows["sepa_mandates"].load(sepa)
    rows["gocardless_mandates"].load(gocardless)
    rows["pro_account/mandates"].load(
        make_pro_account_mandate(books, one) for one in customers[::3]
    )
    rows["pro_account/mandate_migrations"].load(
        [
            *(make_migration(books, one, "SepaMandate") for one in sepa[::2]),
            *(make_migration(books, one, "Mandate") for one in gocardless[::2]),
        ]
    )
    rows["purchase_requests"].load(
        make_purchase_request(books, books.rng.choice(suppliers))
        for _ in range(min(6 + size // 100, 5_000))
    )
    rows["webhook_subscriptions"].load(make_webhook(books) for _ in range(4))
    rows["numberings"].load(make_numberings(books))
    rows["pa_registrations"].load(make_registrations(books))


def _days(growth: _Growth, count: int) -> list[str]:
    draw = growth.books.rng.random
    return [DAYS[n] for n in sorted(int(draw() * len(DAYS)) for _ in range(count))]


def _trade(growth: _Growth, sales: int, purchases: int) -> None:
    books, rng = growth.books, growth.books.rng
    customers = _dealt_with(books.customers)
    quotes, subscriptions = tuple(books.quotes.rows), tuple(books.billing_subscriptions.rows)
    for place, day in enumerate(_days(growth, sales)):
        # Two invoices are long, so that their lines take more than one page.
        line_count = {1: 27, 3: 124}.get(place)
        credited = growth.sales[-1] if place % 17 == 4 and not growth.sales[-1].draft else None
        customer = credited.party if credited else rng.choice(customers)
        invoice = make_customer_invoice(
            books, customer, day, line_count=line_count, credited=credited
        )
        if place % 5 == 0:
            invoice.quote_id = rng.choice(quotes)
        if place % 4 == 1:
            invoice.subscription_id = rng.choice(subscriptions)
        growth.sales.append(invoice)
        growth.enter(invoice.entry)
    suppliers = _dealt_with(books.suppliers)
    for day in _days(growth, purchases):
        bill = make_supplier_invoice(books, rng.choice(suppliers), day)
        growth.purchases.append(bill)
        growth.enter(bill.entry)


def _bank(growth: _Growth, count: int) -> None:
    books, rng = growth.books, growth.books.rng
    payable = [("customer", one) for one in growth.sales if not one.draft and not one.credited_id]
    payable += [("supplier", one) for one in growth.purchases]
    payments = []
    for kind, invoice in payable:
        day = shift(invoice.date, rng.randrange(1, 75))
        if day <= LAST_DAY and rng.random() < 0.85:
            payments.append((day, kind, invoice))
    payments.sort(key=lambda payment: payment[0])
    payments = payments[: count * 9 // 10]
    for place, (day, kind, invoice) in enumerate(payments):
        transaction = settle(books, kind, invoice, day, partly=place % 14 == 13)
        growth.transactions.append(transaction)
        growth.enter(transaction.entry)
    for day in _days(growth, count - len(payments)):
        transaction = make_other(books, day)
        growth.transactions.append(transaction)
        growth.enter(transaction.entry)


def _rest(growth: _Growth, size: int) -> None:
    """Reach the exact number of lines with manual entries."""
    books, rng = growth.books, growth.books.rng
    makers = (salaries, depreciation, vat_return)
    while (left := size - growth.lines) > 0:
        day = DAYS[int(rng.random() * len(DAYS))]
        movements = makers[int(rng.random() * 3)](books, rng)
        if len(movements) + 1 >= left:
            movements = spread(books, rng, left)
        elif rng.random() < 0.3:
            movements = spread(books, rng, min(left - 2, rng.randrange(3, 9)))
        created = instant(day, rng)
        payroll = movements[0][0].number == "641000"
        entry = post(
            books,
            books.next_id("manual_entries") * 1000 + MANUAL,
            books.journal["PAIE" if payroll else "OD"],
            day,
            f"{'Bulletin de paie' if payroll else 'Opération diverse'} {day[:7]}",
            movements,
            stamps=(created, later(created, rng)),
            piece_number=f"OD{books.count('OD'):06}",
            status=None if rng.random() < 0.1 else "entry",
            shares=rng.choice(books.share_pool) if rng.random() < 0.1 else (),
            undated=books.counters["OD"] % 25 == 3,
        )
        if rng.random() < 0.05:
            entry.label = None
        growth.enter(entry)

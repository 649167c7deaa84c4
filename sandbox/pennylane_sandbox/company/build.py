"""Filling the books up to their size."""

import gc
from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from pennylane_sandbox.calendar import LAST_DAY, Calendar
from pennylane_sandbox.company.bank import make_other
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.company.corrections import complete, correct
from pennylane_sandbox.company.documents import (
    make_commercial_document,
    make_quote,
    make_subscription,
)
from pennylane_sandbox.company.growth import Growth
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
from pennylane_sandbox.company.routine import declare_vat, depreciate, found, pay_salaries, save
from pennylane_sandbox.company.setup import set_up
from pennylane_sandbox.company.trade import buy, days, dealt_with, pay, sell
from pennylane_sandbox.company.years import lines_to_keep, open_years
from pennylane_sandbox.money import short

SMALLEST = 100

# The companies of a firm share their days, so that each day is in memory once.
_calendar = lru_cache(Calendar)


def build(seed: int, size: int, cases: Iterable[str] = (), until: date = LAST_DAY) -> Books:
    """Make the books of a company with this number of ledger entry lines, which may be none."""
    if 0 < size < SMALLEST:
        msg = f"a company needs at least {SMALLEST} ledger entry lines, or none at all"
        raise ValueError(msg)
    gc.disable()
    books = Books(seed, size, cases, _calendar(until))
    set_up(books)
    if size:
        _fill(books, size)
    else:
        books.ledger_accounts.load(books.accounts.values())
    gc.enable()
    gc.freeze()
    return books


def _fill(books: Books, size: int) -> None:
    growth = Growth(books)
    parties = [make_customer(books) for _ in range(min(12 + size // 20, 20_000))]
    books.customers.load(row for row, _ in parties)
    parties = [make_supplier(books) for _ in range(min(8 + size // 40, 8_000))]
    books.suppliers.load(row for row, _ in parties)
    books.products.load([make_product(books) for _ in range(min(10 + size // 20, 3_000))])
    books.product_ids = tuple(row.id for row in dealt_with(books.products))
    _documents(books, size)
    found(growth)
    sell(growth, max(5, size * 6 // 100))
    buy(growth, max(4, size * 6 // 100))
    pay(growth)
    save(growth)
    pay_salaries(growth)
    depreciate(growth)
    declare_vat(growth)
    for day in days(growth, max(1, size * 15 // 1000)):
        growth.move(make_other(books, day))
    correct(growth, lines_to_keep(growth))
    open_years(growth)
    complete(growth)
    books.ledger_accounts.load(books.accounts.values())
    books.ledger_entries.load(growth.entries)
    books.ledger_entry_lines.load(line for entry in growth.entries for line in entry.lines)
    books.customer_invoices.load(growth.sales)
    books.supplier_invoices.load(growth.purchases)
    books.transactions.load(growth.transactions)
    _paperwork(books, size)
    for bank in books.bank_accounts:
        bank.data["balance"] = short(bank.hidden["cents"])


def _documents(books: Books, size: int) -> None:
    customers = dealt_with(books.customers)
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
    customers = dealt_with(books.customers)
    suppliers = dealt_with(books.suppliers)
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

"""Sales and purchases, and their payments."""

from pennylane_sandbox.calendar import Calendar, shift
from pennylane_sandbox.collection import Collection
from pennylane_sandbox.company.bank import settle
from pennylane_sandbox.company.growth import Growth
from pennylane_sandbox.company.invoices import make_customer_invoice, make_supplier_invoice
from pennylane_sandbox.model import Doc, Invoice, Transaction

_LATEST = 85
"""Days after which every invoice is paid, but for those of `_left_open`."""
_AGES = ((1, 30), (31, 60), (61, 90), (91, 150))
"""Of which ages, in days since they were due, some invoices are open."""


def dealt_with(rows: Collection[Doc]) -> tuple[Doc, ...]:
    """Return the rows that others may refer to; one in eight is left out and can be deleted."""
    return tuple(row for place, row in enumerate(rows.rows.values()) if place % 8)


def days(growth: Growth, count: int) -> list[str]:
    """Draw a number of days, in order."""
    draw, known = growth.books.rng.random, growth.books.calendar.days
    return [known[n] for n in sorted(int(draw() * len(known)) for _ in range(count))]


def sell(growth: Growth, count: int) -> None:
    """Make this number of customer invoices and credit notes."""
    books, rng = growth.books, growth.books.rng
    customers = dealt_with(books.customers)
    quotes, subscriptions = tuple(books.quotes.rows), tuple(books.billing_subscriptions.rows)
    often = 3 if "credit_notes" in books.cases else 17
    for place, day in enumerate(days(growth, count)):
        # Two invoices are long, so that their lines take more than one page.
        line_count = {1: 27, 3: 124}.get(place)
        credited = _credited(growth.sales) if place % often == 4 % often else None
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


def _credited(sales: list[Invoice]) -> Invoice | None:
    """Return the last sale, if it can be credited."""
    if not sales or sales[-1].draft or sales[-1].credited_id is not None:
        return None
    return sales[-1]


def buy(growth: Growth, count: int) -> None:
    """Make this number of supplier invoices."""
    books, rng = growth.books, growth.books.rng
    suppliers = dealt_with(books.suppliers)
    for day in days(growth, count):
        bill = make_supplier_invoice(books, rng.choice(suppliers), day)
        growth.purchases.append(bill)
        growth.enter(bill.entry)


def pay(growth: Growth) -> None:
    """Pay the invoices: all but the latest ones, some in two parts."""
    rng = growth.books.rng
    due: list[tuple[str, int, str, Invoice, bool]] = []
    payable = [("customer", one) for one in growth.sales if not one.draft]
    payable += [("supplier", one) for one in growth.purchases]
    left_open = {
        "customer": _left_open(growth.sales, growth.books.calendar),
        "supplier": _left_open(growth.purchases, growth.books.calendar),
    }
    for place, (kind, invoice) in enumerate(payable):
        late = rng.randrange(-3, 25)
        wanted = shift(invoice.deadline, late) if invoice.deadline else shift(invoice.date, 30)
        day = max(shift(invoice.date, 1), min(wanted, shift(invoice.date, _LATEST)))
        if invoice.credited_id is not None:
            # A refund comes at once, lest the customer's account have a credit balance.
            if "credit_notes" not in growth.books.cases:
                due.append((invoice.date, place, kind, invoice, False))
            continue
        if invoice.id in left_open[kind]:
            continue
        if place % 14 == 13:
            due.append((day, place, kind, invoice, True))
            day = shift(invoice.date, _LATEST)
        due.append((day, place, kind, invoice, False))
    due.sort(key=lambda payment: (payment[0], payment[1], not payment[4]))
    first: dict[int, Transaction] = {}
    for day, _, kind, invoice, partly in due:
        if day <= growth.books.calendar.last_day:
            earlier = [first[invoice.id]] if invoice.id in first else []
            exchange = _exchange(growth, invoice, partly=partly)
            paid = settle(
                growth.books, kind, invoice, day, partly=partly, earlier=earlier, exchange=exchange
            )
            growth.move(paid)
            if partly:
                first[invoice.id] = paid


def _left_open(invoices: list[Invoice], calendar: Calendar) -> set[int]:
    """Return one invoice of each age that is still unpaid, if the books go beyond their default."""
    if not calendar.is_extended:
        return set()
    found: set[int] = set()
    for least, most in _AGES:
        first, last = shift(calendar.last_day, -most), shift(calendar.last_day, -least)
        for invoice in invoices:
            is_due = first <= (invoice.deadline or "") <= last
            if is_due and not invoice.draft and invoice.credited_id is None:
                found.add(invoice.id)
                break
    return found


def _exchange(growth: Growth, invoice: Invoice, *, partly: bool) -> int:
    """Draw the loss or gain because a currency's rate moved until the payment."""
    if "foreign_currency" not in growth.books.cases or invoice.currency == "EUR" or partly:
        return 0
    return growth.books.rng.randrange(-500, 500)

"""What comes back every month or year: capital and loans, pay, savings, VAT, depreciation."""

from typing import Final

from pennylane_sandbox.calendar import shift
from pennylane_sandbox.company.bank import SAVINGS, transact
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.company.growth import Growth
from pennylane_sandbox.company.ledger import Movements, letter

MONTHLY: Final = 1000
QUARTERLY: Final = 500
"""Lines from which on a company declares VAT every month or quarter, and not once a year."""
_REPAYMENTS = 60
_LINES_OF_PAY = 7


def found(growth: Growth) -> None:
    """Pay in the capital, and take a loan that is repaid monthly."""
    books = growth.books
    account = books.account
    days = books.calendar.days
    capital = max(1_000_000, books.size * 3_000)
    growth.move(transact(books, days[0], "VIR APPORT CAPITAL", [(account("101000"), -capital, ())]))
    if books.size < QUARTERLY:
        return
    loan = capital // 2 // _REPAYMENTS * _REPAYMENTS
    growth.move(transact(books, days[4], "VIR DÉBLOCAGE PRÊT", [(account("164000"), -loan, ())]))
    part = loan // _REPAYMENTS
    for place, (first, _) in enumerate(books.calendar.months[1:]):
        interest = (loan - place * part) * 3 // 100 // 12
        growth.move(
            transact(
                books,
                shift(first, 4),
                "PRLV ÉCHÉANCE PRÊT",
                [(account("164000"), part, ()), (account("661100"), interest, ())],
            )
        )


def save(growth: Growth) -> None:
    """Move something to the savings account, as often as the company's size allows."""
    books = growth.books
    cents = max(10_000, books.size * 50)
    transfer = books.account("580000")
    quarters = [last for place, (_, last) in enumerate(books.calendar.months) if place % 3 == 2]
    for day in quarters if books.size >= QUARTERLY else quarters[:1]:
        out = growth.move(transact(books, day, "VIR INTERNE ÉPARGNE", [(transfer, cents, ())]))
        back = growth.move(
            transact(books, day, "VIR INTERNE ÉPARGNE", [(transfer, -cents, ())], bank=SAVINGS)
        )
        letter([out.entry.lines[1], back.entry.lines[1]])


def pay_salaries(growth: Growth) -> None:
    """Pay the employees at the end of each month, and the social charges in the next one."""
    books, rng = growth.books, growth.books.rng
    employees = books.size * 13 // 100 // (_LINES_OF_PAY * len(books.calendar.months))
    account = books.account
    contracts = [
        (rng.randrange(190_000, 420_000), rng.choice(books.share_pool)) for _ in range(employees)
    ]
    for first, last in books.calendar.months if contracts else ():
        owed = [0, 0]
        for number, (gross, shares) in enumerate(contracts, 1):
            social, charges = gross * 22 // 100, gross * 42 // 100
            slip = growth.write(
                "PAIE",
                last,
                f"Bulletin de paie {first[:7]} n° {number}",
                [
                    (account("641000"), gross, shares),
                    (account("431000"), -social, ()),
                    (account("421000"), social - gross, ()),
                    (account("645000"), charges, shares),
                    (account("437000"), -charges, ()),
                ],
            )
            net: Movements = [(account("421000"), gross - social, ())]
            paid = growth.move(transact(books, last, f"VIR SALAIRE {first[:7]} n° {number}", net))
            letter([slip.lines[2], paid.entry.lines[1]])
            owed = [owed[0] + social, owed[1] + charges]
        day = shift(last, 15)
        if day <= books.calendar.last_day:
            parts: Movements = [(account("431000"), owed[0], ()), (account("437000"), owed[1], ())]
            growth.move(transact(books, day, "PRLV SEPA URSSAF ÎLE-DE-FRANCE", parts))


def depreciate(growth: Growth) -> None:
    """Depreciate over five years what the company has bought."""
    account = growth.books.account
    gross = 0
    for first, last in growth.books.calendar.months:
        if growth.books.size >= MONTHLY and (cents := gross // 60):
            movements: Movements = [(account("681100"), cents, ()), (account("281830"), -cents, ())]
            growth.write("OD", last, f"Dotation aux amortissements {first[:7]}", movements)
        gross += growth.months[first[:7]]["218300"]


def _periods(books: Books) -> list[tuple[str, str]]:
    """Return the first and the last days of the periods whose VAT was declared."""
    known, size = books.calendar.months, books.size
    months = 1 if size >= MONTHLY else 3 if size >= QUARTERLY else 12
    starts = [place for place in range(0, len(known), months) if place + months < len(known)]
    return [(known[place][0], known[place + months - 1][1]) for place in starts]


def declare_vat(growth: Growth) -> None:
    """Settle at the end of each period what was collected less what is deductible."""
    books = growth.books
    account = books.account
    kinds = ("445710", "445660", "445620")
    carried = 0
    for start, end in _periods(books):
        sums = [
            sum(
                moved[kind]
                for month, moved in growth.months.items()
                if start[:7] <= month <= end[:7]
            )
            for kind in kinds
        ]
        movements: Movements = [
            (account(kind), -cents, ()) for kind, cents in zip(kinds, sums, strict=True) if cents
        ]
        due = -sum(sums) - carried
        if carried:
            movements.append((account("445670"), -carried, ()))
        carried = max(-due, 0)
        if due:
            movements.append((account("445510" if due > 0 else "445670"), -due, ()))
        if movements:
            growth.write("OD", end, f"Déclaration de TVA {end[:7]}", movements)
        if due > 0:
            paid: Movements = [(account("445510"), due, ())]
            growth.move(transact(books, shift(end, 20), "PRLV DGFIP TVA", paid))

"""Fiscal years: how they open and close."""

import itertools
from collections import defaultdict
from typing import Final

from pennylane_sandbox.calendar import shift
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.company.growth import Growth
from pennylane_sandbox.company.ledger import OPENING, Movements

_YEARS: Final = {
    "": ((2, "01-01", 2, "12-31"), (1, "01-01", 1, "12-31"), (0, "01-01", 0, "12-31")),
    "july_years": ((3, "07-01", 2, "06-30"), (2, "07-01", 1, "06-30"), (1, "07-01", 0, "06-30")),
    "long_year": ((2, "01-01", 1, "06-30"), (1, "07-01", 0, "06-30")),
    "missing_year": ((2, "01-01", 2, "12-31"), (1, "01-01", 1, "12-31")),
}
"""Fiscal years by case: how many years ago each begins, on which day, and the same of its end."""
_CLOSED: Final = {"july_years": 2}
"""How many of these years are closed, if more than the first."""
CASES: Final = (
    *filter(None, _YEARS),
    "closing_entries",
    "no_opening",
    "credit_notes",
    "foreign_currency",
    "reversed_entry",
)
"""The special cases that a company's books can show."""
_FEW = 40
"""Accounts other than those of customers and suppliers, at most."""


def years_of(books: Books) -> tuple[tuple[str, str, str], ...]:
    """Return the company's fiscal years: first day, last day, status."""
    year = books.calendar.year
    case = next((case for case in _YEARS if case in books.cases), "")
    closed = _CLOSED.get(case, 1)
    return tuple(
        (
            f"{year(first)}-{start}",
            f"{year(last)}-{end}",
            "closed" if place < closed else "open",
        )
        for place, (first, start, last, end) in enumerate(_YEARS[case])
    )


def _balances(growth: Growth) -> list[tuple[str, str, dict[str, int]]]:
    """Return each year's first day, last day and movements per account."""
    years = years_of(growth.books)
    balances = []
    for start, end, _ in years:
        sums: dict[str, int] = defaultdict(int)
        for month, moved in growth.months.items():
            if start[:7] <= month <= end[:7]:
                for number, cents in moved.items():
                    sums[number] += cents
        balances.append((start, end, sums))
    return balances


def lines_to_keep(growth: Growth) -> int:
    """Return how many lines opening and closing the years may take at most."""
    total: dict[str, int] = defaultdict(int)
    kept = 4
    for _, end, sums in _balances(growth):
        for number, cents in sums.items():
            total[number] += cents
        if end < growth.books.calendar.last_day:
            general = {number for number in total if number[0] in "12345"}
            open_parties = sum(
                1 for number in general if number.startswith(("401", "411")) and total[number]
            )
            kept += open_parties + sum(not one.startswith(("401", "411")) for one in general) + 6
            if "closing_entries" in growth.books.cases:
                kept += _FEW
    return kept


def open_years(growth: Growth) -> None:
    """Carry the balances of each year forward to the next, with the result in an account 12.

    Pennylane closes no accounts of classes 6 and 7; some accountants do, in an entry of their own.
    """
    books = growth.books
    account = books.account
    held: dict[str, int] = defaultdict(int)
    years = [
        (start, end, status, sums)
        for (start, end, sums), (_, _, status) in zip(
            _balances(growth), years_of(books), strict=True
        )
    ]
    for (_, end, status, sums), following in itertools.pairwise(years):
        for number, cents in sums.items():
            if number[0] in "12345":
                held[number] += cents
        result = sum(cents for number, cents in sums.items() if number[0] in "67")
        in_result = "120000" if result <= 0 else "129000"
        if "closing_entries" in books.cases and status == "closed":
            closing: Movements = [
                (account(number), -cents, ())
                for number, cents in sorted(sums.items())
                if number[0] in "67" and cents
            ]
            growth.write(
                "OD", end, f"Clôture {end[:4]}", [*closing, (account(in_result), result, ())]
            )
        held[in_result] += result
        if "no_opening" in books.cases:
            continue
        opening: Movements = [
            (account(number), cents, ()) for number, cents in sorted(held.items()) if cents
        ]
        if opening:
            growth.write(OPENING, following[0], f"À-nouveaux {following[0][:4]}", opening)
        approved = shift(end, 181)
        if status == "closed" and result and approved <= books.calendar.last_day:
            kept_in = "110000" if result < 0 else "119000"
            movements: Movements = [
                (account(in_result), -result, ()),
                (account(kept_in), result, ()),
            ]
            growth.write("OD", approved, f"Affectation du résultat {end[:4]}", movements)
            following[3][in_result] -= result
            following[3][kept_in] += result


def closed_at(finish: str) -> str:
    """Return the day on which a year was closed."""
    return shift(finish, 105)

"""Manual entries that change no result for long: accruals, their reversals, and moved expenses."""

from typing import Final

from pennylane_sandbox.calendar import shift
from pennylane_sandbox.company.growth import Growth
from pennylane_sandbox.company.ledger import Movements, letter
from pennylane_sandbox.model import Line

_EXPENSES: Final = (
    "606300", "613200", "616000", "622600", "623000", "625100", "626000", "658000",
)  # fmt: skip
_PAIR = 2


def _shared(growth: Growth) -> str | None:
    return None if growth.books.rng.random() < 0.1 else "entry"


def correct(growth: Growth, kept: int) -> None:
    """Accrue expenses at the end of months, and reverse that on the next day.

    So many lines are made that hardly more than those to be kept are left.
    """
    books, rng = growth.books, growth.books.rng
    months = books.calendar.months
    if "reversed_entry" in books.cases:
        _reverse(growth)
    while (left := growth.left - kept) >= 2 * _PAIR:
        count = min(rng.randrange(_PAIR, 9), left // 2)
        first, last = months[rng.randrange(len(months) - 1)]
        parts: Movements = [
            (
                books.account(rng.choice(_EXPENSES)),
                rng.randrange(100, 80_000),
                rng.choice(books.share_pool),
            )
            for _ in range(count - 1)
        ]
        total = sum(cents for _, cents, _ in parts)
        movements: Movements = [*parts, (books.account("408100"), -total, ())]
        back: Movements = [(account, -cents, shares) for account, cents, shares in movements]
        label = f"Factures non parvenues {first[:7]}"
        for day, text, moved in (
            (last, label, movements),
            (shift(last, 1), f"Extourne {label}", back),
        ):
            undated = books.counters.get("OD", 0) % 25 == 3
            entry = growth.write("OD", day, text, moved, status=_shared(growth), undated=undated)
            entry.shares = rng.choice(books.share_pool) if rng.random() < 0.1 else ()
            if rng.random() < 0.05:
                entry.label = None


def _split(growth: Growth) -> None:
    """Divide a line of the last manual entry in two, because a single line is missing."""
    entry = next(one for one in reversed(growth.entries) if one.journal.code == "OD")
    last = entry.lines[-1]
    half = last.cents // 2
    row_id, rest = growth.books.next_id("ledger_entry_lines"), last.cents - half
    entry.lines.append(Line(row_id, entry, last.account, rest, last.label, (), (), last.updated_at))
    last.cents = half
    growth.lines += 1


def _reverse(growth: Growth) -> None:
    """Post an entry by mistake, and reverse it in the next month."""
    account = growth.books.account
    first, last = growth.books.calendar.months[14]
    wrong: Movements = [(account("622600"), 123_456, ()), (account("467000"), -123_456, ())]
    entry = growth.write("OD", last, f"Honoraires {first[:7]}", wrong)
    right: Movements = [(owner, -cents, shares) for owner, cents, shares in wrong]
    back = growth.write("OD", shift(last, 5), f"Extourne Honoraires {first[:7]}", right)
    letter([entry.lines[1], back.lines[1]])


def complete(growth: Growth) -> None:
    """Reach the exact number of lines by moving expenses from one account to another."""
    books, rng = growth.books, growth.books.rng
    while growth.left > 0:
        count = growth.left if growth.left < 2 * _PAIR + _PAIR else rng.randrange(_PAIR, 4)
        if count < _PAIR:
            _split(growth)
            break
        parts: Movements = [
            (
                books.account(_EXPENSES[1 + place % (len(_EXPENSES) - 1)]),
                rng.randrange(100, 9_000),
                (),
            )
            for place in range(count - 1)
        ]
        total = sum(cents for _, cents, _ in parts)
        parts.append((books.account("606300"), -total, ()))
        first, _ = books.calendar.months[-1 - rng.randrange(5)]
        growth.write("OD", shift(first, 9), f"Reclassement de charges {first[:7]}", parts)
    if growth.left:
        msg = f"too many lines were made: {growth.lines}"
        raise ValueError(msg)

"""Posting to the ledger: entries whose lines add up to zero."""

from collections.abc import Sequence
from random import Random

from pennylane_sandbox.company.books import Books
from pennylane_sandbox.model import Account, Entry, Journal, Line, Shares

Movement = tuple[Account, int, Shares]
Movements = list[Movement]

MANUAL = 4
OPENING = "AN"
"""The code of the journal that carries balances forward."""


def post(  # noqa: PLR0913 - an entry's own data
    books: Books,
    entry_id: int,
    journal: Journal,
    date: str,
    label: str,
    movements: Sequence[Movement],
    *,
    stamps: tuple[str, str],
    due_date: str | None = None,
    piece_number: str | None = None,
    invoice_number: str | None = None,
    status: str | None = None,
    shares: Shares = (),
    filename: str | None = None,
    undated: bool = False,
) -> Entry:
    """Make an entry with its lines; the caller adds it to the collections."""
    created, updated = stamps
    entry = Entry(
        entry_id,
        journal,
        date,
        due_date,
        label,
        piece_number,
        invoice_number,
        status,
        shares,
        filename,
        created,
        updated,
        [],
        undated,
    )
    next_id = books.next_id
    entry.lines = [
        Line(next_id("ledger_entry_lines"), entry, account, cents, label, line_shares, (), updated)
        for account, cents, line_shares in movements
    ]
    return entry


def letter(lines: Sequence[Line]) -> None:
    """Letter lines of one account together: an invoice and its payments."""
    ids = tuple(line.id for line in lines)
    for line in lines:
        line.lettering = ids


def depreciation(books: Books, rng: Random) -> list[Movement]:
    """Post a depreciation."""
    cents = rng.randrange(1_000, 90_000)
    return [(books.account("681100"), cents, ()), (books.account("281830"), -cents, ())]


def spread(books: Books, rng: Random, count: int) -> list[Movement]:
    """Post a correction with this number of lines."""
    numbers = ("606300", "613200", "616000", "622600", "623000", "625100", "626000", "658000")
    parts = [
        (
            books.account(rng.choice(numbers)),
            rng.randrange(100, 80_000),
            rng.choice(books.share_pool),
        )
        for _ in range(count - 1)
    ]
    return [*parts, (books.account("467000"), -sum(part[1] for part in parts), ())]

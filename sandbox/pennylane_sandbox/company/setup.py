"""What a company sets up once: accounts, journals, fiscal years, categories, banks, templates."""

from itertools import pairwise

from pennylane_sandbox.calendar import instant, later
from pennylane_sandbox.company.books import Books, link, reference
from pennylane_sandbox.company.vocabulary import (
    BANKS,
    CATEGORY_GROUPS,
    CHART,
    FIRST_NAMES,
    JOURNALS,
    LAST_NAMES,
    TEMPLATES,
)
from pennylane_sandbox.company.years import closed_at, years_of
from pennylane_sandbox.model import Account, Doc, Journal, Share

_BANK_ACCOUNTS = (
    ("Compte courant", "512100", "BQ"),
    ("Livret d'épargne", "512200", "BQ2"),
    ("Carte prépayée", "512300", None),
)


def open_account(  # noqa: PLR0913 - an account's own data
    books: Books,
    number: str,
    label: str,
    vat_rate: str,
    kind: str,
    *,
    letterable: bool,
    stamp: str | None = None,
    general: str | None = None,
) -> Account:
    """Open a general ledger account."""
    created = stamp or instant(books.calendar.days[0], books.rng)
    account = Account(
        id=books.next_id("ledger_accounts"),
        number=number,
        label=label,
        vat_rate=vat_rate,
        country="any" if number.startswith("1") else "FR",
        enabled=number != "108000",
        type=kind,
        letterable=letterable,
        created_at=created,
        updated_at=stamp or later(created, books.rng),
        general=general or number,
    )
    books.accounts[number] = account
    return account


def set_up(books: Books) -> None:
    """Fill the collections that everything else refers to."""
    rng = books.rng
    for number, label, vat_rate, kind, letterable in CHART:
        open_account(books, number, label, vat_rate, kind, letterable=letterable)
    for number, label in (("401", "Fournisseurs"), ("411", "Clients")):
        open_account(books, number, label, "any", "collective", letterable=False)
    for name, number, _ in _BANK_ACCOUNTS:
        open_account(books, number, name, "any", "bank", letterable=False)
    for code, label, kind in JOURNALS:
        books.journal[code] = Journal(books.next_id("journals"), code, label, kind)
    books.journals.load(books.journal.values())
    books.fiscal_years.load(_fiscal_year(books, *year) for year in years_of(books))
    _analysis(books)
    _banks(books)
    books.templates.load(
        Doc(row_id, {"id": row_id, "name": name, "created_at": made, "updated_at": made}, {})
        for name in TEMPLATES
        for row_id, made in [
            (books.next_id("customer_invoice_templates"), instant(books.calendar.days[3], rng))
        ]
    )
    books.employees = [
        Doc(
            row_id,
            {
                "id": row_id,
                "first_name": rng.choice(FIRST_NAMES),
                "last_name": rng.choice(LAST_NAMES),
            },
            {},
        )
        for row_id in (books.next_id("users") for _ in range(4))
    ]


def _fiscal_year(books: Books, start: str, finish: str, status: str) -> Doc:
    row_id = books.next_id("fiscal_years")
    made = instant(books.calendar.days[0], books.rng)
    return Doc(
        row_id,
        {
            "id": row_id,
            "start": start,
            "finish": finish,
            "status": status,
            "created_at": made,
            "updated_at": instant(closed_at(finish), books.rng) if status == "closed" else made,
        },
        {},
    )


def make_category_group(books: Books, label: str, stamp: str | None = None) -> Doc:
    """Make a family of analytical categories."""
    row_id = books.next_id("category_groups")
    made = stamp or instant(books.calendar.days[1], books.rng)
    data = {
        "id": row_id,
        "label": label,
        "categories": link(f"category_groups/{row_id}/categories"),
        "created_at": made,
        "updated_at": made,
    }
    return Doc(row_id, data, {})


def make_category(books: Books, label: str, group: Doc, stamp: str | None = None) -> Doc:
    """Make an analytical category."""
    row_id = books.next_id("categories")
    made = stamp or instant(books.calendar.days[1], books.rng)
    place = books.count("categories")
    data = {
        "id": row_id,
        "label": label,
        "direction": ("cash_in", "cash_out", None)[place % 3],
        "created_at": made,
        "updated_at": stamp or later(made, books.rng),
        "category_group": {"id": group.id},
        # Nobody has filled in the code: it is null everywhere.
        "analytical_code": f"AN{place:03}" if stamp else None,
    }
    return Doc(row_id, data, {})


def _analysis(books: Books) -> None:
    groups: list[Doc] = []
    categories: list[Doc] = []
    for group_label, labels in CATEGORY_GROUPS:
        group = make_category_group(books, group_label)
        groups.append(group)
        members = [make_category(books, label, group) for label in labels]
        categories += members
        books.share_pool += [(Share(member, "1.0"),) for member in members]
        books.share_pool += [
            (Share(one, "0.25"), Share(other, "0.75")) for one, other in pairwise(members)
        ]
    books.category_groups.load(groups)
    books.categories.load(categories)


def make_bank_account(
    books: Books,
    name: str,
    account: Account,
    journal: Journal | None,
    bank_id: int,
    stamp: str | None = None,
) -> Doc:
    """Make a bank account; its balance is the sum of its transactions."""
    row_id = books.next_id("bank_accounts")
    made = stamp or instant(books.calendar.days[2], books.rng)
    data = {
        "id": row_id,
        "name": name,
        "currency": "EUR",
        "balance": "0.0",
        "created_at": made,
        "updated_at": made,
        "bank_establishment": {"id": bank_id},
        "journal": reference("journals", journal.id) if journal else None,
        "ledger_account": reference("ledger_accounts", account.id),
    }
    return Doc(row_id, data, {"account": account, "journal": journal, "cents": 0})


def _banks(books: Books) -> None:
    banks = []
    for name in BANKS:
        made = instant(books.calendar.days[0], books.rng)
        row_id = books.next_id("bank_establishments")
        data = {"id": row_id, "name": name, "created_at": made, "updated_at": made}
        banks.append(Doc(row_id, data, {}))
    books.collections["bank_establishments"].load(banks)
    books.bank_accounts.load(
        make_bank_account(
            books, name, books.account(number), books.journal[code] if code else None, bank.id
        )
        for (name, number, code), bank in zip(_BANK_ACCOUNTS, banks, strict=False)
    )
    books.current_accounts = [
        row.id
        for row in sorted(books.bank_accounts, key=lambda row: row.data["ledger_account"]["id"])
        if row.hidden["journal"]
    ]

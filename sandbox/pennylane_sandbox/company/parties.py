"""The customers, suppliers and products of the company."""

from random import Random

from pennylane_sandbox.calendar import instant, later, shift
from pennylane_sandbox.company.books import Books, filtered, link
from pennylane_sandbox.company.vocabulary import (
    CITIES,
    COMPANY_STEMS,
    FIRST_NAMES,
    LAST_NAMES,
    LEGAL_FORMS,
    PRODUCTS,
    STREETS,
    VAT_CODES,
)
from pennylane_sandbox.model import Account, Doc, Json
from pennylane_sandbox.money import share, short

_TERMS = ("upon_receipt", "7_days", "15_days", "30_days", "30_days_end_of_month", "45_days")


def address(rng: Random) -> Json:
    """Make up a French address."""
    postal_code, city = rng.choice(CITIES)
    return {
        "address": f"{rng.randrange(1, 240)} {rng.choice(STREETS)}",
        "postal_code": postal_code,
        "city": city,
        "country_alpha2": "FR",
    }


def iban(rng: Random) -> str:
    """Make up something that looks like a French IBAN."""
    return f"FR76{rng.randrange(10**22, 10**23)}"


def auxiliary_account(books: Books, general: str, label: str, stamp: str) -> Account:
    """Open the account of one customer or supplier."""
    account = Account(
        id=books.next_id("ledger_accounts"),
        number=f"{general}{books.count(general):05}",
        label=label,
        vat_rate="any",
        country="any" if general == "401" else "FR",
        enabled=True,
        type="customer" if general == "411" else "supplier",
        letterable=True,
        created_at=stamp,
        updated_at=stamp,
        general=general,
    )
    books.accounts[account.number] = account
    return account


def company_name(rng: Random) -> str:
    """Make up a company's name."""
    return f"{rng.choice(COMPANY_STEMS)} {rng.choice(LEGAL_FORMS)} {rng.choice(LAST_NAMES)}"


def _email(name: str, row_id: int) -> str:
    ascii_name = "".join(c for c in name.lower() if c.isascii() and c.isalnum())
    return f"{ascii_name}.{row_id % 1000}@exemple.fr"


def make_customer(books: Books, stamp: str | None = None) -> tuple[Doc, Account]:
    """Make a customer: two in three are companies, the others individuals."""
    rng = books.rng
    row_id = books.next_id("customers")
    created = stamp or instant(books.calendar.days[rng.randrange(120)], rng)
    place = books.count("customers")
    individual = place % 3 == 0
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    name = f"{first} {last}" if individual else company_name(rng)
    account = auxiliary_account(books, "411", name, created)
    siren = f"{rng.randrange(10**8, 10**9)}"
    home = address(rng)
    data: Json = {
        "id": row_id,
        "name": name,
        "billing_iban": iban(rng) if place % 4 == 0 else None,
        "payment_conditions": rng.choice(_TERMS),
        "recipient": f"{first} {last}",
        "phone": f"+336{rng.randrange(10**7, 10**8)}",
        "reference": f"CLI-{place:05}" if place % 2 else None,
        "notes": "Paie souvent « à l'échéance ».\nÀ relancer." if place % 11 == 1 else None,
    }
    if individual:
        data |= {"first_name": first, "last_name": last}
    else:
        data |= {"vat_number": f"FR{rng.randrange(10, 99)}{siren}", "reg_no": siren}
    data |= {
        "ledger_account": None if place % 29 == 0 else {"id": account.id},
        "emails": [_email(name, row_id + n) for n in range(place % 3)],
        "billing_address": home,
        "delivery_address": address(rng) if place % 5 == 0 else home,
        "created_at": created,
        "updated_at": stamp or later(created, rng),
        "customer_type": "individual" if individual else "company",
        "external_reference": f"ext-{rng.getrandbits(64):016x}",
        "billing_language": {0: "en_GB", 5: "es_ES"}.get(place % 17, "fr_FR"),
        "mandates": filtered("gocardless_mandates", "customer_id", row_id),
        "pro_account_mandates": filtered("pro_account/mandates", "customer_id", row_id),
        "contacts": link(f"customers/{row_id}/contacts"),
    }
    hidden: Json = {
        "account": account,
        "shares": rng.choice(books.share_pool) if place % 3 == 1 else (),
        "contacts": 1 + place % 3 if place % 2 else 0,
    }
    return Doc(row_id, data, hidden), account


def make_supplier(books: Books, stamp: str | None = None) -> tuple[Doc, Account]:
    """Make a supplier."""
    rng = books.rng
    row_id = books.next_id("suppliers")
    created = stamp or instant(books.calendar.days[rng.randrange(120)], rng)
    place = books.count("suppliers")
    name = company_name(rng)
    account = auxiliary_account(books, "401", name, created)
    siren = f"{rng.randrange(10**8, 10**9)}"
    known = place % 7 != 0
    data: Json = {
        "id": row_id,
        "name": name,
        "establishment_no": f"{siren}{rng.randrange(10**4, 10**5)}" if known else None,
        "reg_no": siren if known else None,
        "vat_number": f"FR{rng.randrange(10, 99)}{siren}",
        "ledger_account": None if place % 23 == 0 else {"id": account.id},
        "emails": [_email(name, row_id + n) for n in range(place % 3)],
        "iban": iban(rng),
        "postal_address": address(rng),
        "supplier_payment_method": rng.choice(("automatic_transfer", "card", "check", None)),
        "supplier_due_date_delay": rng.choice((30, 45, 60)) if place % 3 else None,
        "supplier_due_date_rule": rng.choice(("days", "days_or_end_of_month"))
        if place % 3
        else None,
        "external_reference": f"ext-{rng.getrandbits(64):016x}",
        "created_at": created,
        "updated_at": stamp or later(created, rng),
    }
    shares = rng.choice(books.share_pool) if place % 3 == 1 else ()
    return Doc(row_id, data, {"account": account, "shares": shares}), account


def make_product(books: Books, stamp: str | None = None) -> Doc:
    """Make a product of the catalogue."""
    rng = books.rng
    row_id = books.next_id("products")
    created = stamp or instant(books.calendar.days[rng.randrange(120)], rng)
    place = books.count("products")
    code, rate = rng.choice(VAT_CODES)
    price = rng.randrange(500, 250_000)
    label = rng.choice(PRODUCTS)
    data: Json = {
        "id": row_id,
        "label": f"{label} ({place})",
        "description": f"{label}, référence {place}" if place % 4 else "",
        "external_reference": f"ext-{rng.getrandbits(64):016x}",
        "price_before_tax": short(price),
        "vat_rate": code,
        "price": short(price + share(price, rate)),
        "unit": rng.choice(("piece", "hour", "kg", "m²")),
        "currency": "EUR",
        "reference": f"REF-{place:04}" if place % 2 else None,
        "substance": rng.choice(("goods", "services", None)),
        "ledger_account": {"id": books.account("706000").id} if place % 3 else None,
        "archived_at": instant(shift(books.calendar.last_day, -120), rng)
        if place % 13 == 0
        else None,
        "custom_fields": [{"name": "Marque", "value": f"M{place:02}"}] if place % 4 == 0 else [],
        "created_at": created,
        "updated_at": stamp or later(created, rng),
    }
    return Doc(row_id, data, {})

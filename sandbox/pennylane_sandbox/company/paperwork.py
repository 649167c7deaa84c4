"""Mandates, purchase requests, registrations and webhooks."""

from collections.abc import Iterator

from pennylane_sandbox.calendar import instant, later
from pennylane_sandbox.company.books import Books, filtered, reference
from pennylane_sandbox.company.parties import address, iban
from pennylane_sandbox.company.vocabulary import BANKS
from pennylane_sandbox.model import Doc
from pennylane_sandbox.money import share, short

_NUMBERINGS = (
    ("invoice", "F-%Y-"),
    ("credit_note", "A-%Y-"),
    ("estimate", "D%y%m-"),
    ("proforma", None),
)
_EVENTS = ("customer_invoice.e_invoicing_status_updated", "dms_file.created")
_REQUEST_STATUSES = ("to_be_validated", "approved", "rejected", "invoiced")


def _stamps(books: Books, stamp: str | None) -> tuple[str, str]:
    days = books.calendar.days
    created = stamp or instant(days[books.rng.randrange(len(days))], books.rng)
    return created, stamp or later(created, books.rng)


def make_sepa_mandate(books: Books, customer: Doc, stamp: str | None = None) -> Doc:
    """Make a SEPA mandate."""
    rng = books.rng
    row_id = books.next_id("sepa_mandates")
    place = books.count("sepa_mandates")
    created, updated = _stamps(books, stamp)
    data = {
        "id": row_id,
        "bank": BANKS[place % len(BANKS)] if place % 3 else None,
        "bic": rng.choice(("BNPAFRPP", "AGRIFRPP", "SOGEFRPP")),
        "iban": iban(rng),
        "sequence_type": ("RCUR", "FRST", "OOFF", "FNAL")[place % 4],
        "signed_at": created[:10],
        "identifier": f"RUM-{place:06}",
        "customer": reference("customers", customer.id),
        "created_at": created,
        "updated_at": updated,
    }
    return Doc(row_id, data, {})


def make_gocardless_mandate(books: Books, customer: Doc, stamp: str | None = None) -> Doc:
    """Make a GoCardless mandate."""
    rng = books.rng
    row_id = books.next_id("gocardless_mandates")
    place = books.count("gocardless_mandates")
    created, updated = _stamps(books, stamp)
    data = {
        "id": row_id,
        "external_reference": f"MD{rng.getrandbits(40):010X}" if place % 4 else None,
        "customer": reference("customers", customer.id) if place % 5 else None,
        "status": ("active", "pending_submission", "cancelled", "failed")[place % 4],
        "external_customer_account": f"CU{place:06}",
        "external_customer_label": customer.data["name"] if place % 3 else None,
        "created_at": created,
        "updated_at": updated,
    }
    return Doc(row_id, data, {})


def make_pro_account_mandate(books: Books, customer: Doc, stamp: str | None = None) -> Doc:
    """Make a pro account's mandate: it has no id in the API, and each customer has only one."""
    place = books.count("pro_account/mandates")
    created, _ = _stamps(books, stamp)
    data = {
        "status": "enabled" if place % 3 else "disabled",
        "early_execution_date_permitted": place % 2 == 0,
        "active_billing_subscription": place % 4 == 0,
        "signed_at": created[:10] if place % 3 else None,
        "created_at": created,
        "pdf_url": f"https://app.pennylane.com/mandates/{customer.id:x}.pdf" if place % 2 else None,
        "customer": reference("customers", customer.id),
    }
    return Doc(customer.id, data, {})


def make_migration(books: Books, mandate: Doc, kind: str) -> Doc:
    """Make a mandate's migration to the pro account."""
    row_id = books.next_id("pro_account/mandate_migrations")
    place = books.count("pro_account/mandate_migrations")
    created, updated = _stamps(books, None)
    done = place % 2 == 0
    customer = mandate.data["customer"]
    data = {
        "id": row_id,
        "status": "completed" if done else "available",
        "direct_debit_method": "GoCardless" if kind == "Mandate" else "XML",
        "signed_at": created if place % 3 else None,
        "error_message": "Échec : IBAN refusé" if place % 7 == 1 else None,
        "migrated_at": updated if done else None,
        "migration_started_at": created if done else None,
        "mandate": {"id": mandate.id, "type": kind},
        "customer": customer
        and customer
        | {"pro_account_mandate": filtered("pro_account/mandates", "customer_id", customer["id"])},
        "created_at": created,
        "updated_at": updated,
    }
    return Doc(row_id, data, {})


def make_purchase_request(books: Books, supplier: Doc, stamp: str | None = None) -> Doc:
    """Make a purchase request."""
    rng = books.rng
    row_id = books.next_id("purchase_requests")
    place = books.count("purchase_requests")
    created, updated = _stamps(books, stamp)
    before_tax = rng.randrange(5_000, 300_000)
    tax = share(before_tax, 20_000)
    status = _REQUEST_STATUSES[place % len(_REQUEST_STATUSES)]
    bill = rng.choice(books.supplier_invoices.ids)
    where = address(rng)
    data = {
        "id": row_id,
        "purchase_order_number": f"BC-{place:05}" if place % 4 else None,
        "supplier": reference("suppliers", supplier.id),
        "delivery_address": where if place % 3 else dict.fromkeys(where),
        "status": status,
        "currency": "EUR",
        "reason": "Remplacement d'un écran cassé à l'atelier",
        "estimated_delivery_date": books.calendar.last_day if place % 2 else None,
        "amount": short(before_tax + tax),
        "currency_amount": short(before_tax + tax),
        "currency_amount_before_tax": short(before_tax),
        "exchange_rate": "1.0",
        "currency_tax": short(tax),
        "tax": short(tax),
        "purchase_order": {
            "filename": f"Bon-de-commande_n°{place}.pdf",
            "url": f"https://app.pennylane.com/purchase_orders/{row_id:x}.pdf",
        }
        if place % 4
        else None,
        "linked_invoices": {
            "items": [reference("supplier_invoices", bill)] if status == "invoiced" else []
        },
        "created_at": created,
        "updated_at": updated,
    }
    users = [one.id for one in books.employees]
    hidden = {
        "user_id": users[place % len(users)],
        "reviewed_by_id": None if status == "to_be_validated" else users[0],
    }
    return Doc(row_id, data, hidden)


def make_webhook(books: Books, stamp: str | None = None) -> Doc:
    """Make a webhook subscription; every other one was disabled after failures."""
    row_id = books.next_id("webhook_subscriptions")
    place = books.count("webhook_subscriptions")
    created, updated = _stamps(books, stamp)
    failed = place % 2 == 0
    data = {
        "id": row_id,
        "callback_url": f"https://exemple.fr/webhooks/{place}",
        "events": list(_EVENTS[: 1 + place % 2]),
        "enabled": not failed,
        "disabled_at": updated if failed else None,
        "disabled_reason": "repeated_failure" if failed else None,
        "last_failure_status": 503 if failed else None,
        "last_failure_at": updated if failed else None,
        "consecutive_failures": 5 if failed else 0,
        "created_at": created,
        "updated_at": updated,
    }
    return Doc(row_id, data, {})


def make_registrations(books: Books) -> list[Doc]:
    """Make the company's registrations for electronic invoicing: its head office and a branch."""
    rows = []
    for siret, direction in ((None, "emission_and_reception"), ("73282932000074", "reception")):
        row_id = books.next_id("pa_registrations")
        created, updated = _stamps(books, None)
        data = {
            "id": row_id,
            "siret": siret,
            "siren": "732829320",
            "status": "activated" if siret is None else "lost",
            "exchange_direction": direction,
            "created_at": created,
            "updated_at": updated,
        }
        rows.append(Doc(row_id, data, {}))
    return rows


def make_numberings(books: Books) -> Iterator[Doc]:
    """Make the numberings; a document type that nobody configured has none."""
    for kind, prefix in _NUMBERINGS:
        row_id = books.next_id("numberings")
        data = {
            "id": row_id,
            "kind": kind,
            "number_prefix": prefix,
            "next_number": books.count("customer_invoices") + 1 if kind == "invoice" else 1,
        }
        yield Doc(row_id, data, {})

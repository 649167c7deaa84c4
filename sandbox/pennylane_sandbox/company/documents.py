"""Quotes, commercial documents and subscriptions: what comes before an invoice."""

from pennylane_sandbox.calendar import instant, later, shift
from pennylane_sandbox.company.books import Books, filtered, link, reference
from pennylane_sandbox.company.vocabulary import VAT_CODES
from pennylane_sandbox.model import Doc, Json
from pennylane_sandbox.money import share, short

_QUOTE_STATUSES = ("pending", "accepted", "denied", "invoiced", "expired")
_DOCUMENT_TYPES = ("proforma", "shipping_order", "purchasing_order")
_SUBSCRIPTION_STATUSES = ("in_progress", "draft", "stopped", "finished", "not_started")


def _amounts(books: Books) -> tuple[Json, Json]:
    """Draw amounts: as the document shows them, and as its lines use them."""
    rng = books.rng
    code, rate = rng.choice(VAT_CODES)
    before_tax = rng.randrange(10_000, 2_000_000)
    tax = share(before_tax, rate)
    shown = {
        "currency": "EUR",
        "amount": short(before_tax + tax),
        "currency_amount": short(before_tax + tax),
        "currency_amount_before_tax": short(before_tax),
        "exchange_rate": "1.0",
        "currency_tax": short(tax),
        "tax": short(tax),
    }
    return shown, {
        "before_tax": before_tax,
        "tax": tax,
        "vat_rate": code,
        "line_count": rng.randrange(1, 6),
    }


def _draw_day(books: Books) -> str:
    days = books.calendar.days
    return days[books.rng.randrange(30, len(days))]


def make_quote(books: Books, customer: Doc, stamp: str | None = None) -> Doc:
    """Make a quote."""
    rng = books.rng
    row_id = books.next_id("quotes")
    place = books.count("quotes")
    day = books.calendar.last_day if stamp else _draw_day(books)
    created = stamp or instant(day, rng)
    amounts, hidden = _amounts(books)
    own = f"quotes/{row_id}"
    number = f"D-{day[:4]}-{place:04}"
    data = {
        "id": row_id,
        "label": f"Devis {customer.data['name']}" if place % 6 else None,
        "quote_number": number,
        **amounts,
        "date": day,
        "deadline": shift(day, 30) if place % 5 else None,
        "language": customer.data["billing_language"],
        "status": _QUOTE_STATUSES[place % len(_QUOTE_STATUSES)],
        "discount": {"type": "relative", "value": "10"}
        if place % 4 == 0
        else {"type": "absolute", "value": "0.0"},
        "public_file_url": f"https://app.pennylane.com/public/quote/pdf?id={row_id:x}"
        if place % 7
        else None,
        "filename": f"{number}.pdf" if place % 3 else None,
        "special_mention": None,
        "customer": reference("customers", customer.id),
        "invoice_line_sections": link(f"{own}/invoice_line_sections"),
        "invoice_lines": link(f"{own}/invoice_lines"),
        "linked_invoices": filtered("customer_invoices", "quote_id", row_id),
        "pdf_invoice_free_text": "Devis gratuit, valable un mois",
        "pdf_invoice_subject": "Étude",
        "pdf_description": None if place % 3 else "Selon notre entretien",
        "quote_template": {"id": rng.choice(tuple(books.templates.rows))} if place % 2 else None,
        "appendices": link(f"{own}/appendices"),
        "external_reference": f"DEV-{rng.getrandbits(40):010x}",
        "archived_at": instant(day, rng) if place % 11 == 3 else None,
        "created_at": created,
        "updated_at": stamp or later(created, rng),
    }
    return Doc(row_id, data, hidden)


def make_commercial_document(books: Books, customer: Doc, stamp: str | None = None) -> Doc:
    """Make a proforma invoice, a shipping order or a purchasing order."""
    rng = books.rng
    row_id = books.next_id("commercial_documents")
    place = books.count("commercial_documents")
    day = books.calendar.last_day if stamp else _draw_day(books)
    created = stamp or instant(day, rng)
    amounts, hidden = _amounts(books)
    own = f"commercial_documents/{row_id}"
    number = f"DC-{day[:4]}-{place:04}"
    quote_id = rng.choice(books.quotes.ids)
    data = {
        "id": row_id,
        "label": f"Document n° {place}" if place % 4 else None,
        "document_number": number,
        "document_type": _DOCUMENT_TYPES[place % len(_DOCUMENT_TYPES)],
        **amounts,
        "date": day,
        "deadline": shift(day, 20) if place % 3 else None,
        "language": customer.data["billing_language"],
        "discount": {"type": "relative", "value": "5"}
        if place % 2
        else {"type": "absolute", "value": None},
        "public_file_url": None,
        "filename": f"{number}.pdf",
        "special_mention": None,
        "customer": reference("customers", customer.id) if place % 9 else None,
        "invoice_line_sections": link(f"{own}/invoice_line_sections"),
        "invoice_lines": link(f"{own}/invoice_lines"),
        "quote": reference("quotes", quote_id) if place % 2 else None,
        "pdf_invoice_free_text": "",
        "pdf_invoice_subject": "Livraison",
        "pdf_description": None,
        "commercial_document_template": {"id": rng.choice(tuple(books.templates.rows))}
        if place % 3
        else None,
        "appendices": link(f"{own}/appendices"),
        "external_reference": f"DOC-{rng.getrandbits(40):010x}",
        "archived_at": None,
        "created_at": created,
        "updated_at": stamp or later(created, rng),
    }
    return Doc(row_id, data, hidden)


def _rule(books: Books, place: int) -> Json:
    yearly = place % 5 == 4
    return {
        "day_of_month": None if yearly else [1 + place % 28],
        "month_of_year": [1 + place % 12] if yearly else None,
        "week_start": 1,
        "day": None,
        "rule_type": "yearly" if yearly else "monthly",
        "interval": 1,
        "count": 12 if place % 3 == 0 else None,
        "until": f"{books.calendar.year(-1)}-12-31" if place % 6 == 1 else None,
    }


def make_subscription(books: Books, customer: Doc, stamp: str | None = None) -> Doc:
    """Make a billing subscription."""
    rng = books.rng
    row_id = books.next_id("billing_subscriptions")
    place = books.count("billing_subscriptions")
    day = books.calendar.last_day if stamp else _draw_day(books)
    created = stamp or instant(day, rng)
    amounts, hidden = _amounts(books)
    own = f"billing_subscriptions/{row_id}"
    status = _SUBSCRIPTION_STATUSES[place % len(_SUBSCRIPTION_STATUSES)]
    stopped = instant(shift(day, 9), rng) if status == "stopped" else None
    by_mail = place % 3 == 0
    invoice = {
        "label": f"Abonnement {customer.data['name']}" if place % 4 else None,
        "currency": amounts["currency"],
        "amount": amounts["amount"],
        "currency_amount": amounts["currency_amount"],
        "currency_amount_before_tax": amounts["currency_amount_before_tax"],
        "exchange_rate": amounts["exchange_rate"],
        "currency_tax": amounts["currency_tax"],
        "language": customer.data["billing_language"],
        "customer_invoice_template": {"id": rng.choice(tuple(books.templates.rows))}
        if place % 2
        else None,
        "discount": {"type": "relative", "value": "2.5" if place % 2 else None},
        "pdf_invoice_free_text": "",
        "pdf_invoice_subject": "Abonnement",
        "pdf_description": None,
        "special_mention": None,
        "invoice_line_sections": link(f"{own}/invoice_line_sections"),
        "invoice_lines": link(f"{own}/invoice_lines"),
    }
    data = {
        "id": row_id,
        "next_occurrence": shift(books.calendar.last_day, 15) if status == "in_progress" else None,
        "prev_occurrence": day if status in {"in_progress", "stopped"} else None,
        "stopped_at": stopped,
        "start": day,
        "finish": shift(day, 365) if place % 3 else None,
        "status": status,
        "mode": ("email" if by_mail else "finalized") if place % 2 else "awaiting_validation",
        "activated_at": None if status == "draft" else created,
        "payment_conditions": "30_days" if place % 4 else None,
        "payment_method": ("offline", "gocardless_direct_debit")[place % 2],
        "label": f"Abonnement n° {place}" if place % 7 else None,
        "email_settings": {
            "recipients": ["achats@exemple.fr"],
            "billing_email_template": {"id": 77, "label": "Modèle d'envoi"} if place % 2 else None,
        }
        if by_mail
        else None,
        "recurring_rule": _rule(books, place),
        "customer": reference("customers", customer.id),
        "customer_invoice_data": invoice,
        "created_at": created,
        "updated_at": stamp or later(created, rng),
    }
    return Doc(row_id, data, hidden)

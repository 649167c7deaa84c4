"""Invoices as the API shows them."""

from uuid import NAMESPACE_URL, uuid5

from pennylane_sandbox.company.books import link, reference
from pennylane_sandbox.model import Invoice, Json
from pennylane_sandbox.money import short

_SALES_E_INVOICING = ("submitted", "sent", "approved", "refused", "collected")
_PURCHASES_E_INVOICING = ("waiting_for_validation", "approved", "disputed", "collected", None)


def _public_file(kind: str, row: Invoice) -> str | None:
    if row.entry.filename is None:
        return None
    token = uuid5(NAMESPACE_URL, f"{kind}/{row.id}").hex
    return f"https://app.pennylane.com/public/invoice/pdf?encrypted_id={token}"


def flow_id(row: Invoice) -> str | None:
    """Return the identifier of an electronic invoice, if it is one."""
    return str(uuid5(NAMESPACE_URL, f"flow/{row.id}")) if row.id % 5 == 0 else None


def electronic_address(row: Invoice) -> str | None:
    """Return the address at which an electronic invoice was received, if it has one."""
    return f"0009:{row.party.id}" if flow_id(row) and row.id % 4 else None


def _payment_account(row: Invoice) -> Json | None:
    """Refer to the account to which the paid amount was moved: here, the account of the debt."""
    if not row.transactions:
        return None
    return reference("ledger_accounts", row.party.hidden["account"].id)


def _remaining_before_tax(row: Invoice) -> int:
    return row.remaining - (row.remaining * row.euro_tax // row.euro_amount)


def _transaction_reference(row: Invoice) -> Json | None:
    if row.id % 6:
        return None
    return {
        "banking_provider": "bank",
        "provider_field_name": "label",
        "provider_field_value": row.number,
    }


def _customer_status(row: Invoice) -> str:
    if row.archived_at is not None:
        return "archived"
    if row.draft:
        return "draft"
    if row.credited_id is not None:
        return "credit_note"
    if row.remaining == 0:
        return "paid"
    if row.transactions:
        return "partially_paid"
    return "late" if row.deadline is not None and row.is_due else "upcoming"


def customer_invoice(row: Invoice) -> Json:
    """Show a customer invoice or a credit note."""
    own = f"customer_invoices/{row.id}"
    flow = flow_id(row)
    return {
        "id": row.id,
        "label": row.label,
        "invoice_number": row.number,
        "currency": row.currency,
        "amount": short(row.euro_amount),
        "currency_amount": short(row.amount),
        "currency_amount_before_tax": short(row.before_tax),
        "exchange_rate": row.rate,
        "date": row.shown_date,
        "deadline": row.deadline,
        "currency_tax": short(row.tax),
        "tax": short(row.euro_tax),
        "language": row.party.data["billing_language"],
        "paid": row.remaining == 0,
        "status": _customer_status(row),
        "discount": {"type": "absolute", "value": "0.0"}
        if row.id % 4
        else {"type": "relative", "value": "0"},
        "ledger_entry": {"id": row.entry.id},
        "public_file_url": _public_file("customer", row),
        "filename": row.entry.filename,
        "remaining_amount_with_tax": short(row.remaining),
        "remaining_amount_without_tax": short(_remaining_before_tax(row)),
        "draft": row.draft,
        # The company does not use it: always null.
        "special_mention": None,
        "customer": reference("customers", row.party.id),
        "invoice_line_sections": link(f"{own}/invoice_line_sections"),
        "invoice_lines": link(f"{own}/invoice_lines"),
        "custom_header_fields": link(f"{own}/custom_header_fields"),
        "categories": link(f"{own}/categories"),
        "pdf_invoice_free_text": "Merci pour votre confiance !" if row.id % 3 else "",
        "pdf_invoice_subject": row.label or "",
        "pdf_description": "Prestation réalisée\nà distance" if row.id % 7 == 0 else None,
        "billing_subscription": {"id": row.subscription_id} if row.subscription_id else None,
        "credited_invoice": reference("customer_invoices", row.credited_id)
        if row.credited_id
        else None,
        "customer_invoice_template": {"id": row.template_id} if row.template_id else None,
        "transaction_reference": _transaction_reference(row),
        "payments": link(f"{own}/payments"),
        "matched_transactions": link(f"{own}/matched_transactions"),
        "appendices": link(f"{own}/appendices"),
        "quote": {"id": row.quote_id} if row.quote_id else None,
        "external_reference": row.reference,
        "e_invoicing": {
            "status": _SALES_E_INVOICING[row.id // 5 % len(_SALES_E_INVOICING)],
            "reason": "Adresse erronée" if row.id % 10 else None,
            "flow": {"id": flow} if row.id % 3 else None,
        }
        if flow
        else None,
        "factur_x": row.id % 2 == 0,
        # No invoice has instalments: always null.
        "installments": None,
        "payment_method_ledger_account": _payment_account(row),
        "purchase_order_reference": f"BC-{row.id % 1000:04}" if row.id % 3 == 0 else None,
        "sales_order_reference": row.reference if row.id % 4 == 0 else None,
        "schematron_validation_status": ("valid", "pending", "invalid", None)[row.id % 4],
        "archived_at": row.archived_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def payment_status(row: Invoice) -> str:
    """Return the payment status of a supplier invoice."""
    if row.remaining == 0:
        return "fully_paid"
    if row.transactions:
        return "partially_paid"
    return "to_be_paid" if row.id % 3 else "to_be_processed"


def supplier_invoice(row: Invoice) -> Json:
    """Show a supplier invoice."""
    own = f"supplier_invoices/{row.id}"
    flow = flow_id(row)
    return {
        "id": row.id,
        "label": row.label,
        "invoice_number": row.number,
        "currency": row.currency,
        "amount": short(row.euro_amount),
        "currency_amount": short(row.amount),
        "currency_amount_before_tax": short(row.before_tax),
        "exchange_rate": row.rate,
        "date": row.shown_date,
        "deadline": row.deadline,
        "currency_tax": short(row.tax),
        "tax": short(row.euro_tax),
        "reconciled": row.remaining == 0,
        "accounting_status": "validation_needed"
        if row.entry.status == "validation_needed"
        else "complete",
        "filename": row.entry.filename,
        "public_file_url": _public_file("supplier", row),
        "remaining_amount_with_tax": short(row.remaining),
        "remaining_amount_without_tax": short(_remaining_before_tax(row)),
        "ledger_entry": {"id": row.entry.id},
        "supplier": reference("suppliers", row.party.id),
        "invoice_lines": link(f"{own}/invoice_lines"),
        "categories": link(f"{own}/categories"),
        "transaction_reference": _transaction_reference(row),
        "payment_status": payment_status(row),
        "paid": row.remaining == 0,
        "payments": link(f"{own}/payments"),
        "matched_transactions": link(f"{own}/matched_transactions"),
        "external_reference": row.reference,
        "payment_method_ledger_account": _payment_account(row),
        "import_source": {"source": "dropbox", "path": f"/FACTURES/{row.date[:4]}/{row.number}.pdf"}
        if row.id % 4 == 0
        else None,
        "e_invoicing": {
            "status": _PURCHASES_E_INVOICING[row.id // 5 % len(_PURCHASES_E_INVOICING)],
            "reason": "incorrect_vat_rate" if row.id % 2 else None,
            "flow": {"id": flow} if row.id % 3 else None,
            "electronic_billing_address": electronic_address(row),
            "source_file_url": None if row.id % 2 else f"https://app.pennylane.com/flows/{flow}",
        }
        if flow
        else None,
        "archived_at": row.archived_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }

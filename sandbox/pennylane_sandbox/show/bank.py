"""Transactions as the API shows them."""

from pennylane_sandbox.company.books import link, reference
from pennylane_sandbox.model import Json, Transaction
from pennylane_sandbox.money import short
from pennylane_sandbox.show.ledger import category_shares


def _transaction(row: Transaction) -> Json:
    amount = short(row.cents)
    return {
        "id": row.id,
        "label": row.label,
        "attachment_required": row.attachment_required,
        "date": row.date,
        "outstanding_balance": short(row.outstanding) if row.id % 9 else None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "archived_at": row.archived_at,
        "currency": "EUR" if row.id % 25 else None,
        "currency_amount": amount,
        "amount": amount,
        # The company's bank charges no transaction fees: always null.
        "currency_fee": None,
        "fee": None,
        "journal": {"id": row.entry.journal.id},
        "bank_account": reference("bank_accounts", row.bank_account.id),
        "pro_account_expense": {
            "employee": row.employee.data if row.id % 4 else None,
            "card_masked_number": f"497010XXXXXX{row.employee.id % 10_000:04}",
        }
        if row.employee
        else None,
        "categories": category_shares(row.shares),
    }


def transaction(row: Transaction) -> Json:
    """Show a bank transaction."""
    return _transaction(row) | {
        "journal": reference("journals", row.entry.journal.id),
        "customer": reference("customers", row.customer.id) if row.customer else None,
        "supplier": reference("suppliers", row.supplier.id) if row.supplier else None,
        "matched_invoices": link(f"transactions/{row.id}/matched_invoices"),
        "interbank_code": row.interbank_code,
    }


def of_customer_invoice(row: Transaction) -> Json:
    """Show a transaction below the customer invoice that it pays."""
    customer = reference("customers", row.customer.id) if row.customer else None
    return _transaction(row) | {"customer": customer}


def of_supplier_invoice(row: Transaction) -> Json:
    """Show a transaction below the supplier invoice that it pays."""
    supplier = reference("suppliers", row.supplier.id) if row.supplier else None
    return _transaction(row) | {"supplier": supplier}

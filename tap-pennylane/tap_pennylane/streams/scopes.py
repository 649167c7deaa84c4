"""The token scope that each stream needs, to be ticked when a token is created."""

from __future__ import annotations

SCOPES: dict[str, str | None] = {
    "/bank_accounts": "bank_accounts:readonly",
    "/bank_establishments": "bank_establishments:readonly",
    "/billing_subscriptions": "billing_subscriptions:readonly",
    "/categories": "categories:readonly",
    "/category_groups": "categories:readonly",
    "/commercial_documents": "commercial_documents:readonly",
    "/companies": "companies:readonly",
    "/company/features": None,
    "/customer_invoice_templates": "customer_invoice_templates:readonly",
    "/customer_invoices": "customer_invoices:readonly",
    "/customers": "customers:readonly",
    "/dms": "dms_files:readonly",
    "/exports/analytical_general_ledgers": "exports:agl",
    "/exports/fecs": "exports:fec",
    "/exports/general_ledgers": "exports:gl",
    "/fiscal_years": "fiscal_years:readonly",
    "/gocardless_mandates": "customer_mandates:readonly",
    "/journals": "journals:readonly",
    "/ledger_accounts": "ledger_accounts:readonly",
    "/ledger_entries": "ledger_entries:readonly",
    "/ledger_entry_lines": "ledger_entries:readonly",
    "/me": None,
    "/numberings": "customer_invoices:readonly",
    "/pa_registrations": "pa_registrations:readonly",
    "/pro_account": "customer_mandates:readonly",
    "/products": "products:readonly",
    "/purchase_requests": "purchase_requests:readonly",
    "/quotes": "quotes:readonly",
    "/sepa_mandates": "customer_mandates:readonly",
    "/supplier_invoices": "supplier_invoices:readonly",
    "/suppliers": "suppliers:readonly",
    "/transactions": "transactions:readonly",
    "/trial_balance": "trial_balance:readonly",
    "/webhook_subscriptions": None,
}
"""The scope by the beginning of a path; None if the API requires none."""


def scope(path: str) -> str | None:
    """Return the read-only scope that a path requires; None if it requires none.

    Args:
        path: A stream's path.

    Raises:
        KeyError: No scope is declared for it.
    """
    begins = [start for start in SCOPES if f"{path}/".startswith(f"{start}/")]
    return SCOPES[max(begins, key=len, default=path)]

"""The rows that others refer to: they are drawn for deletion only if there are no others."""

from collections.abc import Callable, Iterable
from typing import Any

from pennylane_sandbox.company.books import Books


def _named(books: Books, name: str, *resources: str) -> Iterable[int]:
    """Yield the ids that rows of these collections refer to with a key."""
    for resource in resources:
        for row in books.collections[resource]:
            if target := row.data[name]:
                yield target["id"]


def _customers(books: Books) -> Iterable[int]:
    yield from _named(
        books,
        "customer",
        "billing_subscriptions",
        "commercial_documents",
        "gocardless_mandates",
        "pro_account/mandates",
        "quotes",
        "sepa_mandates",
    )
    yield from (row.party.id for row in books.customer_invoices)
    yield from (row.customer.id for row in books.transactions if row.customer)


def _suppliers(books: Books) -> Iterable[int]:
    yield from _named(books, "supplier", "purchase_requests")
    yield from (row.party.id for row in books.supplier_invoices)
    yield from (row.supplier.id for row in books.transactions if row.supplier)


def _quotes(books: Books) -> Iterable[int]:
    yield from _named(books, "quote", "commercial_documents")
    yield from (row.quote_id for row in books.customer_invoices if row.quote_id)


def _bills(books: Books) -> Iterable[int]:
    for request in books.collections["purchase_requests"]:
        yield from (one["id"] for one in request.data["linked_invoices"]["items"])


_REFERRED: dict[str, Callable[[Books], Iterable[int | None]]] = {
    "billing_subscriptions": lambda books: (row.subscription_id for row in books.customer_invoices),
    "customer_invoices": lambda books: (row.credited_id for row in books.customer_invoices),
    "customers": _customers,
    "gocardless_mandates": lambda books: _named(books, "mandate", "pro_account/mandate_migrations"),
    "products": lambda books: books.product_ids,
    "quotes": _quotes,
    "sepa_mandates": lambda books: _named(books, "mandate", "pro_account/mandate_migrations"),
    "supplier_invoices": _bills,
    "suppliers": _suppliers,
}


def referred(books: Books, resource: str) -> set[Any]:
    """Return the ids of a resource's rows that other rows refer to."""
    finder = _REFERRED.get(resource)
    return set(finder(books)) if finder else set()

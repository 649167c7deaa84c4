"""Numbered pages, as a few lists of the Firm API have them."""

from collections.abc import Callable, Sequence
from typing import Any

from pennylane_sandbox.api import query as asked
from pennylane_sandbox.api.errors import refuse
from pennylane_sandbox.api.query import Query
from pennylane_sandbox.model import Json


def page(
    query: Query, rows: Sequence[Any], show: Callable[[Any], Json], default: int, most: int
) -> Json:
    """Return the requested page; one after the last is empty."""
    for name in ("cursor", "limit"):
        if name in query:
            refuse(400, f"{name} is not a parameter of this endpoint")
    size = asked.number(query, "per_page", default, most)
    current = asked.number(query, "page", 1)
    first = (current - 1) * size
    return {
        "items": [show(row) for row in rows[first : first + size]],
        "total_pages": max(1, -(-len(rows) // size)),
        "current_page": current,
        "total_items": len(rows),
        "per_page": size,
    }

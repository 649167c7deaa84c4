"""Queries of Pennylane's lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def filtered(query: Mapping[str, Any], *conditions: tuple[str, str, object]) -> dict[str, Any]:
    """Return a query with additional conditions, each of field, operator and value."""
    filters = json.loads(query.get("filter", "[]")) + [
        {"field": field, "operator": operator, "value": value}
        for field, operator, value in conditions
    ]
    return {**query, "filter": json.dumps(filters)} if filters else dict(query)


def from_the_end(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return a query for the last page instead of the first."""
    return {**query, "sort": "-id"}

"""Queries of Pennylane's lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def filtered(query: Mapping[str, Any], *conditions: tuple[str, str, object]) -> dict[str, Any]:
    """Add conditions to a query: field, operator, value."""
    filters = json.loads(query.get("filter", "[]")) + [
        {"field": field, "operator": operator, "value": value}
        for field, operator, value in conditions
    ]
    return {**query, "filter": json.dumps(filters)} if filters else dict(query)


def from_the_end(query: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for the last page instead of the first."""
    return {**query, "sort": "-id"}

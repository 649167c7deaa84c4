"""The dashboard for Grafana, held against Grafana's own types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

if TYPE_CHECKING:
    from collections.abc import Iterator

DASHBOARD = Path(__file__).parents[2] / "docker" / "grafana" / "pennylane.json"


def test_the_dashboard_is_what_grafana_s_schema_describes() -> None:
    """Each key is one that Grafana's own types know: they keep all that they read."""
    register_default_plugins()
    board = json.loads(DASHBOARD.read_text())
    known = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(board)))
    assert [*lost(board, known)] == []
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len({*places}) == len(places)


def lost(
    given: object,
    kept: Any,  # noqa: ANN401 - JSON
    path: str = "",
) -> Iterator[str]:
    """What is not kept, by its path."""
    if isinstance(given, dict):
        for name, value in given.items():
            if name in kept:
                yield from lost(value, kept[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif isinstance(given, list):
        for place, (value, other) in enumerate(zip(given, kept, strict=True)):
            yield from lost(value, other, f"{path}[{place}]")
    elif given != kept:
        yield path

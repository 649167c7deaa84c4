"""Generate the tables in the READMEs and docs from the tap itself.

python tap-pennylane/scripts/generate_docs.py

A table is placed between `<!-- NAME: generated -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tap_pennylane import settings
from tap_pennylane.streams.base import PennylaneStream
from tap_pennylane.streams.child import ChildStream, IncludedChildStream
from tap_pennylane.streams.scopes import scope
from tap_pennylane.streams.sync_log import SyncLog
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGE = Path(__file__).parents[1]
PAGES = (
    PACKAGE / "README.md",
    PACKAGE.parent / "README.md",
    PACKAGE.parent / "docs" / "set-up.md",
)


def table(*rows: Iterable[str]) -> str:
    """A Markdown table; the first row is its header."""
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, re.sub(r"[^|]+", "---", head), *body])


def streams() -> str:
    """Every stream: its table, keys, how it is kept fresh, and its contents."""
    return table(
        ("Table", "Key", "Kept fresh by", "Contents"),
        *(
            (
                f"`{name}`",
                ", ".join(f"`{key}`" for key in stream.primary_keys),
                freshness(stream),
                doc(stream),
            )
            for name, stream in sorted(TapPennylane(validate_config=False).streams.items())
        ),
    )


def freshness(stream: PennylaneStream | SyncLog) -> str:
    """How a stream is kept fresh, in words."""
    if isinstance(stream, SyncLog):
        return "rows added by every run"
    if isinstance(stream, IncludedChildStream):
        return "its parent's changelog"
    if isinstance(stream, ChildStream):
        how = (
            "its parent's changelog"
            if stream.changelog
            else f"a full read every {stream.refresh_hours} h"
        )
        return f"{how}; off by default"
    if stream.changelog:
        return "its changelog" if stream.changelog.endswith(f"/{stream.name}") else "changelogs"
    hours = stream.refresh_hours
    read = f"a full read every {hours} h" if hours else "a full read in every run"
    if stream.replaces_parts:
        read = f"by fiscal year, when `{stream.moved_by}` changed"
    elif stream.moved_by:
        read = f"when `{stream.moved_by}` changed, and {read}"
    return read if stream.selected_by_default else f"{read}; off by default"


def doc(stream: object) -> str:
    """The first line of a stream's documentation."""
    return (type(stream).__doc__ or "").splitlines()[0]


def settings_table() -> str:
    """Every setting: its environment variable, default and meaning."""
    return table(
        ("Setting", "Environment variable", "Default", "Meaning"),
        *(
            (
                f"`{name}`",
                f"`TAP_PENNYLANE_{name.upper()}`",
                f"`{definition['default']}`" if "default" in definition else "",
                definition["description"],
            )
            for name in settings.NAMES
            for definition in [settings.SCHEMA["properties"][name]]
        ),
    )


def scopes() -> str:
    """Every scope that a stream needs, with its tables: those loaded by default first."""
    tables: dict[str, list[tuple[bool, str]]] = {}
    for name, stream in sorted(TapPennylane(validate_config=False).streams.items()):
        if isinstance(stream, PennylaneStream) and (needed := scope(stream.path)):
            is_off = "off by default" in freshness(stream)
            tables.setdefault(needed, []).append((is_off, name))
    return table(
        ("Scope", "Tables loaded by default", "Tables that are off by default"),
        *(
            (
                f"`{needed}`",
                ", ".join(f"`{name}`" for is_off, name in found if not is_off),
                ", ".join(f"`{name}`" for is_off, name in found if is_off),
            )
            for needed, found in sorted(tables.items())
        ),
    )


def filled(page: str) -> str:
    """The page with its tables regenerated."""
    made = {"streams": streams, "settings": settings_table, "scopes": scopes}
    for name, make in made.items():
        begin, end = f"<!-- {name}: generated -->", f"<!-- /{name} -->"
        if begin not in page:
            continue
        text = make()
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n\n{text}\n\n{end}{after}"
    return page


if __name__ == "__main__":
    for path in PAGES:
        if path.exists():
            path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")

"""The pages are wrapped, and their links exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WIDTH = 120
# Tables, comments, headings and images cannot be wrapped.
NOT_PROSE = ("|", "<!--", "#", "![")
PAGES = [
    str(page.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "*/README.md", "transform/*/README.md")
    for page in sorted(ROOT.glob(pattern))
]


def prose(page: str) -> list[str]:
    """The lines of a page outside code, tables and comments."""
    text = (ROOT / page).read_text(encoding="utf-8")
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [line for line in text.splitlines() if not line.strip().startswith(NOT_PROSE)]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES)
def test_prose_is_wrapped(page: str) -> None:
    breakable = [line for line in prose(page) if " " in line.strip()]
    assert [line for line in breakable if len(line) > WIDTH] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", text):
        found = (ROOT / page).parent / target if target else ROOT / page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), f"{target}#{anchor}"


def test_the_map_names_every_file_of_the_tap() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = {path.name for path in (ROOT / "tap-pennylane" / "tap_pennylane").rglob("*.py")}
    assert [name for name in sorted(files - {"__init__.py"}) if f"{name}`" not in page] == []

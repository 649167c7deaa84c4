"""Every command that the pages show names the test that runs it, or says why there is none."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("*/README.md")),
    *sorted(ROOT.glob("transform/*/README.md")),
]
MARK = re.compile(r"<!-- (?:tested by: ([^;]*?)(?:;.*)?|not tested: .+) -->")
BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """Commands of a page, and what stands before them."""

    page: str
    commands: str
    before: str

    def mark(self) -> re.Match[str] | None:
        """What says where they run."""
        return MARK.fullmatch(self.before.strip().splitlines()[-1].strip())


def blocks() -> list[Block]:
    """All blocks of all pages, in order."""
    return [
        Block(str(page.relative_to(ROOT)), found[2], text[: found.start()])
        for page in PAGES
        for text in [page.read_text(encoding="utf-8")]
        for found in BLOCK.finditer(text)
    ]


def test_every_block_says_where_it_runs_or_why_it_does_not() -> None:
    found = blocks()
    assert len(found) > 30
    assert [(block.page, block.commands) for block in found if block.mark() is None] == []
    for block in found:
        mark = block.mark()
        if mark and mark[1]:
            file, _, name = mark[1].strip().partition("::")
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_target_of_make_in_a_block_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    named = {
        target for block in blocks() for target in re.findall(r"\bmake ([a-z-]+)", block.commands)
    } - {"python"}  # of apt-get's list
    assert len(named) > 8
    assert named - targets == set()

"""Every command that the pages show runs here or in another test, or says why it cannot."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from pennylane_sandbox.pytest_plugin import running

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *(path for path in sorted(ROOT.glob("*/README.md")) if path.parent.name != "tap-pennylane"),
    *sorted(ROOT.glob("transform/*/README.md")),
]
"""But the tap's, whose commands run in environments of their own in its own tests."""
MARK = re.compile(r"<!-- (?:(runs)|tested by: ([^;]*?)(?:;.*)?|not tested: (.+)) -->")
BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
PREPARING = "cp .env.example .env"


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
        if mark and mark[2]:
            file, _, name = mark[2].strip().partition("::")
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


@pytest.mark.timeout(1200)
def test_the_marked_blocks_run_as_they_stand(checkout: Path) -> None:
    """In one folder, in the order of the pages: first those that make `.env`."""
    for name in ("Makefile", ".env.example"):
        (checkout / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    programs = checkout / "programs"
    programs.mkdir()
    # What is installed is used where it is.
    program(programs / "make", 'exec /usr/bin/make -o install "$@"')
    marked = {block.commands: block for block in blocks() if (mark := block.mark()) and mark[1]}
    assert len(marked) > 6
    ordered = sorted(marked.values(), key=lambda block: PREPARING not in block.commands)
    with running("--size", "100", "--rate-limit", "none") as sandbox:
        token = f"TAP_PENNYLANE_API_TOKEN={sandbox.token}"
        for name in ("edit", "nano"):
            program(programs / name, f'echo "{token}" >> "$1"')
        variables = {
            "HOME": os.environ["HOME"],
            "PATH": f"{programs}:/usr/bin:/bin",
            "EDITOR": "edit",
            "TAP_PENNYLANE_API_URL": sandbox.url,
            "TAP_PENNYLANE_REQUESTS_PER_WINDOW": "100000",
        }
        for block in ordered:
            done = subprocess.run(
                ["/bin/sh", "-e", "-c", block.commands],
                cwd=checkout,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{block.page}\n{block.commands}\n{done.stdout}"
            assert "Traceback" not in done.stdout


def program(path: Path, script: str) -> None:
    """Write a program."""
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)

"""Every command on the pages names the test that runs it, or says why none can."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg
import pytest
from pennylane_launcher import meltano
from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_launcher.postgres import embedded

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
HERE = "launcher/tests/test_documented_commands.py::test_they_run_as_they_stand"
TAKE_THEM_FROM_THE_PAGE = (HERE, "tests/packages/", "tests/test_credentials_row.py")
RECIPE = re.compile(r"^([a-z-]+):.*\n\t@\$\((?:LAUNCHER|PYTHON)\) (\S+)", re.MULTILINE)
EDITOR = """#!/bin/sh
grep -q '^TAP_PENNYLANE_API_TOKEN=$' "$1" && cat filled-in >>"$1"
"""
SHELL = """
make() { command make --old-file=install "$@"; }  # it is installed
set -eux
"""


class Block(NamedTuple):
    """Commands of a page, and what stands before them."""

    page: str
    commands: str
    before: str

    def mark(self) -> re.Match[str] | None:
        """What says where they run."""
        return MARK.fullmatch(self.before.strip().splitlines()[-1].strip())

    def tests(self) -> list[str]:
        """The tests that run them."""
        mark = self.mark()
        return re.findall(r"[^\s,]+", mark[1] or "") if mark else []

    def programs(self) -> Iterator[str]:
        """What the lines start; of a target of make what its recipe starts."""
        recipes = dict(RECIPE.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
        for line in self.commands.splitlines():
            command = shlex.split(line, comments=True)
            words = [word for word in command if not re.match(r"[A-Z_]+=|export$", word)]
            if words[:1] == ["make"]:
                yield recipes.get(words[1], words[1])
            elif words[:3] == [".venv/bin/python", "-m", "pennylane_launcher"]:
                yield words[3]
            elif words[:1] == [".venv/bin/python"]:
                yield Path(words[1]).name
            elif words:
                yield Path(words[0]).name
            else:
                yield from (word.partition("=")[0] for word in command if "=" in word)


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


def test_a_test_that_a_block_names_starts_what_the_block_does() -> None:
    for block in blocks():
        sources = ""
        for test in block.tests():
            file, _, name = test.partition("::")
            source = (ROOT / file).read_text(encoding="utf-8")
            tree = ast.parse(source)
            assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            sources += source
        if sources and not block.tests()[0].startswith(TAKE_THEM_FROM_THE_PAGE):
            for program in block.programs():
                assert program in sources, (block.page, block.commands)


def test_every_target_of_make_in_a_block_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    named = {
        target for block in blocks() for target in re.findall(r"\bmake ([a-z-]+)", block.commands)
    } - {"python"}  # of apt-get's list
    assert len(named) > 8
    assert named - targets == set()


@pytest.mark.timeout(1800)
def test_they_run_as_they_stand(
    checkout: Path, postgres: embedded.Server, leave_out_views: Callable[[], None]
) -> None:
    """The blocks that name this test, one after the other, in one checkout."""
    for name in ("Makefile", ".env.example"):
        shutil.copy(ROOT / name, checkout)
    leave_out_views()
    (checkout / "nano").write_text(EDITOR)
    (checkout / "nano").chmod(0o755)
    url = postgres.url("documented")
    said: dict[str, str] = {}
    with running("--size", "100", "--rate-limit", "none") as sandbox:
        (checkout / "filled-in").write_text(
            f"TAP_PENNYLANE_API_TOKEN={sandbox.token}\n"
            f"TAP_PENNYLANE_API_URL={sandbox.url}\n"
            "TAP_PENNYLANE_REQUESTS_PER_WINDOW=100000\n"
            """TAP_PENNYLANE__SELECT='["customers.*", "journals.*", "sync_log.*"]'\n"""
            "MELTANO_ENVIRONMENT=prod\n"
            f"POSTGRES_HOST={postgres.sockets}\n"
            "POSTGRES_USER=postgres\n"
            "POSTGRES_PASSWORD=p@ss/word\n"
            "POSTGRES_DB=documented\n"
            f"MELTANO_DATABASE_URI='{meltano.system_database(url)}'\n"
        )
        for block in blocks():
            if block.tests() == [HERE]:
                said[block.commands] = run(checkout, block)
        customers = len(sandbox.state("customers"))
    assert len(said) >= 8
    again = "'customers' is read completely again: its table was filled up to another bookmark"
    (scheduled,) = (text for commands, text in said.items() if "schedule run" in commands)
    assert again in scheduled, "docs/operations.md, before, forgot its bookmark"
    with psycopg.connect(url) as connection:
        for schema in ("pennylane", "acme"):
            found = connection.execute(f"SELECT FROM {schema}.customers".encode())
            assert found.rowcount == customers


def run(folder: Path, block: Block) -> str:
    """Run a block as if copied into a shell; returns the output."""
    done = subprocess.run(
        ["bash", "-c", SHELL + block.commands],
        cwd=folder,
        env={"HOME": os.environ["HOME"], "PATH": f"{folder}:/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{block.page}\n{done.stdout}"
    return done.stdout

"""docs/operations.md explains every message with which a run may end."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
SOURCES = [
    "launcher/pennylane_launcher",
    "target-postgres-exact/target_postgres_exact",
    "tap-pennylane/tap_pennylane",
    "transform/*/mapper_*",
]
# The messages of other errors are included in these, as their cause.
LAST_WORDS = {
    "FatalError",
    "LauncherError",
    "LoadError",
    "MapperError",
    "PennylaneError",
    "RefusedError",
    "SettingsError",
    "UnavailableError",
}


def test_every_sentence_of_an_error_is_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    found = [part for pattern in SOURCES for part in _sentences(pattern)]
    assert len(found) > 40
    assert [part for part in found if part not in page] == []


def _sentences(pattern: str) -> Iterator[str]:
    """The fixed text of each message that is raised: the beginning of its longest part."""
    for folder in ROOT.glob(pattern):
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Return) and _is_error(node.value):
                    yield max(_fixed(node.value.args[0]), key=len, default="")[:30].strip()
                body = getattr(node, "body", None)
                for before, after in pairwise(body if isinstance(body, list) else []):
                    if isinstance(before, ast.Assign) and _raises(after):
                        yield max(_fixed(before.value), key=len)[:30].strip()


def _raises(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) and _is_error(node.exc)


def _is_error(node: ast.AST | None) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in LAST_WORDS
    )


def _fixed(node: ast.expr) -> list[str]:
    """The fixed parts of a text, each up to the end of its first sentence."""
    values = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [str(value.value) for value in values if isinstance(value, ast.Constant)]
    return [text.split(". ")[0].split("\n")[0].strip(" (:") for text in texts]

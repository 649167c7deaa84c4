"""How texts are cleaned, and in which columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from mapper_snake_case.schema import branches, may_be

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# White space within a line: tabs, no-break and typographic spaces. Line breaks do not count.
_BLANKS = "\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_RUNS = re.compile(f"[{_BLANKS}][ {_BLANKS}]*| [ {_BLANKS}]+")


# Texts in which every character matters.
_EXACT = {"format", "enum", "const", "pattern", "contentEncoding"}


@dataclass(frozen=True)
class Tidying:
    """The settings for texts."""

    trim: bool = True
    collapse: bool = True
    empty_to_null: bool = True
    nested: bool = False
    spared: tuple[str, ...] = ()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Tidying:
        """Read them."""
        return cls(
            trim=settings["trim"],
            collapse=settings["collapse_whitespace"],
            empty_to_null=settings["empty_to_null"],
            nested=settings["clean_nested"],
            spared=tuple(settings["clean_except"]),
        )

    def covers(self, stream: str, column: str, *names: str) -> bool:
        """Whether a column, known by any of these names, is cleaned."""
        wanted = self.trim or self.collapse or self.empty_to_null
        return wanted and not any(
            fnmatchcase(f"{stream}.{name}", pattern)
            for name in (column, *names)
            for pattern in self.spared
        )

    def tidier(self, *, nullable: bool) -> Callable[[str], str | None]:
        """Return the function that cleans a text; if null is not allowed, an empty one stays."""
        trim, collapse = self.trim, self.collapse
        empty = None if self.empty_to_null and nullable else ""
        squeeze = _RUNS.sub

        def tidy(text: str) -> str | None:
            if trim:
                text = text.strip()
            # This check is far cheaper than the expression, and usually false.
            if collapse and ("  " in text or "\t" in text or not text.isascii()):
                text = squeeze(" ", text)
            return text or empty

        return tidy


def is_free_text(definitions: Iterable[dict[str, Any]]) -> bool:
    """Whether values may be texts that keep their meaning when cleaned."""
    shapes = [shape for definition in definitions for shape in branches(definition)]
    return all(_EXACT.isdisjoint(shape) for shape in shapes) and may_be(shapes, "string")

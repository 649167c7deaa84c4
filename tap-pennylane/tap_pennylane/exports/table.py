"""Maps the headings of a table in a file to a schema's columns."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tap_pennylane.errors import PennylaneError
from tap_pennylane.record import LABELS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from typing import IO


class FileError(PennylaneError):
    """A file does not have the expected format."""


class FileFormat(Protocol):
    """A module that reads files of one format."""

    def check(self, file: IO[bytes]) -> None:
        """Raise `TransientError` if the file is incomplete."""

    def rows(self, file: IO[bytes], columns: Columns) -> Iterator[dict[str, Any]]:
        """Yield rows by column; values are strings, integers, `Decimal` or None."""


class Column(NamedTuple):
    """The column below a heading."""

    name: str
    """The property's name; for a column that the schema lacks, its heading."""
    kind: str
    """`date`, `number` or `text`."""


class Columns:
    """The columns that a schema expects in a file, found by their headings."""

    def __init__(self, schema: Mapping[str, Any], required: Collection[str]) -> None:
        """Expect a schema's columns.

        Args:
            schema: The content of a schema file.
            required: The properties that a table must have.
        """
        self._required = set(required)
        self._known = {
            _folded(label): Column(name, _kind(definition))
            for name, definition in schema["properties"].items()
            for label in (name, *definition.get(LABELS, []))
        }

    def below(self, headings: Sequence[str]) -> list[Column]:
        """Return the columns of these headings, in order.

        Raises:
            FileError: A required column is missing, or a column appears twice.
        """
        found = [self._known.get(_folded(heading), Column(heading, "text")) for heading in headings]
        names = [column.name for column in found]
        if missing := sorted(self._required - set(names)):
            msg = f"the headings lack {', '.join(missing)}"
            raise FileError(msg)
        known = {column.name for column in self._known.values()}
        if twice := sorted(name for name in known if names.count(name) > 1):
            msg = f"the headings contain {', '.join(twice)} twice"
            raise FileError(msg)
        return found


def _folded(label: str) -> str:
    """Return a heading without case, accents, spaces and punctuation."""
    decomposed = unicodedata.normalize("NFKD", label)
    return "".join(letter for letter in decomposed.casefold() if letter.isalnum())


def _kind(definition: Mapping[str, Any]) -> str:
    if "number" in definition["type"]:
        return "number"
    return "date" if definition.get("format") == "date" else "text"


def number(text: str) -> str | None:
    """Return a number as the record reader accepts it; the text may have a decimal comma."""
    text = text.strip().replace(",", ".")
    return ("0" + text if text.startswith(".") else text) or None

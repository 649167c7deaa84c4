"""Names in snake_case, and what happens if two become the same."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mapper_snake_case.errors import CollisionError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

# PostgreSQL silently truncates longer names.
LONGEST = 63

# Kept unchanged. `_sdc_…` are Singer's own columns.
_FINE = re.compile(r"[a-z_][a-z0-9_]*")
_SINGER = "_sdc_"

# Symbols that have a meaning; all others separate words.
_SYMBOLS = {
    "%": "percent",
    "&": "and",
    "#": "number",
    "+": "plus",
    "@": "at",
    "€": "euro",
    "$": "dollar",
    "£": "pound",
}

# Latin letters that Unicode does not decompose into a plain letter and an accent.
_LATIN = {
    "œ": "oe",
    "æ": "ae",
    "ß": "ss",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ħ": "h",
    "ŧ": "t",
    "ŋ": "n",
    "\u0131": "i",  # dotless
}

# One letter per character: U is upper case, s an "s", L any other; a space separates words.
# `IDs` and `URLs` are one word each; `SIRENNumber` is two.
_WORD = re.compile(r"U{2,}s(?![Ls])|U+(?![Ls])|U?[Ls]+")


def snake_case(name: str) -> str:
    """Return a name in snake_case; one that already is stays unchanged."""
    short = _FINE.fullmatch(name) or name.startswith(_SINGER)
    return _shortened(name if short else _rewritten(name))


def renamed(
    names: Iterable[str], taken: Collection[str] = (), *, fail: bool = False
) -> dict[str, str]:
    """Return the new names of keys in one object, all of them different.

    If several would become the same, the one that needs no change keeps the name; each of the
    others gets a suffix made from itself, so that their order does not matter.

    Args:
        names: The names.
        taken: Names that are already taken.
        fail: Refuse to add suffixes.

    Raises:
        CollisionError: Two would become the same, and `fail` is set.
    """
    wanted: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(names)):
        wanted[snake_case(name)].append(name)
    used = {*taken, *wanted}
    result = {}
    for target, sources in wanted.items():
        free = target not in taken
        if free and len(sources) == 1:
            result[sources[0]] = target
            continue
        if fail:
            raise CollisionError(sources, target)
        for source in sources:
            if source == target and free:
                result[source] = target
            else:
                result[source] = next(n for n in _suffixed(source, target) if n not in used)
                used.add(result[source])
    return result


class Names:
    """The new names of the keys of one type of object."""

    def __init__(self, declared: Iterable[str], *, rename_others: bool, fail: bool) -> None:
        """Rename the keys that the schema declares.

        Args:
            declared: They.
            rename_others: Whether undeclared keys are renamed, too.
            fail: Refuse to add suffixes.
        """
        self.declared = renamed(declared, fail=fail)
        self.steady = not rename_others and _changes(self.declared) is None
        """Whether no object's keys ever change."""
        self._rename_others = rename_others
        self._fail = fail
        self._changed = _changes(self.declared)
        self._with_others = lru_cache(10_000)(self._named_with_others)

    def of(self, value: dict[str, Any]) -> dict[str, str] | None:
        """The new name of each of an object's keys; None if all stay unchanged."""
        if value.keys() <= self.declared.keys():
            return self._changed
        return self._with_others(frozenset(value.keys() - self.declared.keys()))

    def _named_with_others(self, others: frozenset[str]) -> dict[str, str] | None:
        taken = {*self.declared.values()}
        # Even if the others are kept, those whose names declared keys now have must change.
        kept = {} if self._rename_others else {name: name for name in others - taken}
        rest = renamed(others - kept.keys(), taken | kept.keys(), fail=self._fail)
        return _changes(self.declared | kept | rest)


def _changes(names: dict[str, str]) -> dict[str, str] | None:
    return names if any(name != target for name, target in names.items()) else None


def _suffixed(source: str, target: str) -> Iterator[str]:
    """The name with more and more of the source's digest."""
    digest = _digest(source)
    for length in range(6, len(digest) + 1):
        yield _cut(target, length) + digest[:length]


def _shortened(name: str) -> str:
    return name if len(name.encode()) <= LONGEST else _cut(name, 8) + _digest(name)[:8]


def _cut(name: str, suffix: int) -> str:
    """The name, shortened to leave room for the suffix, and an underscore."""
    room = LONGEST - 1 - suffix
    return name.encode()[:room].decode(errors="ignore").rstrip("_") + "_"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:40]


def _rewritten(name: str) -> str:
    kinds, letters = _letters(name)
    words = ("".join(letters[slice(*match.span())]) for match in _WORD.finditer(kinds))
    body = unicodedata.normalize("NFKC", "_".join(words)) or f"column_{_digest(name)[:6]}"
    underscores = name[: len(name) - len(name.lstrip("_"))]
    return (underscores or "_" * unicodedata.category(body[0]).startswith("N")) + body


def _letters(name: str) -> tuple[str, list[str]]:
    """The characters that are kept, in lower case and without Latin accents, and their types."""
    kinds, letters = "", []
    for character in unicodedata.normalize("NFKC", name):
        category = unicodedata.category(character)
        if word := _SYMBOLS.get(character):
            kinds += f" {'L' * len(word)} "
            letters += [" ", *word, " "]
            continue
        if category[0] == "L":
            letter = _plain(character)
            kind = "U" if category in {"Lu", "Lt"} else "s" if letter == "s" else "L"
        elif category[0] == "N" or category in {"Co", "Cn"}:
            # A digit counts as the type of the letter before it: `address2Line`, `B2BCustomer`.
            letter, kind = character, "U" if kinds[-1:] == "U" else "L"
        elif category[0] == "M":
            if letters and not letters[-1].isascii():
                letters[-1] += character
            continue
        elif category == "Cf":
            continue
        else:
            letter, kind = " ", " "
        kinds += kind
        letters.append(letter)
    return kinds, letters


def _plain(letter: str) -> str:
    """A letter in lower case; a Latin one without its accents."""
    base = unicodedata.normalize("NFD", letter)[0]
    lower = base.lower() if base.isascii() else letter.lower()
    return _LATIN.get(lower, lower)

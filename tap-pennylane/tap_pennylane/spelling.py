"""Guesses which name a misspelt one stands for."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most similar; None if none is similar enough."""
    plain = name.replace("-", "_").lower()
    return next(iter(get_close_matches(plain, list(known), n=1, cutoff=0.7)), None)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the name in quotes, followed by the known name that it resembles, if any."""
    found = nearest(name, known)
    return f"'{name}' (did you mean '{found}'?)" if found else f"'{name}'"

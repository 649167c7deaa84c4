"""Guessing what somebody meant by a name that there is not."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a mistyped one most resembles; None if it resembles none."""
    plain = name.replace("-", "_").lower()
    return next(iter(get_close_matches(plain, list(known), n=1, cutoff=0.7)), None)


def suggestion(name: str, known: Iterable[str]) -> str:
    """A mistyped name with the known one that it resembles, for a sentence."""
    found = nearest(name, known)
    return f"'{name}' (did you mean '{found}'?)" if found else f"'{name}'"

"""In which order a firm's companies are read, so that none waits long because another is large.

First the companies that were loaded before, the longest ago first; then those that were never
loaded completely. A first load may take hours, so the others get another turn in the middle of it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

C = TypeVar("C")

NEVER = float("inf")

SHARE_OF_FIRST_LOADS = 1 / 5
"""Minimum share of the time that first loads get, however many companies are loaded already."""


class Turns(Generic[C]):
    """The turns of one run."""

    def __init__(
        self,
        loaded: Iterable[C],
        new: Iterable[C],
        read: Callable[[C], object],
        *,
        follow_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare them.

        Args:
            loaded: The companies that were loaded before, in the order of need.
            new: Those that were never loaded completely, in the order of need.
            read: Reads a company; between its pages, it calls `follow` if they `are_due`.
            follow_seconds: How long after the loaded companies' last turn they get another one.
            clock: Returns the time in seconds, monotonically.
        """
        self._loaded = list(loaded)
        self._new = list(new)
        self._read = read
        self._follow_seconds = follow_seconds
        self._clock = clock
        self._due = NEVER
        """When the loaded companies get another turn, while a first load is under way."""

    def take(self) -> None:
        """Read each company."""
        due = self._follow()
        for company in self._new:
            self._due = due if self._loaded else NEVER
            self._read(company)
            due, self._due = self._due, NEVER
            self._loaded.append(company)

    def are_due(self) -> bool:
        """Return whether a first load is under way and the loaded companies should not wait."""
        return self._clock() >= self._due

    def follow(self) -> None:
        """Read the loaded companies in the middle of a first load."""
        self._due = NEVER
        self._due = self._follow()

    def _follow(self) -> float:
        """Read the loaded companies, and return when they are due again."""
        began = self._clock()
        for company in self._loaded:
            self._read(company)
        ended = self._clock()
        least = (ended - began) * SHARE_OF_FIRST_LOADS / (1 - SHARE_OF_FIRST_LOADS)
        return max(began + self._follow_seconds, ended + least)

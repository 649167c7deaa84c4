"""Ids like the API's: 64 bits, with gaps, and not in order of creation."""

from random import Random

_GAP = 18
_SPAN = 100_000_000
_EARLY_SHARE = 0.15


class Ids:
    """The ids of one resource.

    One in seven is drawn from a lower range, so that a new row may well sort below old ones.
    """

    def __init__(self, base: int, rng: Random) -> None:
        """Start two ascending ranges: one at `base`, the main one above it."""
        self._early = base
        self._late = base + _SPAN
        self._random = rng.random

    def next(self) -> int:
        """Draw an id that was never used before."""
        gap = 1 + int(self._random() * _GAP)
        if self._random() < _EARLY_SHARE:
            self._early += gap
            return self._early
        self._late += gap
        return self._late

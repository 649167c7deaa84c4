"""A part of the figures that is costly to read, and so is kept for a while."""

from collections.abc import Callable, Hashable
from datetime import timedelta
from time import monotonic
from typing import Generic, TypeVar

import psycopg

from pennylane_launcher.errors import LauncherError

T = TypeVar("T")


class Part(Generic[T]):
    """Figures that are read again when a run began or ended, or when they are too old.

    Attributes:
        name: of the part.
        value: what was read; None if that failed.
        seconds: how long that took.
    """

    def __init__(self, name: str, keep: timedelta) -> None:
        """Begin with nothing.

        Args:
            name: of the part.
            keep: how long figures are kept while no run begins or ends.
        """
        self.name = name
        self.value: T | None = None
        self.seconds = 0.0
        self._keep = keep.total_seconds()
        self._moment: Hashable = None
        self._read_at: float | None = None

    @property
    def age(self) -> float:
        """Seconds since the figures were read."""
        return monotonic() - self._read_at if self._read_at is not None else 0.0

    def refresh(self, moment: Hashable, read: Callable[[], T]) -> None:
        """Read the figures again if they may have changed. A failure is kept, too.

        Args:
            moment: what changes when a run begins or ends.
            read: reads them.
        """
        if self._read_at is not None and moment == self._moment and self.age < self._keep:
            return
        began = monotonic()
        try:
            self.value = read()
        except (psycopg.Error, LauncherError, OSError):
            self.value = None
        self._read_at, self._moment = monotonic(), moment
        self.seconds = self._read_at - began

"""The sandbox's clock: real time, which can be moved forward."""

import time
from email.utils import formatdate

from pennylane_sandbox.calendar import rfc3339


class Clock:
    """Tells the sandbox's time."""

    def __init__(self) -> None:
        """Start at real time."""
        self._ahead = time.time() - time.monotonic()
        self._last_change = 0
        self._date = (0, b"")

    def seconds(self) -> float:
        """Return Unix time; it never goes backwards."""
        return time.monotonic() + self._ahead

    def micros(self) -> int:
        """Return Unix time in microseconds."""
        return int(self.seconds() * 1_000_000)

    def change_instant(self) -> int:
        """Return an instant for a change, later than all earlier ones, in microseconds."""
        self._last_change = max(self.micros(), self._last_change + 1)
        return self._last_change

    def now(self) -> str:
        """Return the time in the API's format."""
        return rfc3339(self.micros())

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self._ahead += seconds

    def http_date(self) -> bytes:
        """Return the time for the `Date` header."""
        second = int(self.seconds())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return self._date[1]

"""The requests that a scan may spend."""

from __future__ import annotations

import sys
import threading
from typing import NamedTuple


class Budget:
    """A number of requests, shared by all threads."""

    def __init__(self, requests: int) -> None:
        """Begin with nothing spent.

        Args:
            requests: How many may be spent.
        """
        self._total = self.left = requests
        self._lock = threading.Lock()
        self.was_refused = False
        """Whether more was asked for than was left, so that something remains unread."""

    def take(self, requests: int = 1) -> bool:
        """Take requests, unless they are more than what is left.

        The first to ask always gets them: otherwise, a small budget would never read anything.
        """
        with self._lock:
            is_enough = self.left >= requests or self.left == self._total > 0
            if is_enough:
                self.left -= requests
            else:
                self.was_refused = True
            return is_enough

    def spend(self, requests: int) -> None:
        """Count requests that could not be foreseen; a negative number gives some back."""
        with self._lock:
            self.left -= requests


class Allowance(NamedTuple):
    """What a scan may spend; it then stops, and a later one resumes from what is left."""

    budget: Budget
    per_page: int = 1
    """Requests that each page causes, including its own."""

    def take_pages(self, pages: int = 1) -> bool:
        """Take the requests of some pages, if there are enough."""
        return self.budget.take(pages * self.per_page)

    def give_back_pages(self, pages: int) -> None:
        """Return the requests of pages that were not read; a negative number takes more."""
        self.budget.spend(-pages * self.per_page)


UNLIMITED = Allowance(Budget(sys.maxsize))
"""The allowance of a scan that runs to its end."""

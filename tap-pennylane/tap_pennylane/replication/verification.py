"""When a collection with a changelog is read again in small parts, and how far that is."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_pennylane.replication.bookmark import Bookmark
    from tap_pennylane.replication.plan import Terms

LOGGER = logging.getLogger("tap-pennylane.verification")

BEGINS_AT = 0.5
"""The share of `verify_days` after which a verification begins; the rest is the time for it."""

SHORTEST = timedelta(milliseconds=1)
"""Stands for `verify_days` of 0: always due, the oldest read first."""


def urgency(bookmark: Bookmark, within: timedelta, now: datetime) -> float:
    """Return how urgent the next part of a verification is; 0 if it is not due.

    Args:
        bookmark: The stream's bookmark.
        within: How old the last complete read may become.
        now: When this run began.

    Returns:
        The age of the last complete read as a share of `within`.
    """
    if not bookmark.read_at:
        return 0
    age = now - datetime.fromisoformat(bookmark.read_at)
    # Pennylane tells the time in whole seconds: that read may seem to begin now, or later.
    share = max(age, SHORTEST) / max(within, SHORTEST)
    return share if bookmark.verification or share >= BEGINS_AT else 0


def share(bookmark: Bookmark) -> float | None:
    """Return how much of the collection a verification has read.

    Returns:
        From 0 to 1, compared with the last complete read; None if no verification is under way.
    """
    if bookmark.verification is None or not bookmark.records:
        return None
    return round(min(1.0, bookmark.verification.records / bookmark.records), 4)


def warn_if_late(bookmark: Bookmark, terms: Terms, now: datetime) -> None:
    """Warn if a verification, at its pace so far, takes longer than it may."""
    progress, within = bookmark.verification, terms.verify_within
    if progress and within and (done := share(bookmark)):
        pace = (now - datetime.fromisoformat(progress.began)) / done
        if pace > within * (1 - BEGINS_AT):
            LOGGER.warning(
                "'%s' can't be verified within %g days: at this pace, reading all of it takes "
                "%.1f days. Raise verify_requests, run more often, or raise verify_days.",
                terms.name,
                within.total_seconds() / 86400,
                pace.total_seconds() / 86400,
            )

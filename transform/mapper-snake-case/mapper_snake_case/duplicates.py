"""Records that were already sent, unchanged, in this run."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


class Duplicates:
    """The digest of the last record per key, for the most recent keys.

    A record is a duplicate only if it equals the last one with its key: after A and B, another A is
    sent. It errs on the safe side: if two keys share a place, each displaces the other, and a
    record is sent again.
    """

    def __init__(self, keys: int) -> None:
        """Start empty.

        Args:
            keys: How many keys to remember, across all streams; 0 for none.
        """
        self._most = keys
        self._last: OrderedDict[int, bytes] = OrderedDict()
        self._generations: dict[str, int] = {}
        self._count = count()

    @property
    def wanted(self) -> bool:
        """Whether anything is remembered."""
        return self._most > 0

    def forget(self, stream: str) -> None:
        """Forget a stream's records."""
        self._generations[stream] = next(self._count)

    def seen(self, stream: str, key: tuple[Hashable, ...], record: bytes) -> bool:
        """Whether the last record with this key was the same; this one now becomes the last."""
        try:
            place = hash((self._generations[stream], key))
        except TypeError:  # a key that is an object or a list
            return False
        digest = blake2b(record, digest_size=16).digest()
        if self._last.get(place) == digest:
            self._last.move_to_end(place)
            return True
        self._last[place] = digest
        self._last.move_to_end(place)
        if len(self._last) > self._most:
            self._last.popitem(last=False)
        return False

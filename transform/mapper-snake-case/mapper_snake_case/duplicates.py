"""Which records were sent already, word for word, in this run."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


class Duplicates:
    """The digest of the last record of each key, for the keys met last.

    A record is a duplicate only if nothing else came for its key meanwhile: after A and B, another
    A counts. It errs on one side only: keys that share a place forget each other, so that a record
    is sent once more.
    """

    def __init__(self, keys: int) -> None:
        """Remember nothing yet.

        Args:
            keys: How many keys to remember, of all streams together; 0 for none.
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
        """Begin a stream anew."""
        self._generations[stream] = next(self._count)

    def seen(self, stream: str, key: tuple[Hashable, ...], record: bytes) -> bool:
        """Whether the last record of this key was the same; from now on this one is the last."""
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

"""Cursors: opaque, short-lived, and independent of filter and sort."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from hashlib import blake2b
from secrets import token_bytes
from typing import Final, NoReturn

import orjson

from pennylane_sandbox.api.errors import refuse_malformed
from pennylane_sandbox.clock import Clock

LIFETIME: Final = 15 * 60
_SEAL: Final = 6

Position = dict[str, int]


class Cursors:
    """Makes and reads the cursors of one running sandbox."""

    def __init__(self, clock: Clock) -> None:
        """Draw the key that distinguishes our own cursors from foreign ones."""
        self._clock = clock
        self._key = token_bytes(16)

    def _seal(self, payload: bytes) -> bytes:
        return blake2b(payload, key=self._key, digest_size=_SEAL).digest()

    def make(self, path: str, position: Position) -> str:
        """Make the cursor that continues a list after a position."""
        payload = orjson.dumps([path, int(self._clock.seconds()), position])
        return urlsafe_b64encode(self._seal(payload) + payload).decode()

    def read(self, path: str, cursor: str) -> Position:
        """Return the position after which to continue."""
        try:
            raw = urlsafe_b64decode(cursor.encode())
        except (Base64Error, ValueError):
            _refuse()
        seal, payload = raw[:_SEAL], raw[_SEAL:]
        if seal != self._seal(payload):
            _refuse()
        own_path, made_at, position = orjson.loads(payload)
        if own_path != path or self._clock.seconds() > made_at + LIFETIME:
            _refuse()
        return Position(position)


def _refuse() -> NoReturn:
    refuse_malformed("The cursor is invalid or has expired")

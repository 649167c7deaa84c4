"""Reading and writing Singer messages, each of them whole."""

from __future__ import annotations

import decimal
import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader, GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message
from typing_extensions import override

from mapper_snake_case.errors import MapperError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

# No number passes through a float.
_decode = msgspec.json.Decoder(float_hook=decimal.Decimal).decode
encode = msgspec.json.Encoder(decimal_format="number").encode

# The kinds of messages, and what each must have.
_NEEDED = {
    "SCHEMA": {"stream", "schema"},
    "RECORD": {"stream", "record"},
    "STATE": {"value"},
    "ACTIVATE_VERSION": {"stream", "version"},
    "BATCH": {"stream"},
}


@dataclass(slots=True)
class Passed(Message):
    """A message as a dictionary, with all that it came with."""

    fields: dict[str, Any]

    @override
    def to_dict(self) -> dict[str, Any]:
        return self.fields


class MessageReader(GenericSingerReader[bytes]):
    """Reads lines as bytes, and says which one is no message."""

    def __init__(self) -> None:
        """Read nothing yet."""
        super().__init__()
        self._line = 0

    @property
    @override
    def default_input(self) -> IO[bytes]:
        return sys.stdin.buffer

    @override
    def process_lines(
        self, file_input: IO[Any] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        return super().process_lines(getattr(file_input, "buffer", file_input), callbacks)

    @override
    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Read a line.

        Raises:
            MapperError: It is no message. What it holds may be confidential, so it is not quoted.
        """
        self._line += 1
        try:
            message: Any = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            where = "is" if line.endswith(b"\n") else "was cut off:"
            msg = (
                f"Line {self._line} of the input {where} no JSON ({error}); the tap's log says why"
            )
            raise MapperError(msg) from None
        kind = message.get("type") if isinstance(message, dict) else None
        needed = _NEEDED.get(kind) if isinstance(kind, str) else None
        if needed is None or not needed <= message.keys():
            msg = f"Line {self._line} of the input is no Singer message: 'type' is {kind!r}"
            if needed:
                msg += (
                    f", but there is no {' or '.join(map(repr, sorted(needed - message.keys())))}"
                )
            raise MapperError(msg)
        read: dict[str, Any] = message
        return read


class MessageWriter(GenericSingerWriter[bytes, Passed]):
    """Lets a signal end the process between two messages, never within one of them.

    Records wait for each other, which saves system calls; all else is handed on at once.
    """

    def __init__(self) -> None:
        """Write nothing yet."""
        super().__init__()
        self._writing = False
        self._exit_code: int | None = None

    def stop(self, exit_code: int) -> None:
        """End the process with this exit code, now or after the message that is being written.

        Raises:
            SystemExit: Nothing is being written.
        """
        self._exit_code = exit_code
        if not self._writing:
            raise SystemExit(exit_code)

    @override
    def serialize_message(self, message: Passed) -> bytes:
        return encode(message.fields) + b"\n"

    @override
    def write_message(self, message: Passed) -> None:
        self._writing = True
        try:
            sys.stdout.buffer.write(self.format_message(message))
            if message.fields["type"] != "RECORD":
                sys.stdout.buffer.flush()
        finally:
            self._writing = False
        if self._exit_code is not None:
            raise SystemExit(self._exit_code)

"""Reading and writing Singer messages, each of them completely."""

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

# The types of messages, and the fields that each must have.
_NEEDED = {
    "SCHEMA": {"stream", "schema"},
    "RECORD": {"stream", "record"},
    "STATE": {"value"},
    "ACTIVATE_VERSION": {"stream", "version"},
    "BATCH": {"stream"},
}


@dataclass(slots=True)
class Passed(Message):
    """A message as a dictionary, with all its fields."""

    fields: dict[str, Any]

    @override
    def to_dict(self) -> dict[str, Any]:
        return self.fields


class MessageReader(GenericSingerReader[bytes]):
    """Reads lines as bytes, and reports a line that is not a message."""

    def __init__(self) -> None:
        """Start before the first line."""
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
            MapperError: It is not a message. It may be confidential, so it is not quoted.
        """
        self._line += 1
        try:
            message: Any = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            what = "is not JSON" if line.endswith(b"\n") else "is truncated"
            msg = f"Line {self._line} of the input {what} ({error}); the tap's log says why"
            raise MapperError(msg) from None
        kind = message.get("type") if isinstance(message, dict) else None
        needed = _NEEDED.get(kind) if isinstance(kind, str) else None
        if needed is None or not needed <= message.keys():
            msg = f"Line {self._line} of the input is not a Singer message: 'type' is {kind!r}"
            if needed:
                missing = " and ".join(map(repr, sorted(needed - message.keys())))
                msg += f", but it lacks {missing}"
            raise MapperError(msg)
        read: dict[str, Any] = message
        return read


class MessageWriter(GenericSingerWriter[bytes, Passed]):
    """Lets a signal end the process between two messages, never within one.

    Records are buffered, which saves system calls; all other messages are passed on at once.
    """

    def __init__(self) -> None:
        """Start idle."""
        super().__init__()
        self._writing = False
        self._exit_code: int | None = None

    def stop(self, exit_code: int) -> None:
        """End the process with this exit code, now or after the current message.

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
            rest = memoryview(self.format_message(message))
            while rest:
                # With PYTHONUNBUFFERED, a signal ends the system call before all is written.
                rest = rest[sys.stdout.buffer.write(rest) :]
            if message.fields["type"] != "RECORD":
                sys.stdout.buffer.flush()
        finally:
            self._writing = False
        if self._exit_code is not None:
            raise SystemExit(self._exit_code)

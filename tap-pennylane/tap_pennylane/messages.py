"""Writes Singer messages: never half of one, and STATE messages not too often."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter, serialize_jsonl
from singer_sdk.singerlib import RecordMessage, StateMessage
from typing_extensions import override

if TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message

STATE_SECONDS = 1.0
"""Minimum seconds between two STATE messages."""

STATE_SHARE = 0.05
"""Maximum share of STATE messages in what is written, if that is more than two of them."""

PIECE = 4096
"""Bytes that Linux writes to a pipe in one piece: a kill cuts no line up to this length in two."""


class LivingState(StateMessage):
    """A STATE message that is encoded only when it is written, because it is large.

    Its value may change meanwhile, each bookmark in one step, after the records that it covers.
    """


class MessageWriter(MsgSpecWriter):
    """Holds back STATE messages that come too often, and lets a signal end the process.

    Several records are written at once, which saves system calls here and in Meltano. They are
    written no later than the next message of another kind, even if that one is held back.

    The latest message held back is written later, at the end of the run if not before. It is never
    ahead of the records that it covers: they were written before it was held back.

    A signal ends the process between two messages, never within one: a partial line would make the
    target fail before it has stored the records that came earlier.
    """

    def __init__(self) -> None:
        """Create a writer; nothing is written yet."""
        super().__init__()
        self._writing = False
        self._exit_code: int | None = None
        self._held: bytes | LivingState | None = None
        self._state_size = 0
        """The size of the last STATE message."""
        self._lines = bytearray()
        """Whole lines that are not written yet."""
        self._bytes = self._bytes_of_states = 0
        """What was written, in all and in STATE messages."""
        self._last_state_at: float | None = None

    def stop(self, exit_code: int) -> None:
        """End the process with this exit code, now or after the message that is being written.

        Raises:
            SystemExit: No message is being written; otherwise `write_message` raises it.
        """
        self._exit_code = exit_code
        if not self._writing:
            self._exit(exit_code)

    def flush(self) -> None:
        """Write what is held back."""
        self._writing = True
        try:
            self._write_held()
            self._write_lines()
        finally:
            self._writing = False
        if self._exit_code is not None:
            self._exit(self._exit_code)

    @override
    def write_message(self, message: Message) -> None:
        self._writing = True
        try:
            if isinstance(message, StateMessage):
                self._hold(message)
            else:
                self._add(self.format_message(message))
            if not isinstance(message, RecordMessage):
                self._write_lines()
        finally:
            self._writing = False
        if self._exit_code is not None:
            self._exit(self._exit_code)

    @override
    def serialize_message(self, message: Message) -> bytearray:
        if isinstance(message, StateMessage):  # the SDK would copy the whole state before
            return serialize_jsonl({"type": "STATE", "value": message.value})
        return super().serialize_message(message)

    def _hold(self, message: StateMessage) -> None:
        if isinstance(message, LivingState):
            self._held, size = message, self._state_size
        else:
            self._held = bytes(self.format_message(message))  # it uses its buffer again
            size = len(self._held)
        if self._is_due(size):
            self._write_held()

    def _is_due(self, size: int) -> bool:
        if self._last_state_at is None:
            return True  # the state that the run starts from: targets may compare it with tables
        # This one, and the one that ends the run.
        fits = self._bytes_of_states + 2 * size <= STATE_SHARE * self._bytes
        return fits and time.monotonic() - self._last_state_at >= STATE_SECONDS

    def _exit(self, code: int) -> None:
        self._writing = True  # for good: another signal must not cut the last message
        self._write_held()
        self._write_lines()
        raise SystemExit(code)

    def _write_held(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            line = held if isinstance(held, bytes) else self.format_message(held)
            self._add(line)
            self._state_size = len(line)
            self._bytes_of_states += len(line)
            self._last_state_at = time.monotonic()

    def _add(self, line: bytes | bytearray) -> None:
        if len(self._lines) + len(line) > PIECE:
            self._write_lines()
        self._lines += line
        self._bytes += len(line)

    def _write_lines(self) -> None:
        rest, self._lines = memoryview(self._lines), bytearray()
        while rest:
            # With PYTHONUNBUFFERED, a signal ends the system call before all is written.
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.flush()

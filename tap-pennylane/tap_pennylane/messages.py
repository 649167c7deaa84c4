"""Writes Singer messages: never half of one, and no more STATE than is useful."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import StateMessage
from typing_extensions import override

if TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message

STATE_SECONDS = 1.0
"""At least so much time passes between two STATE messages."""

STATE_SHARE = 0.05
"""Of the bytes written since the last one, a STATE message takes at most this part."""


class MessageWriter(MsgSpecWriter):
    """Holds STATE messages back that come too often, and lets a signal end the process.

    The latest one held back is written later, at the end at the latest. It is never ahead of what
    was delivered: the records that it covers were written before it was held.

    A signal ends the process between two messages, never within one: a partial line would make the
    target fail before it has stored the records that came earlier.
    """

    def __init__(self) -> None:
        """Create a writer; nothing is written yet."""
        super().__init__()
        self._writing = False
        self._exit_code: int | None = None
        self._held: bytes | None = None
        self._bytes_since_state = 0
        self._last_state_at = 0.0

    def stop(self, exit_code: int) -> None:
        """End the process with this exit code, now or after the message that is being written.

        Raises:
            SystemExit: No message is being written; otherwise `write_message` raises it.
        """
        self._exit_code = exit_code
        if not self._writing:
            self._exit(exit_code)

    def flush(self) -> None:
        """Write the STATE message that was held back, if there is one."""
        line, self._held = self._held, None
        if line is not None:
            self._write(line)
            self._bytes_since_state, self._last_state_at = 0, time.monotonic()

    @override
    def write_message(self, message: Message) -> None:
        self._writing = True
        try:
            line = self.format_message(message)
            if isinstance(message, StateMessage):
                self._held = bytes(line)  # the encoder uses its buffer again
                if self._is_due(len(line)):
                    self.flush()
            else:
                self._write(line)
                self._bytes_since_state += len(line)
        finally:
            self._writing = False
        if self._exit_code is not None:
            self._exit(self._exit_code)

    def _is_due(self, size: int) -> bool:
        is_small = size <= STATE_SHARE * self._bytes_since_state
        return is_small and time.monotonic() - self._last_state_at >= STATE_SECONDS

    def _exit(self, code: int) -> None:
        self.flush()
        raise SystemExit(code)

    @staticmethod
    def _write(line: bytes | bytearray) -> None:
        sys.stdout.buffer.write(line)
        sys.stdout.flush()

"""Writes Singer messages, never half of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter
from typing_extensions import override

if TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message


class MessageWriter(MsgSpecWriter):
    """Lets a signal end the process between two messages, never within one.

    A partial line would make the target fail before it has stored the records that came earlier.
    """

    def __init__(self) -> None:
        """Create a writer; nothing is written yet."""
        super().__init__()
        self._writing = False
        self._exit_code: int | None = None

    def stop(self, exit_code: int) -> None:
        """End the process with this exit code, now or after the message that is being written.

        Raises:
            SystemExit: No message is being written; otherwise `write_message` raises it.
        """
        self._exit_code = exit_code
        if not self._writing:
            raise SystemExit(exit_code)

    @override
    def write_message(self, message: Message) -> None:
        self._writing = True
        try:
            super().write_message(message)
        finally:
            self._writing = False
        if self._exit_code is not None:
            raise SystemExit(self._exit_code)

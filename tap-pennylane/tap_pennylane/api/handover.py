"""Results that threads hand to one consumer."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

T = TypeVar("T")

POLL = 0.1
"""Seconds after which a producer that waits for room looks whether the consumer is gone."""


class Handover(Generic[T]):
    """A short queue: a slow consumer holds the producers back."""

    def __init__(self, capacity: int, stop: threading.Event) -> None:
        """Hold nothing yet.

        Args:
            capacity: How many results may wait for the consumer.
            stop: Set when nobody will consume any more; what is put then is dropped.
        """
        self._queue: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(capacity)
        self._stop = stop

    def __iter__(self) -> Iterator[T]:
        """Take the results until the producers close, raising what they failed with."""
        while message := self._queue.get():
            if isinstance(message, BaseException):
                raise message
            yield message[0]

    def put(self, result: T) -> None:
        """Hand a result over, once there is room."""
        self._put((result,))

    def fail(self, error: BaseException) -> None:
        """Have the consumer raise an error."""
        self._put(error)

    def close(self) -> None:
        """Tell the consumer that no more results come."""
        self._put(None)

    def _put(self, message: tuple[T] | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(message, timeout=POLL)
            except queue.Full:
                continue
            return

"""Hands results from threads to one consumer."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

T = TypeVar("T")

POLL = 0.1
"""How often, in seconds, a producer that waits for room checks whether the consumer is gone."""


class Handover(Generic[T]):
    """A short queue, so that a slow consumer holds the producers back."""

    def __init__(self, capacity: int, stop: threading.Event) -> None:
        """Create an empty queue.

        Args:
            capacity: How many results may wait for the consumer.
            stop: Set when the consumer has ended; later results are dropped.
        """
        self._queue: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(capacity)
        self._stop = stop

    def __iter__(self) -> Iterator[T]:
        """Yield the results until a producer closes the queue; raise a producer's error."""
        while message := self._queue.get():
            if isinstance(message, BaseException):
                raise message
            yield message[0]

    def put(self, result: T) -> None:
        """Add a result once there is room."""
        self._put((result,))

    def fail(self, error: BaseException) -> None:
        """Make the consumer raise an error."""
        self._put(error)

    def close(self) -> None:
        """Tell the consumer that there are no more results."""
        self._put(None)

    def _put(self, message: tuple[T] | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(message, timeout=POLL)
            except queue.Full:
                continue
            return

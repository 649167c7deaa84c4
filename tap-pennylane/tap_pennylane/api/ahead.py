"""Reads ahead of the consumer, so that latency leaves no slot of the request budget unused."""

from __future__ import annotations

import queue
import threading
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from typing_extensions import override

from tap_pennylane.api.client import Client, Usage
from tap_pennylane.api.handover import Handover
from tap_pennylane.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Request = tuple[str, Mapping[str, Any]]
    """A path and its query."""

T = TypeVar("T")

LONGEST_QUEUE = 8
"""How many results of a task may wait for the consumer; a slow one holds the readers back."""


def in_order(tasks: Iterable[Callable[[], Iterable[T]]], readers: int) -> Iterator[Iterator[T]]:
    """Run tasks in parallel, and yield their results in the tasks' order.

    Args:
        tasks: Each returns results. The iterable itself is consumed only as readers become free.
        readers: The maximum number of tasks in progress.

    Yields:
        For each task, an iterator over its results, which also raises the task's error.
    """
    stop = threading.Event()
    started: deque[_Task[T]] = deque()
    try:
        for task in tasks:
            started.append(_Task(task, stop))
            if len(started) >= readers:
                yield started.popleft().results()
        while started:
            yield started.popleft().results()
    finally:
        stop.set()


class _Task(Generic[T]):
    """One task in its own thread: a daemon thread, so that it does not delay the end of a run."""

    def __init__(self, task: Callable[[], Iterable[T]], stop: threading.Event) -> None:
        self._task, self._stop = task, stop
        self._results: Handover[T] = Handover(LONGEST_QUEUE, stop)
        threading.Thread(target=self._run, daemon=True).start()

    def results(self) -> Iterator[T]:
        return iter(self._results)

    def _run(self) -> None:
        try:
            for result in self._task():
                self._results.put(result)
                if self._stop.is_set():
                    return
            self._results.close()
        except BaseException as error:  # noqa: BLE001 - raised again by the consumer
            self._results.fail(error)


class EagerClient(Client):
    """A client that sends announced GET requests before they are needed."""

    _expected: dict[tuple[object, ...], Future[_Answer]] | None = None

    @override
    def begin(self, url: str) -> None:
        super().begin(url)
        self._expected = None

    def expect(self, requests: Iterable[Request], readers: int) -> None:
        """Send GET requests in parallel; `get` then returns their responses.

        Args:
            requests: In the order in which `get` will be called.
            readers: The maximum number of requests in flight.
        """
        self._expected = {}
        waiting: queue.SimpleQueue[tuple[Request, Future[_Answer]]] = queue.SimpleQueue()
        for request in requests:
            if _key(*request) not in self._expected:
                future = self._expected[_key(*request)] = Future()
                waiting.put((request, future))
        for _ in range(min(readers, waiting.qsize())):
            threading.Thread(target=self._read, args=(waiting,), daemon=True).start()

    @override
    def get(self, path: str, params: Mapping[str, Any] | None = None) -> object:
        expected = (self._expected or {}).pop(_key(path, params or {}), None)
        if expected is None or expected.cancel():  # no reader has started it
            return super().get(path, params)
        answer = expected.result()
        self.count(answer.usage)
        if answer.error:
            raise answer.error
        return answer.document

    def _read(self, waiting: queue.SimpleQueue[tuple[Request, Future[_Answer]]]) -> None:
        with suppress(queue.Empty):
            while True:
                request, future = waiting.get_nowait()
                if not future.set_running_or_notify_cancel():
                    continue
                answer = _Answer()
                with self.counting(answer.usage):
                    try:
                        answer.document = super().get(*request)
                    except BaseException as error:  # noqa: BLE001 - raised again by `get`
                        answer.error = error
                future.set_result(answer)
                if isinstance(answer.error, UnavailableError):
                    return  # the others would use up their retries in vain


@dataclass
class _Answer:
    """The outcome of a request that was sent ahead."""

    document: object = None
    error: BaseException | None = None
    usage: Usage = field(default_factory=Usage)


def _key(path: str, params: Mapping[str, Any]) -> tuple[object, ...]:
    return (path, *sorted(params.items()))

"""Faults on request, like those of a network or a busy server."""

import asyncio
from contextlib import suppress
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

KINDS: Final = ("status", "latency", "drop", "truncate", "html", "rate_limit", "body")


@dataclass(slots=True)
class Fault:
    """What should go wrong, where, and how often."""

    path: str
    kind: str
    status: int = 503
    seconds: float = 1
    body: str = ""
    times: int | None = 1
    skip: int = 0


class Faults:
    """The pending faults."""

    def __init__(self) -> None:
        """Start without any."""
        self._waiting: list[Fault] = []
        self._cleared = asyncio.Event()

    def add(self, wanted: dict[str, Any]) -> Fault:
        """Add a fault."""
        fault = Fault(**wanted)
        if fault.kind not in KINDS:
            msg = f"kind is one of {', '.join(KINDS)}"
            raise ValueError(msg)
        self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults, and answer the requests that one of them holds back."""
        self._waiting.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    async def hold_back(self, fault: Fault) -> None:
        """Wait for the seconds of a fault, or until the faults are cleared."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._cleared.wait(), fault.seconds)

    def waiting(self) -> list[dict[str, Any]]:
        """Describe the pending faults."""
        return [asdict(fault) for fault in self._waiting]

    def strike(self, path: str) -> Fault | None:
        """Return the fault for a request to this path, if any."""
        for fault in self._waiting:
            if not fnmatchcase(path, fault.path):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
            return fault
        return None

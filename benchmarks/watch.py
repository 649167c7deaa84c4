"""Programs that run to their end, with the time, CPU and memory that they used.

Total CPU-seconds are the kernel's account of every process that was waited for. Those of one
program, and its peak memory, are read from the running process four times per second.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INTERVAL = 0.25
MIB = 1024 * 1024


@dataclass(frozen=True)
class Run:
    """What a program used, including its children."""

    output: bytes
    seconds: float
    cpu_seconds: float
    cpu_by_program: dict[str, float]
    peak_mib: dict[str, int]
    """The peak memory (RSS) of any process of a program."""

    def measured(self) -> dict[str, Any]:
        """Only the numbers."""
        return {
            "seconds": round(self.seconds, 2),
            "cpu_seconds": round(self.cpu_seconds, 2),
            "cpu_by_program": {name: round(cpu, 2) for name, cpu in self.cpu_by_program.items()},
            "peak_mib": self.peak_mib,
        }


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    one_core: bool = False,
) -> Run:
    """Run a program to its end; its children are ended as well, however this function is left.

    Args:
        command: The program and its arguments.
        environment: All its variables; None is ours.
        folder: Where it runs.
        one_core: Keep it on one core, where the system can.

    Raises:
        RuntimeError: It failed; carries its last words.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begin = time.monotonic()
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        try:
            root = psutil.Process(process.pid)
            if one_core and hasattr(root, "cpu_affinity"):
                root.cpu_affinity([0])
            seen = _watch(process, root)
            seconds = time.monotonic() - begin
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        errors.seek(0)
        said = output.read()
        if process.returncode:
            last = (said + errors.read()).decode(errors="replace")[-3000:]
            msg = f"{command[0]} ended with exit code {process.returncode}:\n{last}"
            raise RuntimeError(msg)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu: defaultdict[str, float] = defaultdict(float)
    peak: defaultdict[str, int] = defaultdict(int)
    for (_, name), (used, held) in seen.items():
        if not used and not held:  # it has not become its program yet
            continue
        cpu[name] += used
        peak[name] = max(peak[name], held // MIB)
    total = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(said, seconds, total, dict(cpu), dict(peak))


def _watch(process: subprocess.Popen[bytes], root: psutil.Process) -> dict[Any, tuple[float, int]]:
    """The CPU-seconds and the peak memory of each process, by pid and program."""
    seen: dict[Any, tuple[float, int]] = {}
    while process.poll() is None:
        with suppress(psutil.Error):
            for one in (root, *root.children(recursive=True)):
                with suppress(psutil.Error):
                    seen[one.pid, _program(one)] = cpu_seconds(one), _peak(one)
        with suppress(subprocess.TimeoutExpired):
            process.wait(INTERVAL)
    return seen


def cpu_seconds(process: psutil.Process, *, descendants: bool = False) -> float:
    """What a process has used so far, including its descendants, alive or waited for."""
    times = process.cpu_times()
    used: float = times.user + times.system
    if descendants:
        used += times.children_user + times.children_system
        for child in process.children(recursive=True):
            with suppress(psutil.Error):
                used += cpu_seconds(child)
    return used


def _program(process: psutil.Process) -> str:
    """A process's name; for a Python program, the script's."""
    command = process.cmdline()
    script = next((Path(part).name for part in command[1:2] if not part.startswith("-")), "")
    if "--discover" in command:
        return f"{script} --discover"
    return script or process.name()


def _peak(process: psutil.Process) -> int:
    """The kernel's own high-water mark if available, otherwise the current memory."""
    with suppress(OSError, IndexError, ValueError):
        status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    held: int = process.memory_info().rss
    return held

"""Programs that run side by side until one of them ends, or all are to end.

They start others, which outlive their parents' death. Which ones are ours is told by their session,
which each program here begins, or by a variable of the environment, which those inherit that begin
a session of their own.
"""

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from pennylane_launcher.errors import LauncherError

MARK = "PENNYLANE_SERVICES"
PATIENCE = 60.0
"""Seconds that each stage of stopping gets."""


class Services:
    """Starts programs; leaving the block stops them and all that they started."""

    def __init__(self, logs: Path) -> None:
        """Begin with none.

        Args:
            logs: folder for a file of each program's output.
        """
        self._logs = logs
        self._mark = uuid.uuid4().hex
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop everything: first what starts work, then the work itself, then the rest."""
        first, *others = *reversed(self._processes.values()), None
        if first is not None and first.poll() is None:
            first.terminate()
        services = {process.pid for process in self._processes.values()}
        work = [each for each in self._ours() if "pennylane_launcher" in _command(each)]
        _signal(work, signal.SIGTERM)
        psutil.wait_procs(work, PATIENCE)
        for process in [first, *others]:
            if process is not None and process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and any(p.pid in services for p in self._ours()):
            for process in self._processes.values():
                process.poll()
            time.sleep(0.1)
        while left := self._ours():
            _signal(left, signal.SIGKILL)
            psutil.wait_procs(left, 1)
        for process in self._processes.values():
            process.wait()

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a program; the last one started is the first one stopped.

        Args:
            name: what to call it.
            command: the program and its arguments.
            environment: all its variables.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(  # noqa: S603
                command,
                env={**environment, MARK: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for the launcher, which ends them in order.
                start_new_session=True,
            )

    def check(self) -> None:
        """See that all run.

        Raises:
            LauncherError: one has ended.
        """
        for name, process in self._processes.items():
            if (code := process.poll()) is not None:
                log = self._logs / f"{name}.log"
                said = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
                msg = f"Airflow's {name} ended, with exit code {code}; {log} ends with:\n{said}"
                raise LauncherError(msg)

    def watch(self) -> None:
        """Return never; wait until one ends.

        Raises:
            LauncherError: one has ended.
        """
        while True:
            self.check()
            time.sleep(0.5)

    def _ours(self) -> list[psutil.Process]:
        sessions = {process.pid for process in self._processes.values()}
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                # Who writes his own title over it has no environment to show.
                if os.getsid(process.pid) in sessions or process.environ().get(MARK) == self._mark:
                    found.append(process)
        return found


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _signal(processes: Sequence[psutil.Process], signum: int) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(signum)

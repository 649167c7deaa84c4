"""Programs that run side by side until one of them ends, or until all are stopped.

Their child processes may outlive them. A process is recognized as ours by its session, which each
program starts, or by an environment variable, which children inherit that start their own session.
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
"""Seconds for each stage of stopping."""


class Services:
    """Starts programs; leaving the block stops them and their child processes."""

    def __init__(self, logs: Path) -> None:
        """Start without any program.

        Args:
            logs: folder for the output of each program.
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
        """Stop everything: first what starts tasks, then the tasks, then the rest."""
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
                # Ctrl-C must reach only the launcher, which stops them in order.
                start_new_session=True,
            )

    def check(self) -> None:
        """Check that all are running.

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
        """Wait until one ends.

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
                # A process that changes its title may have overwritten its environment.
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

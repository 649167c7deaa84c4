"""Child processes that never outlive the launcher."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

PATIENCE = 20.0
"""Seconds that a child gets to end cleanly."""


@contextmanager
def child(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    errors: int | IO[str] = subprocess.STDOUT,
) -> Iterator[subprocess.Popen[str]]:
    """Run a program for the duration of the block, with its output on a pipe.

    However the block is left, the program and all processes that it started are ended.

    Args:
        command: the program and its arguments.
        environment: all its environment variables.
        errors: where its error output goes; by default to the same pipe.
    """
    process = subprocess.Popen(  # noqa: S603
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        errors="replace",
        # A group of its own: Ctrl-C reaches only the launcher, which ends its children cleanly.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout:
            process.stdout.close()

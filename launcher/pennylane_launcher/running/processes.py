"""Child processes that never outlive the launcher."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

PATIENCE = 20.0
"""Seconds that a child gets to end cleanly."""
SHORT_PATIENCE = 3.0
"""Seconds that the processes get whose parent, the child, has ended without them."""
PAUSE = 0.05
PRIVATE = 0o077
# Reads until its input ends, which this program holds open: then this program was killed.
LEASH = """
read _
kill -s TERM -- "-$1"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  kill -s 0 -- "-$1" || exit
  sleep 1
done
kill -s KILL -- "-$1"
"""


@contextmanager
def child(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    errors: int | IO[str] = subprocess.STDOUT,
) -> Iterator[subprocess.Popen[str]]:
    """Run a program for the duration of the block, with its output on a pipe.

    However the block is left, the program and all processes that it started are ended; also if
    this program is killed. Nobody else can read the files that they write.

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
        umask=PRIVATE,
    )
    try:
        with _leash(process.pid):
            yield process
    finally:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
        with suppress(ProcessLookupError, PermissionError):
            _end_group(process.pid)
        process.wait()
        if process.stdout:
            process.stdout.close()


@contextmanager
def _leash(group: int) -> Iterator[None]:
    """End a group of processes if this program is killed during the block."""
    command = ["/bin/sh", "-c", LEASH, "leash", str(group)]
    with subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as leash:
        try:
            yield
        finally:
            leash.kill()


def _end_group(group: int) -> None:
    """End a group of processes, if there are any: first those that write what they have read."""
    os.killpg(group, signal.SIGTERM)
    end = time.monotonic() + SHORT_PATIENCE
    while time.monotonic() < end:
        os.killpg(group, 0)
        time.sleep(PAUSE)
    os.killpg(group, signal.SIGKILL)

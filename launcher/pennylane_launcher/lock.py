"""One run at a time per folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pennylane_launcher.errors import LauncherError


@contextmanager
def alone(
    project: Path, system_folder: Path | None = None, *, wait: bool = False
) -> Iterator[None]:
    """Keep other runs out of this folder: Meltano's plugins would overwrite each other's files.

    Args:
        project: the project's folder.
        system_folder: where Meltano keeps its files during the run; `.meltano` by default.
        wait: for the end of another run.

    Raises:
        LauncherError: another run is in progress.
    """
    folder = system_folder or project / ".meltano"
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder / "launcher.lock", os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            msg = "Another `make demo` or `make run` is running in this folder: wait for it to end."
            raise LauncherError(msg) from error
        yield
    finally:
        os.close(descriptor)

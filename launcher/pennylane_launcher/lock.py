"""One run at a time per folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pennylane_launcher.errors import LauncherError


@contextmanager
def alone(project: Path) -> Iterator[None]:
    """Keep other runs out of this folder: Meltano's plugins would overwrite each other's files.

    Raises:
        LauncherError: another run is in progress.
    """
    folder = project / ".meltano"
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder / "launcher.lock", os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = "Another `make demo` or `make run` is running in this folder: wait for it to end."
            raise LauncherError(msg) from error
        yield
    finally:
        os.close(descriptor)

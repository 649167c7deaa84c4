"""What a killed run left behind: files in which Meltano wrote plugin settings and secrets."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil


@contextmanager
def none(project: Path) -> Iterator[None]:
    """Clear before and after a run, however it ends.

    Args:
        project: the project's folder.
    """
    (project / ".meltano" / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
    clear(project)
    try:
        yield
    finally:
        clear(project)


def clear(project: Path) -> None:
    """Remove the settings that killed runs left in `.meltano`, and make their folders private.

    Runs side by side have a folder each: the files of living ones stay.

    Args:
        project: the project's folder.
    """
    system = project / ".meltano"
    folders = [system / "run", *system.glob("companies/*/run")]
    if not any(folder.exists() for folder in folders):
        return
    began = min(_living(project), default=time.time())
    for folder in folders:
        with suppress(PermissionError, FileNotFoundError):  # a container's, which only it can enter
            folder.chmod(0o700)
        for file in folder.glob("*/*.config.json"):
            with suppress(FileNotFoundError):
                if file.stat().st_mtime < began:
                    file.unlink()


def _living(project: Path) -> list[float]:
    """Return the start time of each Meltano process in the folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            names = {Path(part).name for part in process.cmdline()[:2]}
            if "meltano" in names and Path(process.cwd()) == project.resolve():
                found.append(process.create_time())
    return found

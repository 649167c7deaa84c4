"""What a killed run left behind: the settings of plugins, with secrets, as Meltano wrote them."""

import time
from contextlib import suppress
from pathlib import Path

import psutil


def clear(project: Path) -> None:
    """Remove the settings that dead runs left in `.meltano/run`, and close that folder to others.

    Args:
        project: the project's folder.
    """
    folder = project / ".meltano" / "run"
    if not folder.exists():
        return
    with suppress(PermissionError):  # a container's, which nobody else can enter
        folder.chmod(0o700)
    began = min(_living(project), default=time.time())
    for file in folder.glob("*/*.config.json"):
        with suppress(FileNotFoundError):
            if file.stat().st_mtime < began:
                file.unlink()


def _living(project: Path) -> list[float]:
    """Return when each Meltano that works in the folder was started."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            names = {Path(part).name for part in process.cmdline()[:2]}
            if "meltano" in names and Path(process.cwd()) == project.resolve():
                found.append(process.create_time())
    return found

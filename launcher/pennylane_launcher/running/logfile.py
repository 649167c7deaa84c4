"""The handlers in `logging.yaml`: a log file without secrets, and a brief console."""

import logging
import os
from pathlib import Path

from concurrent_log_handler import ConcurrentRotatingFileHandler

from pennylane_launcher.settings.redaction import Secrets


class LogFile(ConcurrentRotatingFileHandler):
    """A rotating file that several processes can write to, without secrets."""

    def __init__(self, filename: Path, *, max_bytes: int, backups: int) -> None:
        """Learn the secrets of the project in the current folder.

        Args:
            filename: path of the log.
            max_bytes: size at which a new file is started.
            backups: number of old files to keep.
        """
        super().__init__(str(filename), maxBytes=max_bytes, backupCount=backups, encoding="utf-8")
        self._secrets = Secrets.of(Path.cwd())

    def format(self, record: logging.LogRecord) -> str:
        """Return the line that is written."""
        return self._secrets.hide(super().format(record))


class Brief(logging.Filter):
    """Keeps lines of no use to a person, such as metrics and SQL, off the console."""

    NOISE = ("METRIC", "Inserting with SQL: ", "Hard delete: ", "Skipping deselected stream ")

    def filter(self, record: logging.LogRecord) -> bool:
        """Let all other lines pass, and every warning."""
        event = record.msg.get("event", "") if isinstance(record.msg, dict) else record.msg
        return record.levelno > logging.INFO or not str(event).startswith(self.NOISE)


def handler(filename: str, maxBytes: int, backupCount: int) -> logging.Handler:  # noqa: N803
    """Open the log, and create its folder; where that cannot be written to, log nothing.

    Args:
        filename: path of the log, relative to the current folder.
        maxBytes: size at which a new file is started.
        backupCount: number of old files to keep.
    """
    path = Path(filename)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return logging.NullHandler()
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return logging.NullHandler()
    return LogFile(path, max_bytes=maxBytes, backups=backupCount)

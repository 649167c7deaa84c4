"""What `logging.yaml` names: a file for several processes and without secrets, a brief console."""

import logging
import os
from pathlib import Path

from concurrent_log_handler import ConcurrentRotatingFileHandler

from pennylane_launcher.settings.redaction import Secrets


class LogFile(ConcurrentRotatingFileHandler):
    """Rotates, under a lock between processes, and leaves secrets out."""

    def __init__(self, filename: Path, *, max_bytes: int, backups: int) -> None:
        """Learn the secrets of the project around.

        Args:
            filename: of the log.
            max_bytes: its size, before a new one is begun.
            backups: how many old ones are kept.
        """
        super().__init__(str(filename), maxBytes=max_bytes, backupCount=backups, encoding="utf-8")
        self._secrets = Secrets.of(Path.cwd())

    def format(self, record: logging.LogRecord) -> str:
        """Return the line that is written."""
        return self._secrets.hide(super().format(record))


class Brief(logging.Filter):
    """Leaves out of the console what a person has no use for: figures, SQL."""

    NOISE = ("METRIC", "Inserting with SQL: ", "Hard delete: ", "Skipping deselected stream ")

    def filter(self, record: logging.LogRecord) -> bool:
        """Let other lines pass; warnings always."""
        event = record.msg.get("event", "") if isinstance(record.msg, dict) else record.msg
        return record.levelno > logging.INFO or not str(event).startswith(self.NOISE)


def handler(filename: str, maxBytes: int, backupCount: int) -> logging.Handler:  # noqa: N803
    """Open the log, and its folder if there is none; without a place to write to there is no log.

    Args:
        filename: of the log, seen from the current folder.
        maxBytes: its size, before a new one is begun.
        backupCount: how many old ones are kept.
    """
    path = Path(filename)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return logging.NullHandler()
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return logging.NullHandler()
    return LogFile(path, max_bytes=maxBytes, backups=backupCount)

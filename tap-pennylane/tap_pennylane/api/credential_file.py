"""The file that holds a pair of OAuth tokens: who may read it, and how it is replaced."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tap_pennylane.api.credentials import SIGN_IN, parsed
from tap_pennylane.errors import FatalError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_pennylane.api.credentials import Pair

_ROOM = 1 << 14
"""Bytes that are reserved on the disk before the old tokens are given up."""

_BETWEEN_TRIES = 0.05


class CredentialFile:
    """A credential file, which the processes that see its folder share.

    Whoever replaces the pair holds a lock, and writes the new file beside the old one, under a name
    that only the holder of the lock uses. If it is killed before it has renamed a complete file,
    the next holder does.
    """

    setting = "credentials_file"
    settling = 0.0
    """A lock ends with the process that holds it, and in no other way."""

    def __init__(self, path: str | Path) -> None:
        """Use the file at this path; nothing is read yet."""
        self.path = Path(path).expanduser().resolve()
        self.label = f"credential file '{self.path}'"
        self._new = self.path.with_name(f"{self.path.name}.new")

    def prepare(self, patience: float) -> None:
        """Make sure that a first pair can be written.

        Args:
            patience: For how many seconds to wait for another process.

        Raises:
            TransientError: Another process replaces the pair.
            FatalError: The lock file can't be written.
        """
        with self.locked(patience):
            pass

    def read(self) -> Pair:
        """Return the pair.

        Raises:
            FatalError: There is none, other users can read it, or it is damaged.
        """
        try:
            with self.path.open(encoding="utf-8") as file:
                mode = os.fstat(file.fileno()).st_mode & 0o777
                text = file.read()
        except FileNotFoundError as error:
            msg = f"There is no {self.label}: {SIGN_IN}"
            raise FatalError(msg) from error
        except (OSError, UnicodeDecodeError) as error:
            raise FatalError(self._unusable(error)) from error
        if mode & 0o077:
            msg = (
                f"Other users can read the {self.label} (mode {mode:04o}): "
                f"chmod 600 '{self.path}', or {SIGN_IN} if someone may have read it"
            )
            raise FatalError(msg)
        pair = _parsed(text)
        if pair is None:
            msg = f"The {self.label} is damaged: {SIGN_IN}"
            raise FatalError(msg)
        return pair

    @contextmanager
    def locked(self, patience: float) -> Iterator[None]:
        """Be the only process that may replace the pair.

        Args:
            patience: For how many seconds to wait for another process.

        Raises:
            TransientError: Another process still replaces it.
            FatalError: The lock file can't be written.
        """
        lock = self.path.with_name(f"{self.path.name}.lock")
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FatalError(self._unusable(error)) from error
        try:
            deadline = time.monotonic() + patience
            while not _is_taken(descriptor):
                if time.monotonic() > deadline:
                    msg = f"another process has held the lock '{lock}' for {patience:g} s"
                    raise TransientError(msg)
                time.sleep(_BETWEEN_TRIES)
            self._finish_interrupted()
            yield
        finally:
            os.close(descriptor)  # which releases the lock

    def _finish_interrupted(self) -> None:
        """Complete what a process was killed at; the caller holds the lock."""
        try:
            if _parsed(self._new.read_text(encoding="utf-8")) and not self._is_older():
                self._publish()
        except (OSError, UnicodeDecodeError):
            return

    def _is_older(self) -> bool:
        """Return whether the file was replaced by hand since the new one was written."""
        if not self.path.exists():
            return False
        return self._new.stat().st_mtime_ns < self.path.stat().st_mtime_ns

    @contextmanager
    def replacement(self) -> Iterator[Callable[[Pair], None]]:
        """Prepare to replace the pair, and yield what does so; the caller holds the lock.

        The disk's room is reserved first, so that a full disk is found out while the old pair is
        still valid.

        Raises:
            FatalError: The file can't be written.
        """
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            descriptor = os.open(self._new, flags, 0o600)
            try:
                os.fchmod(descriptor, 0o600)
                _write_whole(descriptor, b" " * _ROOM)
                os.fsync(descriptor)
                yield partial(self._write, descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise FatalError(self._unusable(error)) from error
        finally:
            with suppress(OSError):
                self._new.unlink(missing_ok=True)

    def _write(self, descriptor: int, pair: Pair) -> None:
        """Replace the old pair; when this returns, the new one survives a crash."""
        content = json.dumps(asdict(pair), indent=2).encode() + b"\n"
        try:
            os.ftruncate(descriptor, len(content))
            _write_whole(descriptor, content)
            os.fsync(descriptor)
            self._publish()
        except OSError as error:
            msg = (
                f"The new tokens can't be written to '{self.path}' ({error.strerror}), and the old "
                f"ones are no longer valid: {SIGN_IN}"
            )
            raise FatalError(msg) from error

    def _publish(self) -> None:
        self._new.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _unusable(self, error: Exception) -> str:
        reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        return (
            f"The {self.label} can't be used: {reason}. Check the path, and that "
            "its folder can be written"
        )


def _write_whole(descriptor: int, content: bytes) -> None:
    """Write from the beginning; one call may write less, and the next then fails."""
    written = 0
    while written < len(content):
        written += os.pwrite(descriptor, content[written:], written)


def _is_taken(descriptor: int) -> bool:
    import fcntl  # noqa: PLC0415 - Windows has none, and needs none for a company's own token

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _parsed(text: str) -> Pair | None:
    """Return the pair in a file; None if it is not complete."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return parsed(found) if isinstance(found, dict) else None

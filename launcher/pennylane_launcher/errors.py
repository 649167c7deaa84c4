"""Errors that end a command with a sentence for the person at the terminal."""

import os


class LauncherError(Exception):
    """The command cannot continue; the message says why and what to do, without any secret."""

    exit_code = 1


class SettingsError(LauncherError):
    """A setting is missing or invalid: a retry cannot succeed."""

    exit_code = os.EX_CONFIG


class IncomparableError(LauncherError):
    """The bookmarks cannot be compared with what the tables have."""

    def __init__(self, cause: Exception) -> None:
        """Say why, in one line.

        Args:
            cause: what failed.
        """
        reason = str(cause).strip().splitlines()[0].rstrip(".")
        super().__init__(f"The bookmarks cannot be compared with the tables: {reason}.")

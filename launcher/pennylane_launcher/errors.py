"""Errors that end a command with a sentence for the person at the terminal."""

import os


class LauncherError(Exception):
    """The command cannot continue; the message says why and what to do, without any secret."""

    exit_code = 1


class SettingsError(LauncherError):
    """A setting is missing or invalid: a retry cannot succeed."""

    exit_code = os.EX_CONFIG

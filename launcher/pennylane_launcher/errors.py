"""What went wrong, in one sentence for the person at the terminal."""

import os


class LauncherError(Exception):
    """The work cannot go on; the message says why and what to do, without any secret."""

    exit_code = 1


class SettingsError(LauncherError):
    """A setting is missing or can't be: trying again is of no use."""

    exit_code = os.EX_CONFIG

"""What went wrong, in one sentence for the person at the terminal."""


class LauncherError(Exception):
    """The work cannot go on; the message says why and what to do, without any secret."""

"""The question before data is lost."""

import sys

from pennylane_launcher.errors import LauncherError


def confirm(what: str, otherwise: str) -> None:
    """Return if the person at the terminal types the whole word "yes".

    Args:
        what: what would happen.
        otherwise: the command that does it without asking.

    Raises:
        LauncherError: any other answer, or no terminal to ask at.
    """
    if not sys.stdin.isatty():
        msg = (
            f"{what}\nNothing was done: there is no terminal to ask at. To do it without a"
            f" question: {otherwise}"
        )
        raise LauncherError(msg)
    if input(f"{what}\nContinue? Type yes: ").strip() != "yes":
        msg = "Nothing was done."
        raise LauncherError(msg)

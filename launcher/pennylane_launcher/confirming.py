"""A question before something is lost."""

import sys

from pennylane_launcher.errors import LauncherError


def confirm(what: str, otherwise: str) -> None:
    """Return if the person at the terminal agrees; only the whole word does.

    Args:
        what: would happen.
        otherwise: the command that does it without a question.

    Raises:
        LauncherError: the answer is another one, or nobody can be asked.
    """
    if not sys.stdin.isatty():
        msg = f"{what}\nNothing was done, for nobody can be asked here. To do it: {otherwise}"
        raise LauncherError(msg)
    if input(f"{what}\nGo on? Write yes: ").strip() != "yes":
        msg = "Nothing was done."
        raise LauncherError(msg)

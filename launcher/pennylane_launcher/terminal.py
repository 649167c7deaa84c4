"""Lines for whoever watches: on a terminal one that changes in place, elsewhere plain ones."""

import shutil
import sys

ERASE = "\r\x1b[K"


def watched() -> bool:
    """Tell whether the output goes to a terminal."""
    return sys.stdout.isatty()


def say(text: str) -> None:
    """Print a line that stays."""
    print(f"{ERASE if watched() else ''}  {text}", flush=True)


def show(text: str, end: str) -> None:
    """Print how far the work is: on a terminal the next line takes this one's place.

    Args:
        text: cut where the terminal is too narrow.
        end: follows the text, and is never cut.
    """
    if watched():
        # A longer line would wrap, and what wrapped is not erased.
        room = shutil.get_terminal_size().columns - len(end) - 1
        print(f"{ERASE}{f'  {text}'[:room]}{end}", end="", flush=True)
    else:
        print(f"  {text}{end}", flush=True)


def erase() -> None:
    """Take away the line that `show` left."""
    if watched():
        print(ERASE, end="", flush=True)

"""Progress output: one line that changes in place on a terminal, plain lines elsewhere."""

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
    """Print the progress; on a terminal the next line replaces this one.

    Args:
        text: truncated if the terminal is too narrow.
        end: follows the text, never truncated.
    """
    if watched():
        # A longer line would wrap, and its wrapped part would not be erased.
        room = shutil.get_terminal_size().columns - len(end) - 1
        print(f"{ERASE}{f'  {text}'[:room]}{end}", end="", flush=True)
    else:
        print(f"  {text}{end}", flush=True)


def erase() -> None:
    """Remove the line that `show` left."""
    if watched():
        print(ERASE, end="", flush=True)

"""Progress output: one line that changes in place on a terminal, plain lines elsewhere."""

import shutil
import sys
import time
from typing import Protocol

ERASE = "\r\x1b[K"
SILENCE = 10.0
"""Seconds between progress lines of one of several runs."""


class Voice(Protocol):
    """What shows the progress of a run: this module, or one of several voices."""

    def say(self, text: str) -> None:
        """Print a line that stays."""

    def show(self, text: str, end: str) -> None:
        """Print the progress."""

    def erase(self) -> None:
        """Remove the line that `show` left."""


class OneOfSeveral:
    """Prints whole lines that begin with a name, for runs side by side."""

    def __init__(self, name: str) -> None:
        """Start silently.

        Args:
            name: of the run.
        """
        self._name = name
        self._shown = time.monotonic()

    def say(self, text: str) -> None:
        """Print a text, line by line."""
        lines = [f"  {self._name}: {line}\n" for line in text.splitlines()]
        # One call: lines of different runs never mix.
        sys.stdout.write("".join(lines))
        sys.stdout.flush()

    def show(self, text: str, end: str) -> None:
        """Print the progress now and then."""
        if time.monotonic() >= self._shown + SILENCE:
            self._shown = time.monotonic()
            self.say(f"{text}{end}")

    def erase(self) -> None:
        """Leave all lines."""


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

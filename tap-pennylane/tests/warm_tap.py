"""Runs the tap once per line of input, each time in a process of its own, forked from this one.

Importing takes most of the time of a short run: this process has done it already.
"""

from __future__ import annotations

import json
import os
import random
import runpy
import sys

import tap_pennylane.tap  # noqa: F401 - so that no run has to


def main() -> None:
    """Run the tap as each line orders, and answer with its exit code."""
    for line in sys.stdin:
        order = json.loads(line)
        process = os.fork()
        if not process:
            _become(order)
            runpy.run_module("tap_pennylane", run_name="__main__", alter_sys=True)
            sys.exit()
        _, status = os.waitpid(process, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(order: dict[str, object]) -> None:
    """Take over the arguments, the variables and the files of a run."""
    for number in (1, 2):
        file = os.open(str(order[f"output_{number}"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv[1:] = order["arguments"]  # type: ignore[call-overload]
    os.environ.clear()
    os.environ.update(order["variables"])  # type: ignore[call-overload]
    os.chdir(str(order["folder"]))
    random.seed()


if __name__ == "__main__":
    main()

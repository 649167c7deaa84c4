"""The real `meltano run tap-pennylane target-postgres`, watched."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from subprocess import Popen

from pennylane_launcher import meltano
from pennylane_launcher.processes import child
from pennylane_launcher.progress import Progress

BLOCKS = ("tap-pennylane", "target-postgres")
SILENCE = 2.0
"""Seconds without a line after which one says how far the run is."""


def run(
    environment: Mapping[str, str],
    *,
    options: Sequence[str] = (),
    env_file: Path | None = None,
    secrets: Iterable[str] = (),
    status: Callable[[], str] | None = None,
) -> int:
    """Run the pipeline in the current directory, printing what is worth it.

    Args:
        environment: all the variables that Meltano gets.
        options: of `meltano run`, such as `--full-refresh`.
        env_file: read in place of the project's `.env`.
        secrets: texts that are never printed.
        status: says how far the run is, if the caller knows better than the log.

    Returns:
        Meltano's exit code.
    """
    command = meltano.command("--log-format", "json", "run", *options, *BLOCKS, env_file=env_file)
    progress = Progress(secrets)
    begin = time.monotonic()
    with child(command, environment=environment) as process:
        lines = _lines(process)
        while True:
            try:
                line = lines.get(timeout=SILENCE)
            except queue.Empty:
                said = status() if status else progress
                print(f"  {time.monotonic() - begin:4.0f} s: {said}")
                continue
            if line is None:
                break
            if (text := progress.feed(line)) is not None:
                print(f"  {text}")
        return process.wait()


def _lines(process: Popen[str]) -> queue.Queue[str | None]:
    """Read the output of a process beside the caller, who can then wait with a limit."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines

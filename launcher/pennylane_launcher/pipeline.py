"""The real `meltano run sync`, watched."""

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from subprocess import Popen

import yaml

from pennylane_launcher import meltano
from pennylane_launcher.errors import SettingsError
from pennylane_launcher.processes import child
from pennylane_launcher.progress import Progress

JOB = "sync"
"""In `meltano.yml`: load, then build and test the views."""

SILENCE = 2.0
"""Seconds without a line after which one says how far the run is; more, in a long run."""
LONGEST_SILENCE = 10.0


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
    progress = Progress(secrets)

    def watched(*blocks: str) -> int:
        command = meltano.command(*meltano.json_log(), "run", *blocks, env_file=env_file)
        return _watch(command, environment, progress, status)

    code = watched(*options, JOB)
    if code and progress.stream and not progress.loaded and (rest := _after_the_load()):
        # Meltano ends a job where a step fails; what did land belongs into the views all the same.
        _say("not everything was loaded; the views are built of what there is")
        watched(*rest)
    return code


def step(
    blocks: Sequence[str], environment: Mapping[str, str], *, secrets: Iterable[str] = ()
) -> int:
    """Run one step of a job, as the scheduler does.

    Args:
        blocks: what `meltano run` gets.
        environment: all the variables that Meltano gets.
        secrets: texts that are never printed.

    Returns:
        Meltano's exit code; 78 where a plugin says that trying again is of no use.
    """
    progress = Progress(secrets)
    # `make install` installs: a step that does, for a changed pin, would fail without the registry.
    command = meltano.command(*meltano.json_log(), "run", "--no-install", *blocks)
    code = _watch(command, environment, progress, None)
    return SettingsError.exit_code if SettingsError.exit_code in progress.exit_codes else code


def _after_the_load() -> list[str]:
    """Return the job's steps behind the first."""
    project = yaml.safe_load(Path("meltano.yml").read_text(encoding="utf-8"))
    return next((job["tasks"][1:] for job in project["jobs"] if job["name"] == JOB), [])


def _watch(
    command: Sequence[str],
    environment: Mapping[str, str],
    progress: Progress,
    status: Callable[[], str] | None,
) -> int:
    """Run one command to its end, and return its exit code."""
    begin = time.monotonic()
    with child(command, environment=environment) as process:
        lines = _lines(process)
        while True:
            passed = time.monotonic() - begin
            try:
                line = lines.get(timeout=min(max(SILENCE, passed / 10), LONGEST_SILENCE))
            except queue.Empty:
                passed = time.monotonic() - begin
                _say(f"{passed:4.0f} s: {status() if status else progress}", passing=True)
                continue
            if line is None:
                break
            if (text := progress.feed(line)) is not None:
                _say(text)
        if sys.stdout.isatty():
            print("\r\x1b[K", end="")
        return process.wait()


def _say(text: str, *, passing: bool = False) -> None:
    """Print a line; on a terminal a passing one gives way to the next."""
    terminal = sys.stdout.isatty()
    start = "\r\x1b[K" if terminal else ""
    print(f"{start}  {text}", end="" if terminal and passing else "\n", flush=True)


def _lines(process: Popen[str]) -> queue.Queue[str | None]:
    """Read the output of a process beside the caller, who can then wait with a limit."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines

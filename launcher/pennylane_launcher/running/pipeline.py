"""The real `meltano run sync`, watched."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import NamedTuple

import psutil
import yaml

from pennylane_launcher import meltano, terminal
from pennylane_launcher.errors import SettingsError
from pennylane_launcher.running import leftovers
from pennylane_launcher.running.processes import PATIENCE, child
from pennylane_launcher.running.progress import Progress
from pennylane_launcher.terminal import Voice

JOB = "sync"
"""In `meltano.yml`: load, then bring the views up to date."""
TESTS = "verify"
"""In `meltano.yml`: run all tests."""

TICK = 1.0
"""Seconds between updates of the line on a terminal, and at most between two checks."""
SILENCE = 2.0
"""Seconds between progress lines elsewhere, at first; more in a long run."""
LONGEST_SILENCE = 10.0


def run(
    environment: Mapping[str, str],
    progress: Progress,
    *,
    options: Sequence[str] = (),
    env_file: Path | None = None,
    check: Callable[[], None] | None = None,
    failed: Callable[[], None] = lambda: None,
) -> int:
    """Run the pipeline in the current directory, and print its progress.

    Args:
        environment: all the variables that Meltano gets.
        progress: receives the whole output, and chooses what to show.
        options: of `meltano run`, such as `--full-refresh`.
        env_file: read instead of the project's `.env`.
        check: called regularly; what it raises ends the run.
        failed: called when the load has failed, before anything else is done.

    Returns:
        Meltano's exit code.
    """

    def watched(*blocks: str) -> int:
        command = meltano.command(*meltano.json_log(), "run", *blocks, env_file=env_file)
        return _watch(command, environment, progress, check)

    code = watched(*options, JOB)
    if code:
        failed()
    if code and progress.stream and not progress.loaded and (rest := _steps().after):
        # Meltano ends a job at the first failing step; the rows that were loaded still need views.
        terminal.say("not everything was loaded; building the views from what there is")
        progress.build()
        watched(*rest)
    return code


def load(
    environment: Mapping[str, str],
    progress: Progress,
    *,
    options: Sequence[str],
    check: Callable[[], None],
    voice: Voice,
) -> int:
    """Run the steps of the job up to the load, for one of several companies.

    Args:
        environment: all the variables that Meltano gets.
        progress: receives the whole output, and chooses what to show.
        options: of `meltano run`, such as `--full-refresh`.
        check: called regularly; what it raises ends the run.
        voice: shows it.

    Returns:
        Meltano's exit code.
    """
    steps = _steps()
    command = meltano.command(*meltano.json_log(), "run", *options, *steps.before, *steps.load)
    return _watch(command, environment, progress, check, voice)


def build(environment: Mapping[str, str], progress: Progress) -> int:
    """Run the steps of the job after the load: bring the views up to date.

    Args:
        environment: all the variables that Meltano gets.
        progress: receives the whole output, and chooses what to show.

    Returns:
        Meltano's exit code.
    """
    progress.build()
    terminal.say(str(progress))
    command = meltano.command(*meltano.json_log(), "run", *_steps().after)
    return _watch(command, environment, progress, None)


def verify(
    environment: Mapping[str, str], progress: Progress, *, env_file: Path | None = None
) -> int:
    """Run all tests of the books, and print what fails.

    Args:
        environment: all the variables that Meltano gets.
        progress: receives the whole output, and chooses what to show.
        env_file: read instead of the project's `.env`.

    Returns:
        Meltano's exit code.
    """
    progress.test()
    terminal.say(str(progress))
    command = meltano.command(*meltano.json_log(), "run", TESTS, env_file=env_file)
    return _watch(command, environment, progress, None)


def step(
    blocks: Sequence[str],
    environment: Mapping[str, str],
    progress: Progress,
) -> int:
    """Run one step of a job, as the scheduler does.

    Args:
        blocks: what `meltano run` gets.
        environment: all the variables that Meltano gets.
        progress: receives the whole output, and chooses what to show.

    Returns:
        Meltano's exit code; EX_CONFIG if a plugin reports that a retry cannot succeed.
    """
    if blocks and blocks[0].startswith(meltano.TAP):
        # A scheduler repeats this step alone, and a killed load may have left bookmarks that do not
        # match their tables: the steps before the load are repeated with it.
        blocks = [*_steps().before, *blocks]
    # Installing is for `make install`: a step that did would fail without a package registry.
    command = meltano.command(*meltano.json_log(), "run", "--no-install", *blocks)
    code = _watch(command, environment, progress, None)
    return SettingsError.exit_code if SettingsError.exit_code in progress.exit_codes else code


class _Steps(NamedTuple):
    """The arguments that `meltano run` gets for the job."""

    before: list[str]
    load: list[str]
    after: list[str]


def _steps() -> _Steps:
    """Return the job's steps: those before the load, the load, and those after it."""
    project = yaml.safe_load(Path("meltano.yml").read_text(encoding="utf-8"))
    jobs = project.get("jobs") or []
    tasks: list[str] = next((job["tasks"] for job in jobs if job["name"] == JOB), [])
    loads = [number for number, task in enumerate(tasks) if str(task).startswith(meltano.TAP)]
    if not loads:
        return _Steps([], [], [])
    load = [block for task in tasks[loads[0] : loads[-1] + 1] for block in str(task).split()]
    return _Steps(tasks[: loads[0]], load, tasks[loads[-1] + 1 :])


def _watch(
    command: Sequence[str],
    environment: Mapping[str, str],
    progress: Progress,
    check: Callable[[], None] | None,
    voice: Voice = terminal,
) -> int:
    """Run one command to its end, and return its exit code."""
    begin = time.monotonic()
    with (
        leftovers.none(Path()),
        child(command, environment=environment) as process,
        _tap_ends_first(process, voice),
    ):
        lines = _lines(process)
        due = begin + _pause(0)
        while True:
            now = time.monotonic()
            if check:
                check()
            if now >= due:
                voice.show(str(progress), f" · {now - begin:.0f} s")
                due = now + _pause(now - begin)
            try:
                line = lines.get(timeout=min(due - now, TICK))
            except queue.Empty:
                continue
            if line is None:
                break
            if (text := progress.feed(line)) is not None:
                voice.say(text)
        voice.erase()
        return process.wait()


def _pause(passed: float) -> float:
    """Return the seconds until the next progress line, given the seconds since the start."""
    return TICK if terminal.watched() else min(max(SILENCE, passed / 10), LONGEST_SILENCE)


@contextmanager
def _tap_ends_first(process: Popen[str], voice: Voice) -> Iterator[None]:
    """If the block is left early, end the tap first, so that Meltano ends after it.

    The target then writes what it was given, and Meltano keeps the bookmarks. If Meltano itself
    is asked to end, it drops them: the next run would repeat the last minutes.
    """
    try:
        yield
    except BaseException:
        with suppress(psutil.Error, TimeoutExpired):
            taps = [one for one in psutil.Process(process.pid).children() if _is_tap(one)]
            for tap in taps:
                tap.terminate()
            if taps:
                voice.say("stopping; writing what was read first")
                process.wait(PATIENCE)
        raise


def _is_tap(process: psutil.Process) -> bool:
    """Tell whether a process is the tap, which as a script is its interpreter's first argument."""
    return any(Path(part).name == meltano.TAP for part in process.cmdline()[:2])


def _lines(process: Popen[str]) -> queue.Queue[str | None]:
    """Read the output of a process in a thread, so that the caller can wait with a timeout."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines

"""Holds the turn of a run that Meltano started without the launcher, until that Meltano has ended.

`bookmarks:check`, a step of the run, starts it: a step ends long before its run does.
"""

import json
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import psycopg

from pennylane_launcher.claim import OccupiedError, claim
from pennylane_launcher.errors import LauncherError

HELD = "held"
PAUSE = 0.1
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def keep(url: str, schema: str, meltano: int) -> subprocess.Popen[str]:
    """Start a process that holds the turn, and wait until it does.

    Args:
        url: libpq URL of the database.
        schema: the schema of the tables.
        meltano: the process of the run.

    Returns:
        The process, which ends after that one.

    Raises:
        OccupiedError: another run is in progress; says which.
        LauncherError: the process ended without a reason.
    """
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # It must not keep Meltano waiting for the end of the step's output.
        stderr=subprocess.DEVNULL,
        text=True,
    )
    # Not as arguments: anyone can see a command line.
    given = f"{json.dumps([url, schema, meltano])}\n"
    with suppress(BrokenPipeError), process.stdin as pipe:  # type: ignore[union-attr]
        pipe.write(given)
    with process.stdout as pipe:  # type: ignore[union-attr]
        said = pipe.readline().strip()
    if said == HELD:
        return process
    process.wait()
    if said:
        raise OccupiedError(said)
    msg = "The lock of the run cannot be held: the process that would hold it ended."
    raise LauncherError(msg)


def main() -> int:
    """Hold the turn until Meltano has ended."""
    url, schema, pid = json.loads(sys.stdin.readline())
    for each in STOPPING:  # Ctrl-C reaches the whole group, and Meltano takes a while to end
        signal.signal(each, signal.SIG_IGN)
    meltano = psutil.Process(pid)
    try:
        with claim(url, schema, "meltano run", pid), suppress(psutil.NoSuchProcess):
            print(HELD, flush=True)
            while meltano.is_running() and meltano.status() != psutil.STATUS_ZOMBIE:
                time.sleep(PAUSE)
    except OccupiedError as error:
        print(error, flush=True)
    except psycopg.Error:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

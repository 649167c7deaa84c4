"""PostgreSQL's client programs: the project's, or this machine's if the server is newer."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import IO

import psycopg

from pennylane_launcher.errors import LauncherError
from pennylane_launcher.postgres import embedded
from pennylane_launcher.postgres.database import libpq

DEBIAN = Path("/usr/lib/postgresql")


def call(
    name: str,
    *arguments: str,
    url: str,
    given: IO[bytes] | None = None,
    out: IO[bytes] | None = None,
) -> None:
    """Run a program on a database, named by variables because others can see a command line.

    Args:
        name: of the program.
        arguments: its own.
        url: libpq URL of the database.
        given: its input, read from the start.
        out: receives its output.

    Raises:
        LauncherError: it fails, or none is new enough.
    """
    if given:
        # The program reads the file descriptor, not Python's buffer.
        os.lseek(given.fileno(), 0, os.SEEK_SET)
    done = subprocess.run(  # noqa: S603
        [find(name, url), *arguments],
        env=os.environ | libpq(url),
        stdin=given or subprocess.DEVNULL,
        stdout=out or subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it gave no reason"]
        said = next(
            (line for line in lines if re.search("error|fatal", line, re.IGNORECASE)), lines[-1]
        )
        msg = f"{name} failed, and the database is as it was: {said.strip()}"
        raise LauncherError(msg)


def find(name: str, url: str) -> str:
    """Return the path of a program that is at least as new as the server.

    Args:
        name: of the program.
        url: libpq URL of a database of the server.

    Raises:
        LauncherError: there is none.
    """
    with psycopg.connect(url) as connection:
        server = connection.info.server_version // 10000
    ours = embedded.program(name)
    theirs = [str(path) for path in DEBIAN.glob(f"*/bin/{name}")]
    for program in [ours, *filter(None, [shutil.which(name)]), *sorted(theirs)]:
        if _version(program) >= server:
            return program
    msg = (
        f"The server is PostgreSQL {server}, and the {name} of this project is"
        f" {_version(ours)}: install the client programs of PostgreSQL {server} on this machine"
        f" (Debian: postgresql-client-{server})."
    )
    raise LauncherError(msg)


def _version(program: str) -> int:
    done = subprocess.run(  # noqa: S603
        [program, "--version"], capture_output=True, text=True, check=False
    )
    found = re.search(r" (\d+)", done.stdout)
    return int(found[1]) if found else 0

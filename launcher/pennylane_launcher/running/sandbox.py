"""The sandbox, which stands in for Pennylane, as a child process."""

import hashlib
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.parse import urlsplit

from pennylane_launcher.errors import LauncherError
from pennylane_launcher.meltano import python
from pennylane_launcher.running.processes import child

TOKEN = "sandbox-token"  # noqa: S105 - opens nothing but the sandbox
READY = "pennylane-sandbox: "


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox.

    Attributes:
        url: address of its API.
        process: the program.
    """

    url: str
    process: Popen[str]

    def requests(self) -> int:
        """Return how many requests it has answered; 0 if that is unknown."""
        return int(self._stats().get("total", 0))

    def check(self) -> None:
        """Check that it is running.

        Raises:
            LauncherError: it has ended.
        """
        if (code := self.process.poll()) is not None:
            msg = f"The sandbox ended in the middle of the demo, with exit code {code}."
            raise LauncherError(msg)

    def _stats(self) -> dict[str, Any]:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=5)
        try:
            connection.request("GET", "/sandbox/stats")
            answer = json.load(connection.getresponse())
        except (OSError, HTTPException, ValueError):
            return {}
        finally:
            connection.close()
        return answer if isinstance(answer, dict) else {}


def fingerprint() -> str:
    """Return an identifier of the sandbox's version, since each may make another company."""
    digest = hashlib.sha256()
    spec = importlib.util.find_spec("pennylane_sandbox")
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in sorted(Path(folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def sandbox(*, seed: int, size: int, until: date) -> Iterator[Sandbox]:
    """Run a sandbox with Pennylane's rate limit, on a free port, for the duration of the block.

    Args:
        seed: the same seed, the same company.
        size: its number of ledger entry lines.
        until: the last day of its books.

    Raises:
        LauncherError: it does not start; quotes its last words.
    """
    program = str(Path(sys.executable).with_name("pennylane-sandbox"))
    options = {
        "seed": seed,
        "size": size,
        "until": until,
        "port": 0,
        "rate-limit": "25/5",
        "token": TOKEN,
    }
    command = [program, *(f"--{name}={value}" for name, value in options.items())]
    with (
        tempfile.TemporaryFile("w+") as errors,
        child(command, environment=python(os.environ), errors=errors) as process,
    ):
        line = process.stdout.readline().strip() if process.stdout else ""
        if not line.startswith(READY):
            process.wait()
            errors.seek(0)
            msg = f"The sandbox does not start.\n{errors.read().strip()}"
            raise LauncherError(msg)
        yield Sandbox(line.removeprefix(READY), process)

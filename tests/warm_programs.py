"""Runs the tap into the target many times, with their imports paid for once.

A long random history starts them a thousand times, and most of that time would go into starting
Python. `python tests/warm_programs.py MODULE:CALLABLE` imports a program and reads one JSON line
per run (its arguments, and the files for its input, output and log), for which it forks itself.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from conftest import Pipeline

STATE = "dev:tap-pennylane-to-target-postgres"
PROGRAMS = {
    "extractors/tap-pennylane": "tap_pennylane.tap:TapPennylane.cli",
    "loaders/target-postgres": "target_postgres_exact.target:main",
}
"""As Meltano installed them."""


class WarmPrograms:
    """The two programs, as Meltano starts them for one pipeline, from and to Meltano's state."""

    def __init__(self, pipeline: Pipeline, **variables: str) -> None:
        """Ask Meltano for their settings and the catalog.

        Args:
            pipeline: what they connect.
            variables: settings that do not change from run to run.
        """
        self._pipeline = pipeline
        self._folder = Path(tempfile.mkdtemp(prefix="warm-"))  # 0700: the settings hold the token
        for name, plugin, kind in (
            ("config", "tap-pennylane", "config"),
            ("catalog", "tap-pennylane", "catalog"),
            ("target", "target-postgres", "config"),
        ):
            done = pipeline.meltano("invoke", f"--dump={kind}", plugin, **variables)
            assert done.returncode == 0, done.stdout
            (self._folder / name).write_text(done.stdout[done.stdout.index("{\n") :])
        os.mkfifo(self._folder / "messages")
        self._tap, self._target = (self._start(*each) for each in PROGRAMS.items())

    def _start(self, plugin: str, program: str) -> subprocess.Popen[str]:
        python = self._pipeline.project / ".meltano" / plugin / "venv/bin/python"
        return subprocess.Popen(
            [str(python), __file__, program],
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and delete the settings."""
        for server in (self._tap, self._target):
            server.communicate()
        for file in self._folder.iterdir():
            file.unlink()
        self._folder.rmdir()

    def run(self, **settings: object) -> subprocess.CompletedProcess[str]:
        """Load once; their log is in `stdout`.

        Args:
            settings: those of the tap that differ from Meltano's.
        """
        folder = self._folder
        config = json.loads((folder / "config").read_text())
        (folder / "now").write_text(json.dumps({**config, **settings}))
        (folder / "state").write_text(json.dumps(self._state().get("singer_state", {})))
        given = ("--config", "now", "--catalog", "catalog", "--state", "state")
        _order(self._tap, given, [os.devnull, "messages", "tap.log"])
        _order(self._target, ("--config", "target"), ["messages", "states", "target.log"])
        codes = [_answer(self._tap), _answer(self._target)]
        if delivered := (folder / "states").read_text().splitlines():
            self._keep(json.loads(delivered[-1]))
        log = "".join((folder / f"{name}.log").read_text() for name in ("tap", "target"))
        return subprocess.CompletedProcess([], int(any(codes)), stdout=log)

    def _state(self) -> Mapping[str, Any]:
        rows = self._pipeline.query(
            f"SELECT completed_state FROM meltano.state WHERE state_id = '{STATE}'"  # noqa: S608
        )
        found = rows[0]["completed_state"] if rows else {}
        return json.loads(found) if isinstance(found, str) else found

    def _keep(self, state: object) -> None:
        text = json.dumps({"singer_state": state}).replace("'", "''")
        self._pipeline.execute(
            f"UPDATE meltano.state SET completed_state = '{text}' WHERE state_id = '{STATE}'"  # noqa: S608
        )


def _order(server: subprocess.Popen[str], arguments: tuple[str, ...], files: list[str]) -> None:
    assert server.stdin
    server.stdin.write(json.dumps([arguments, files]) + "\n")
    server.stdin.flush()


def _answer(server: subprocess.Popen[str]) -> int:
    assert server.stdout
    return int(server.stdout.readline())


def _serve(program: Callable[[], object], lines: Iterator[str]) -> None:
    """Run a program once per line, each time in a copy of this process; answer with exit codes."""
    for line in lines:
        if child := os.fork():
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            os.write(1, f"{code}\n".encode())
            continue
        arguments, files = json.loads(line)
        sys.argv[1:] = arguments
        for number, file in enumerate(files):
            mode = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY
            os.dup2(os.open(file, mode, 0o600), number)
        program()
        return


if __name__ == "__main__":
    module, _, name = sys.argv.pop(1).partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    _serve(found, iter(sys.stdin.readline, ""))

"""Runs the tap into the target many times, without Meltano between them.

A long random history starts them a thousand times, and most of that time would go into Meltano.
The programs themselves are forks (`forked_programs.py`).
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from forked_programs import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines import Pipeline

STATE = "dev:tap-pennylane-to-target-postgres"


class WithoutMeltano:
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
        plugins = pipeline.project / ".meltano"
        self._tap, self._target = (
            str(plugins / plugin / "venv/bin" / PROGRAMS[plugin])
            for plugin in ("extractors/tap-pennylane", "loaders/target-postgres")
        )

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Delete the settings."""
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
        given = ["--config", "now", "--catalog", "catalog", "--state", "state"]
        with (
            (folder / "tap.log").open("w") as tap_log,
            (folder / "target.log").open("w") as target_log,
            (folder / "states").open("w") as states,
            subprocess.Popen(
                [self._tap, *given],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=tap_log,
            ) as tap,
            subprocess.Popen(
                [self._target, "--config", "target"],
                cwd=folder,
                stdin=tap.stdout,
                stdout=states,
                stderr=target_log,
            ) as target,
        ):
            assert tap.stdout
            tap.stdout.close()
            codes = [tap.wait(), target.wait()]
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

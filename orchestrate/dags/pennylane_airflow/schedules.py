"""The schedules in `meltano.yml`, as listed by Meltano.

Airflow reads the DAG file every half minute, so Meltano is started only if `meltano.yml` changed.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Schedule:
    """A job and when it runs.

    Attributes:
        name: of the schedule.
        interval: cron expression, or another form that Airflow understands; None is manual.
        steps: arguments for `meltano run`, one step after the other.
        env: variables for each step.
    """

    name: str
    interval: str | None
    steps: list[str]
    env: dict[str, str]


def schedules() -> list[Schedule]:
    """Return the schedules; the environment's SCHEDULE_<NAME>_INTERVAL overrides the file."""
    return [
        Schedule(
            name=entry["name"],
            interval=_interval(entry["name"], entry["cron_interval"]),
            steps=_steps(
                [task if isinstance(task, str) else " ".join(task) for task in _tasks(entry)]
            ),
            env=entry["env"],
        )
        for entry in _listed()["schedules"]["job"]
    ]


def health_interval() -> str | None:
    """Return when to check the health."""
    return _interval("health", "*/15 * * * *")


def _interval(name: str, default: str | None) -> str | None:
    variable = f"SCHEDULE_{name.upper().replace('-', '_')}_INTERVAL"
    interval = os.environ.get(variable) or default
    return None if interval in {"@once", "@manual", "@none"} else interval


def _steps(tasks: list[str]) -> list[str]:
    """Return the tasks from the load on, which repeats those before it in each attempt."""
    loads = [number for number, task in enumerate(tasks) if task.startswith("tap-pennylane")]
    return tasks[loads[0] :] if loads else tasks


def _tasks(entry: dict[str, Any]) -> list[Any]:
    tasks = entry["job"]["tasks"]
    return [tasks] if isinstance(tasks, str) else list(tasks)


def _listed() -> dict[str, Any]:
    """Return the output of `meltano schedule list`, cached until the file changes."""
    # A worker may not be allowed to write to its own folder.
    home = Path(os.environ.get("AIRFLOW_HOME") or tempfile.gettempdir())
    cache = home / "schedules.json"
    file = (PROJECT / "meltano.yml").stat()
    version = [str(PROJECT), file.st_mtime_ns, file.st_size]
    try:
        kept = json.loads(cache.read_text(encoding="utf-8"))
        if kept["version"] == version:
            found: dict[str, Any] = kept["listed"]
            return found
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass
    listed = _ask_meltano()
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=home, delete=False, encoding="utf-8") as file_:
        json.dump({"version": version, "listed": listed}, file_)
    Path(file_.name).replace(cache)
    return listed


def _ask_meltano() -> dict[str, Any]:
    command = [str(PROJECT / ".venv" / "bin" / "meltano"), "--log-level", "error"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(  # noqa: S603 - our own command
            [*command, "schedule", "list", "--format=json"],
            cwd=PROJECT,
            # Meltano requires a database, although the schedules are in the file.
            env=os.environ | {"MELTANO_DATABASE_URI": f"sqlite:///{folder}/meltano.db"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        msg = f"`meltano schedule list` failed: {done.stderr.strip() or done.stdout.strip()}"
        raise RuntimeError(msg)
    listed: dict[str, Any] = json.loads(done.stdout)
    return listed

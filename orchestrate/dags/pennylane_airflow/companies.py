"""The companies of `companies.yml`, each of which is loaded by a task of its own."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from airflow.exceptions import AirflowFailException
from airflow.sdk import BaseOperator

from pennylane_airflow.schedules import PROJECT

if TYPE_CHECKING:
    from airflow.sdk import Context

SLOTS = int(os.environ.get("SCHEDULE_JOBS") or 4)
"""Companies that are loaded at the same time; `make schedule` gives the pool as many slots."""


def exist() -> bool:
    """Tell whether there are any."""
    return (PROJECT / "companies.yml").exists()


class Companies(BaseOperator):  # type: ignore[misc]  # Airflow is elsewhere
    """Lists their names, over which the load is mapped."""

    def execute(self, context: Context) -> list[str]:
        """Ask the launcher.

        Raises:
            AirflowFailException: the file is wrong; the message says what to do.
        """
        del context
        python = str(PROJECT / ".venv" / "bin" / "python")
        done = subprocess.run(  # noqa: S603 - our own command
            [python, "-m", "pennylane_launcher", "companies"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AirflowFailException(done.stderr.strip())
        names: list[str] = json.loads(done.stdout)
        return names


class Outcome(BaseOperator):  # type: ignore[misc]  # Airflow is elsewhere
    """Fails if any task of the run did, and names the companies that were not loaded."""

    def __init__(self, *, load: str, listing: str, **options: Any) -> None:
        """Note which tasks it is about.

        Args:
            load: the task that is mapped over the companies.
            listing: the task that lists them.
            options: those of every operator.
        """
        super().__init__(trigger_rule="all_done", retries=0, **options)
        self.load = load
        self.listing = listing

    def execute(self, context: Context) -> None:
        """Look at all other tasks of the run.

        Raises:
            AirflowFailException: one did not succeed.
        """
        task, run = context["ti"], context["run_id"]
        tasks = sorted(self.dag.task_ids)
        states = task.get_task_states(dag_id=self.dag_id, task_ids=tasks, run_ids=[run])[run]
        failed = {name for name, state in states.items() if state != "success"} - {self.task_id}
        names = task.xcom_pull(task_ids=self.listing) or []
        by_task = {f"{self.load}_{index}": name for index, name in enumerate(names)}
        if companies := [name for each, name in by_task.items() if each in failed]:
            msg = f"Not loaded: {', '.join(companies)}. The log of each one's task says why."
            raise AirflowFailException(msg)
        if failed:
            msg = f"Failed: {', '.join(sorted(failed))}. The log of each task says why."
            raise AirflowFailException(msg)

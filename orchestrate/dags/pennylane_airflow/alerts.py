"""Calls `check-health --changes` of the launcher, which sends alerts and all-clears.

It decides what an incident is, which ones are open, and who is told by mail or webhook.
"""

from __future__ import annotations

import logging
import subprocess
from typing import TYPE_CHECKING

from airflow.sdk import BaseNotifier, BaseOperator

from pennylane_airflow.schedules import PROJECT

if TYPE_CHECKING:
    from airflow.sdk import Context

_logger = logging.getLogger(__name__)


class HealthNotifier(BaseNotifier):  # type: ignore[misc]  # Airflow is elsewhere
    """Reports how a run of a DAG ended. Airflow's DAG processor calls it."""

    def notify(self, context: Context) -> None:
        """Report the run to the health check."""
        state = getattr(context["dag_run"].state, "value", context["dag_run"].state)
        verdict = "success" if state == "success" else "failed"
        tell_changes("--outcome", f"{context['dag'].dag_id}={verdict}")


class HealthCheck(BaseOperator):  # type: ignore[misc]  # Airflow is elsewhere
    """Checks the health, for example for tables that are too old, and reports changes."""

    def execute(self, context: Context) -> None:
        """Check and report."""
        del context
        tell_changes()


def tell_changes(*options: str) -> None:
    """Report what opened or closed since the last check.

    Args:
        options: of `check-health`.

    Raises:
        RuntimeError: the check itself failed.
    """
    python = str(PROJECT / ".venv" / "bin" / "python")
    done = subprocess.run(  # noqa: S603 - our own command
        [python, "-m", "pennylane_launcher", "check-health", "--changes", *options],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    _logger.info("check-health: %s", done.stdout.strip() or "nothing new")
    if done.returncode and done.stderr.strip():
        msg = f"check-health failed: {done.stderr.strip()}"
        raise RuntimeError(msg)

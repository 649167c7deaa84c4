"""Has `check-health --changes` of the launcher tell what went wrong, and that it is well again.

What an incident is, which ones are open and who is told by mail or webhook: that is its business.
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
        """Report the run, and tell what that opens or closes."""
        state = getattr(context["dag_run"].state, "value", context["dag_run"].state)
        verdict = "success" if state == "success" else "failed"
        tell_changes("--outcome", f"{context['dag'].dag_id}={verdict}")


class HealthCheck(BaseOperator):  # type: ignore[misc]  # Airflow is elsewhere
    """Looks whether all is well, tables too old for one, and tells what is new."""

    def execute(self, context: Context) -> None:
        """Look, and tell."""
        del context
        tell_changes()


def tell_changes(*options: str) -> None:
    """Tell what opened or closed since the last time.

    Args:
        options: of `check-health`.

    Raises:
        RuntimeError: it can't be told.
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

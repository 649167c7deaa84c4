"""Tells people what went wrong, and that it is well again: once each.

What an incident is, `check-health --changes` of the launcher knows; it also remembers which ones
are open, and sends the webhook. What it prints goes out by mail from here.
"""

from __future__ import annotations

import html
import json
import logging
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import BaseNotifier, BaseOperator

from pennylane_airflow.schedules import PROJECT

if TYPE_CHECKING:
    from airflow.sdk import Context

_logger = logging.getLogger(__name__)


class HealthNotifier(BaseNotifier):  # type: ignore[misc]  # Airflow is elsewhere
    """Reports how a run of a DAG ended. Airflow's DAG processor calls it."""

    def notify(self, context: Context) -> None:
        """Report the run, and mail what that opens or closes."""
        state = getattr(context["dag_run"].state, "value", context["dag_run"].state)
        verdict = "success" if state == "success" else "failed"
        tell_changes(context, "--outcome", f"{context['dag'].dag_id}={verdict}")


class HealthCheck(BaseOperator):  # type: ignore[misc]  # Airflow is elsewhere
    """Looks whether all is well, tables too old for one, and mails what is new."""

    def execute(self, context: Context) -> None:
        """Look, and mail."""
        tell_changes(context)


def tell_changes(context: Context, *options: str) -> None:
    """Mail what opened or closed since the last time.

    Args:
        context: of Airflow.
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
    new = done.stdout.strip().splitlines()
    _logger.info("check-health: %s", "; ".join(new) or "nothing new")
    if os.environ.get("SMTP_HOST") and os.environ.get("ALERT_EMAIL_TO"):
        _deliver(context, new)
    if done.returncode and done.stderr.strip():
        msg = f"check-health failed: {done.stderr.strip()}"
        raise RuntimeError(msg)


def _deliver(context: Context, new: list[str]) -> None:
    """Mail what is new, behind what no server took so far: it is never printed again."""
    unsent = Path(os.environ.get("AIRFLOW_HOME") or PROJECT / ".meltano" / "airflow", "unsent.json")
    lines = [*(json.loads(unsent.read_text("utf-8")) if unsent.exists() else []), *new]
    if not lines:
        return
    unsent.write_text(json.dumps(lines), "utf-8")
    _mail(context, lines)
    unsent.unlink()


def _mail(context: Context, lines: list[str]) -> None:
    os.environ["AIRFLOW_CONN_PENNYLANE_SMTP"] = json.dumps(_connection())
    SmtpNotifier(
        to=[each.strip() for each in os.environ["ALERT_EMAIL_TO"].split(",")],
        from_email=os.environ.get("ALERT_EMAIL_FROM") or "pennylane@localhost",
        subject=f"Pennylane: {lines[0]}"[:150],
        html_content="".join(f"<p>{html.escape(line)}</p>" for line in lines),
        smtp_conn_id="pennylane_smtp",
    ).notify(context)


def _connection() -> dict[str, Any]:
    port = int(os.environ.get("SMTP_PORT") or 587)
    starttls = (os.environ.get("SMTP_STARTTLS") or "true").lower() not in {"false", "0", "no"}
    return {
        "conn_type": "smtp",
        "host": os.environ["SMTP_HOST"],
        "port": port,
        "login": os.environ.get("SMTP_USER") or None,
        "password": os.environ.get("SMTP_PASSWORD") or None,
        # 465 is TLS from the first byte on.
        "extra": {"disable_ssl": port != 465, "disable_tls": port == 465 or not starttls},  # noqa: PLR2004
    }

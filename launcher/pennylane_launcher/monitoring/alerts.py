"""`check-health`: reports what is wrong, or only what changed since the last check."""

import re
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pennylane_launcher.errors import LauncherError
from pennylane_launcher.monitoring import health, incidents, moments
from pennylane_launcher.monitoring.delivery import Delivery
from pennylane_launcher.monitoring.health import Health
from pennylane_launcher.monitoring.incidents import Change, Memory
from pennylane_launcher.monitoring.problem import NOTICES, Problem
from pennylane_launcher.settings import envfile, weak

FILE = Path("logs/incidents.json")
REASONS = {
    *("database", "empty", "views", "run", "companies", "failed", "company_failed", "lost"),
    "reconciliation",
}
"""Kinds of problems that make a job fail, and explain it better."""
TESTS = "verify"
"""The job that runs the tests."""
OUTCOME = re.compile(r"([\w. -]{1,60})=(failed|success)")


def check_health(project: Path, *, changes: bool, outcomes: Sequence[str]) -> int:
    """Report what is wrong.

    Args:
        project: the project's folder.
        changes: report only what opened or closed since the last check, also by mail and to the
            webhook.
        outcomes: an orchestrator's verdicts, `JOB=failed` or `JOB=success`.

    Returns:
        1 if anything is wrong, new or not; else 0.

    Raises:
        LauncherError: a setting is invalid, or the open incidents cannot be saved.
    """
    settings = envfile.variables(project)
    verdicts = _verdicts(outcomes)
    delivery = Delivery(settings)
    where = moments.zone(settings)
    path = file(project, settings)
    if not changes and not verdicts:
        remembered = Memory()
        with suppress(OSError):
            remembered = incidents.read(path)
        for warning in weak.warnings(project, settings):
            print(warning, file=sys.stderr)
        return _tell_all(health.check(project, settings), remembered)
    try:
        with incidents.memory(path) as memory:
            # Checked under the lock: another caller's older check must not overwrite this one.
            changed = memory.take(_with_verdicts(health.check(project, settings), verdicts), where)
            _tell(changed)
            host = f"{socket.gethostname()}, {project}"
            payloads = [change.payload(memory.company, host) for change in changed]
            _tell(delivery.send(payloads, memory, path))
            return 1 if any(each.kind not in NOTICES for each in memory.incidents) else 0
    except BrokenPipeError:
        raise
    except OSError as error:
        _tell_all(_with_verdicts(health.check(project, settings), verdicts), Memory())
        msg = (
            f"The open incidents cannot be saved: {path}: {error.strerror}. Choose another file"
            " with HEALTH_INCIDENTS_FILE."
        )
        raise LauncherError(msg) from error


def file(project: Path, settings: Mapping[str, str]) -> Path:
    """Return the path of the file that remembers the open incidents."""
    return project / (settings.get("HEALTH_INCIDENTS_FILE") or FILE)


def _tell_all(found: Health, memory: Memory) -> int:
    """Print every problem, including those that an orchestrator reported."""
    said = [
        (problem.kind, str(left))
        for problem in found.problems
        if (left := problem.without_the_explained())
    ]
    lines = [text for kind, text in said if kind not in NOTICES]
    lines += [incident.text for incident in memory.incidents if incident.kind.startswith("job:")]
    notices = [text for kind, text in said if kind in NOTICES]
    print("\n".join([*(lines or [f"Healthy: {found.summary}"]), *notices]))
    return 1 if lines else 0


def _tell(changed: Iterable[Change]) -> None:
    for change in changed:
        print(change)
    sys.stdout.flush()


def _verdicts(outcomes: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in outcomes:
        match = OUTCOME.fullmatch(text)
        if match is None:
            msg = f"--outcome is JOB=failed or JOB=success, not {text}"
            raise LauncherError(msg)
        found[match[1]] = match[2]
    return found


def _with_verdicts(found: Health, verdicts: Mapping[str, str]) -> Health:
    # If a problem with the tables was reported, the failure of their job needs no report.
    kinds = {problem.kind for problem in found.problems}
    failed = [
        Problem(
            f"job:{job}",
            {"": f"The job {job} failed: its log says why."},
            frozenset({""} if kinds & (REASONS | ({"tests"} if job == TESTS else set())) else ()),
            title=f"the job {job} failed",
        )
        for job, verdict in verdicts.items()
        if verdict == "failed"
    ]
    judged = found.judged | {f"job:{job}" for job in verdicts}
    return Health(found.problems + failed, judged, found.summary, found.company)

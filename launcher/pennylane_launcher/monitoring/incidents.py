"""Remembers in a small file which problems are open, so that each change is reported once.

The memory is not in the database, because the database may be what is down.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from pennylane_launcher.monitoring import moments
from pennylane_launcher.monitoring.health import Health
from pennylane_launcher.monitoring.problem import COMPANIES, NOTICES, Problem


@dataclass(frozen=True)
class Incident:
    """A problem that was reported.

    Attributes:
        key: its name while it is open.
        kind: that of the problem.
        members: those that it started with: tables, companies, or one nameless member.
        text: the report.
        since: when it was reported, in ISO 8601.
        title: the report in a few words.
    """

    key: str
    kind: str
    members: list[str]
    text: str
    since: str
    title: str = ""


@dataclass(frozen=True)
class Change:
    """An incident that opened or closed.

    Attributes:
        event: opened or closed.
        incident: which one.
        at: when, in ISO 8601.
        where: the time zone of the report; None is this machine's.
    """

    event: str
    incident: Incident
    at: str
    where: tzinfo | None = None

    def __str__(self) -> str:
        """Return the report in one line."""
        if self.event == "opened":
            return self.incident.text
        since = datetime.fromisoformat(self.incident.since)
        lasted = moments.span(datetime.fromisoformat(self.at) - since)
        return (
            f"Resolved: {self.incident.text} It was open for {lasted},"
            f" since {moments.local(since, self.where)}."
        )

    def payload(self, company: str | None, host: str) -> dict[str, Any]:
        """Return the JSON for a webhook (docs/alerts.md), from which a mail is made, too.

        Args:
            company: its name, if known.
            host: the machine that reports it.
        """
        mark = "🔴" if self.event == "opened" else "🟢"
        whose = f" ({company})" if company else ""
        members = [name for name in self.incident.members if name]
        is_of_companies = self.incident.kind in COMPANIES
        return {
            "text": f"{mark} Pennylane → PostgreSQL{whose}: {self}",
            "event": self.event,
            "key": self.incident.key,
            "kind": self.incident.kind,
            "tables": [] if is_of_companies else members,
            "companies": members if is_of_companies else [],
            "title": self.incident.title or self.incident.kind,
            "message": self.incident.text,
            "company": company,
            "host": host,
            "opened_at": self.incident.since,
            "closed_at": self.at if self.event == "closed" else None,
        }


@dataclass
class Memory:
    """Open incidents, and what has not yet been sent to the webhook and the mail server."""

    incidents: list[Incident] = field(default_factory=list)
    unsent: list[dict[str, Any]] = field(default_factory=list)
    unmailed: list[dict[str, Any]] = field(default_factory=list)
    company: str | None = None
    """The company's name, as last read from the database."""

    def take(self, health: Health, where: tzinfo | None = None) -> list[Change]:
        """Compare a check with the open incidents, and remember the outcome.

        Args:
            health: the check, including the verdicts on jobs.
            where: the time zone of reports; None is this machine's.

        Returns:
            What closed, then what opened.
        """
        self.company = health.company or self.company
        now = datetime.now(UTC).isoformat(timespec="seconds")
        problems = {problem.kind: problem for problem in health.problems}
        closed: list[Incident] = []
        kept: list[Incident] = []
        for incident in self.incidents:
            problem = problems.get(incident.kind)
            is_open = problem is not None and not problem.members.keys().isdisjoint(
                incident.members
            )
            (kept if is_open or incident.kind not in health.judged else closed).append(incident)
        # Before the first run, missing data is no reason for an alert.
        news = [problem for problem in health.problems if problem.kind != "untried"]
        new = [_opened(problem, kept, now) for problem in news]
        opened = [incident for incident in new if incident is not None]
        self.incidents = kept + opened
        over = [incident for incident in closed if incident.kind not in NOTICES]
        return [
            *(Change("closed", incident, now, where) for incident in over),
            *(Change("opened", incident, now, where) for incident in opened),
        ]


def _opened(problem: Problem, known: list[Incident], now: str) -> Incident | None:
    """Return a new incident about the members that no open incident covers."""
    told = {name for each in known if each.kind == problem.kind for name in each.members}
    new = replace(problem, explained=problem.explained | told).without_the_explained()
    if new is None:
        return None
    members = sorted(new.members)
    key = f"{new.kind}:{members[0]}" if members[0] else new.kind
    return Incident(key, new.kind, members, str(new), now, new.brief())


@contextmanager
def memory(path: Path) -> Iterator[Memory]:
    """Provide the memory under a lock for the duration of the block; the caller writes it.

    Args:
        path: its file.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield read(path)


def read(path: Path) -> Memory:
    """Return the memory; an empty one if the file is missing or unreadable."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Memory(
            [Incident(**incident) for incident in content["incidents"]],
            list(content["unsent"]),
            # Older files lack these.
            list(content.get("unmailed", [])),
            content.get("company"),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return Memory()


def write(path: Path, memory: Memory) -> None:
    """Write the memory atomically. The caller holds the lock of `memory`."""
    new = path.with_name(f"{path.name}.new")
    with new.open("w", encoding="utf-8") as file:
        json.dump(asdict(memory), file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)

"""What opened and what closed since the last check, remembered in a small file and sent once.

The memory is no table of the database, which may be what is down.
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
from pennylane_launcher.monitoring.problem import Problem


@dataclass(frozen=True)
class Incident:
    """A problem that somebody was told of.

    Attributes:
        key: its name as long as it is open.
        kind: that of the problem.
        members: that it began with: tables, or one nameless member.
        text: what was said.
        since: when that was, as ISO 8601 has it.
        title: the same in a few words.
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
        at: when, as ISO 8601 has it.
        where: the time zone in which that is said; None is this machine's.
    """

    event: str
    incident: Incident
    at: str
    where: tzinfo | None = None

    def __str__(self) -> str:
        """Say it in one line."""
        if self.event == "opened":
            return self.incident.text
        since = datetime.fromisoformat(self.incident.since)
        lasted = moments.span(datetime.fromisoformat(self.at) - since)
        return (
            f"Resolved: {self.incident.text} It was open for {lasted},"
            f" since {moments.local(since, self.where)}."
        )

    def payload(self, company: str | None, host: str) -> dict[str, Any]:
        """Return what a webhook is sent (docs/alerts.md), and what a mail is made of.

        Args:
            company: whose books they are, if that is known.
            host: the machine that says so.
        """
        mark = "🔴" if self.event == "opened" else "🟢"
        whose = f" ({company})" if company else ""
        return {
            "text": f"{mark} Pennylane → PostgreSQL{whose}: {self}",
            "event": self.event,
            "key": self.incident.key,
            "kind": self.incident.kind,
            "tables": [name for name in self.incident.members if name],
            "title": self.incident.title or self.incident.kind,
            "message": self.incident.text,
            "company": company,
            "host": host,
            "opened_at": self.incident.since,
            "closed_at": self.at if self.event == "closed" else None,
        }


@dataclass
class Memory:
    """What is open, and what a webhook and a mail server have yet to be sent."""

    incidents: list[Incident] = field(default_factory=list)
    unsent: list[dict[str, Any]] = field(default_factory=list)
    unmailed: list[dict[str, Any]] = field(default_factory=list)
    company: str | None = None
    """Whose books they are, as the database last said."""

    def take(self, health: Health, where: tzinfo | None = None) -> list[Change]:
        """Compare a check with what is open, and remember the outcome.

        Args:
            health: the check, the verdicts on jobs included.
            where: the time zone for what is said; None is this machine's.

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
        # Before the first run, nobody is to be woken for what is not there yet.
        news = [problem for problem in health.problems if problem.kind != "untried"]
        new = [_opened(problem, kept, now) for problem in news]
        opened = [incident for incident in new if incident is not None]
        self.incidents = kept + opened
        return [
            *(Change("closed", incident, now, where) for incident in closed),
            *(Change("opened", incident, now, where) for incident in opened),
        ]


def _opened(problem: Problem, known: list[Incident], now: str) -> Incident | None:
    """Return a new incident of those members that no open one is about."""
    told = {name for each in known if each.kind == problem.kind for name in each.members}
    new = replace(problem, explained=problem.explained | told).without_the_explained()
    if new is None:
        return None
    members = sorted(new.members)
    key = f"{new.kind}:{members[0]}" if members[0] else new.kind
    return Incident(key, new.kind, members, str(new), now, new.brief())


@contextmanager
def memory(path: Path) -> Iterator[Memory]:
    """Have the memory alone, for the length of the block; it is not written by itself.

    Args:
        path: its file.

    Raises:
        OSError: it can't be kept there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield read(path)


def read(path: Path) -> Memory:
    """Return the memory; an empty one if there is none, or none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Memory(
            [Incident(**incident) for incident in content["incidents"]],
            list(content["unsent"]),
            # Files of before there were mails, and companies, lack these.
            list(content.get("unmailed", [])),
            content.get("company"),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return Memory()


def write(path: Path, memory: Memory) -> None:
    """Write the memory, whole or not at all. Who has it from `memory` is alone."""
    new = path.with_name(f"{path.name}.new")
    with new.open("w", encoding="utf-8") as file:
        json.dump(asdict(memory), file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)

"""What is wrong with the warehouse now. Nothing is run, nothing is changed."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg

from pennylane_launcher import embedded, facts, warehouse
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.facts import Facts
from pennylane_launcher.redaction import Redaction

DATABASE = "pennylane"
MOST = 12
"""Names in a list; of the others, only the number is said."""
MOST_REASONS = 3

EMPTY = "Nothing was loaded yet: `make run` loads your books; if it has run, its output says why."
VIEWS = (
    "The views that tell how the runs went are missing, or of an older version:"
    " `.venv/bin/meltano run dbt:build` makes them."
)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, with all that it concerns.

    Attributes:
        kind: database, untried, empty, views, failed, stale, reconciliation, webhook or
            `job:` and its name.
        members: tables and why, if the kind is about tables; else one nameless, the sentence.
        explained: members that another problem speaks of already.
        tables: how many tables there are, with those that are well.
    """

    kind: str
    members: Mapping[str, str]
    explained: frozenset[str] = frozenset()
    tables: int = 0

    def without_the_explained(self) -> "Problem | None":
        """Return what is left to say, if anything."""
        left = {name: why for name, why in self.members.items() if name not in self.explained}
        return Problem(self.kind, left, tables=self.tables) if left else None

    def __str__(self) -> str:
        """Say it in one line."""
        if "" in self.members:
            return self.members[""]
        if self.kind == "failed":
            return f"The last run failed for {self._by_reason()}."
        reason = next(iter(self.members.values()))
        return f"Too old, {reason}: {self._listed(self.members)}."

    def _by_reason(self) -> str:
        """The members, those of one reason together; the reason of most of them first."""
        reasons: dict[str, list[str]] = {}
        for name, why in self.members.items():
            reasons.setdefault(why.rstrip("."), []).append(name)
        groups = sorted(reasons.items(), key=lambda group: (-len(group[1]), group))
        said = [f"{self._listed(names)}: {why}" for why, names in groups[:MOST_REASONS]]
        if rest := [name for _, names in groups[MOST_REASONS:] for name in names]:
            said.append(f"for other reasons {self._listed(rest)}")
        return "; ".join(said)

    def _listed(self, names: Collection[str]) -> str:
        if len(names) == self.tables > MOST_REASONS:
            return f"all {self.tables} tables"
        return _listed(names)


@dataclass(frozen=True)
class Health:
    """The outcome of a check.

    Attributes:
        problems: what is wrong.
        judged: the kinds that could be told; of the others nothing is known, neither good nor bad.
        summary: what to say if nothing is wrong.
    """

    problems: list[Problem]
    judged: frozenset[str]
    summary: str = ""


def check(project: Path, settings: Mapping[str, str]) -> Health:
    """Look at the database of `.env`, or at the embedded one.

    Args:
        project: the project's folder.
        settings: environment variables, those of `.env` included.

    Raises:
        LauncherError: a setting can't be.
    """
    limit = max_age(settings)
    redaction = Redaction(settings)
    with ExitStack() as stack:
        try:
            url = warehouse.url(settings)
            if url is None:
                directory = project / ".embedded"
                if not directory.exists():
                    return _only("untried", EMPTY)
                url = stack.enter_context(embedded.server(directory)).url(DATABASE)
            found = facts.read(url, warehouse.schema(settings))
        except facts.ViewsMissingError:
            return _only("views", VIEWS)
        except psycopg.Error as error:
            return _only("database", redaction(warehouse.unusable(url or "", error)))
        except LauncherError as error:
            return _only("database", redaction(str(error)))
    return _judge(found, limit, redaction)


def max_age(settings: Mapping[str, str]) -> timedelta:
    """Return how old the last success of a table may get.

    Raises:
        LauncherError: the setting is no such number.
    """
    text = settings.get("HEALTH_MAX_AGE_HOURS") or "26"
    try:
        age = timedelta(hours=float(text))
    except (ValueError, OverflowError):
        age = timedelta()
    if age <= timedelta():
        msg = f"HEALTH_MAX_AGE_HOURS is no number of hours above 0: {text}"
        raise LauncherError(msg)
    return age


def _only(kind: str, sentence: str) -> Health:
    """A problem that leaves no other question to ask; what came before it in this order is well."""
    order = ["database", "untried", "empty", "views"]
    return Health([Problem(kind, {"": sentence})], frozenset(order[: order.index(kind) + 1]))


def _judge(found: Facts, limit: timedelta, redaction: Redaction) -> Health:
    if not found.is_loaded:
        if found.is_running:
            return Health([], frozenset({"database"}), "the first run is at work.")
        return _only("empty" if found.has_run else "untried", EMPTY)
    failed = {
        table: redaction(why, 200) + ("" if table in found.fresh else " (never loaded yet)")
        for table, why in found.failed.items()
    }
    if found.failure and not failed:
        failed = {"": f"The last run failed, behind the last table: {redaction(found.failure)}."}
    stale = {
        table: f"the last success began more than {limit / timedelta(hours=1):g} h ago"
        for table in found.expected & found.fresh.keys()
        if found.now - found.fresh[table] > limit
    }
    problems = [
        Problem("failed", failed, tables=len(found.expected)),
        Problem("stale", stale, frozenset(failed), tables=len(found.expected)),
    ]
    judged = {"database", "empty", "views", "failed", "stale"}
    # In the middle of a load, or after half of one, the two sides are of different moments.
    if not found.is_running and not failed.keys() & {
        "ledger_entry_lines",
        "trial_balance",
        "(all)",
    }:
        judged.add("reconciliation")
        if found.differences:
            problems.append(Problem("reconciliation", {"": _disagreement(found.differences)}))
    last = max(found.fresh.values(), default=found.now)
    summary = (
        f"{len(found.fresh)} tables, the last run that was whole began at {last:%Y-%m-%d %H:%M} UTC"
    )
    if "reconciliation" in judged:
        summary += "; the trial balance agrees"
    return Health(
        [problem for problem in problems if problem.members], frozenset(judged), f"{summary}."
    )


def _disagreement(differences: Iterable[tuple[str, str, str]]) -> str:
    years: dict[str, list[str]] = {}
    for account, start, end in differences:
        years.setdefault(f"{start} to {end}", []).append(account)
    accounts = "; ".join(f"{year}, account {_listed(found)}" for year, found in years.items())
    return (
        "The ledger lines do not add up to Pennylane's trial balance:"
        f" fiscal year {accounts}. `.venv/bin/meltano run dbt:build` prints the difference."
    )


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    if len(ordered) <= MOST:
        return ", ".join(ordered)
    return f"{', '.join(ordered[:MOST])} and {len(ordered) - MOST} more"

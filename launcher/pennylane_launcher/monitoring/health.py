"""Checks what is wrong with the warehouse now. Runs nothing, changes nothing."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import psycopg

from pennylane_launcher.books import deliveries
from pennylane_launcher.errors import LauncherError, SettingsError
from pennylane_launcher.monitoring import by_company, cause, facts, moments
from pennylane_launcher.monitoring.facts import Facts
from pennylane_launcher.monitoring.problem import MOST, Problem, listed
from pennylane_launcher.postgres import embedded, warehouse
from pennylane_launcher.postgres.database import DATABASE, raw_schemas, twins
from pennylane_launcher.settings import companies
from pennylane_launcher.settings.companies import Company
from pennylane_launcher.settings.redaction import Redaction, Secrets
from pennylane_launcher.settings.wording import wording

EMPTY = "Nothing was loaded yet: `make run` loads your books; if it has run, its output says why."
VIEWS = (
    "The views about the runs are missing or outdated: `.venv/bin/meltano run views:build` builds"
    " them."
)


TITLES = {
    "database": "PostgreSQL cannot be used",
    "untried": "nothing was loaded yet",
    "empty": "nothing was loaded yet",
    "views": "the views are missing",
}
TESTS_MAX_AGE = ("HEALTH_TESTS_MAX_AGE_HOURS", "3")
"""The setting of the maximum age of the tests, and its default."""
CHECKED_NOW = {"trial_balance_agrees", "pennylane_tables_hold_what_was_delivered"}
"""Tests whose question each check asks anew."""
RECONCILED = frozenset({"ledger_entry_lines", "trial_balance"})
"""The two tables that the reconciliation compares."""


@dataclass(frozen=True)
class Health:
    """The outcome of a check.

    Attributes:
        problems: what is wrong.
        judged: the kinds that could be checked; nothing is known about the others.
        summary: the text if nothing is wrong.
        company: its name, if the database is reachable and knows it.
        found: what the check is based on, if the database says anything about runs.
    """

    problems: list[Problem]
    judged: frozenset[str]
    summary: str = ""
    company: str | None = None
    found: Facts | None = None


def check(project: Path, settings: Mapping[str, str]) -> Health:
    """Check the database in `.env`, or the embedded one.

    Args:
        project: the project's folder.
        settings: environment variables, those of `.env` included.

    Raises:
        LauncherError: a setting is invalid.
    """
    limit, where = max_age(settings), moments.zone(settings)
    untested_limit = max_age(settings, *TESTS_MAX_AGE)
    redaction = Redaction(Secrets(project, settings))
    known, schemas = _known(project, settings)
    with ExitStack() as stack:
        try:
            url = warehouse.url(settings)
            if url is None:
                directory = project / ".embedded"
                if not directory.exists():
                    return _only("untried", EMPTY)
                url = stack.enter_context(embedded.server(directory)).url(DATABASE)
            found = facts.read(url, schemas[0], known)
            lost = {
                table: why
                for schema in schemas
                for table, why in deliveries.lost(url, schema).items()
            }
            doubles = twins(url, [*known.values()])
        except facts.ViewsMissingError:
            return _only("views", VIEWS)
        except psycopg.Error as error:
            return _only("database", redaction(warehouse.unusable(url or "", error)))
        except LauncherError as error:
            return _only("database", redaction(str(error)))

    def why(company: Company, last: facts.LastRun) -> str:
        said = cause.of(project, last.run, wording(project, settings, company))
        return redaction(said or str(last.error).removeprefix("The run failed: "), 200)

    failures = [
        *_failures(project, settings, found, redaction),
        *by_company.of_file(found, known, doubles, limit, why),
        *_missing(found, lost),
        *_unbuilt(found, redaction),
        *_untested(found, untested_limit),
    ]
    return _judge(found, failures, limit, where)


def max_age(
    settings: Mapping[str, str], name: str = "HEALTH_MAX_AGE_HOURS", default: str = "26"
) -> timedelta:
    """Return the maximum age of the last success of a table, or of the tests.

    Args:
        settings: environment variables, those of `.env` included.
        name: of the setting.
        default: in hours.

    Raises:
        LauncherError: the setting is not a number above 0.
    """
    text = settings.get(name) or default
    try:
        age = timedelta(hours=float(text))
    except (ValueError, OverflowError):
        age = timedelta()
    if age <= timedelta():
        msg = f"{name} is not a number of hours above 0: {text}"
        raise LauncherError(msg)
    return age


def _only(kind: str, sentence: str) -> Health:
    """Report a problem that prevents further checks; the checks before it have passed."""
    order = ["database", "untried", "empty", "views"]
    return Health(
        [Problem(kind, {"": sentence}, title=TITLES[kind])],
        frozenset(order[: order.index(kind) + 1]),
    )


def _failures(
    project: Path, settings: Mapping[str, str], found: Facts, redaction: Redaction
) -> list[Problem]:
    """Return what failed: tables that failed themselves, and, once, the run as a whole."""
    words = wording(project, settings)
    # A firm's failures are told by company, but for that of the list of companies.
    own = {
        table: redaction(words(failure.why), 200)
        + ("" if table in found.fresh else " (never loaded yet)")
        for table, failure in found.failed.items()
        if failure.is_own and by_company.is_told_by_table(found, table)
    }
    dragged = {table: failure for table, failure in found.failed.items() if not failure.is_own}
    problems = [Problem("failed", own, tables=len(found.expected))] if own else []
    problems += by_company.failed_clients(found, words, redaction)
    run = next((facts.Run(each.run, each.why) for each in dragged.values()), None)
    last = found.failure
    if last and all(failure.run != last.id for failure in found.failed.values()):
        run = last
    if run:
        why = cause.of(project, run.id, words) or run.error.removeprefix("The run failed: ")
        never = "" if found.fresh else " Nothing was loaded yet."
        text = f"The last run failed: {redaction(why, 400).rstrip('.')}.{never}"
        problems.append(Problem("run", {"": text}, title="the last run failed"))
    return problems


def _known(project: Path, settings: Mapping[str, str]) -> tuple[dict[str, Company], list[str]]:
    """Return the companies of companies.yml, and all raw schemas; none if that file is wrong."""
    try:
        return {each.name: each for each in companies.read(project)}, raw_schemas(project)
    except SettingsError:  # the run says so, too
        return {}, [warehouse.schema(settings)]


def _partial(found: Facts) -> set[str]:
    """Return the tables that are not complete; a table that only some companies lack is."""
    return {
        table
        for table, failure in found.failed.items()
        if not failure.is_own or by_company.is_told_by_table(found, table)
    }


def _missing(found: Facts, lost: Mapping[str, str]) -> list[Problem]:
    """Return the tables that lost rows, except those that are no longer loaded."""
    wanted = {table: why for table, why in lost.items() if table in (found.expected or lost)}
    said = "; ".join(f"{table}: {why}" for table, why in wanted.items())
    text = (
        f"Rows that were loaded are missing: {said}. The next run reads these tables whole again."
    )
    return [Problem("lost", {"": text}, title="loaded rows are missing")] if wanted else []


def _unbuilt(found: Facts, redaction: Redaction) -> list[Problem]:
    """Return what the last build of the views left undone."""
    if not found.proof.undone:
        return []
    why = redaction(found.proof.undone, 400).rstrip(".")
    text = f"The views were not built completely: {why}."
    return [Problem("views", {"": text}, title="the views were not built")]


def _untested(found: Facts, limit: timedelta) -> list[Problem]:
    """Return the tests that failed, and whether they are overdue."""
    proof = found.proof
    problems = []
    if failed := sorted(proof.failed.keys() - CHECKED_NOW):
        said = listed(
            f"{name} ({'could not run' if (rows := proof.failed[name]) is None else _rows(rows)})"
            for name in failed
        )
        text = f"Tests of the books failed: {said}. `.venv/bin/meltano run verify` runs them again."
        problems.append(Problem("tests", {"": text}, title="tests of the books failed"))
    if found.untested_since and found.now - found.untested_since > limit:
        ran = f"last ran {_ago(found, proof.tested_at)}" if proof.tested_at else "have never run"
        text = (
            f"The books have been untested for more than {moments.span(limit)}: their tests {ran}."
            " Check that the schedule `verify` runs, or start it: `.venv/bin/meltano run verify`."
        )
        problems.append(Problem("untested", {"": text}, title="the books are untested"))
    return problems


def _rows(count: int) -> str:
    return f"{count} row{'s' * (count != 1)}"


def _ago(found: Facts, moment: datetime) -> str:
    return f"{moments.span(found.now - moment)} ago"


def _judge(found: Facts, failures: list[Problem], limit: timedelta, where: tzinfo | None) -> Health:
    if not found.is_loaded:
        if found.is_running:
            return Health([], frozenset({"database"}), "the first run is in progress.")
        return _only("empty" if found.has_run else "untried", EMPTY)
    stale = {
        table: f"the last complete read began more than {moments.span(limit)} ago"
        for table in found.expected & found.fresh.keys()
        if found.now - found.fresh[table] > limit and by_company.is_told_by_table(found, table)
    }
    problems = [
        *failures,
        Problem("stale", stale, frozenset(found.failed), len(found.expected)),
        *by_company.stale_clients(found, limit),
    ]
    judged = {
        *("database", "empty", "views", "run", "companies", "lost", "stale", "tests", "untested"),
        *("company_failed", "company_stale", "company_gone"),
    }
    # A run that failed as a whole says nothing about its tables.
    if all(failure.is_own for failure in found.failed.values()):
        judged.add("failed")
    # During a load, or after a partial one, the two tables show different moments.
    if not found.is_running and not _partial(found) & (RECONCILED | {"(all)"}):
        judged.add("reconciliation")
        failed = {company.name for company in found.clients if company.status == "failed"}
        if differences := [each for each in found.differences if each[0] not in failed]:
            text = _disagreement(differences)
            title = "the trial balance does not agree"
            problems.append(Problem("reconciliation", {"": text}, title=title))
    return Health(
        [problem for problem in problems if problem.members],
        frozenset(judged),
        _summary(found, where, is_reconciled="reconciliation" in judged),
        found.company,
        found,
    )


def _summary(found: Facts, where: tzinfo | None, *, is_reconciled: bool) -> str:
    last = max(found.fresh.values(), default=found.now)
    summary = (
        f"{len(found.fresh)} tables, the last complete run began"
        f" {moments.span(found.now - last)} ago, {moments.local(last, where)}"
    )
    balance = _balance(found) if is_reconciled else ""
    parts = (summary, _oldest(found), balance, _tests(found))
    return "; ".join(part for part in parts if part) + "."


def _oldest(found: Facts) -> str:
    """Say how old the company is that was read longest ago."""
    read = [one.read for one in found.clients if one.read and one.status != "gone"]
    if not read:
        return ""
    return f"{len(read)} companies, the one read longest ago {_ago(found, min(read))}"


def _balance(found: Facts) -> str:
    """Say which trial balances agree: none is claimed to that was not compared."""
    if not found.fresh.keys() >= RECONCILED:
        return "no ledger is loaded that could be checked against the trial balance"
    behind = ", ".join(str(day) for day in found.proof.behind if day in found.years)
    if not behind:
        return "the trial balance agrees"
    if found.years <= {*found.proof.behind}:
        return "the trial balance was not compared, because lines have changed since it was read"
    return (
        "the trial balance agrees, without the fiscal years whose lines have changed since it was"
        f" read (beginning {behind})"
    )


def _tests(found: Facts) -> str:
    """Say what the last tests proved."""
    proof = found.proof
    if not proof.tested_at:
        return "the books were never tested"
    passed = proof.tests - len(proof.failed)
    return f"{passed} of {proof.tests} tests passed {_ago(found, proof.tested_at)}"


def _disagreement(differences: Sequence[tuple[str, str, str, str]]) -> str:
    years: dict[str, list[str]] = {}
    for company, account, start, end in differences:
        whose = f"{company}, " if company else ""
        years.setdefault(f"{whose}{start} to {end}", []).append(account)
    shown = [*years.items()][:MOST]
    accounts = "; ".join(f"{year}, account {listed(found)}" for year, found in shown)
    if len(years) > MOST:
        accounts += f" and {len(years) - MOST} more fiscal years"
    return (
        "The ledger lines do not add up to Pennylane's trial balance:"
        f" fiscal year {accounts}. `.venv/bin/meltano run verify` prints the difference."
    )

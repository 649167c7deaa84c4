"""What is wrong with one of several companies: of companies.yml, or of an accounting firm."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from pennylane_launcher.monitoring import facts, moments
from pennylane_launcher.monitoring.facts import Facts
from pennylane_launcher.monitoring.problem import Problem
from pennylane_launcher.settings.companies import Company
from pennylane_launcher.settings.redaction import Redaction

FIRM_LIST = "companies"
"""The table of a firm that belongs to none of its companies."""


def of_file(
    found: Facts,
    known: Mapping[str, Company],
    doubles: Mapping[str, str],
    limit: timedelta,
    why: Callable[[Company, facts.LastRun], str],
) -> list[Problem]:
    """Return the companies of companies.yml whose last run failed, or was too long ago.

    Args:
        found: what the record of runs says.
        known: the companies, by name.
        doubles: those that have two tokens, and what to do about it.
        limit: the maximum age of the last success.
        why: returns why the last run of a company failed.
    """
    old = f"the last complete run began more than {moments.span(limit)} ago"
    reasons = dict(doubles)
    for name, last in found.companies.items():
        if last.error is not None:
            reasons[name] = why(known[name], last)
        elif last.succeeded and found.now - last.succeeded > limit:
            reasons.setdefault(name, old)
    return [Problem("companies", reasons)] if reasons else []


def failed_clients(
    found: Facts, words: Callable[[str], str], redaction: Redaction
) -> list[Problem]:
    """Return the firm's companies whose last run failed; the reasons do not name them again.

    Args:
        found: what the record of runs says.
        words: rewrites a reason for display.
        redaction: shortens it, and hides secrets.
    """
    failed = {}
    for company in found.clients:
        if company.status == "failed":
            why = (company.why or "").replace(f"company '{company.name}' ({company.id})", "it")
            failed[str(company)] = redaction(words(why), 200)
    return [Problem("company_failed", failed, tables=len(found.clients))] if failed else []


def stale_clients(found: Facts, limit: timedelta) -> list[Problem]:
    """Return the firm's companies that were not read for too long, and those that are gone.

    Args:
        found: what the record of runs says.
        limit: the maximum age of the last success.
    """
    stale = {
        str(company): f"not read completely for more than {moments.span(limit)}"
        for company in found.clients
        if company.status != "gone" and company.read and found.now - company.read > limit
    }
    gone = {
        str(company): "taken off the firm's list or out of the settings, but not the warehouse"
        for company in found.clients
        if company.status == "gone"
    }
    return [
        Problem("company_stale", stale, tables=len(found.clients)),
        Problem("company_gone", gone, tables=len(found.clients)),
    ]


def is_told_by_table(found: Facts, table: str) -> bool:
    """Tell whether a table's failures are told as such: those of a firm are told by company.

    Args:
        found: what the record of runs says.
        table: its name.
    """
    return not found.clients or table == FIRM_LIST

"""What is known about the warehouse, as families of metrics (docs/metrics.md lists them)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
)

from pennylane_launcher.metrics.figures import Row, Runs, Tables
from pennylane_launcher.monitoring.by_company import FIRM_LIST
from pennylane_launcher.monitoring.facts import Facts
from pennylane_launcher.monitoring.health import RECONCILED, Health

COMPANY, TABLE = "company_id", "table"
TOTALS = {
    "records": ("pennylane_records", "Records that the tap has sent."),
    "deletions": ("pennylane_deletions", "Deletions that the tap has sent."),
    "requests": ("pennylane_requests", "Requests to Pennylane."),
    "rate_limited": (
        "pennylane_rate_limited_requests",
        "Requests that Pennylane refused because of its rate limit (429).",
    ),
    "seconds_waited": (
        "pennylane_rate_limit_wait_seconds",
        "Seconds that requests waited for the rate limit, added up over concurrent ones.",
    ),
}
LAST_RUN = {
    "rows": ("rows", "Rows that the last run wrote."),
    "requests": ("requests", "Requests of the last run."),
    "rate_limited": ("rate_limited_requests", "Requests of the last run that were refused (429)."),
    "seconds_waited": (
        "rate_limit_wait_seconds",
        "Seconds that the requests of the last run waited for the rate limit.",
    ),
}


def of_findings(findings: Sequence[Row]) -> Iterator[Metric]:
    """Yield the number of findings per rule.

    Args:
        findings: counted.
    """
    family = GaugeMetricFamily(
        "pennylane_findings", "Findings of the controls.", labels=[COMPANY, "rule", "severity"]
    )
    for row in findings:
        family.add_metric([str(row["company_id"]), row["rule"], row["severity"]], row["count"])
    yield family


def of_runs(runs: Runs) -> Iterator[Metric]:
    """Yield how many runs ended, and how the last one did.

    Args:
        runs: what is known about them.
    """
    yield gauge("run_in_progress", "Whether a run is in progress.", runs.is_running, runs.company)
    total = CounterMetricFamily("pennylane_runs", "Runs that ended.", labels=[COMPANY, "result"])
    for result, count in sorted(runs.ended.items()):
        total.add_metric([runs.company, result], count)
    yield total
    if runs.last:
        start, end = runs.last["started_at"], runs.last["ended_at"]
        for name, text, value in (
            ("success", "Whether the last run succeeded.", runs.last["status"] == "success"),
            ("start_timestamp_seconds", "When the last run began.", epoch(start)),
            ("duration_seconds", "How long the last run took.", (end - start).total_seconds()),
            ("age_seconds", "How long ago the last run ended.", _age(runs.now, end)),
        ):
            yield gauge(f"last_run_{name}", text, value, runs.company)


def of_health(checked: Health, runs: Runs) -> Iterator[Metric]:
    """Yield what a health check found: problems, ages, tests, the reconciliation.

    Args:
        checked: the check.
        runs: what is known about the runs.
    """
    problems = GaugeMetricFamily(
        "pennylane_problems",
        "What `check-health` finds wrong: the number of tables, or 1; 0 if it found nothing.",
        labels=[COMPANY, "kind"],
    )
    wrong = {problem.kind: len(problem.members) for problem in checked.problems}
    for kind in sorted(checked.judged):
        problems.add_metric([runs.company, kind], wrong.get(kind, 0))
    yield problems
    if checked.company:
        info = InfoMetricFamily("pennylane_company", "Name of the company.", labels=[COMPANY])
        info.add_metric([runs.company], {"name": checked.company})
        yield info
    if checked.found:
        yield from _of_facts(checked.found, runs)
        if "reconciliation" in checked.judged and checked.found.fresh.keys() >= RECONCILED:
            yield from _of_reconciliation(checked.found, runs)


def _of_facts(found: Facts, runs: Runs) -> Iterator[Metric]:
    # A firm's companies have ages of their own.
    tables = {
        table
        for table in found.expected or found.fresh.keys()
        if not found.clients or table == FIRM_LIST
    }
    ages = _per_table(
        "table_age_seconds", "Age of the last complete read, from when its run began."
    )
    succeeded = _per_table("table_last_run_success", "Whether the last run of the table succeeded.")
    for table in sorted(tables):
        if table in found.fresh:
            ages.add_metric([runs.company, table], _age(runs.now, found.fresh[table]))
        succeeded.add_metric([runs.company, table], table not in found.failed)
    yield from (ages, succeeded)
    yield from _of_companies(found)
    tests = GaugeMetricFamily(
        "pennylane_tests", "Tests of the books, as last run.", labels=[COMPANY, "result"]
    )
    age = None
    if found.proof.tested_at:
        failed = len(found.proof.failed)
        tests.add_metric([runs.company, "failed"], failed)
        tests.add_metric([runs.company, "passed"], found.proof.tests - failed)
        age = _age(runs.now, found.proof.tested_at)
    yield tests
    yield gauge("tests_age_seconds", "How long ago the tests ran.", age, runs.company)


def _of_companies(found: Facts) -> Iterator[Metric]:
    labels = [COMPANY, "name"]
    ages = GaugeMetricFamily(
        "pennylane_company_age_seconds",
        "Of a firm: age of the company's last complete read, from when it began.",
        labels=labels,
    )
    succeeded = GaugeMetricFamily(
        "pennylane_company_last_run_success",
        "Of a firm: whether the last run succeeded for the company.",
        labels=labels,
    )
    counts = GaugeMetricFamily(
        "pennylane_companies", "Of a firm: how many companies there are.", labels=["state"]
    )
    states = Counter(company.status or "never" for company in found.clients)
    for company in found.clients:
        values = [str(company.id), company.name]
        if company.status == "gone":
            continue
        if company.read:
            ages.add_metric(values, _age(found.now, company.read))
        if company.status:
            succeeded.add_metric(values, company.status == "success")
    for state in ("success", "failed", "gone", "never") if found.clients else ():
        counts.add_metric([state], states[state])
    yield from (ages, succeeded, counts)


def _of_reconciliation(found: Facts, runs: Runs) -> Iterator[Metric]:
    behind = len(found.years & {*found.proof.behind})
    for name, text, value in (
        (
            "differences",
            "Accounts whose lines do not add up to Pennylane's trial balance, per fiscal year.",
            len(found.differences),
        ),
        ("compared_years", "Fiscal years that were compared.", len(found.years) - behind),
        (
            "skipped_years",
            "Fiscal years not compared: their lines changed after the trial balance was read.",
            behind,
        ),
    ):
        yield gauge(f"reconciliation_{name}", text, value, runs.company)


def of_tables(tables: Tables, runs: Runs, found: Facts | None) -> Iterator[Metric]:
    """Yield what was read into each table, and what that took.

    Args:
        tables: what is known about them.
        runs: the same about the runs.
        found: what the health check knows.
    """
    rows = _per_table("table_rows", "Live rows of the table.")
    for table, count in sorted(tables.rows.items()):
        rows.add_metric([runs.company, table], count)
    yield rows
    written = _per_table("table_last_run_rows", "Rows that the table's last run wrote.")
    took = _per_table("table_last_run_duration_seconds", "How long the table's last run took.")
    for table, row in sorted(tables.last_runs.items()):
        written.add_metric([runs.company, table], row["rows"])
        if row["seconds"] is not None:
            took.add_metric([runs.company, table], float(row["seconds"]))
    yield from (written, took)
    for column, (name, text) in TOTALS.items():
        total = CounterMetricFamily(name, text, labels=[COMPANY, TABLE])
        for row in tables.totals:
            total.add_metric([str(row["company_id"]), row["table_name"]], float(row[column]))
        yield total
    if tables.last_run:
        for column, (name, text) in LAST_RUN.items():
            yield gauge(f"last_run_{name}", text, float(tables.last_run[column] or 0), runs.company)
    # A table that is no longer loaded is not verified, either.
    expected = found.expected if found else frozenset[str]()
    verified = [row for row in tables.totals if not expected or row["table_name"] in expected]
    yield from _of_verification(verified, runs.now)


def _of_verification(totals: Iterable[Row], now: datetime) -> Iterator[Metric]:
    ages = _per_table(
        "table_verification_age_seconds",
        "Age of the last complete read or verification of the table, from when it began.",
    )
    shares = _per_table(
        "table_verification_ratio",
        "How much of the table the verification under way has read, from 0 to 1.",
    )
    for row in totals:
        labels = [str(row["company_id"]), row["table_name"]]
        if row["verified_at"]:
            ages.add_metric(labels, _age(now, row["verified_at"]))
        if row["verified_share"] is not None:
            shares.add_metric(labels, float(row["verified_share"]))
    yield from (ages, shares)


def _per_table(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"pennylane_{name}", text, labels=[COMPANY, TABLE])


def gauge(name: str, text: str, value: float | None, company: str | None = None) -> Metric:
    """Return a metric with one value.

    Args:
        name: without the prefix that all have.
        text: its description.
        value: its value; None if it is not known.
        company: id of the company, if it is about one.
    """
    family = GaugeMetricFamily(
        f"pennylane_{name}", text, labels=[COMPANY] if company is not None else []
    )
    if value is not None:
        family.add_metric([company] if company is not None else [], value)
    return family


def epoch(moment: datetime) -> float:
    """Return a moment, which is in UTC, as a Unix timestamp."""
    return (moment - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001 - both are UTC


def _age(now: datetime, moment: datetime) -> float:
    """Return seconds. Clocks differ by seconds, but nothing happened in the future."""
    return max((now - moment).total_seconds(), 0.0)

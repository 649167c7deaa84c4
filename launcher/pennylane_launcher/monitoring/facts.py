"""What the record of runs says now: all queries of a health check, in one snapshot."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, cast

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from pennylane_launcher.books import proof
from pennylane_launcher.books.proof import Proof
from pennylane_launcher.monitoring import queries
from pennylane_launcher.postgres import warehouse

OPTIONS = "-c statement_timeout=120s -c lock_timeout=30s -c default_transaction_read_only=on"


class ViewsMissingError(Exception):
    """The views were never built, or were built by an older version."""


@dataclass(frozen=True)
class Run:
    """A run that failed.

    Attributes:
        id: Meltano's id of it.
        error: the reason, as far as Meltano knows.
    """

    id: str
    error: str


@dataclass(frozen=True)
class LastRun:
    """The last run of one of several companies.

    Attributes:
        run: Meltano's id of it.
        error: why it failed, as far as Meltano knows; None if it did not.
        succeeded: the start of the last one that succeeded; None if none ever did.
    """

    run: str
    error: str | None
    succeeded: datetime | None


@dataclass(frozen=True)
class Failure:
    """The last run of a table, which failed.

    Attributes:
        run: Meltano's id of it.
        why: the reason given by the tap or Meltano.
        is_own: whether this table failed; if not, the run failed as a whole.
    """

    run: str
    why: str
    is_own: bool


@dataclass(frozen=True)
class Client:
    """A company of an accounting firm.

    Attributes:
        id: its id.
        name: its name.
        status: how its last run ended: success, failed or gone; None if it was never read.
        why: what went wrong in that run.
        read: when its last successful read began.
    """

    id: int
    name: str
    status: str | None
    why: str | None
    read: datetime | None

    def __str__(self) -> str:
        """Return the name and the id, because companies may have the same name."""
        return f"{self.name} ({self.id})"


@dataclass(frozen=True)
class Facts:
    """What the record of runs says.

    Attributes:
        now: according to the database's clock; UTC, like every moment here.
        is_loaded: whether there is any table.
        is_running: whether a run is in progress.
        has_run: whether any run ever began.
        expected: the tables of the last run of each pipeline, including those that were not due.
        failed: the tables whose last run failed, unless a later run found them fresh enough.
        failure: the last run, if it failed, regardless of its tables.
        fresh: by table, the start of the last run that read it completely or found it fresh enough.
        differences: accounts and fiscal years where the trial balance does not agree, of an
            accounting firm with the company before.
        years: first days of the fiscal years that have a trial balance.
        proof: what the last build and the last tests left behind.
        untested_since: the start of the first successful read that no test has followed.
        company: its name, if it was loaded.
        companies: by name in companies.yml, how the last run of each ended.
        clients: the companies of an accounting firm, if its token has loaded them.
    """

    now: datetime
    is_loaded: bool
    is_running: bool
    has_run: bool = True
    expected: frozenset[str] = frozenset()
    failed: Mapping[str, Failure] = field(default_factory=dict)
    failure: Run | None = None
    fresh: Mapping[str, datetime] = field(default_factory=dict)
    differences: Sequence[tuple[str, str, str, str]] = ()
    years: frozenset[date] = frozenset()
    proof: Proof = field(default_factory=Proof)
    untested_since: datetime | None = None
    company: str | None = None
    companies: Mapping[str, LastRun] = field(default_factory=dict)
    clients: Sequence[Client] = ()


def read(url: str, schema: str, companies: Collection[str] = ()) -> Facts:
    """Query a database.

    Args:
        url: its libpq URL.
        schema: the schema of the tables.
        companies: names in companies.yml, whose runs are judged by company.

    Raises:
        ViewsMissingError: there are tables, but not the views about their runs.
        psycopg.Error: it cannot be queried.
    """
    with psycopg.connect(
        url, connect_timeout=warehouse.WAIT, options=OPTIONS, row_factory=dict_row
    ) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        questions = _Questions(connection, schema, companies)
        if not questions.has_tables():
            return questions.before_the_first_load()
        try:
            return questions.all()
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
            connection.rollback()
            if questions.views_may_come():
                return questions.before_the_first_load()
            raise ViewsMissingError from error


class _Questions:
    def __init__(
        self,
        connection: psycopg.Connection[dict[str, Any]],
        schema: str,
        companies: Collection[str],
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._companies = sql.Literal(list(companies))
        self._names = (
            {
                name: sql.Identifier(schema, name)
                for name in ("sync_log", "etl_logs", "sync_companies", "sync_metadata", "company")
            }
            | {
                name: sql.Identifier(f"{schema}_logs", name)
                for name in ("pennylane_sync_runs", "trial_balance_differences")
            }
            | {
                "balance": sql.Identifier(f"{schema}_live", "trial_balance"),
                "firm_companies": sql.Identifier(f"{schema}_live", "companies"),
                "live_company": sql.Identifier(f"{schema}_live", "company"),
            }
        )

    def has_tables(self) -> bool:
        """Tell whether there are any; those of several companies are in other schemas."""
        log = sql.Literal(self._names["etl_logs"].as_string(self._connection))
        return bool(self._ask(queries.TABLES, schema=sql.Literal(self._schema), log=log))

    def before_the_first_load(self) -> Facts:
        """Before the views exist, only Meltano knows of runs; building the views is not one."""
        is_running = self.views_may_come()
        has_run = bool(self._knows_runs() and self._ask("select from meltano.runs limit 1"))
        return Facts(self._now(), is_loaded=False, is_running=is_running, has_run=has_run)

    def views_may_come(self) -> bool:
        return bool(self._knows_runs() and self._ask(queries.FIRST_RUN))

    def _knows_runs(self) -> bool:
        return bool(self._ask("select where to_regclass('meltano.runs') is not null"))

    def all(self) -> Facts:
        runs = self._ask(queries.RUNS, companies=self._companies)
        is_logged = self._exists("sync_log")
        if not is_logged:  # several companies: the view has those of all schemas
            self._names["sync_log"] = sql.Identifier(f"{self._schema}_live", "sync_log")
            is_logged = self._exists("sync_log")
        expected = (
            {row["table_name"] for row in self._ask(queries.EXPECTED)} if is_logged else set()
        )
        proved = proof.read(self._connection, self._schema)
        logged = self._ask(queries.LOGGED, tested_at=sql.Literal(proved.tested_at))
        # Tables of one run have the same age. Tables known only by a bookmark are in the metadata.
        fresh = {row["table_name"]: row["moment"] for row in self._ask(queries.METADATA)} | {
            row["table_name"]: row["succeeded"] for row in logged if row["succeeded"]
        }
        for row in self._ask(queries.NOT_DUE) if is_logged else ():
            table, moment = row["table_name"], row["moment"]
            fresh[table] = max(moment, fresh.get(table, moment))
        failed_runs = self._ask(queries.FAILED_RUNS, companies=self._companies)
        errors = {run["run_id"]: run["error"] for run in failed_runs}
        theirs = {run["run_id"] for run in failed_runs if run["is_of_a_company"]}
        failed = {
            row["table_name"]: Failure(
                row["run_id"],
                row["error_message"],
                is_own=row["error_message"] != errors.get(row["run_id"]),
            )
            for row in logged
            if row["status"] == "failed"
            and row["run_id"] not in theirs
            and (not expected or row["table_name"] in expected)
            and row["moment"] >= fresh.get(row["table_name"], row["moment"])
        }
        clients = [Client(**row) for row in self._ask(queries.CLIENTS)]
        return Facts(
            now=self._now(),
            is_loaded=True,
            is_running=any(run["status"] == "running" for run in runs),
            expected=frozenset(expected),
            failed=failed,
            failure=next(
                (Run(run["run_id"], run["error"]) for run in runs if run["status"] == "failed"),
                None,
            ),
            fresh=fresh,
            differences=[
                (
                    row["company_name"] if clients else "",
                    row["account_number"],
                    str(row["period_start"]),
                    str(row["period_end"]),
                )
                for row in self._ask(queries.DIFFERENCES)
            ],
            years=frozenset(row["period_start"] for row in self._ask(queries.YEARS)),
            proof=proved,
            untested_since=logged[0]["untested_since"] if logged else None,
            company=self._company(),
            companies={
                row["name"]: LastRun(row["run_id"], row["error"], row["succeeded"])
                for row in self._ask(queries.COMPANIES, companies=self._companies)
            },
            clients=clients,
        )

    def _exists(self, name: str) -> bool:
        text = sql.Literal(self._names[name].as_string(self._connection))
        return bool(self._ask("select where to_regclass({text}) is not null", text=text))

    def _company(self) -> str | None:
        has_name = self._ask(queries.HAS_COMPANY, schema=sql.Literal(self._schema))
        found = self._ask(queries.COMPANY) if has_name else ()
        return next((row["name"] for row in found), None)

    def _now(self) -> datetime:
        return cast("datetime", self._ask("select now() at time zone 'utc' as now")[0]["now"])

    def _ask(self, query: str, **values: sql.Composable) -> list[dict[str, Any]]:
        composed = sql.SQL(cast("Any", query)).format(**self._names, **values)
        return self._connection.execute(composed).fetchall()

"""The figures of the metrics, as far as the health check does not know them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from pennylane_launcher.postgres import warehouse

OPTIONS = "-c statement_timeout=60s -c lock_timeout=5s -c default_transaction_read_only=on"
WITHOUT_COMPANY = "0"
"""The id that the live views give a company whose row was not loaded."""
Row = Mapping[str, Any]
Ask = Callable[..., list[dict[str, Any]]]


@dataclass(frozen=True)
class Runs:
    """What is known about the runs as a whole.

    Attributes:
        now: according to the database's clock, in UTC, like every moment here.
        company: the company's id.
        is_running: whether a run is in progress.
        ended: the number of runs by result.
        latest: id of the latest run, also of one in progress; 0 if there was none.
        last: the last run that ended, with its `run_id`, `status`, `started_at` and `ended_at`.
    """

    now: datetime
    company: str = WITHOUT_COMPANY
    is_running: bool = False
    ended: Mapping[str, int] = field(default_factory=dict)
    latest: int = 0
    last: Row | None = None


@dataclass(frozen=True)
class Tables:
    """What is known about each table.

    Attributes:
        rows: live rows by table.
        last_runs: by table, the `rows` and `seconds` of the last run that ended with it.
        totals: of the record of runs, by company and table; those of a firm's companies together,
            as company 0: else, a thousand companies would be a hundred thousand metrics.
        last_run: what the last run used, if it reported that.
    """

    rows: Mapping[str, int]
    last_runs: Mapping[str, Row]
    totals: Sequence[Row]
    last_run: Row | None = None


class Figures:
    """Queries a database, each time in a new read-only session."""

    def __init__(self, url: str, schema: str, reader: str) -> None:
        """Say which database.

        Args:
            url: its libpq URL.
            schema: the schema of the tables.
            reader: the role that may read the views; it is taken on where it can be.
        """
        self._url = url
        self._schema = schema
        self._reader = reader

    def runs(self) -> Runs:
        """Return what is known about the runs. This is quick: the other queries are not.

        Raises:
            psycopg.Error: the database cannot be queried.
        """
        with self._session() as ask:
            now = ask("select now() at time zone 'utc' as now")[0]["now"]
            company = self._company(ask)
            if not self._exists(ask, "logs", "pennylane_sync_runs"):
                return Runs(now, company)
            counted = ask(_COUNTED, runs=self._name("logs", "pennylane_sync_runs"))
            last = ask(_LAST, runs=self._name("logs", "pennylane_sync_runs"))
        ended = {row["status"]: row["count"] for row in counted}
        return Runs(
            now,
            company,
            is_running=bool(ended.pop("running", 0)),
            ended={"success": 0, "failed": 0} | ended,
            latest=max((row["latest"] for row in counted), default=0),
            last=next(iter(last), None),
        )

    def tables(self, runs: Runs) -> Tables:
        """Return what is known about each table.

        Args:
            runs: those that are known.

        Raises:
            psycopg.Error: the database cannot be queried.
        """
        with self._session(is_reader=True) as ask:
            log, live = self._name("", "etl_logs"), self._name("live", "sync_log")
            summed = self._name("logs", "pennylane_run_totals")
            firm = {
                "companies": self._name("live", "companies"),
                "company": self._name("live", "company"),
            }
            rows = ask(_ROWS, metadata=self._name("", "sync_metadata"))
            last_runs = ask(_LAST_OF_TABLES, log=log)
            totals = ask(_TOTALS, live=live, totals=summed, **firm)
            run_id = sql.Literal(runs.last["run_id"] if runs.last else "")
            used = ask(_LAST_RUN, log=log, live=live, run_id=run_id)
        return Tables(
            {row["table_name"]: row["total_records"] for row in rows},
            {row["table_name"]: row for row in last_runs},
            totals,
            next((row for row in used if row["requests"] is not None), None),
        )

    def findings(self) -> list[Row]:
        """Count the findings of the controls by company, rule and severity.

        Raises:
            psycopg.Error: the database cannot be queried.
        """
        with self._session(is_reader=True) as ask:
            names = {name: self._name("live", name) for name in ("companies", "company")}
            return [*ask(_FINDINGS, controls=self._name("marts", "controls"), **names)]

    @contextmanager
    def _session(self, *, is_reader: bool = False) -> Iterator[Ask]:
        with psycopg.connect(
            self._url,
            connect_timeout=warehouse.WAIT,
            options=OPTIONS,
            application_name="pennylane-metrics",
            row_factory=dict_row,
        ) as connection:
            if is_reader:
                self._take_on_the_reader(connection)

            def ask(query: str, **values: sql.Composable) -> list[dict[str, Any]]:
                composed = sql.SQL(cast("Any", query)).format(**values)
                return connection.execute(composed).fetchall()

            yield ask

    def _take_on_the_reader(self, connection: psycopg.Connection[Any]) -> None:
        """Give up all rights but the reader's, unless PostgreSQL does not let this role do so."""
        try:
            with connection.transaction():
                connection.execute(sql.SQL("set role {}").format(sql.Identifier(self._reader)))
        except (psycopg.errors.InvalidParameterValue, psycopg.errors.InsufficientPrivilege):
            pass

    def _company(self, ask: Ask) -> str:
        if not ask(_HAS_COMPANY, schema=sql.Literal(self._schema)):
            return WITHOUT_COMPANY
        found = ask(_COMPANY, company=self._name("", "company"))
        return next((str(row["company_id"]) for row in found), WITHOUT_COMPANY)

    def _exists(self, ask: Ask, part: str, name: str) -> bool:
        full = self._name(part, name).as_string()
        found = ask("select to_regclass({full}) as found", full=sql.Literal(full))
        return found[0]["found"] is not None

    def _name(self, part: str, name: str) -> sql.Identifier:
        return sql.Identifier(f"{self._schema}_{part}" if part else self._schema, name)


_HAS_COMPANY = """
select from information_schema.columns
where table_schema = {schema} and table_name = 'company' and column_name = 'company_id'
"""

# As the live views choose it.
_COMPANY = """
select company_id from {company}
where company_id is not null and _sdc_deleted_at is null
order by _sdc_extracted_at desc nulls last
limit 1
"""

_COUNTED = "select status, count(*) as count, max(id) as latest from {runs} group by status"

_LAST = """
select run_id, status, started_at, ended_at from {runs}
where status <> 'running'
order by id desc
limit 1
"""

_ROWS = "select table_name, total_records from {metadata}"

_LAST_OF_TABLES = """
select distinct on (table_name)
    table_name,
    records_loaded as rows,
    execution_time_seconds as seconds
from {log}
where status <> 'running' and table_name <> '(all)'
order by table_name, execution_date desc
"""

# A firm's companies are those that no token of the Company API has loaded.
_TOTALS = """
with labelled as (
    select
        total.*,
        case
            when exists (select from {companies})
                and total.company_id not in (select company_id from {company})
                then 0
            else total.company_id
        end as label
    from {totals} as total
),
verification as (
    select
        company_id,
        stream as table_name,
        max(verified_at) as verified_at,
        (array_agg(verified_share order by started_at desc))[1] as verified_share
    from {live}
    group by company_id, stream
)
select
    label as company_id,
    table_name,
    coalesce(sum(records), 0) as records,
    coalesce(sum(tombstones), 0) as deletions,
    coalesce(sum(requests), 0) as requests,
    coalesce(sum(rate_limited), 0) as rate_limited,
    coalesce(sum(seconds_waited), 0) as seconds_waited,
    min(verified_at) filter (
        where label <> 0 or company_id in (select company_id from {companies})
            or not exists (select from {companies})
    ) as verified_at,
    case when count(*) = 1 then max(verified_share) end as verified_share
from labelled
left join verification using (company_id, table_name)
group by label, table_name
order by label, table_name
"""

# The tap's own id of a run may differ from Meltano's, which the ids of etl_logs begin with.
_LAST_RUN = """
with log as materialized (
    select table_name, execution_date, records_loaded from {log} where run_id = {run_id}
),
own as (
    select distinct entry.run_id
    from log
    inner join {live} as entry
        on entry.stream = log.table_name and entry.started_at = log.execution_date
)
select
    (select sum(records_loaded) from log) as rows,
    sum(entry.requests) as requests,
    sum(entry.rate_limited) as rate_limited,
    sum(entry.seconds_waited) as seconds_waited
from {live} as entry
where entry.run_id in (select run_id from own)
"""

_FINDINGS = """
select label as company_id, rule, severity, count(*) as count
from {controls} as finding
cross join lateral (
    select case
        when exists (select from {companies})
            and finding.company_id not in (select company_id from {company})
            then 0
        else finding.company_id
    end as label
) as labelled
group by label, rule, severity
order by label, rule, severity
"""

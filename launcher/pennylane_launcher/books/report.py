"""What landed: the rows of each table, and whether the books balance to the cent."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql

from pennylane_launcher.books import proof

LINES = "ledger_entry_lines"
TRIAL = "trial_balance"


@dataclass(frozen=True)
class Period:
    """Debits and credits of one period: of the ledger lines, and of the trial balance."""

    start: date
    end: date
    debits: Decimal
    credits: Decimal
    trial_debits: Decimal
    trial_credits: Decimal
    is_behind: bool = False
    """Whether the tap has yet to read this trial balance again, because lines have changed."""

    @property
    def agrees(self) -> bool:
        """Whether both agree to the cent."""
        return (self.debits, self.credits) == (self.trial_debits, self.trial_credits)


@dataclass(frozen=True)
class Report:
    """What a schema holds, without rows that are marked as deleted.

    Attributes:
        rows: number per table.
        debits: of all ledger entry lines.
        credits: of all ledger entry lines.
        periods: of the trial balance.
    """

    rows: dict[str, int]
    debits: Decimal
    credits: Decimal
    periods: list[Period]

    @property
    def balanced(self) -> bool:
        """Whether debits equal credits, and the trial balance agrees where it can be compared."""
        return self.debits == self.credits and all(
            period.agrees or period.is_behind for period in self.periods
        )

    def __str__(self) -> str:
        """Return the report as text."""
        width = max([len(name) for name in self.rows] + [len("tables")])
        lines = [f"  {name:<{width}} {count:>12,}" for name, count in self.rows.items()]
        lines.append(f"  {len(self.rows)} tables{sum(self.rows.values()):>{width + 5},} rows")
        lines.append("")
        if not self.rows.get(LINES):
            lines.append("  No ledger entry lines are loaded: there is nothing to check.")
            return "\n".join(lines)
        sign = "=" if self.debits == self.credits else "≠"
        lines.append(f"  debits {self.debits:,.2f} {sign} credits {self.credits:,.2f}")
        if self.debits != self.credits:
            lines.append(
                f"  !! THE BOOKS DO NOT BALANCE: they differ by {self.debits - self.credits:,.2f}."
            )
        lines += [_period(period) for period in self.periods]
        if not self.periods:
            lines.append("  No trial balance is loaded to compare these lines with.")
        return "\n".join(lines)


def rows(url: str, schema: str) -> dict[str, int]:
    """Count the live rows of each table of a schema."""
    with psycopg.connect(url) as connection:
        return _rows(connection, _tables(connection, schema), schema)


def read(url: str, schema: str, *, since: date | None = None) -> Report:
    """Read the report of a schema.

    Args:
        url: libpq URL of the database.
        schema: the schema of the tables.
        since: ledger lines before this day were not loaded, so that no earlier period can agree.
    """
    with psycopg.connect(url) as connection:
        tables = _tables(connection, schema)
        counts = _rows(connection, tables, schema)
        totals = (Decimal(0), Decimal(0))
        periods: list[Period] = []
        if LINES in tables:
            totals = _totals(connection, schema)
            if TRIAL in tables:
                periods = _periods(connection, schema, since or date.min)
    return Report(counts, *totals, periods)


def _tables(connection: psycopg.Connection, schema: str) -> dict[str, bool]:
    """Return the tables, and whether each marks deleted rows."""
    found = connection.execute(
        """
        select relname::text, exists (
            select from pg_attribute where attrelid = pg_class.oid and attname = '_sdc_deleted_at'
        )
        from pg_class where relkind in ('r', 'p') and relnamespace = to_regnamespace(%s)
            and relname not like '\\_%%'
        order by relname
        """,
        [sql.Identifier(schema).as_string(connection)],
    )
    return dict(found.fetchall())


def _rows(connection: psycopg.Connection, tables: dict[str, bool], schema: str) -> dict[str, int]:
    return {name: _count(connection, schema, name, marks=marks) for name, marks in tables.items()}


def _count(connection: psycopg.Connection, schema: str, table: str, *, marks: bool) -> int:
    query = sql.SQL("select count(*) from {}{}").format(
        sql.Identifier(schema, table),
        sql.SQL(" where _sdc_deleted_at is null" if marks else ""),
    )
    return int(_one(connection, query)[0])


def _totals(connection: psycopg.Connection, schema: str) -> tuple[Decimal, Decimal]:
    query = sql.SQL(
        """
        select coalesce(sum(debit), 0), coalesce(sum(credit), 0) from {}
        where _sdc_deleted_at is null
        """
    ).format(sql.Identifier(schema, LINES))
    debit, credit = _one(connection, query)
    return debit, credit


def _periods(connection: psycopg.Connection, schema: str, since: date) -> list[Period]:
    # A year that was read again on its own ends with a marker (transform/dbt, pennylane_live_rows).
    query = sql.SQL(
        """
        with trial as (
            select period_start, period_end, sum(debits) as debits, sum(credits) as credits
            from {trial} as row
            where _sdc_deleted_at is null and period_start >= %s
                and not exists (
                    select from {trial} as marker
                    where marker.period_start = row.period_start
                        and marker.period_end = row.period_end
                        and marker.number = ''
                        and marker._sdc_deleted_at > row._sdc_extracted_at
                )
            group by period_start, period_end
        )
        select
            trial.period_start::date, trial.period_end::date,
            coalesce(sum(line.debit), 0), coalesce(sum(line.credit), 0),
            coalesce(trial.debits, 0), coalesce(trial.credits, 0),
            trial.period_start::date = any (%s)
        from trial
        left join {lines} as line on line._sdc_deleted_at is null
            and line.date between trial.period_start and trial.period_end
        group by trial.period_start, trial.period_end, trial.debits, trial.credits
        order by trial.period_start, trial.period_end
        """
    ).format(trial=sql.Identifier(schema, TRIAL), lines=sql.Identifier(schema, LINES))
    values = [since, [*proof.read(connection, schema).behind]]
    return [Period(*row) for row in connection.execute(query, values).fetchall()]


def _one(connection: psycopg.Connection, query: sql.Composed) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    if row is None:
        msg = "an aggregate query returns one row"
        raise AssertionError(msg)
    return row


def _period(period: Period) -> str:
    name = f"{period.start} to {period.end}"
    if period.is_behind:
        return f"  trial balance of {name} is not compared: lines have changed since it was read"
    if period.agrees:
        return f"  trial balance of {name} agrees: {period.trial_debits:,.2f}"
    return (
        f"  !! THE TRIAL BALANCE OF {name} DOES NOT AGREE: it has debits"
        f" {period.trial_debits:,.2f} and credits {period.trial_credits:,.2f}, its lines"
        f" {period.debits:,.2f} and {period.credits:,.2f}."
    )

"""What the last build of the views left undone, and what the last tests found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row


@dataclass(frozen=True)
class Proof:
    """What the last build of the views and the last run of all tests left behind.

    Attributes:
        undone: what the build left undone, and why; None if nothing.
        tested_at: when the tests ran, in UTC; None if they never did.
        tests: how many there were.
        failed: those that failed, with the number of rows found; None if a test could not run.
        behind: first days of the fiscal years whose trial balance is older than the lines.
    """

    undone: str | None = None
    tested_at: datetime | None = None
    tests: int = 0
    failed: Mapping[str, int | None] = field(default_factory=dict)
    behind: Sequence[date] = ()


def read(connection: psycopg.Connection[Any], schema: str) -> Proof:
    """Query a database.

    Args:
        connection: to it.
        schema: the schema of the tables.

    Raises:
        psycopg.Error: it cannot be queried.
    """

    def ask(table: str, query: str) -> list[tuple[Any, ...]]:
        name = sql.Identifier(f"{schema}_logs", table)
        cursor = connection.cursor(row_factory=tuple_row)
        known = cursor.execute("select to_regclass(%s)", [name.as_string(connection)]).fetchone()
        if known is None or known[0] is None:
            return []
        return cursor.execute(sql.SQL(query).format(name)).fetchall()

    undone = ask("pennylane_build", "select error from {}")
    tested = ask("pennylane_test_runs", _TESTED)
    behind = ask("pennylane_bookmarks", _BEHIND)
    at, tests, failed = tested[0] if tested else (None, 0, {})
    return Proof(
        undone[0][0] if undone else None,
        at,
        tests,
        failed,
        sorted(date.fromisoformat(day[:10]) for (days,) in behind for day in days or ()),
    )


_TESTED = """
select tested_at at time zone 'utc', tests, failed from {} order by tested_at desc limit 1
"""

# As JSON, because the view of an older version lacks the column.
_BEHIND = """
select to_jsonb(bookmark) -> 'behind' from {} as bookmark where table_name = 'trial_balance'
"""

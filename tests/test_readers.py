"""People read views while they are built: nobody waits for a build, and no build waits for ever."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines import Pipeline

READ = ("pennylane_live.customers", "pennylane_live.suppliers", "pennylane_marts.general_ledger")
"""The transaction of someone who reads a long report."""


@pytest.fixture(scope="module")
def warehouse(books: Pipeline) -> Pipeline:
    """Books with their views, to be changed."""
    return books.copy()


@contextmanager
def a_long_report(pipeline: Pipeline) -> Iterator[int]:
    """A transaction that has read and stays open; yields its session."""
    with psycopg.connect(pipeline.url, application_name="notebook") as connection:
        for view in READ:
            connection.execute(f"SELECT count(*) FROM {view}".encode())  # noqa: S608
        yield connection.info.backend_pid
        connection.rollback()


@dataclass
class Others:
    """Other readers of the same views, who give up after a second."""

    reads: int = 0
    gave_up: list[str] = field(default_factory=list)


@contextmanager
def other_readers(pipeline: Pipeline) -> Iterator[Others]:
    """Read again and again until the block ends."""
    others, is_over = Others(), threading.Event()

    def read() -> None:
        with psycopg.connect(pipeline.url, autocommit=True) as connection:
            connection.execute("SET lock_timeout = '1s'")
            while not is_over.is_set():
                for view in READ:
                    try:
                        connection.execute(f"SELECT count(*) FROM {view}".encode())  # noqa: S608
                        others.reads += 1
                    except psycopg.errors.LockNotAvailable as error:
                        others.gave_up.append(str(error))
                    except psycopg.errors.UndefinedTable:
                        pass  # between two builds, for a view that is recreated

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield others
    finally:
        is_over.set()
        thread.join()


def definitions(pipeline: Pipeline) -> dict[str, tuple[str, str]]:
    """The row of PostgreSQL's catalog that defines each view, and the definition."""
    rows = pipeline.query(
        "SELECT ev_class::regclass::text AS view, pg_rewrite.xmin::text AS row, "
        "pg_get_viewdef(ev_class) AS text FROM pg_rewrite "
        "JOIN pg_class ON pg_class.oid = ev_class "
        "WHERE relkind = 'v' AND relnamespace::regnamespace::text LIKE 'pennylane%'"
    )
    return {row["view"]: (row["row"], row["text"]) for row in rows}


def comments(pipeline: Pipeline) -> int:
    """The number of comments on views and columns."""
    (row,) = pipeline.query(
        "SELECT count(*) FROM pg_description JOIN pg_class ON pg_class.oid = objoid "
        "WHERE relkind = 'v' AND relnamespace::regnamespace::text LIKE 'pennylane%'"
    )
    found: int = row["count"]
    return found


def test_a_build_leaves_views_alone_that_are_as_they_should_be(warehouse: Pipeline) -> None:
    before = definitions(warehouse)
    assert len(before) > 70
    with a_long_report(warehouse), other_readers(warehouse) as others:
        done = warehouse.dbt("build", "--exclude-resource-type", "test")
    assert done.returncode == 0, done.stdout
    assert definitions(warehouse) == before
    assert others.gave_up == []
    assert others.reads > 0


def test_a_view_in_use_is_left_as_it_was_and_its_reader_named(warehouse: Pipeline) -> None:
    before, said = definitions(warehouse), comments(warehouse)
    with psycopg.connect(warehouse.url) as connection:
        # One view is replaced in place; the other has different columns and is recreated.
        _, text = before["pennylane_live.customers"]
        fewer = f"SELECT * FROM ({text.rstrip(';')}) AS old LIMIT 3"  # noqa: S608
        connection.execute(f"CREATE OR REPLACE VIEW pennylane_live.customers AS {fewer}".encode())
        connection.execute("DROP VIEW pennylane_live.suppliers CASCADE")
        connection.execute("CREATE VIEW pennylane_live.suppliers AS SELECT 1 AS other")
    changed = definitions(warehouse)
    with a_long_report(warehouse) as session, other_readers(warehouse) as others:
        done = warehouse.dbt(
            "build", "--select", "stg_pennylane__customers", "stg_pennylane__suppliers"
        )
        assert definitions(warehouse) == changed
    assert done.returncode != 0
    for view in ("customers", "suppliers"):
        assert (
            f"pennylane_live.{view} could not be replaced: session {session} (role postgres, "
            "application notebook, transaction open since " in done.stdout
        )
    assert "It stays as it was; the next build tries again." in done.stdout
    assert others.gave_up == []
    assert others.reads > 0

    done = warehouse.dbt("build", "--exclude-resource-type", "test")
    assert done.returncode == 0, done.stdout
    after = definitions(warehouse)
    assert {view: text for view, (_, text) in after.items()} == {
        view: text for view, (_, text) in before.items()
    }
    assert comments(warehouse) == said


def test_a_writer_keeps_no_build_waiting_for_an_index(warehouse: Pipeline) -> None:
    with psycopg.connect(warehouse.url) as connection:
        connection.execute("DROP INDEX pennylane.transactions_date_live")
    with psycopg.connect(warehouse.url, application_name="correction") as writer:
        writer.execute("UPDATE pennylane.transactions SET label = label")
        done = warehouse.dbt("run", "--select", "stg_pennylane__transactions")
        writer.rollback()
    assert done.returncode == 0, done.stdout
    assert "pennylane.transactions got no indexes, because it is in use: session" in done.stdout
    assert "application correction" in done.stdout
    assert warehouse.dbt("run", "--select", "stg_pennylane__transactions").returncode == 0
    assert warehouse.query("SELECT FROM pg_indexes WHERE indexname = 'transactions_date_live'")

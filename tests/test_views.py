"""Views are built only when something about them changed; tests have a job of their own."""

from __future__ import annotations

import shutil
import uuid
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pennylane_sandbox.pytest_plugin import Sandbox

    from pipelines import Pipeline

BUILDING = "Building the views: "
LAST = (
    "SELECT built_at, fingerprint IS NOT NULL AS is_complete, error"
    " FROM pennylane_logs.pennylane_build"
)


@pytest.fixture(scope="module")
def warehouse(books: Pipeline, again: Sandbox, project_with: Callable[..., Path]) -> Pipeline:
    """Books with the views that these tests look at, to be changed."""
    project = project_with(
        *("+etl_logs", "+income_statement", "mine", "pennylane_statement_accounts"),
        *(f"stg_pennylane__{name}" for name in ("customers", "journals", "suppliers")),
    )
    pipeline = replace(books.copy(), sandbox=again, project=project)
    assert build(pipeline) == "the models or settings have changed."
    return pipeline


def change(pipeline: Pipeline, *statements: str) -> None:
    with psycopg.connect(pipeline.url) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def last(pipeline: Pipeline) -> dict[str, Any]:
    (row,) = pipeline.query(LAST)
    return row


def emptied(pipeline: Pipeline, view: str) -> str:
    """A statement that makes a view show no rows."""
    (old,) = pipeline.query(f"SELECT pg_get_viewdef('{view}') AS text")
    return f"CREATE OR REPLACE VIEW {view} AS {old['text'].rstrip(';')} LIMIT 0"


def build(pipeline: Pipeline, **variables: str) -> str:
    """What the step says; empty if there was nothing to build."""
    done = pipeline.meltano("run", "views:build", **variables)
    assert done.returncode == 0, done.stdout
    return done.stdout.partition(BUILDING)[2].partition("\n")[0]


def test_a_run_that_changes_nothing_about_the_views_builds_nothing(warehouse: Pipeline) -> None:
    before = last(warehouse)
    assert before["is_complete"]
    warehouse.sandbox.change("customers", create=1, update=1, delete=1)
    done = warehouse.sync()
    assert done.returncode == 0, done.stdout
    assert BUILDING not in done.stdout
    assert "Warning" not in done.stdout
    assert last(warehouse) == before
    # The rows that the run wrote are counted all the same, before a later run overwrites them.
    counted = warehouse.query(
        "SELECT max(records) AS records FROM pennylane_logs.pennylane_counted_rows"
        " WHERE table_name = 'customers' AND process = (SELECT max(_sdc_sync_started_at)"
        " FROM pennylane.customers)"
    )
    assert counted == [{"records": 3}]
    assert warehouse.query("SELECT FROM pennylane_logs.pennylane_uncounted_rows") == []


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        (["DROP SCHEMA pennylane_live CASCADE"], "views are missing or were changed by hand"),
        (["REPLACE"], "views are missing or were changed by hand"),
        (
            [
                "ALTER TABLE pennylane.customers DROP COLUMN first_name CASCADE",
                "CREATE TABLE pennylane.quotes_of_old ()",
            ],
            (
                "tables or columns have come or gone; views are missing or were changed by hand;"
                " triggers of the audit trail are missing or were changed by hand"
            ),
        ),
    ],
)
def test_what_changed_in_the_database_is_built_once(
    warehouse: Pipeline, statements: list[str], why: str
) -> None:
    if statements == ["REPLACE"]:
        statements = [emptied(warehouse, "pennylane_live.journals")]
    change(warehouse, *statements)
    assert build(warehouse) == f"{why}."
    assert last(warehouse)["is_complete"]
    assert warehouse.query("SELECT FROM pennylane_live.journals")
    assert warehouse.query("SELECT FROM pennylane_marts.income_statement")
    assert build(warehouse) == ""


def test_only_a_role_that_the_settings_name_is_waited_for(warehouse: Pipeline) -> None:
    assert build(warehouse) == ""
    mine = f"analysts_{uuid.uuid4().hex[:8]}"
    other, named = f"{mine}_others", {"DBT_PENNYLANE_READER_ROLE": mine}
    with psycopg.connect(warehouse.url, autocommit=True) as connection:
        try:
            connection.execute(f"CREATE ROLE {other}".encode())
            assert build(warehouse) == ""
            assert build(warehouse, **named, DBT_PENNYLANE_CREATE_ROLE="false")
            connection.execute(f"CREATE ROLE {mine}".encode())
            assert build(warehouse, **named, DBT_PENNYLANE_CREATE_ROLE="false") == (
                "a role that the settings name has come or gone."
            )
            granted = "SELECT has_table_privilege(%s, 'pennylane_marts.income_statement', 'select')"
            assert connection.execute(granted, [mine]).fetchone() == (True,)
        finally:
            for role in (mine, other):
                if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount:
                    connection.execute(f"DROP OWNED BY {role}".encode())
                    connection.execute(f"DROP ROLE {role}".encode())
    assert build(warehouse)  # the role's settings are gone
    assert build(warehouse) == ""


def test_a_setting_and_a_model_that_changed_are_built_once(
    warehouse: Pipeline, own_models: Callable[[], Path]
) -> None:
    changed = "the models or settings have changed."
    zone = {"DBT_PENNYLANE_TIME_ZONE": "Indian/Reunion"}
    assert build(warehouse, **zone) == changed
    assert build(warehouse, **zone) == ""
    assert build(warehouse) == changed
    statement = "SELECT account_number, line FROM pennylane_marts.income_statement"
    account = warehouse.query(f"{statement} WHERE account_number LIKE '6%'")[0]["account_number"]
    models = own_models()
    (models / "models" / "marts" / "mine.sql").write_text("select 1 as one")
    # The mapping of accounts to the lines of the statements.
    with (models / "seeds" / "pennylane_statement_accounts.csv").open("a") as rules:
        rules.write(f"{account},,social_charges,,,\n")
    assert build(warehouse) == changed
    assert warehouse.query("SELECT one FROM pennylane_marts.mine") == [{"one": 1}]
    moved = warehouse.query(f"{statement} WHERE account_number = '{account}'")
    assert {row["line"] for row in moved} == {"social_charges"}
    assert build(warehouse) == ""


@pytest.fixture
def own_models(warehouse: Pipeline) -> Iterator[Callable[[], Path]]:
    """Give the project its own copy of the dbt project, for the rest of the test."""
    link = warehouse.project / "transform"
    real = link.resolve()

    def copy() -> Path:
        link.unlink()
        shutil.copytree(real, link)
        return link / "dbt"

    yield copy
    if not link.is_symlink():
        shutil.rmtree(link)
        link.symlink_to(real)


@contextmanager
def reading(pipeline: Pipeline, view: str) -> Iterator[None]:
    """A transaction that has read a view and stays open."""
    with psycopg.connect(pipeline.url, application_name="notebook") as connection:
        connection.execute(f"SELECT count(*) FROM {view}".encode())  # noqa: S608
        yield
        connection.rollback()


def test_a_view_in_use_is_tried_again_in_the_next_run(warehouse: Pipeline) -> None:
    change(warehouse, emptied(warehouse, "pennylane_live.suppliers"))
    with reading(warehouse, "pennylane_live.suppliers"):
        done = warehouse.meltano("run", "views:build")
    assert done.returncode == 1
    left = last(warehouse)
    assert not left["is_complete"]
    assert left["error"].startswith("pennylane_live.suppliers could not be replaced: session ")
    assert build(warehouse) == "no earlier build was complete."
    assert last(warehouse)["error"] is None
    assert warehouse.query("SELECT FROM pennylane_live.suppliers")


def test_an_index_that_was_not_created_is_tried_again_in_the_next_run(
    warehouse: Pipeline,
) -> None:
    change(
        warehouse,
        "DROP INDEX pennylane.transactions_date_live",
        "DELETE FROM pennylane_logs.pennylane_build",
    )
    with psycopg.connect(warehouse.url) as writer:
        writer.execute("UPDATE pennylane.transactions SET label = label")
        build(warehouse)
        writer.rollback()
    assert not last(warehouse)["is_complete"]
    assert build(warehouse) == "no earlier build was complete."
    assert warehouse.query("SELECT FROM pg_indexes WHERE indexname = 'transactions_date_live'")
    assert last(warehouse)["is_complete"]


def test_the_outcome_of_all_tests_is_kept_and_that_of_some_is_not(books: Pipeline) -> None:
    warehouse = books.copy()
    outcomes = "SELECT tests, failed FROM pennylane_logs.pennylane_test_runs ORDER BY tested_at"
    assert warehouse.meltano("run", "verify").returncode == 0
    (first,) = warehouse.query(outcomes)
    assert first["tests"] > 100
    assert first["failed"] == {}
    assert warehouse.dbt("test", "--select", "trial_balance_agrees").returncode == 0
    assert len(warehouse.query(outcomes)) == 1

    change(
        warehouse,
        "UPDATE pennylane.ledger_entry_lines SET debit = debit + 1"
        " WHERE id = (SELECT min(id) FROM pennylane_live.ledger_entry_lines)",
    )
    assert warehouse.meltano("run", "verify").returncode == 1
    _, second = warehouse.query(outcomes)
    assert second["tests"] == first["tests"]
    assert second["failed"]["pennylane_entries_balance"] == 1
    # Building nothing, the next run has nothing to say about it.
    assert build(warehouse) == ""

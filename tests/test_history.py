"""The audit trail: each row as it was, the books as of a moment, and changes after a closing."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pennylane_launcher.books import forgetting
from pennylane_launcher.running import views

if TYPE_CHECKING:
    from datetime import datetime

    from pennylane_sandbox.pytest_plugin import Sandbox

    from drafts import Draft
    from pipelines import Pipeline

PAGE = Path(__file__).parents[1] / "docs" / "audit-trail.md"
VIEWS = ("ledger_entries", "ledger_entry_lines", "customer_invoices")
LOADED = ("ledger_entries", "ledger_entry_lines", "customer_invoices", "customer_invoice_lines")
ONLY_THESE = "[" + ", ".join(f'"{table}.*"' for table in (*LOADED, "sync_log")) + "]"
READ = {"_read_at", "_loaded_at"}
"""Columns that change each time a row is read."""
TRIGGERS = "SELECT tgrelid FROM pg_trigger WHERE starts_with(tgname, 'pennylane_history_')"
Rows = set[tuple[str, ...]]


def shown(pipeline: Pipeline, view: str) -> Rows:
    return {
        tuple(f"{name}={value}" for name, value in row.items() if name not in READ)
        for row in pipeline.query(f"SELECT * FROM pennylane_live.{view}")  # noqa: S608
    }


def changes(pipeline: Pipeline, table: str) -> list[dict[str, Any]]:
    return pipeline.query(f"SELECT * FROM pennylane_history.{table} ORDER BY change_id")  # noqa: S608


@dataclass
class Story:
    """Books that changed in several runs, and what the views showed after each."""

    pipeline: Pipeline
    moments: list[tuple[datetime, dict[str, Rows]]]
    updated: int
    gone: int
    kept: dict[str, list[dict[str, Any]]]

    def look(self) -> None:
        """Remember what the views show now."""
        (now,) = self.pipeline.query("SELECT clock_timestamp() AS moment")
        self.moments.append((now["moment"], {view: shown(self.pipeline, view) for view in VIEWS}))

    def run(self, *options: str) -> None:
        """Load, then remember what the views show."""
        run = ("run", "sync", *options)
        done = self.pipeline.meltano(*run, TAP_PENNYLANE__SELECT=ONLY_THESE)
        assert done.returncode == 0, done.stdout
        self.look()


@pytest.fixture(scope="module")
def story(books: Pipeline, again: Sandbox) -> Story:
    """A line is changed, an entry is deleted and returns, invoices get other lines."""
    story = Story(replace(books.copy(), sandbox=again), [], 0, 0, {})
    story.look()
    (story.updated,) = again.change("ledger_entry_lines", update=1)["updated"]
    (story.gone,) = again.change("ledger_entries", delete=1)["deleted"]
    again.change("ledger_entries", create=2, rewrite=1)
    again.change("customer_invoices", relist=2, create=1, delete=1)
    story.run()
    again.change("ledger_entries", recreate=[story.gone], update=1)
    again.change("ledger_entry_lines", update=2)
    story.run()
    story.kept = {table: changes(story.pipeline, table) for table in LOADED}
    # All is read again, and nothing has changed.
    story.run("--full-refresh")
    return story


def test_rows_read_again_unchanged_leave_no_trace(story: Story) -> None:
    for table in LOADED:
        assert story.kept[table]
        more = changes(story.pipeline, table)[len(story.kept[table]) :]
        # Only a full read says that entries are gone whose lines were deleted.
        assert [row for row in more if row["change"] != "deleted"] == []
        assert not more or table == "ledger_entries"


def test_a_changed_line_is_kept_as_it_was(story: Story) -> None:
    line, *_ = [row for row in story.kept["ledger_entry_lines"] if row["id"] == story.updated]
    (before, _), (after, _) = story.moments[:2]
    assert line["change"] == "updated"
    assert line["known_from"] is None
    assert before < line["changed_at"] < after
    assert "updated_at" in line["became"]
    assert line["record"].keys() > line["became"].keys()
    assert not any(name.startswith("_sdc") for name in line["record"])
    assert all(line["record"][name] != value for name, value in line["became"].items())


def test_an_entry_that_was_deleted_and_returned(story: Story) -> None:
    query = "SELECT id FROM pennylane.ledger_entry_lines WHERE ledger_entry_id = "
    ids = {row["id"] for row in story.pipeline.query(f"{query}{story.gone}")}
    kinds: dict[int, list[str]] = {}
    for row in story.kept["ledger_entry_lines"]:
        if row["id"] in ids:
            kinds.setdefault(row["id"], []).append(row["change"])
    assert ids
    assert all(kind == ["deleted", "returned"] for kind in kinds.values()), kinds
    assert kinds.keys() == ids


@pytest.mark.parametrize("view", VIEWS)
def test_the_books_as_of_a_moment_are_what_the_views_showed(story: Story, view: str) -> None:
    sets = [seen[view] for _, seen in story.moments]
    assert len({frozenset(rows) for rows in sets}) > 1
    for moment, seen in story.moments:
        assert shown(story.pipeline, f"{view}_on('{moment}')") == seen[view]


def test_the_mart_tells_each_change(story: Story) -> None:
    kept = [row for table in LOADED for row in changes(story.pipeline, table)]
    told = [
        row
        for row in story.pipeline.query("SELECT * FROM pennylane_marts.changes")
        if row["table_name"] in LOADED
    ]
    assert {row["company_id"] for row in told} == {10000001}
    touched = [row for row in kept if (row["became"] or {}).keys() == {"updated_at"}]
    assert len(told) == len(kept) - len(touched)
    (line, *_) = [row for row in told if row["row_key"] == str(story.updated)]
    assert " → " in line["differences"]
    assert {row["change"] for row in told} == {"added", "updated", "deleted", "returned"}
    assert any(row["table_name"] == "customer_invoice_lines" for row in told)
    (invoice, *_) = [row for row in told if row["table_name"] == "customer_invoice_lines"]
    parent, line = invoice["row_key"].split("/")
    assert line.startswith(parent)


def test_the_queries_of_the_page_answer(story: Story) -> None:
    page = PAGE.read_text(encoding="utf-8")
    queries = [block for block in re.findall(r"```\n(.*?)```", page, re.DOTALL) if "FROM" in block]
    assert len(queries) == 2
    for query in queries:
        rows = story.pipeline.query(query)
        assert rows or "affects_figures" in query


ENTRY, LINE = 77, 7700


@pytest.fixture
def year(draft: Draft) -> Draft:
    """A fiscal year that is closed, one that is open, and an entry in each."""
    for number, (day, status) in enumerate((("2039", "closed"), ("2040", "open")), 1):
        draft.add(
            "fiscal_years",
            id=number,
            start=f"{day}-01-01",
            finish=f"{day}-12-31",
            status=status,
            updated_at="2041-01-01 10:00:00",
        )
    draft.enter(ENTRY, "2039-05-05", 1, ("606600", "1"), ("512000", "-1"))
    draft.enter(ENTRY + 1, "2040-05-05", 1, ("606600", "5"), ("512000", "-5"))
    return draft


AFTER = """
    SELECT change, affects_figures AS figures, old_balance, new_balance, old_date, new_date
    FROM changes_after_closing WHERE ledger_entry_line_id = {} ORDER BY change_id
"""


def after(draft: Draft, line: int) -> list[tuple[Any, ...]]:
    return [
        tuple(None if value is None else str(value) for value in row.values())
        for row in draft.ask(AFTER.format(line))
    ]


def test_changes_in_a_closed_year(year: Draft) -> None:
    execute = year.connection.execute
    day = "2039-05-05"
    assert after(year, LINE) == [("added", "True", None, "1", None, day)]
    assert after(year, LINE + 100) == []
    execute(b"UPDATE pennylane.ledger_entry_lines SET debit = 1 WHERE id = 7700")
    execute(b"UPDATE pennylane.ledger_entry_lines SET debit = 1.01 WHERE id IN (7700, 7800)")
    execute(b"UPDATE pennylane.ledger_entry_lines SET label = 'x' WHERE id = 7700")
    execute(b"UPDATE pennylane.ledger_entry_lines SET date = '2040-05-05' WHERE id = 7700")
    execute(b"UPDATE pennylane.ledger_entry_lines SET _sdc_deleted_at = now() WHERE id = 7701")
    assert after(year, LINE)[1:] == [
        ("updated", "True", "1", "1.01", day, day),
        ("updated", "False", "1.01", "1.01", day, day),
        ("updated", "True", "1.01", "1.01", day, "2040-05-05"),
    ]
    assert after(year, LINE + 1)[1:] == [("deleted", "True", "-1", None, day, None)]
    assert after(year, LINE + 100) == []


def test_what_was_posted_before_a_closing_that_the_same_run_reads(year: Draft) -> None:
    execute = year.connection.execute
    execute(
        b"UPDATE pennylane.fiscal_years SET status = 'closed', updated_at = '2041-02-01 10:00'"
        b" WHERE id = 2"
    )
    change = "UPDATE pennylane.ledger_entry_lines SET debit = {}, updated_at = '{}' WHERE id = 7800"
    execute(change.format(6, "2041-02-01 09:59").encode())
    assert after(year, LINE + 100) == []
    execute(change.format(7, "2041-02-01 10:01").encode())
    day = "2040-05-05"
    assert after(year, LINE + 100) == [("updated", "True", "6", "7", day, day)]
    # Opened again: changes are as they should be, those of before stay in the list.
    execute(b"UPDATE pennylane.fiscal_years SET status = 'open' WHERE id = 2")
    execute(change.format(8, "2041-02-01 10:02").encode())
    assert after(year, LINE + 100) == [("updated", "True", "6", "7", day, day)]


def test_every_way_to_lose_a_row_is_kept(draft: Draft) -> None:
    kept = "SELECT change, record ->> 'name' AS name FROM pennylane_history.customers"
    execute = draft.connection.execute
    draft.add("customers", id=1, name="Un")
    draft.add("customers", id=2, name="Deux", _sdc_deleted_at="2026-01-01")
    execute(b"DELETE FROM pennylane.customers WHERE id = 1")
    execute(b"TRUNCATE pennylane.customers")
    rows = draft.ask(f"{kept} WHERE id IN (1, 2) ORDER BY change_id")
    assert [tuple(row.values()) for row in rows] == [
        ("added", None),
        ("deleted", "Un"),
        ("removed", "Deux"),
    ]
    assert draft.ask("SELECT FROM pennylane_live.customers") == []
    # Columns that a target adds later are kept, too, although no build has seen them.
    execute(b"ALTER TABLE pennylane.customers ADD COLUMN nickname text")
    draft.add("customers", id=3, name="Trois", nickname="Tri")
    execute(b"DELETE FROM pennylane.customers WHERE id = 3")
    (row,) = draft.ask(
        "SELECT record ->> 'nickname' AS nickname, known_from IS NOT NULL AS is_dated"
        " FROM pennylane_history.customers WHERE id = 3 AND change = 'deleted'"
    )
    assert row == {"nickname": "Tri", "is_dated": True}


def test_the_history_begins_with_its_triggers(draft: Draft) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match=r"begins on .*before is unknown"):
        draft.ask("SELECT FROM pennylane_live.ledger_entries_on('2020-01-01')")


def test_what_is_forgotten_is_forgotten_in_the_history(books: Pipeline) -> None:
    wanted = {("customers", "emails"), ("customers", "phone")}
    with psycopg.connect(books.copy().url, autocommit=True) as connection:
        connection.execute("UPDATE pennylane.customers SET name = 'x', phone = '0'")
        connection.execute("UPDATE pennylane.customers SET phone = '1'")
        connection.execute("UPDATE pennylane.customers SET phone = null, emails = null")
        before = forgetting.filled(connection, "pennylane", wanted)
        assert before["customers"].keys() == {"emails", "phone"}
        forgetting.erase(connection, "pennylane", "customers", before["customers"])
        assert forgetting.filled(connection, "pennylane", wanted) == {}
        kept = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE became ? 'name'),"
            " count(*) FILTER (WHERE record ?| '{emails,phone}' OR became ?| '{emails,phone}')"
            " FROM pennylane_history.customers"
        ).fetchone()
        customers = connection.execute("SELECT count(*) FROM pennylane.customers").fetchone()
    assert kept
    assert customers
    # Erasing itself is no change.
    assert kept == (customers[0] * 3, customers[0], 0)


def test_off_and_on_again_loses_nothing(books: Pipeline) -> None:
    pipeline = books.copy()
    build = ("run", "--select", "changes", "changes_after_closing", "controls")
    edited = (
        "SELECT ids ->> 'ledger_entry_id' AS entry, severity FROM pennylane_marts.controls"
        " WHERE rule = 'closed_year_changed'"
    )
    update = "UPDATE pennylane.customers SET name = name || '{}' RETURNING id"

    def count() -> int:
        return len(pipeline.query("SELECT FROM pennylane_marts.changes"))

    customers = len(pipeline.query(update.format("x")))
    done = pipeline.dbt(*build, DBT_PENNYLANE_HISTORY="false")
    assert done.returncode == 0, done.stdout
    assert pipeline.query(TRIGGERS) == []
    functions = "SELECT FROM pg_proc WHERE proname = 'ledger_entries_on'"
    assert pipeline.query(functions) == []
    pipeline.query(update.format("y"))
    assert count() == customers
    # Now, only Pennylane's own time tells that a line of a closed year was edited.
    assert pipeline.query(edited) == []
    (line,) = pipeline.query(
        "UPDATE pennylane.ledger_entry_lines SET updated_at = now() AT TIME ZONE 'UTC' WHERE id = ("
        " SELECT max(line.id) FROM pennylane.ledger_entry_lines AS line"
        " INNER JOIN pennylane.fiscal_years AS year ON line.date BETWEEN year.start AND year.finish"
        " WHERE year.status = 'closed') RETURNING ledger_entry_id::text AS entry"
    )
    assert pipeline.query(edited) == [line | {"severity": "error"}]

    old = "UPDATE pennylane_history.customers SET changed_at = now() - interval '31 days' WHERE {} RETURNING id"  # noqa: E501
    pipeline.query(old.format("id = (SELECT min(id) FROM pennylane_history.customers)"))
    done = pipeline.dbt(*build, DBT_PENNYLANE_HISTORY_DAYS="30")
    assert done.returncode == 0, done.stdout
    assert pipeline.query(TRIGGERS)
    assert pipeline.query(functions)
    assert count() == customers - 1
    assert pipeline.query(edited) == [line | {"severity": "error"}]
    pipeline.query(update.format("z"))
    assert count() == 2 * customers - 1
    # A run that has nothing to build deletes what has become too old, too.
    pipeline.query(old.format("id = (SELECT max(id) FROM pennylane_history.customers)"))
    with views._record(pipeline.url, "pennylane") as record:  # noqa: SLF001
        record.prune_history()
    assert count() == 2 * customers - 3

"""Two companies in one warehouse, from two raw schemas in which all ids are the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pennylane_launcher.books import departed

if TYPE_CHECKING:
    from drafts import Draft
    from pipelines import Pipeline

VIEWS = """
SELECT attrelid::regclass::text AS view, array_agg(attname::text ORDER BY attnum) AS first
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relkind = 'v' AND attnum IN (1, 2)
    AND relnamespace::regnamespace::text IN ('pennylane_live', 'pennylane_marts')
GROUP BY 1
"""
BOTH = {"DBT_PENNYLANE_SCHEMAS": "pennylane, pennylane_other"}
FIRST, OTHER = 10000001, 20000002
COPY = """
DO $$
DECLARE name text;
BEGIN
    CREATE SCHEMA pennylane_other;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'pennylane' LOOP
        EXECUTE format(
            'CREATE TABLE pennylane_other.%1$I (LIKE pennylane.%1$I INCLUDING ALL);'
            'INSERT INTO pennylane_other.%1$I SELECT * FROM pennylane.%1$I', name
        );
    END LOOP;
    UPDATE pennylane_other.company SET company_id = 20000002, company_name = 'Other';
    FOR name IN
        SELECT format('UPDATE pennylane_other.%I SET %2$I = %2$I || '' (other)''', relname, attname)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'pennylane_other'::regnamespace AND relkind = 'r'
            AND attname IN ('name', 'label')
    LOOP
        EXECUTE name;
    END LOOP;
END $$
"""
"""Every name and label of the other company ends with `(other)`."""


@pytest.fixture(scope="module")
def companies(books: Pipeline) -> Pipeline:
    """The books, and the same rows under other names in a second schema."""
    pipeline = books.copy()
    pipeline.execute(COPY)
    done = pipeline.dbt("build", **BOTH)
    assert done.returncode == 0, done.stdout
    return pipeline


def test_every_view_begins_with_the_company(companies: Pipeline) -> None:
    found = companies.query(VIEWS)
    assert len(found) > 60
    assert {tuple(row["first"]) for row in found} == {("company_id", "company_name")}


def test_no_row_is_joined_with_another_company(books: Pipeline, companies: Pipeline) -> None:
    for view in (row["view"] for row in companies.query(VIEWS)):
        (alone,) = books.query(f"SELECT count(*) FROM {view}")  # noqa: S608
        found = companies.query(
            "SELECT company_id, company_name, count(*) AS rows,"  # noqa: S608
            " count(*) FILTER (WHERE row::text LIKE '%(other)%') AS theirs"
            f" FROM {view} AS row GROUP BY 1, 2"
        )
        rows = {row["company_id"]: row["rows"] for row in found}
        assert rows == dict.fromkeys((FIRST, OTHER) if rows else (), alone["count"]), view
        assert {row["theirs"] for row in found if row["company_id"] == FIRST} <= {0}, view
    # Every name that a mart takes from another table is the own company's.
    names = {
        "general_ledger": ("journal_label", "account_label", "entry_label", "categories"),
        "general_ledger_by_category": ("category_label", "category_group_label"),
        "bank_movements": ("bank_account_name", "bank_name", "customer_name", "supplier_name"),
        "invoices_receivable": ("customer_name",),
        "invoices_payable": ("supplier_name",),
        "trial_balance_computed": ("account_label",),
        "income_statement": ("account_label",),
        "account_statement": ("account_label",),
        "sales_by_line": ("customer_name", "product_label"),
    }
    for mart, columns in names.items():
        for column in columns:
            (texts,) = companies.query(
                f"SELECT count({column}) AS names,"  # noqa: S608
                f" count(*) FILTER (WHERE {column} LIKE '%(other)') AS theirs"
                f" FROM pennylane_marts.{mart} WHERE company_id = {OTHER}"
                f" AND {column} <> 'Non affecté'"
            )
            assert texts["names"] == texts["theirs"] > 0, (mart, column)


def test_amounts_of_the_marts_are_those_of_one_company(
    books: Pipeline, companies: Pipeline
) -> None:
    amounts = {
        "monthly_profit_and_loss": "sum(result)",
        "vat_summary": "sum(vat_due)",
        "trial_balance_computed": "sum(debits)",
        "general_ledger_by_category": "sum(debit)",
        "fec": 'max("EcritureNum")',
        "balance_sheet": "sum(net)",
        "income_statement": "sum(result)",
        "aged_receivables": "sum(remaining_amount)",
        "cash_forecast": "max(closing_balance)",
        "vat_return": "sum(tax)",
    }
    for mart, amount in amounts.items():
        (alone,) = books.query(f"SELECT {amount} AS amount FROM pennylane_marts.{mart}")  # noqa: S608
        found = companies.query(
            f"SELECT {amount} AS amount FROM pennylane_marts.{mart} GROUP BY company_id"  # noqa: S608
        )
        assert found == [alone, alone], mart
    assert companies.query("SELECT FROM pennylane_logs.trial_balance_differences") == []


def test_each_company_has_its_own_bookmarks(companies: Pipeline) -> None:
    """A balance to be read again, or a later beginning, hides no difference of another company."""
    year = companies.query("SELECT min(period_start)::text AS day FROM pennylane.trial_balance")[0]
    bookmark = {"company": OTHER, "behind": [year["day"]]}
    state = json.dumps({"singer_state": {"bookmarks": {"trial_balance": bookmark}}})
    question = "SELECT DISTINCT company_id FROM pennylane_logs.trial_balance_differences ORDER BY 1"
    with psycopg.connect(companies.url) as connection:
        for schema in ("pennylane", "pennylane_other"):
            connection.execute(
                f"UPDATE {schema}.trial_balance SET debits = debits + 1"  # noqa: S608
                " WHERE period_start = (SELECT min(period_start) FROM pennylane.trial_balance)"
            )
        found = connection.execute(question.encode()).fetchall()
        assert found == [(FIRST,), (OTHER,)]
        connection.execute(
            "INSERT INTO meltano.state (state_id, completed_state, updated_at)"
            " VALUES ('dev:tap-pennylane-to-target-postgres:other', %s, now())",
            [state],
        )
        assert connection.execute(question.encode()).fetchall() == [(FIRST,)]
        later = json.dumps({"customers": {"company": OTHER, "start_date": "2039-01-01"}})
        connection.execute(
            b"UPDATE meltano.state SET completed_state = jsonb_set(completed_state::jsonb,"
            b" '{singer_state,bookmarks}', %s) WHERE state_id LIKE '%%:other'",
            [later],
        )
        assert connection.execute(question.encode()).fetchall() == [(FIRST,)]
        many = "SELECT count(*) FROM pennylane.sync_metadata GROUP BY table_name"
        assert {count for (count,) in connection.execute(many)} == {1}
        connection.rollback()


def test_each_company_has_its_own_audit_trail(companies: Pipeline) -> None:
    line = "(SELECT max(id) FROM pennylane.ledger_entry_lines WHERE date < '2024-12-01')"
    update = "UPDATE {}.ledger_entry_lines SET {} WHERE id = {}"
    with psycopg.connect(companies.url) as connection:

        def ask(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query.encode()).fetchall()

        ((moment,),) = ask("SELECT clock_timestamp()::text")
        (before,) = ask(f"SELECT debit FROM pennylane.ledger_entry_lines WHERE id = {line}")  # noqa: S608
        connection.execute(update.format("pennylane_other", "debit = debit + 1", line).encode())
        connection.execute(update.format("pennylane", "label = 'x'", line).encode())
        for view in ("changes", "changes_after_closing"):
            found = ask(
                "SELECT company_id, company_name = 'Other', change"  # noqa: S608
                f" FROM pennylane_marts.{view} ORDER BY 1"
            )
            assert found == [(FIRST, False, "updated"), (OTHER, True, "updated")]
        assert ask(
            "SELECT company_id, severity FROM pennylane_marts.controls"
            " WHERE rule = 'closed_year_changed' ORDER BY 1"
        ) == [(FIRST, "info"), (OTHER, "error")]
        for view, debits in {
            "ledger_entry_lines": [before, (before[0] + 1,)],
            f"ledger_entry_lines_on('{moment}')": [before, before],
        }.items():
            question = f"SELECT debit FROM pennylane_live.{view} WHERE id = {line}"  # noqa: S608
            assert ask(f"{question} ORDER BY company_id") == debits
        connection.rollback()


def test_a_company_that_is_not_loaded_has_the_name_of_its_schema(books: Pipeline) -> None:
    pipeline = books.copy()
    pipeline.execute(COPY)
    pipeline.execute("DELETE FROM pennylane.company; DROP TABLE pennylane_other.company")
    done = pipeline.dbt("run", "--select", "stg_pennylane__journals", **BOTH)
    assert done.returncode == 0, done.stdout
    found = pipeline.query(
        "SELECT DISTINCT company_id, company_name FROM pennylane_live.journals ORDER BY 1"
    )
    assert [tuple(row.values()) for row in found] == [(-1, "pennylane_other"), (0, "pennylane")]


def test_with_one_company_the_indexes_are_used(draft: Draft) -> None:
    # The books are so small that reading everything would be the better plan.
    draft.connection.execute(b"SET LOCAL enable_seqscan = off")
    plans = {
        "company_id = 10000001 AND date = '2025-03-03'": "ledger_entry_lines_date_live",
        "ledger_entry_id = 1": "ledger_entry_lines_ledger_entry_id_live",
    }
    for condition, index in plans.items():
        plan = draft.ask(f"EXPLAIN SELECT * FROM ledger_entry_lines WHERE {condition}")  # noqa: S608
        text = "\n".join(row["QUERY PLAN"] for row in plan)
        assert index in text
        assert "Append" not in text


def test_a_company_with_a_schema_of_its_own_leaves_nothing_behind(companies: Pipeline) -> None:
    pipeline = companies.copy()
    pipeline.execute("UPDATE pennylane.customers SET name = 'Nobody' WHERE id % 2 = 0")
    assert pipeline.query("SELECT FROM pennylane_history.customers")
    journals = pipeline.query("SELECT * FROM pennylane_other.journals ORDER BY id")
    done = pipeline.launch("remove-company", str(FIRST), "--yes", **BOTH)
    assert done.returncode == 0, done.stdout
    for schema in ("pennylane", "pennylane_history"):
        for table in pipeline.query(
            f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'"  # noqa: S608
            " AND NOT starts_with(tablename, '_')"
        ):
            assert pipeline.query(f"SELECT FROM {schema}.{table['tablename']}") == []
    # The other schema is a copy, with the target's own table.
    assert pipeline.mentions(str(FIRST)) == ["pennylane_other._sdc_deliveries"]
    assert pipeline.query("SELECT FROM meltano.state") == []
    assert pipeline.query("SELECT * FROM pennylane_other.journals ORDER BY id") == journals
    found = pipeline.query("SELECT DISTINCT company_id FROM pennylane_live.journals")
    assert found == [{"company_id": OTHER}]
    done = pipeline.meltano("run", "bookmarks:check")
    assert done.returncode == 0, done.stdout
    assert "read completely again" not in done.stdout

    # Its schema goes once no view reads it, and nobody has written to it.
    left = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^pennylane(_history)?$'"
    with psycopg.connect(pipeline.url) as connection:
        assert departed.drop(connection, ["pennylane", "pennylane_other"]) == []
        assert departed.drop(connection, ["pennylane_other"]) == []  # the views read it
        connection.execute(b"DROP SCHEMA pennylane_live, pennylane_logs, pennylane_marts CASCADE")
        connection.execute(b"INSERT INTO pennylane.journals (id) VALUES (1)")
        assert departed.drop(connection, ["pennylane_other"]) == []
        assert len(connection.execute(left.encode()).fetchall()) == 2
        connection.execute(b"TRUNCATE pennylane.journals, pennylane_history.journals")
        assert departed.drop(connection, ["pennylane_other"]) == ["pennylane"]
        assert connection.execute(left.encode()).fetchall() == []

"""Row-level security: readers see the companies that are granted to them, and nothing of others.

One warehouse has two companies in schemas of their own, in which all ids are the same, and an
accounting firm's two companies in a third. Names, labels and errors end with their company's id.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pennylane_launcher.books import backup

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Pipeline

COMPANIES = FIRST, OTHER, *FIRM = (10000001, 20000002, 31, 32)
SETTINGS = {
    "DBT_PENNYLANE_SCHEMAS": "pennylane,pennylane_other,pennylane_firm",
    "DBT_PENNYLANE_ROW_LEVEL_SECURITY": "true",
    "DBT_PENNYLANE_SIGN_IN_ROLE": "rls_app",
}
READERS = {"rls_first": [FIRST], "rls_other": [OTHER], "rls_client": [31], "rls_nobody": []}
"""Roles that log in, and what is granted to them."""
PERSON = "Client@Firm.example"
"""Signs in to the dashboard, which logs in as `rls_app`; sees the other client of the firm."""
ROLES = """
CREATE ROLE rls_owner LOGIN;
CREATE ROLE rls_first LOGIN IN ROLE pennylane_reader;
CREATE ROLE rls_other LOGIN IN ROLE pennylane_reader;
CREATE ROLE rls_client LOGIN IN ROLE pennylane_reader;
CREATE ROLE rls_nobody LOGIN IN ROLE pennylane_reader;
CREATE ROLE rls_app LOGIN IN ROLE pennylane_reader;
"""
COPY = """
DO $$
DECLARE
    name text;
BEGIN
    CREATE SCHEMA pennylane_other;
    CREATE SCHEMA pennylane_firm;
    FOR name IN
        SELECT tablename FROM pg_tables
        WHERE schemaname = 'pennylane' AND NOT starts_with(tablename, '_')
    LOOP
        EXECUTE format(
            'CREATE TABLE pennylane_other.%1$I (LIKE pennylane.%1$I INCLUDING ALL)', name
        );
        EXECUTE format('INSERT INTO pennylane_other.%1$I SELECT * FROM pennylane.%1$I', name);
        CONTINUE WHEN name = 'company';
        EXECUTE format(
            'CREATE TABLE pennylane_firm.%1$I AS SELECT company_id, row.*'
            ' FROM pennylane.%1$I AS row, (VALUES (31::bigint), (32)) AS id (company_id)', name
        );
        CONTINUE WHEN name = 'sync_log';
        EXECUTE format('ALTER TABLE pennylane_firm.%I ADD PRIMARY KEY (company_id, %s)', name, (
            SELECT string_agg(quote_ident(attname), ', ') FROM pg_index
            JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
            WHERE indisprimary AND indrelid = format('pennylane.%I', name)::regclass
        ));
    END LOOP;
    UPDATE pennylane_other.company SET company_id = 20000002, company_name = 'Other';
    CREATE TABLE pennylane_firm.companies AS
    SELECT id, 'Client'::text AS name, _sdc_extracted_at, _sdc_batched_at, _sdc_deleted_at,
        _sdc_sync_started_at
    FROM pennylane.company, (VALUES (31::bigint), (32)) AS id (id);
    CREATE TABLE pennylane.budget AS
    SELECT company_id, '7'::text AS account_prefix, date '2025-01-01' AS month, 1.5 AS amount
    FROM (VALUES (10000001::bigint), (20000002), (31), (32)) AS id (company_id);
    UPDATE pennylane.sync_log SET status = 'failed', error = 'Failed';
    UPDATE pennylane_other.sync_log SET status = 'failed', error = 'Failed';
    UPDATE pennylane_firm.sync_log SET status = 'failed', error = 'Failed';
    FOR name IN
        SELECT format(
            'UPDATE %1$I.%2$I SET %3$I = %3$I || '' «'' || %4$s || ''»''',
            nspname, relname, attname,
            CASE
                WHEN nspname = 'pennylane' THEN '10000001'
                WHEN nspname = 'pennylane_other' THEN '20000002'
                WHEN relname = 'companies' THEN 'id'
                ELSE 'company_id'
            END
        )
        FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid
        JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE nspname IN ('pennylane', 'pennylane_other', 'pennylane_firm')
            AND attname IN ('name', 'label', 'company_name', 'error') AND relkind = 'r'
    LOOP
        EXECUTE name;
    END LOOP;
END $$
"""
HAND_OVER = """
DO $$
DECLARE
    name text;
BEGIN
    DROP SCHEMA pennylane_live, pennylane_marts, pennylane_history CASCADE;
    FOR name IN
        SELECT format('DROP VIEW IF EXISTS %s CASCADE', oid::regclass) FROM pg_class
        WHERE relkind = 'v' AND relnamespace::regnamespace::text IN ('pennylane', 'pennylane_logs')
        UNION ALL
        SELECT format('ALTER TABLE %s OWNER TO rls_owner', oid::regclass) FROM pg_class
        WHERE relkind = 'r'
            AND relnamespace::regnamespace::text ~ '^(pennylane|meltano)'
        UNION ALL
        SELECT format('ALTER SCHEMA %I OWNER TO rls_owner', nspname) FROM pg_namespace
        WHERE nspname ~ '^(pennylane|meltano)'
        UNION ALL
        SELECT format('GRANT CREATE ON DATABASE %I TO rls_owner', current_database())
    LOOP
        EXECUTE name;
    END LOOP;
END $$
"""
CHANGE = """
UPDATE pennylane.ledger_entry_lines SET debit = debit + 1 WHERE id % 7 = 0;
UPDATE pennylane_other.ledger_entry_lines SET debit = debit + 1 WHERE id % 7 = 1;
UPDATE pennylane_firm.ledger_entry_lines SET debit = debit + 1 WHERE id % 7 = company_id % 7;
"""
READABLE = """
SELECT
    pg_class.oid::regclass::text AS name,
    string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns,
    bool_or(attname = 'company_id') AS has_company
FROM pg_class
JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
    AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
    AND has_schema_privilege(relnamespace, 'usage')
    AND has_column_privilege(pg_class.oid, attnum, 'select')
GROUP BY pg_class.oid
ORDER BY 1
"""
NO_BOOKS = {
    "pennylane.sync_metadata": """(
        SELECT * FROM pennylane.sync_metadata WHERE total_records > 0 OR last_sync_date IS NOT NULL
    ) AS of_company"""
}
"""What somebody sees who may see no company: the names of tables, without rows."""
FUNCTIONS = """
SELECT format(
    '%s.%I(%s)', pronamespace::regnamespace, proname,
    array_to_string(ARRAY(SELECT 'now()::' || type::regtype FROM unnest(proargtypes) AS type), ', ')
) AS call
FROM pg_proc
WHERE pronamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
    AND has_schema_privilege(pronamespace, 'usage') AND has_function_privilege(oid, 'execute')
"""


@pytest.fixture(scope="module")
def warehouse(books: Pipeline) -> Pipeline:
    """The books of four companies, whose owner is no superuser."""
    copy = books.copy()
    copy.execute(ROLES)
    copy.execute(COPY)
    copy.execute(HAND_OVER)
    owned = replace(copy, url=copy.url.replace("postgres@", "rls_owner@"))
    done = owned.dbt("run", **SETTINGS)
    assert done.returncode == 0, done.stdout
    for reader, companies in READERS.items():
        for company in companies:
            _grant(owned, reader, company)
    _grant(owned, PERSON.lower(), 32)
    owned.execute(CHANGE)
    return owned


def _grant(owned: Pipeline, reader: str, company: int) -> None:
    owned.execute(f"INSERT INTO pennylane_access.grants VALUES ('{reader}', {company})")  # noqa: S608


def _as(warehouse: Pipeline, role: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Log in as a role."""
    return psycopg.connect(warehouse.url.replace("rls_owner@", f"{role}@"), autocommit=True)


def _seen(connection: psycopg.Connection[tuple[Any, ...]], view: str, columns: str) -> set[Any]:
    """Return the number of rows that a session sees, and what tells whether they are the same."""
    found = connection.execute(
        f"SELECT count(*), md5(string_agg(row::text, ' ' ORDER BY row::text))"  # noqa: S608
        f" FROM (SELECT {columns} FROM {view}) AS row".encode()
    )
    return set(found.fetchall())


def _views(connection: psycopg.Connection[tuple[Any, ...]]) -> list[tuple[str, str, bool]]:
    """Return all that a session may read: its name, its columns, and whether it has companies."""
    return connection.execute(READABLE).fetchall()


@pytest.mark.parametrize("reader", ["rls_first", "rls_client"])
def test_a_reader_sees_his_company_in_all_views_and_no_other(
    warehouse: Pipeline, reader: str
) -> None:
    (company,) = READERS[reader]
    others = [str(each) for each in COMPANIES if each != company]
    filled = set()
    with _as(warehouse, reader) as session, _as(warehouse, "rls_owner") as owner:
        views = _views(session)
        assert len(views) > 100
        for view, columns, has_company in views:
            seen = _seen(session, view, columns)
            if has_company:
                theirs = f"(SELECT * FROM {view} WHERE company_id = {company}) AS of_company"  # noqa: S608
                assert seen == _seen(owner, theirs, columns), view
            strangers = session.execute(
                f"SELECT * FROM (SELECT {columns} FROM {view}) AS row"  # noqa: S608
                " WHERE row::text ~ %s LIMIT 1".encode(),
                ["«(" + "|".join(others) + ")»"],
            ).fetchall()
            assert strangers == [], view
            filled |= {view} if seen != {(0, None)} else set()
    assert {
        "pennylane.etl_logs",
        "pennylane.sync_metadata",
        "pennylane_live.ledger_entry_lines",
        "pennylane_live.sync_log",
        "pennylane_logs.pennylane_uncounted_rows",
        "pennylane_logs.trial_balance_differences",
        "pennylane_marts.budget_by_month",
        "pennylane_marts.changes",
    } <= filled


def test_the_logs_speak_of_the_readers_own_rows(warehouse: Pipeline) -> None:
    """They have no company, and what Meltano knows of runs for all companies is the owner's."""
    with _as(warehouse, "rls_other") as session:
        counted = dict(
            session.execute("SELECT table_name, total_records FROM pennylane.sync_metadata")
        )
        for table in ("ledger_entry_lines", "customers", "journals"):
            (own,) = session.execute(
                f"SELECT count(*) FROM pennylane_live.{table}"  # noqa: S608
            ).fetchall()
            assert (counted[table],) == own > (0,)
        errors = session.execute("SELECT DISTINCT error_message FROM pennylane.etl_logs")
        assert errors.fetchall() == [(f"Failed «{OTHER}»",)]
        runs = "SELECT count(status) FROM pennylane_logs.pennylane_sync_runs"
        assert session.execute(runs).fetchall() == [(0,)]
        warehouse.execute("UPDATE meltano.runs SET job_name = job_name || ':pennylane_other'")
        assert session.execute(runs).fetchall() != [(0,)]


def test_functions_show_the_readers_company_only(warehouse: Pipeline) -> None:
    for reader, companies in READERS.items():
        with _as(warehouse, reader) as session:
            calls = [call for (call,) in session.execute(FUNCTIONS)]
            assert len(calls) > len(companies) + 5
            for call in calls:
                found = session.execute(f"SELECT DISTINCT company_id FROM {call}".encode())  # noqa: S608
                assert found.fetchall() == [(company,) for company in companies], call


def test_without_a_grant_nothing_is_seen_whatever_the_session_pretends(
    warehouse: Pipeline,
) -> None:
    with _as(warehouse, "rls_nobody") as session:
        for pretence in (
            "SELECT 1",
            f"SELECT set_config('pennylane.user', '{PERSON}', false)",
            "SELECT set_config('pennylane.user', 'rls_first', false)",
            "SELECT set_config('pennylane.user', '', false)",
            "SET ROLE pennylane_reader",
        ):
            session.execute(pretence.encode())
            for view, columns, _ in _views(session):
                rows = NO_BOOKS.get(view, view)
                assert _seen(session, rows, columns) == {(0, None)}, view
        for refused in (
            "SET SESSION AUTHORIZATION rls_first",
            "SET ROLE rls_owner",
            "SELECT * FROM pennylane_access.grants",
            "SELECT pennylane_access.companies()",
            "SET row_security = off; SELECT * FROM pennylane_live.customers",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(refused.encode())


def test_the_dashboards_login_sees_what_the_person_may_see(warehouse: Pipeline) -> None:
    companies = "SELECT DISTINCT company_id FROM pennylane_live.fiscal_years"
    with _as(warehouse, "rls_app") as session:
        assert session.execute(companies).fetchall() == []
        for person, seen in (
            (PERSON, [(32,)]),
            ("somebody@firm.example", []),
            ("rls_first", [(FIRST,)]),
            ("", []),
        ):
            session.execute("SELECT set_config('pennylane.user', %s, false)", [person])
            assert session.execute(companies).fetchall() == seen
    with _as(warehouse, "rls_first") as session:
        assert session.execute(companies).fetchall() == [(FIRST,)]
        session.execute("SELECT set_config('pennylane.user', %s, false)", [PERSON])
        assert session.execute(companies).fetchall() == []


def test_the_policies_are_evaluated_once_and_leave_the_indexes_of_use(warehouse: Pipeline) -> None:
    with _as(warehouse, "rls_first") as session:
        session.execute("SET enable_seqscan = off")
        for condition, index in {
            f"company_id = {FIRST} AND date = '2025-03-03'": "ledger_entry_lines_date_live",
            "ledger_entry_id = 1": "ledger_entry_lines_ledger_entry_id_live",
            "company_id = 31 AND id = 7": "ledger_entry_lines_pkey",
        }.items():
            lines = f"SELECT * FROM pennylane_live.ledger_entry_lines WHERE {condition}"  # noqa: S608
            plan = session.execute(f"EXPLAIN {lines}".encode())
            text = "\n".join(line for (line,) in plan)
            assert index in text
            assert "InitPlan" in text
            # Not as a function for each row: only the initial plans call them.
            assert "pennylane_access" not in text.replace("InitPlan", "")


def test_a_backup_has_the_rows_of_all_companies(warehouse: Pipeline, tmp_path: Path) -> None:
    url = warehouse.url.replace("postgresql:", "postgresql+exact:")
    (tmp_path / ".env").write_text(
        f"MELTANO_ENVIRONMENT=prod\nTARGET_POSTGRES_SQLALCHEMY_URL={url}\n", encoding="utf-8"
    )
    file = tmp_path / "books.dump"
    assert backup.backup(tmp_path, demo=False, file=str(file)) == 0
    # pg_dump would refuse to write rows that a policy may hide.
    assert file.stat().st_size > 100_000


def test_a_table_that_comes_later_is_protected_before_its_view(warehouse: Pipeline) -> None:
    for schema, column, value in (
        ("pennylane", "", ""),
        ("pennylane_other", "", ""),
        ("pennylane_firm", "company_id bigint, ", "31, "),
    ):
        warehouse.execute(
            f"CREATE TABLE {schema}.dms_files ({column}id bigint, _sdc_extracted_at timestamp,"  # noqa: S608
            " _sdc_batched_at timestamp, _sdc_deleted_at timestamp, _sdc_table_version bigint);"
            f"INSERT INTO {schema}.dms_files VALUES ({value}1, now(), now(), null, 0)"
        )
    done = warehouse.dbt("run", "--select", "stg_pennylane__dms_files", **SETTINGS)
    assert done.returncode == 0, done.stdout
    for reader, companies in READERS.items():
        with _as(warehouse, reader) as session:
            seen = session.execute("SELECT company_id FROM pennylane_live.dms_files").fetchall()
            assert seen == [(company,) for company in companies]


def test_turned_off_everybody_sees_everything_again(warehouse: Pipeline) -> None:
    off = {**SETTINGS, "DBT_PENNYLANE_ROW_LEVEL_SECURITY": "false"}
    done = warehouse.dbt("run", "--select", "stg_pennylane__journals", **off)
    assert done.returncode == 0, done.stdout
    assert warehouse.query("SELECT FROM pg_policy") == []
    assert warehouse.query("SELECT FROM pg_class WHERE relrowsecurity OR relforcerowsecurity") == []
    with _as(warehouse, "rls_nobody") as session:
        seen = session.execute("SELECT DISTINCT company_id FROM pennylane_live.journals ORDER BY 1")
        assert [company for (company,) in seen] == sorted(COMPANIES)
    assert len(warehouse.query("SELECT FROM pennylane_access.grants")) == len(READERS)


def test_a_build_that_could_protect_nothing_stops(books: Pipeline, warehouse: Pipeline) -> None:
    app, stranger = SETTINGS["DBT_PENNYLANE_SIGN_IN_ROLE"], "ALTER TABLE pennylane.budget OWNER TO"
    for pipeline, before, sentence in (
        (books.copy(), "SELECT 1", "is exempt from it as a superuser"),
        (warehouse, f"GRANT rls_owner TO {app}", "The sign-in role rls_app is a member of"),
        (warehouse, f"REVOKE rls_owner FROM {app}; {stranger} rls_first", "budget belongs to"),
    ):
        replace(pipeline, url=pipeline.url.replace("rls_owner@", "postgres@")).execute(before)
        done = pipeline.dbt("run", "--select", "stg_pennylane__journals", **SETTINGS)
        assert done.returncode
        assert sentence in " ".join(done.stdout.split())

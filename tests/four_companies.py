"""One warehouse with row-level security and the books of four companies.

Two have schemas of their own, in which all ids are the same; a firm's two share a third schema.
Names, labels and errors end with their company's id.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines import Pipeline

COMPANIES = FIRST, OTHER, *FIRM = (10000001, 20000002, 31, 32)
SETTINGS = {
    "DBT_PENNYLANE_SCHEMAS": "pennylane,pennylane_other,pennylane_firm",
    "DBT_PENNYLANE_STATE_SUFFIXES": "pennylane_other=other",
    "DBT_PENNYLANE_ROW_LEVEL_SECURITY": "true",
    "DBT_PENNYLANE_SIGN_IN_ROLE": "rls_app",
}
READERS = {"rls_first": [FIRST], "rls_other": [OTHER], "rls_client": [31], "rls_nobody": []}
"""Roles that log in, and what is granted to them."""
PEOPLE = {"Client@Firm.example": [32], "boss@firm.example": [FIRST, 31]}
"""People who sign in to the dashboard, which logs in as `rls_app`."""
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


def warehouse_of(books: Pipeline) -> Pipeline:
    """Make it from a company's books; its owner is no superuser."""
    copy = books.copy()
    copy.execute(ROLES)
    copy.execute(COPY)
    copy.execute(HAND_OVER)
    owned = replace(copy, url=copy.url.replace("postgres@", "rls_owner@"))
    done = owned.dbt("run", **SETTINGS)
    assert done.returncode == 0, done.stdout
    for reader, companies in {**READERS, **PEOPLE}.items():
        for company in companies:
            owned.execute(
                f"INSERT INTO pennylane_access.grants VALUES ('{reader.lower()}', {company})"  # noqa: S608
            )
    owned.execute(CHANGE)
    return owned

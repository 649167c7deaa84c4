"""Row-level security: readers see the companies that are granted to them, and no others."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from four_companies import COMPANIES, FIRST, OTHER, PEOPLE, READERS, SETTINGS, warehouse_of
from pennylane_launcher.books import backup
from playwright.sync_api import expect

from dashboard_site import YEAR, Site, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_launcher.postgres import embedded
    from playwright.sync_api import Browser

    from pipelines import Pipeline

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
    array_to_string(
        ARRAY(
            SELECT
                -- of a period, which ends today
                CASE
                    WHEN number < pronargs THEN 'date ''2000-01-01'''
                    ELSE 'now()::' || type::regtype
                END
            FROM unnest(proargtypes) WITH ORDINALITY AS argument (type, number)
        ), ', '
    )
) AS call
FROM pg_proc
WHERE pronamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
    AND has_schema_privilege(pronamespace, 'usage') AND has_function_privilege(oid, 'execute')
    AND proretset
"""


@pytest.fixture(scope="module")
def warehouse(books: Pipeline) -> Pipeline:
    """The books of four companies."""
    return warehouse_of(books)


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
        warehouse.execute("UPDATE meltano.runs SET job_name = job_name || ':other'")
        assert session.execute(runs).fetchall() != [(0,)]


def test_functions_show_the_readers_company_only(warehouse: Pipeline) -> None:
    for reader, companies in READERS.items():
        with _as(warehouse, reader) as session:
            calls = [call for (call,) in session.execute(FUNCTIONS)]
            assert len(calls) > len(companies) + 5
            for call in calls:
                found = session.execute(f"SELECT DISTINCT company_id FROM {call}".encode())  # noqa: S608
                assert sorted(found.fetchall()) == sorted((each,) for each in companies), call


def test_without_a_grant_nothing_is_seen_whatever_the_session_pretends(
    warehouse: Pipeline,
) -> None:
    person = next(iter(PEOPLE))
    with _as(warehouse, "rls_nobody") as session:
        views = _views(session)
        for pretence, looked_at in (
            ("SELECT 1", views),
            ("SET ROLE pennylane_reader", views[::10]),
            (f"SELECT set_config('pennylane.user', '{person}', false)", views[::10]),
            ("SELECT set_config('pennylane.user', 'rls_first', false)", views[::10]),
        ):
            session.execute(pretence.encode())
            for view, columns, _ in looked_at:
                rows = NO_BOOKS.get(view, view)
                assert _seen(session, rows, columns) == {(0, None)}, view
        session.execute("RESET ROLE")
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
            ("client@FIRM.example", [(32,)]),
            ("somebody@firm.example", []),
            ("rls_first", [(FIRST,)]),
            ("", []),
        ):
            session.execute("SELECT set_config('pennylane.user', %s, false)", [person])
            assert session.execute(companies).fetchall() == seen
    with _as(warehouse, "rls_first") as session:
        assert session.execute(companies).fetchall() == [(FIRST,)]
        session.execute("SELECT set_config('pennylane.user', %s, false)", [next(iter(PEOPLE))])
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


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Where people sign in: an OpenID provider on a socket. Returns its address."""
    claims = {
        "boss": {"email": "boss@firm.example", "email_verified": True},
        "client": {"email": "client@firm.example", "email_verified": True},
        "stranger": {"email": "stranger@example.com", "email_verified": True},
        "pretender": {"email": "boss@firm.example", "email_verified": False},
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("oidc-provider-mock")
    users = [f"--user-claims={json.dumps({'sub': sub, **each})}" for sub, each in claims.items()]
    with subprocess.Popen(
        [program, f"--port={port}", *users], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
def connections(postgres: embedded.Server) -> Iterator[Callable[[], int]]:
    """How often the dashboard has connected to PostgreSQL, which nobody can ask without."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_connections = on")
        connection.execute("SELECT pg_reload_conf()")
        (folder,) = connection.execute("SHOW data_directory").fetchone() or ("",)
        log = Path(folder) / "server.log"
        yield lambda: log.read_text(errors="replace").count("connection authorized: user=rls_app")
        connection.execute("ALTER SYSTEM RESET log_connections")
        connection.execute("SELECT pg_reload_conf()")


def test_people_who_sign_in_see_their_companies_alone(
    warehouse: Pipeline, browser: Browser, provider: str, connections: Callable[[], int]
) -> None:
    settings = {
        "POSTGRES_READER_PASSWORD": "not asked for over a socket",
        "DBT_PENNYLANE_READER_ROLE": "rls_app",
        "DASHBOARD_OIDC_METADATA_URL": f"{provider}/.well-known/openid-configuration",
        "DASHBOARD_OIDC_CLIENT_ID": "books",
        "DASHBOARD_OIDC_CLIENT_SECRET": "a secret of the dashboard and the provider",
    }
    with ExitStack() as stack:
        served_site = stack.enter_context(served(warehouse, browser, **settings))
        # Before somebody signs in, nothing is asked.
        before = connections()
        for path in ("", "ledger", "pipeline", "customers"):
            served_site.open(path, company=str(FIRST), year=YEAR)
            assert served_site.sentence().startswith("Connectez-vous pour voir les sociétés")
        assert connections() == before
        boss, client, stranger, pretender = (
            _signed_in(stack, served_site, browser, sub)
            for sub in ("boss", "client", "stranger", "pretender")
        )
        assert connections() > before
        # What one of them asked for is remembered, but for nobody else.
        for site, mine in ((boss, [FIRST, 31]), (client, [32])):
            for company in COMPANIES:
                site.open("customers", company=str(company), year=YEAR)
                text = site.page.inner_text("body")
                assert [each for each in COMPANIES if f"«{each}»" in text] == [
                    each for each in mine if each == company
                ]
                if company not in mine:
                    assert str(company) in site.sentence()
        for site, sentence in (
            (stranger, "Vous êtes connecté en tant que stranger@example.com, mais aucune société"),
            (pretender, "Le service de connexion n'a pas confirmé votre adresse e-mail"),
        ):
            for path in ("", "pipeline"):
                assert site.open(path).locator("table").count() == 0
                assert site.sentence().startswith(sentence)
        boss.page.get_by_role("button", name="Se déconnecter").click()
        boss.page.get_by_role("button", name="End session").click()  # at the provider
        expect(boss.page.get_by_role("button", name="Se connecter")).to_be_visible()
        assert boss.open("customers").locator("table").count() == 0


def _signed_in(stack: ExitStack, site: Site, browser: Browser, sub: str) -> Site:
    """Sign somebody in, in a browser of their own."""
    page = stack.enter_context(browser.new_context(locale="fr-FR")).new_page()
    theirs = Site(site.url, page)
    theirs.open("ledger", company=str(FIRST))
    assert theirs.sentence().startswith("Connectez-vous pour voir les sociétés")
    assert page.locator("table").count() == 0
    page.get_by_role("button", name="Se connecter").click()
    page.locator("input[name=sub]").fill(sub)
    page.get_by_role("button", name="Authorize").first.click()
    expect(page.get_by_role("button", name="Se déconnecter")).to_be_visible()
    theirs.drawn()
    return theirs


def test_a_load_goes_on_and_a_new_table_is_protected_before_its_view(warehouse: Pipeline) -> None:
    (before,) = warehouse.query("SELECT count(*) FROM pennylane.customers")
    select = '["customers.*", "supplier_invoices.*", "supplier_invoice_lines.*", "sync_log.*"]'
    done = warehouse.run("--full-refresh", **SETTINGS, TAP_PENNYLANE__SELECT=select)
    assert done.returncode == 0, done.stdout
    assert warehouse.query("SELECT count(*) FROM pennylane.customers") == [before]
    assert warehouse.query("SELECT FROM pennylane.customers WHERE name LIKE '%«%'") == []
    warehouse.execute(
        "CREATE TABLE pennylane_other.supplier_invoice_lines AS"
        " SELECT * FROM pennylane.supplier_invoice_lines;"
        "CREATE TABLE pennylane_firm.supplier_invoice_lines AS SELECT company_id, row.*"
        " FROM pennylane.supplier_invoice_lines AS row,"
        " (VALUES (31::bigint), (32)) AS id (company_id)"
    )
    done = warehouse.dbt("run", "--select", "stg_pennylane__supplier_invoice_lines", **SETTINGS)
    assert done.returncode == 0, done.stdout
    for reader, companies in READERS.items():
        with _as(warehouse, reader) as session:
            seen = session.execute(
                "SELECT DISTINCT company_id FROM pennylane_live.supplier_invoice_lines"
            )
            assert seen.fetchall() == [(company,) for company in companies]


def test_turned_off_everybody_sees_everything_again(warehouse: Pipeline) -> None:
    off = {**SETTINGS, "DBT_PENNYLANE_ROW_LEVEL_SECURITY": "false"}
    done = warehouse.dbt("run", "--select", "stg_pennylane__journals", **off)
    assert done.returncode == 0, done.stdout
    assert warehouse.query("SELECT FROM pg_policy") == []
    assert warehouse.query("SELECT FROM pg_class WHERE relrowsecurity OR relforcerowsecurity") == []
    with _as(warehouse, "rls_nobody") as session:
        seen = session.execute("SELECT DISTINCT company_id FROM pennylane_live.journals ORDER BY 1")
        assert [company for (company,) in seen] == sorted(COMPANIES)
    assert len(warehouse.query("SELECT FROM pennylane_access.grants")) == 6


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

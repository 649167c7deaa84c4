"""The dashboard and its database: what it may read, and one that is empty or away."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from pennylane_dashboard import database, troubles
from pennylane_dashboard.words import LANGUAGES
from pennylane_launcher.books.dashboard import login

from dashboard_site import YEAR, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from dashboard_site import Site
    from pipelines import Pipeline


def libpq(pipeline: Pipeline, **settings: str) -> dict[str, str]:
    """What the launcher tells the app of a database."""
    parts = urlsplit(pipeline.url)
    return {
        "PGHOST": parse_qs(parts.query)["host"][0],
        "PGUSER": str(parts.username),
        "PGDATABASE": parts.path.lstrip("/"),
        **login(settings),
    }


def test_the_connection_can_neither_write_nor_see_more_than_the_views(
    shown: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in libpq(shown).items():
        monkeypatch.setenv(name, text)
    with database.connect() as connection:
        row = connection.execute("SELECT current_user::text AS name").fetchone()
        assert row == {"name": "pennylane_reader"}
        for view in ("pennylane_marts.controls", "pennylane_marts.changes", "pennylane.etl_logs"):
            connection.execute(f"SELECT * FROM {view} LIMIT 1".encode())  # noqa: S608
        for table in ("meltano.runs", "meltano.state", "pennylane.customers"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM {table}".encode())  # noqa: S608
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TEMPORARY TABLE mine (id int)")


def test_nobody_who_signs_in_reads_without_row_level_security(
    shown: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_owner = libpq(shown)
    # As the owner, who sees everything; as the reader, but of tables without policies.
    for variables in (as_owner, as_owner | {"DASHBOARD_ROLE": as_owner["PGUSER"]}):
        for name, text in variables.items():
            monkeypatch.setenv(name, text)
        with pytest.raises(database.UnsafeError) as refused:
            database.connect("somebody@firm.example")
        assert "would show every company" in troubles.explained(refused.value)("en")


def test_it_reads_as_the_role_that_the_settings_name(
    shown: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"other_{urlsplit(shown.url).path.lstrip('/')}"
    shown.execute(f"CREATE ROLE {other}")
    for name, text in libpq(shown, DBT_PENNYLANE_READER_ROLE=other).items():
        monkeypatch.setenv(name, text)
    with database.connect() as connection:
        assert connection.execute("SELECT current_user::text AS name").fetchone() == {"name": other}
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
            connection.execute("SELECT FROM pennylane_marts.controls")
    assert f"the role {other} read these views" in troubles.explained(refused.value)("en")
    shown.execute(f"DROP ROLE {other}")


def test_the_tables_of_a_page_are_asked_for_at_the_same_time(site: Site, shown: Pipeline) -> None:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'dashboard' AND wait_event_type = 'Lock'"
    )
    with psycopg.connect(shown.url) as connection:
        connection.execute("LOCK TABLE pennylane.customer_invoices")
        site.page.goto(f"{site.url}/vat?year={YEAR}&period=2025-03")
        deadline = time.monotonic() + 60
        while shown.query(waiting)[0]["count"] < 2:
            assert time.monotonic() < deadline, "one after another"
            time.sleep(0.1)
    site.drawn()
    assert site.rows("vat-fell-due")


def test_a_database_may_be_empty_or_away_and_come_back(shown: Pipeline, browser: Browser) -> None:
    """One sentence says what to do; nothing has to be started again."""
    maintenance, _, _ = shown.url.partition("@")
    host = urlsplit(shown.url).query
    name = urlsplit(shown.url).path.lstrip("/")
    empty = f"empty_{name}"

    def administer(statement: str) -> None:
        with psycopg.connect(f"{maintenance}@/template1?{host}", autocommit=True) as connection:
            connection.execute(statement.encode())

    administer(f"CREATE DATABASE {empty}")
    with served(replace(shown, url=shown.url.replace(name, empty)), browser) as site:
        for language, nothing in zip(
            LANGUAGES, ("Rien n'a encore été", "Nothing has been"), strict=True
        ):
            for path in ("", "controls", "ledger"):
                site.open(path, lang=language)
                assert site.sentence().startswith(nothing)
        assert site.complaints == []

        administer(f"ALTER DATABASE {empty} RENAME TO {empty}_away")
        site.open("vat", lang="fr")
        assert site.sentence().startswith("La base de données ne répond pas.")

        administer(f"CREATE DATABASE {empty} TEMPLATE {name}")
        site.open("vat", lang="fr", year=YEAR)
        assert site.rows("vat-by-month")
        assert site.rows("vat-fell-due")

        # Views of an earlier version, until the next run.
        with psycopg.connect(shown.url.replace(name, empty)) as connection:
            connection.execute("DROP FUNCTION pennylane_marts.vat_by_invoice_between")
        site.open("vat", lang="fr", year=YEAR, period="2025-03")
        assert site.sentence().startswith("Une vue que cette page lit n'existe pas encore.")

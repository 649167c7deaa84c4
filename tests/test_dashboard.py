"""The dashboard in a real browser, over the books: what it shows, what it refuses."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

import openpyxl
import psycopg
import pytest
from pennylane_dashboard import database, formats, troubles
from pennylane_dashboard.words import LANGUAGES
from pennylane_launcher.books.dashboard import login
from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pennylane_dashboard.words import Language
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page

    from conftest import Pipeline

PROJECT = Path(__file__).parents[1]
APP = PROJECT / ".cache" / "dashboard" / "bin" / "streamlit"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NOBODY = "<img src=x onerror=alert(1)> & fils"
"""Name of a supplier whose invoice is open."""
YEAR = "2025-01-01"
FITS = """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
    .every(part => part.scrollWidth <= part.clientWidth)"""
"""Nothing scrolls sideways but tables."""
SORRY = {
    words(language, role="pennylane_reader")
    for words in (troubles.AWAY, troubles.FAILED, troubles.NO_VIEW, troubles.NOT_ALLOWED)
    for language in LANGUAGES
}
PATIENCE = 120_000
"""Milliseconds: the machine may be busy."""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH: apt-get install chromium"),
    pytest.mark.skipif(not APP.exists(), reason="make .cache/dashboard/.installed"),
]


@dataclass
class Site:
    """A dashboard, started as `make dashboard` starts it, in a browser."""

    url: str
    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str, **parameters: str) -> Page:
        """Open a page, and wait until it is drawn."""
        query = "&".join(f"{name}={quote(text)}" for name, text in parameters.items())
        self.page.goto(f"{self.url}/{path}?{query}")
        return self.drawn()

    def drawn(self) -> Page:
        """Wait until the page is drawn."""
        expect(self.page.locator("h1")).to_be_visible()
        self.page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
        return self.page

    def follow(self, link: Locator) -> None:
        """Click a link within a table or beside it, and wait until its page is drawn."""
        with self.page.expect_navigation():
            link.click()
        self.drawn()

    def rows(self, name: str) -> list[list[str]]:
        """The cells of a table, without the lines above groups."""
        table = self.page.locator(f"table[data-name={name}]")
        expect(table).to_be_visible()
        found: list[list[str]] = table.evaluate(
            "table => [...table.querySelectorAll('tbody tr:not(.group)')]"
            ".map(row => [...row.children].map(cell => cell.innerText.replace(/\\u00a0/g, ' ')))"
        )
        return found

    def sentence(self) -> str:
        """The only message of the page."""
        expect(self.page.get_by_test_id("stAlert")).to_have_count(1)
        return self.page.get_by_test_id("stAlert").inner_text()

    def complain(self, message: ConsoleMessage) -> None:
        """Note an error on the console."""
        # Streamlit looks for its own endpoints below the page's address first.
        if message.type == "error" and "/_stcore/" not in str(message.location.get("url")):
            self.complaints.append(message.text)


@contextmanager
def served(pipeline: Pipeline, browser: Browser, locale: str = "fr-FR") -> Iterator[Site]:
    """The dashboard on a database, ended by Ctrl-C."""
    parts = urlsplit(pipeline.url)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pennylane_launcher", "dashboard", f"--port={port}"]
    postgres = {
        "POSTGRES_HOST": parse_qs(parts.query)["host"][0],
        "POSTGRES_USER": str(parts.username),
        "POSTGRES_DB": parts.path.lstrip("/"),
    }
    with (
        subprocess.Popen(
            command,
            cwd=PROJECT,
            env=os.environ | postgres,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process,
        browser.new_context(locale=locale, viewport={"width": 1280, "height": 900}) as context,
    ):
        try:
            assert process.stdout
            line = process.stdout.readline()
            url = f"http://127.0.0.1:{port}"
            assert f"The dashboard: {url} (on this machine only" in line
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            context.set_default_timeout(PATIENCE)
            expect.set_options(timeout=PATIENCE)
            site = Site(url, context.new_page())
            site.page.on("console", site.complain)
            site.page.on("pageerror", lambda error: site.complaints.append(str(error)))
            yield site
        finally:
            os.killpg(process.pid, signal.SIGINT)
            _, log = process.communicate(timeout=60)
    assert "Traceback" not in log, log
    assert process.returncode == 128 + signal.SIGINT
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shown(books: Pipeline) -> Pipeline:
    """Books with a finding, a change after the closing, and a supplier with an odd name."""
    pipeline = books.copy()
    with psycopg.connect(pipeline.url) as connection:
        connection.execute(
            "UPDATE pennylane.suppliers SET name = %s WHERE id = "
            "(SELECT supplier_id FROM pennylane_marts.supplier_summary"
            " ORDER BY last_12_months_before_tax DESC LIMIT 1)",
            [NOBODY],
        )
        connection.execute(
            "UPDATE pennylane.ledger_entry_lines SET debit = debit + 1 WHERE id = "
            "(SELECT max(id) FROM pennylane.ledger_entry_lines"
            " WHERE debit > 0 AND date BETWEEN '2024-02-01' AND '2024-11-30')"
        )
    return pipeline


@pytest.fixture(scope="module")
def site(shown: Pipeline, browser: Browser) -> Iterator[Site]:
    with served(shown, browser) as site:
        yield site


def libpq(pipeline: Pipeline, **settings: str) -> dict[str, str]:
    """What the launcher tells the app of a database."""
    parts = urlsplit(pipeline.url)
    return {
        "PGHOST": parse_qs(parts.query)["host"][0],
        "PGUSER": str(parts.username),
        "PGDATABASE": parts.path.lstrip("/"),
        **login(settings),
    }


def number(text: str) -> Decimal:
    """An amount as the page writes it."""
    value = formats.parsed_amount(text)
    assert value is not None, text
    return value


def value(pipeline: Pipeline, query: str) -> Decimal:
    """The one value of a query on the marts."""
    with psycopg.connect(pipeline.url) as connection:
        connection.execute("SET search_path TO pennylane_marts, pennylane_live, pennylane")
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    found: Decimal = row[0]
    return found


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_page_is_shown_whole_in_both_languages(site: Site, language: Language) -> None:
    site.open("", year=YEAR, lang=language)
    links = site.page.get_by_test_id("stSidebar").get_by_test_id("stPageLink-NavLink")
    expect(links.nth(9)).to_be_visible()
    for title in [text.splitlines()[-1] for text in links.all_inner_texts()]:
        site.page.set_viewport_size({"width": 1280, "height": 900})
        links.get_by_text(title, exact=True).click()
        expect(site.page.locator("h1")).to_have_text(title)
        site.drawn()
        said = site.page.get_by_test_id("stAlert").all_inner_texts()
        assert not SORRY & set(said), title
        assert f"lang={language}" in site.page.url
        assert f"year={YEAR}" in site.page.url
        for width in (1280, 390):
            site.page.set_viewport_size({"width": width, "height": 900})
            site.page.wait_for_function(FITS, timeout=PATIENCE)  # charts are drawn again
    site.page.set_viewport_size({"width": 1280, "height": 900})
    assert site.complaints == []


def test_the_figures_are_those_of_the_views(site: Site, shown: Pipeline) -> None:
    site.open("", year=YEAR)
    tiles = site.page.locator(".tile .figure").all_inner_texts()
    of_year = f"FROM income_statement WHERE fiscal_year_start = '{YEAR}'"
    assert [number(tile) for tile in tiles] == [
        value(shown, f"SELECT sum(result) {of_year} AND line IN ('goods_sold', 'production_sold')"),
        value(shown, f"SELECT sum(result) {of_year}"),
        value(shown, "SELECT net FROM balance_sheet WHERE as_of = '2025-12-31' AND line = 'cash'"),
        value(
            shown,
            "SELECT coalesce(sum(remaining_amount - not_due - credits), 0)"
            " FROM aged_receivables_on('2025-12-31')",
        ),
        value(
            shown,
            "SELECT sum(vat_due) FROM vat_summary WHERE month <= '2025-12-31'"
            " GROUP BY month ORDER BY month DESC LIMIT 1",
        ),
    ]
    assert all("N-1" in text for text in site.page.locator(".tile").all_inner_texts())

    site.open("results", year=YEAR)
    *_, income, expenses, result = site.rows("income-statement")
    assert number(income[1]) - number(expenses[1]) == number(result[1])
    assert number(result[1]) == value(shown, f"SELECT sum(result) {of_year}")
    assert number(site.rows("by-axis")[-1][3]) == number(result[1])

    site.open("balance", year=YEAR)
    assets, liabilities = site.rows("assets")[-1], site.rows("liabilities")[-1]
    assert number(assets[3]) == number(liabilities[1]) != 0
    assert number(assets[3]) == value(
        shown, "SELECT sum(net) FROM balance_sheet WHERE as_of = '2025-12-31' AND side = 'assets'"
    )

    site.open("suppliers")
    assert number(site.rows("aged-balance-suppliers")[-1][-1]) == value(
        shown, "SELECT sum(remaining_amount) FROM aged_payables"
    )


def test_a_filter_is_kept_in_the_address(site: Site) -> None:
    page = site.open("vat", lang="en", year=YEAR)
    whole = site.rows("vat-by-month")
    page.get_by_role("combobox", name="Period").click()
    page.get_by_role("option", name="Quarter 2").click()
    expect(page.locator("table[data-name=vat-by-month] tbody tr")).to_have_count(4)
    quarter = site.rows("vat-by-month")
    assert [row[0] for row in quarter] == ["Apr 2025", "May 2025", "Jun 2025", "Total"]
    assert quarter[0] in whole
    assert "period=2025-04..2025-06" in page.url.replace("%2E", ".")
    page.goto(page.url)
    site.drawn()
    assert site.rows("vat-by-month") == quarter
    assert site.complaints == []


def test_the_language_is_the_browser_s_until_it_is_changed(site: Site) -> None:
    page = site.open("results", year=YEAR)
    expect(page.locator("h1")).to_have_text("Résultat")
    in_french = [number(row[1]) for row in site.rows("intermediate-balances")]
    page.get_by_text("English", exact=True).click()
    expect(page.locator("h1")).to_have_text("Income statement")
    site.drawn()
    rows = site.rows("intermediate-balances")
    assert [number(row[1]) for row in rows] == in_french
    assert rows[0][1].startswith(("€", "-€"))
    assert "lang=en" in page.url


def test_a_table_is_downloaded_with_numbers(site: Site, shown: Pipeline, tmp_path: Path) -> None:
    page = site.open("ledger", year=YEAR)
    downloads = {}
    for kind in ("CSV", "XLSX"):
        with page.expect_download() as started:
            page.get_by_role("button", name=kind).last.click()
        downloads[kind] = tmp_path / started.value.suggested_filename
        started.value.save_as(downloads[kind])
    assert downloads["CSV"].name == "ledger-20250101-20251231.csv"
    condition = "FROM general_ledger WHERE fiscal_year_start = '2025-01-01'"
    debit = value(shown, f"SELECT sum(debit) {condition}")
    lines = value(shown, f"SELECT count(*) {condition}")
    assert lines > len(site.rows("ledger")) > 0

    with downloads["CSV"].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert len(rows) == lines
    assert sum(Decimal(row["Débit"].replace(",", ".") or 0) for row in rows) == debit

    (sheet,) = openpyxl.load_workbook(downloads["XLSX"]).worksheets
    cells = [row[6].value for row in sheet.iter_rows(min_row=2)]
    assert all(cell is None or isinstance(cell, int | float) for cell in cells)
    assert round(sum(Decimal(str(cell or 0)) for cell in cells), 2) == debit


def test_a_figure_leads_to_its_lines_and_a_line_to_its_entry(site: Site, shown: Pipeline) -> None:
    page = site.open("balance", year=YEAR, lang="fr")
    site.follow(page.get_by_role("link", name="Créances clients et comptes rattachés"))
    *accounts, total = site.rows("balance-sheet-accounts")
    assert sum(number(row[2]) for row in accounts) == number(total[2])
    site.follow(page.locator("table[data-name=balance-sheet-accounts] a").first)
    assert f"year={YEAR}" in page.url
    assert {row[3] for row in site.rows("ledger")} == {accounts[0][0]}
    site.follow(page.locator("table[data-name=ledger] tbody tr").last.get_by_role("link").last)
    lines = site.rows("entry")
    debits, credits_ = ([row[place] for row in lines if row[place]] for place in (6, 7))
    assert sum(map(number, debits)) == sum(map(number, credits_)) > 0
    entry = parse_qs(urlsplit(page.url).query)["entry"][0]
    assert len(lines) == value(
        shown,
        f"SELECT count(*) FROM general_ledger WHERE ledger_entry_id = {entry}",  # noqa: S608
    )


def test_the_ledger_is_read_page_by_page(site: Site, shown: Pipeline) -> None:
    page = site.open("ledger", year=YEAR, journal="BQ")
    seen = len(site.rows("ledger"))
    while (following := page.get_by_role("link", name="Page suivante")).count():
        site.follow(following)
        seen += len(site.rows("ledger"))
    assert seen == value(
        shown,
        "SELECT count(*) FROM general_ledger"  # noqa: S608
        f" WHERE journal_code = 'BQ' AND fiscal_year_start = '{YEAR}'",
    )
    assert seen > 100


def test_a_search_is_only_a_search(site: Site) -> None:
    page = site.open("ledger", year=YEAR, lang="fr")
    for text in ("'; DROP TABLE x; --", "%", "_", "\\", "<b>"):
        page.get_by_role("textbox", name="Texte").fill(text)
        page.keyboard.press("Enter")
        expect(page.get_by_text("Aucune ligne ne correspond.")).to_be_visible()
    page = site.open("ledger", year=YEAR, text="FACTURE")
    assert all("facture" in row[5].lower() for row in site.rows("ledger"))
    amount = site.rows("ledger")[0][6] or site.rows("ledger")[0][7]
    page.get_by_role("textbox", name="Montant").fill(amount)
    page.keyboard.press("Enter")
    page.wait_for_url("**amount=**")
    site.drawn()
    assert all(amount in row for row in site.rows("ledger"))


def test_html_in_a_name_is_shown_as_text(site: Site) -> None:
    page = site.open("suppliers", lang="fr")
    assert NOBODY in [row[0] for row in site.rows("top-suppliers")]
    assert page.locator("img[src=x]").count() == 0


def test_controls_and_history_say_what_was_found(site: Site) -> None:
    page = site.open("controls", lang="fr")
    rules = {row[1] for row in site.rows("findings-by-rule")}
    assert "Écriture déséquilibrée" in rules
    site.follow(page.get_by_role("link", name="Écriture déséquilibrée"))
    assert {row[1] for row in site.rows("findings")} == {"Écriture déséquilibrée"}
    site.open("history", lang="fr")
    assert any("debit:" in row[7] for row in site.rows("changes-after-closing"))
    assert ["Fournisseurs", "modification"] in [[row[1], row[3]] for row in site.rows("changes")]


@pytest.mark.parametrize(
    ("path", "parameters", "sentence"),
    [
        ("", {"company": "999"}, "The address names a company that you cannot see: 999."),
        ("", {"year": "1999-01-01"}, "a fiscal year that this company does not have: 1999-01-01."),
        ("vat", {"period": "2031-07"}, "a period that is not in this fiscal year: 2031-07."),
        ("ledger", {"entry": "1"}, "an entry that this company does not have: 1."),
        ("ledger", {"entry": "1 OR 1=1"}, "an entry that this company does not have: 1 OR 1=1."),
        ("ledger", {"after": "x"}, "a page of the ledger that does not exist: x."),
        ("ledger", {"amount": "much"}, "This is not an amount: much."),
        ("ledger", {"journal": "ZZ"}, "The address names an unknown filter value: ZZ."),
        ("results", {"line": "<b>"}, "a line that is not in this income statement: <b>."),
        ("controls", {"rule": "x"}, "The address names an unknown filter value: x."),
    ],
)
def test_an_address_that_names_nothing_is_answered_by_one_sentence(
    site: Site, path: str, parameters: dict[str, str], sentence: str
) -> None:
    site.open(path, lang="en", **parameters)
    assert sentence in site.sentence()
    assert site.page.locator("table").count() == 0


def test_an_unknown_language_is_answered_in_the_browser_s(site: Site) -> None:
    site.page.goto(f"{site.url}/?lang=xx")
    assert site.sentence() == "L'adresse désigne une langue inconnue : xx."


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

"""The dashboard in a real browser, over the books: what its pages show, and their files."""

from __future__ import annotations

import csv
import subprocess
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import openpyxl
import pytest
from pennylane_dashboard import troubles
from pennylane_dashboard.words import LANGUAGES
from playwright.sync_api import expect

from dashboard_site import APP, FITS, NOBODY, PATIENCE, PROJECT, YEAR, number, value

if TYPE_CHECKING:
    from pathlib import Path

    from pennylane_dashboard.words import Language

    from dashboard_site import Site
    from pipelines import Pipeline

SORRY = {
    words(language, role="pennylane_reader")
    for words in (troubles.AWAY, troubles.FAILED, troubles.NO_VIEW, troubles.NOT_ALLOWED)
    for language in LANGUAGES
}


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_page_is_shown_whole_in_both_languages(site: Site, language: Language) -> None:
    site.page.emulate_media(color_scheme="light" if language == "fr" else "dark")
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
        assert site.faults() == [], title
        for width in (1280, 390):
            site.page.set_viewport_size({"width": width, "height": 900})
            site.page.wait_for_function(FITS, timeout=PATIENCE)  # charts are drawn again
    site.page.set_viewport_size({"width": 1280, "height": 900})
    assert site.complaints == []


def test_the_keyboard_alone_reaches_everything(site: Site) -> None:
    page = site.open("", year=YEAR, lang="fr")
    site.tab_to("link", "TVA")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("TVA")
    site.drawn()

    site.tab_to("radio", "Français")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="English")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Period")).to_be_visible()
    site.drawn()

    site.tab_to("combobox", "Fiscal year")
    page.keyboard.type("2024")
    page.keyboard.press("Enter")
    page.wait_for_url("**year=2024-01-01**")
    site.drawn()
    site.tab_to("combobox", "Period")
    page.keyboard.type("Quarter 2")
    page.keyboard.press("Enter")
    page.wait_for_url("**period=2024-04..2024-06**")
    site.drawn()

    site.tab_to("region", "VAT by month")
    for kind in ("CSV", "XLSX"):
        site.tab_to("button", kind)
        with page.expect_download() as started:
            page.keyboard.press("Enter")
        assert started.value.suggested_filename == f"vat-by-month-20240401-20240630.{kind.lower()}"
    site.tab_to("link", "445660")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("General ledger")


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


def test_vat_that_falls_due_is_shown_with_its_invoices(
    site: Site, shown: Pipeline, tmp_path: Path
) -> None:
    page = site.open("vat", year=YEAR, lang="en")
    fell_due = "pennylane_marts.vat_by_invoice_between('2025-01-01', '2025-12-31')"
    sums = (
        "SELECT state, percentage, substance, sum(base) AS base, sum(tax) AS tax"  # noqa: S608
        f" FROM {fell_due} GROUP BY kind, 1, 2, 3 ORDER BY kind, 1, 2 DESC, 3"
    )
    rows = site.rows("vat-fell-due")
    assert [[*map(number, row[4:])] for row in rows if row[0] != "Total"] == [
        [row["base"], row["tax"]] for row in shown.query(sums)
    ]
    assert {row[0] for row in rows} == {"with the invoice", "on payment", "Total"}
    due = "SELECT sum(CASE kind WHEN 'collected' THEN tax ELSE -tax END) FROM "
    assert number(rows[-1][5]) == value(shown, due + fell_due)

    # A figure leads to its invoices, and an invoice to its entry.
    table = page.locator("table[data-name=vat-fell-due]")
    paid = next(row for row in rows if row[:3] == ["on payment", "20.0", "services"])
    site.follow(table.get_by_role("row", name="on payment 20.0 services").first.get_by_role("link"))
    documents = site.rows("vat-documents")
    assert {(*row[3:5], row[6]) for row in documents} == {("Collected", "on payment", "services")}
    assert len({row[1] for row in documents}) == number(paid[3])
    assert [sum(number(row[place]) for row in documents) for place in (7, 8)] == [
        *map(number, paid[4:])
    ]
    with page.expect_download() as started:
        page.get_by_role("button", name="CSV").first.click()
    started.value.save_as(tmp_path / "documents.csv")
    with (tmp_path / "documents.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["Number"] for row in csv.DictReader(file)] == [row[1] for row in documents]
    site.follow(page.locator("table[data-name=vat-documents] a").first)
    assert documents[0][1] in {row[1] for row in site.rows("documents")}
    assert any(row[3].startswith("445") for row in site.rows("entry"))


def test_vat_without_a_due_day_is_shown_apart(site: Site, shown: Pipeline, tmp_path: Path) -> None:
    year = value(
        shown,
        "SELECT max(extract(year FROM date)) FROM vat_by_invoice WHERE state = 'paid_undated'",
    )
    page = site.open("vat", year=f"{year}-01-01", lang="en")
    names = {"open": "not paid yet", "paid_undated": "paid but not lettered"}
    rows = site.rows("vat-not-due")
    assert [(row[0], *map(number, row[1:])) for row in rows] == [
        (names[row["state"]], row["invoices"], row["base"], row["tax"])
        for row in shown.query(
            "SELECT state, count(DISTINCT (customer_invoice_id, supplier_invoice_id)) AS invoices,"  # noqa: S608
            " sum(base) AS base, sum(tax) AS tax FROM pennylane_marts.vat_by_invoice"
            f" WHERE due_on IS NULL AND date BETWEEN '{year}-01-01' AND '{year}-12-31'"
            " GROUP BY kind, state ORDER BY kind, state"
        )
    ]
    wrong = page.locator("table[data-name=vat-not-due] .wrong").all_inner_texts()
    assert set(wrong) == {"paid but not lettered"}
    with page.expect_download() as started:
        page.get_by_role("button", name="CSV").last.click()
    started.value.save_as(tmp_path / "sums.csv")
    with (tmp_path / "sums.csv").open(encoding="utf-8-sig", newline="") as file:
        kinds = {row["Kind"] for row in csv.DictReader(file)}
    assert kinds <= {"Collected", "Deductible", "Deductible on assets"}
    assert kinds
    site.follow(page.locator("table[data-name=vat-not-due] a").last)
    documents = site.rows("vat-documents")
    assert {row[3] for row in documents} == {rows[-1][0]}
    assert sum(number(row[7]) for row in documents) == number(rows[-1][3])


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


def test_html_in_a_name_is_shown_as_text(site: Site) -> None:
    page = site.open("suppliers", lang="fr")
    assert NOBODY in [row[0] for row in site.rows("top-suppliers")]
    assert page.locator("img[src=x]").count() == 0


def test_controls_and_history_say_what_was_found(site: Site, shown: Pipeline) -> None:
    page = site.open("controls", lang="fr")
    counted = site.rows("findings-by-rule")
    assert "Écriture déséquilibrée" in {row[1] for row in counted}
    every = shown.query("SELECT rule FROM pennylane_marts.open_findings")
    by_rule = Counter(row["rule"] for row in every)
    assert sorted(int(row[2]) for row in counted) == sorted(by_rule.values())
    assert len(site.rows("findings")) == min(len(every), 200 - len(counted))
    site.follow(page.get_by_role("link", name="Écriture déséquilibrée"))
    assert {row[1] for row in site.rows("findings")} == {"Écriture déséquilibrée"}
    site.open("history", lang="fr")
    assert any("debit:" in row[7] for row in site.rows("changes-after-closing"))
    assert ["Fournisseurs", "modification"] in [[row[1], row[3]] for row in site.rows("changes")]


def test_how_long_many_people_wait_is_measured_without_their_browsers(site: Site) -> None:
    program = PROJECT / "benchmarks" / "sessions.py"
    python = str(APP.with_name("python"))
    command = [python, str(program), site.url, f"year={YEAR}", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, complete = map(float, done.stdout.split())
    assert 0 < first <= complete

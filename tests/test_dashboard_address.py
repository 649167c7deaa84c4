"""The dashboard's addresses: what filters, links and searches put there; those that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from dashboard_site import YEAR, number, value

if TYPE_CHECKING:
    from dashboard_site import Site
    from pipelines import Pipeline


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


@pytest.mark.parametrize(
    ("path", "parameters", "sentence"),
    [
        ("", {"company": "999"}, "The address names a company that you cannot see: 999."),
        ("", {"year": "1999-01-01"}, "a fiscal year that this company does not have: 1999-01-01."),
        ("vat", {"period": "2031-07"}, "a period that is not in this fiscal year: 2031-07."),
        ("vat", {"part": "sold"}, "The address names an unknown filter value: sold."),
        ("vat", {"part": "collected-paid-x"}, "an unknown filter value: collected-paid-x."),
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

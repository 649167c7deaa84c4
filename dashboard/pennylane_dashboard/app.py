"""The frame around every page: navigation, filters, and a sentence if something goes wrong."""

import logging
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import psycopg
import streamlit as st

from pennylane_dashboard import database, filters, signing_in, troubles
from pennylane_dashboard.asking import ask
from pennylane_dashboard.choosing import pick, switch_language
from pennylane_dashboard.drawing import STYLE
from pennylane_dashboard.navigation import PLACES, Place
from pennylane_dashboard.view import FIRST, View
from pennylane_dashboard.words import Language, Words, preferred

COMPANIES = """
SELECT company_id, company_name FROM company
UNION SELECT company_id, company_name FROM fiscal_years
ORDER BY company_name, company_id
"""
YEARS = """
SELECT start_date, end_date FROM fiscal_years
WHERE company_id = %(company)s ORDER BY start_date DESC
"""
COMPANY = Words("Société", "Company")
YEAR = Words("Exercice", "Fiscal year")
PERIOD = Words("Période", "Period")
START_AGAIN = Words("Revenir à la vue d'ensemble", "Back to the overview")
KEPT = ("company", "year", "period", "lang")

log = logging.getLogger(__name__)


def main() -> None:
    """Draw the page that the address names."""
    browser = preferred(st.context.locale)
    try:
        language = filters.language(st.query_params, browser)
    except troubles.UnknownValueError as error:
        st.error(error.words(browser, value=error.value))
        st.stop()
    places = {place.name: place for place in PLACES if _has_several() or not place.is_of_all}
    first = next(iter(places))
    pages = {
        place.name: st.Page(
            lambda: None,
            title=place.title(language),
            url_path=place.name,
            default=place.name == first,
        )
        for place in places.values()
    }
    current = st.navigation(list(pages.values()), position="hidden")
    place = places[current.url_path or first]
    title = place.title(language)
    # No icon for the page itself: the browser would load it from another host.
    st.set_page_config(page_title=f"{title} · Pennylane", layout="wide")
    st.html(STYLE)
    kept = {name: st.query_params[name] for name in KEPT if name in st.query_params}
    with st.sidebar:
        for name, page in pages.items():
            st.page_link(
                page, label=places[name].title(language), icon=places[name].icon, query_params=kept
            )
        switch_language(language)
    st.title(title, anchor=False)
    if not signing_in.let_in(language):
        return
    try:
        _draw(place, language, kept, first)
    except troubles.UnknownValueError as error:
        st.error(error.words(language, value=error.value))
        only = {"lang": kept["lang"]} if "lang" in kept else {}
        st.page_link(pages[FIRST], label=START_AGAIN(language), query_params=only)
    except Exception as error:
        if not isinstance(error, psycopg.Error):
            log.exception("The page %s failed.", place.name)
        else:
            log.warning("The page %s failed: %s", place.name, error)
        st.error(troubles.explained(error)(language))


def _has_several() -> bool:
    """Tell whether there is more than one company, as far as the database says."""
    try:
        return len(ask(COMPANIES, {})) > 1
    except (psycopg.Error, signing_in.SignedOutError, database.UnsafeError):
        return False  # the page itself says what is wrong


def _draw(place: Place, language: Language, kept: dict[str, str], first: str) -> None:
    """Draw a page below its filters.

    Args:
        place: the page.
        language: in which everything is written.
        kept: the address's parameters that links to other pages keep.
        first: the page that is shown first.

    Raises:
        UnknownValueError: the address names something that does not exist.
        psycopg.Error: the database is away, or cannot answer.
    """
    today = datetime.now(ZoneInfo("Europe/Paris")).date()
    try:
        companies = filters.companies(ask(COMPANIES, {}))
    except psycopg.errors.UndefinedTable:
        companies = []
    if not companies and (person := signing_in.person()):
        st.info(troubles.NOTHING_GRANTED(language, person=person))
        return
    if not place.needs_books:
        company = companies[0] if companies else filters.Option("0", "")
        day = filters.Option("", "", today, today)
        place.draw(replace(_view(language, company, day, today, kept), first=first))
        return
    if not companies:
        st.info(troubles.NOTHING_LOADED(language))
        return
    company = filters.chosen(
        companies, st.query_params.get("company"), companies[0], filters.NO_COMPANY
    )
    years = filters.years(ask(YEARS, {"company": int(company.value)}))
    if not years:
        st.info(troubles.NOTHING_LOADED(language))
        return
    with st.container(horizontal=True, gap="small"):
        if len(companies) > 1:
            resets = [name for name in st.query_params if name not in {"company", "lang"}]
            pick("company", COMPANY(language), companies, companies[0], resets=resets)
        if place.has_period:
            year, period = _period(years, language, today)
        else:
            year = period = filters.current(years, today)
    place.draw(replace(_view(language, company, year, today, kept, period), first=first))


def _period(
    years: list[filters.Option], language: Language, today: date
) -> tuple[filters.Option, filters.Option]:
    """Let a fiscal year and a period of it be chosen.

    Raises:
        UnknownValueError: the address names another.
    """
    default = filters.current(years, today)
    label = YEAR(language)
    year = pick("year", label, years, default, unknown=filters.NO_YEAR, resets=["period"])
    periods = filters.periods(year, language)
    period = pick("period", PERIOD(language), periods, periods[0], unknown=filters.NO_PERIOD)
    return year, period


def _view(
    language: Language,
    company: filters.Option,
    year: filters.Option,
    today: date,
    kept: dict[str, str],
    period: filters.Option | None = None,
) -> View:
    period = period or year
    return View(
        language=language,
        company=int(company.value),
        company_name=company.label,
        year_start=year.since,
        year_end=year.until,
        since=period.since,
        until=period.until,
        today=today,
        kept=kept,
    )

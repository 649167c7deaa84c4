"""All companies of the warehouse at a glance."""

from dataclasses import replace
from typing import LiteralString

import streamlit as st

from pennylane_dashboard import filters, formats
from pennylane_dashboard.asking import ask
from pennylane_dashboard.choosing import write
from pennylane_dashboard.drawing import table
from pennylane_dashboard.tables import Column, Kind, Link, Table
from pennylane_dashboard.troubles import UnknownValueError
from pennylane_dashboard.view import FIRST, View
from pennylane_dashboard.words import Words

TITLE = Words("Portefeuille", "Portfolio")

SEARCH = Words("Rechercher une société", "Search for a company")
NAME = Words("nom", "name")
SUMMARY = Words(
    "{companies} sociétés ; {failed} en échec, {stale} non lues depuis plus de 26 heures.",
    "{companies} companies; {failed} failed, {stale} not read for more than 26 hours.",
)
FIGURES_AT = Words(
    "Chiffres et constats du {moment}, après la dernière exécution qui a chargé quelque chose.",
    "Figures and findings as of {moment}, after the last run that loaded something.",
)
STATES = {
    "failed": Words("échec", "failed"),
    "stale": Words("trop ancienne", "too old"),
    "gone": Words("partie", "gone"),
    "never": Words("jamais lue", "never read"),
    "fine": Words("lue", "read"),
}

COUNTED = """
SELECT
    count(*) AS companies,
    count(*) FILTER (WHERE last_status = 'failed') AS failed,
    count(*) FILTER (WHERE minutes_since_last_success > 26 * 60 AND last_status <> 'gone') AS stale,
    min(figures_at) AT TIME ZONE 'utc' AT TIME ZONE 'Europe/Paris' AS figures_at
FROM portfolio
"""
ROWS: LiteralString = """
SELECT
    company_id,
    company_name,
    state,
    state IN ('failed', 'stale') AS is_wrong,
    minutes_since_last_success > 26 * 60 AS is_stale,
    minutes_since_last_success,
    last_sync_date_local,
    turnover,
    result,
    previous_result,
    cash,
    overdue_receivables,
    errors,
    warnings,
    as_of,
    failed_tables,
    last_error
FROM portfolio
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN last_status IN ('failed', 'gone') THEN last_status
        WHEN minutes_since_last_success IS NULL THEN 'never'
        WHEN minutes_since_last_success > 26 * 60 THEN 'stale'
        ELSE 'fine'
    END AS state
) AS judged
WHERE strpos(lower(company_name), lower(%(search)s)) > 0 OR %(search)s = ''
"""
TROUBLE_FIRST: LiteralString = """
ORDER BY
    array_position(ARRAY['failed', 'stale'], state),
    errors > 0 DESC NULLS LAST,
    company_name,
    company_id
"""
ORDERS: dict[str, LiteralString] = {
    name: f"\nORDER BY {column}, company_name, company_id"
    for name, column in (
        ("company_name", "lower(company_name)"),
        ("-company_name", "lower(company_name) DESC"),
        ("state", "state"),
        ("-state", "state DESC"),
        ("minutes_since_last_success", "minutes_since_last_success NULLS LAST"),
        ("-minutes_since_last_success", "minutes_since_last_success DESC NULLS FIRST"),
        ("turnover", "turnover NULLS LAST"),
        ("-turnover", "turnover DESC NULLS LAST"),
        ("result", "result NULLS LAST"),
        ("-result", "result DESC NULLS LAST"),
        ("cash", "cash NULLS LAST"),
        ("-cash", "cash DESC NULLS LAST"),
        ("overdue_receivables", "overdue_receivables NULLS LAST"),
        ("-overdue_receivables", "overdue_receivables DESC NULLS LAST"),
        ("errors", "errors NULLS LAST"),
        ("-errors", "errors DESC NULLS LAST"),
        ("warnings", "warnings NULLS LAST"),
        ("-warnings", "warnings DESC NULLS LAST"),
    )
}
"""What the address may say: the column, and a minus sign if the largest comes first."""

ELSEWHERE = {"year": None, "period": None, "search": None}
"""Another company has other fiscal years."""
COMPANIES = Table(
    name="portfolio",
    title=Words("Sociétés", "Companies"),
    query=ROWS,
    sorts=frozenset(ORDERS),
    columns=(
        Column(
            "company_name",
            Words("Société", "Company"),
            link=Link(FIRST, {"company": "company_id"}, ELSEWHERE),
        ),
        Column("state", Words("État", "State"), Kind.CODE, texts=STATES, flag="is_wrong"),
        Column(
            "minutes_since_last_success",
            Words("Âge (min)", "Age (min)"),
            Kind.COUNT,
            flag="is_stale",
        ),
        Column("result", Words("Résultat", "Result"), Kind.MONEY, wrong=-1),
        Column("cash", Words("Trésorerie", "Cash"), Kind.MONEY, wrong=-1),
        Column("overdue_receivables", Words("Créances en retard", "Overdue"), Kind.MONEY),
        Column(
            "errors",
            Words("Erreurs", "Errors"),
            Kind.COUNT,
            link=Link("controls", {"company": "company_id"}, ELSEWHERE),
            wrong=1,
        ),
        Column("warnings", Words("À expliquer", "To be explained"), Kind.COUNT),
        Column("turnover", Words("Chiffre d'affaires", "Turnover"), Kind.MONEY),
        Column("previous_result", Words("Résultat N-1", "Result, year before"), Kind.MONEY),
        Column("as_of", Words("Au", "As of"), Kind.DAY),
        Column("last_sync_date_local", Words("Lue le", "Read at"), Kind.MOMENT),
        Column("failed_tables", Words("Tables en échec", "Failed tables")),
        Column("last_error", Words("Raison", "Reason")),
    ),
    empty=Words("Aucune société de ce nom.", "No company of this name."),
    limit=1000,
)


def draw(view: View) -> None:
    """Draw the page.

    Raises:
        UnknownValueError: the address names a column that rows cannot be sorted by.
    """
    (counted,) = ask(COUNTED, {})
    numbers = {
        name: formats.number(counted[name], view.language)
        for name in ("companies", "failed", "stale")
    }
    said = view.say(SUMMARY, **numbers)
    if counted["figures_at"]:
        moment = formats.moment(counted["figures_at"], view.language)
        said += " " + view.say(FIGURES_AT, moment=moment)
    st.caption(said)
    search = write(view, "search", SEARCH, NAME)
    order = st.query_params.get("sort", "")
    if order and order not in ORDERS:
        raise UnknownValueError(filters.NO_OPTION, order)
    shown = replace(
        COMPANIES, query=ROWS + (ORDERS[order] if order else TROUBLE_FIRST), order=order
    )
    if search:
        view = replace(view, kept={**view.kept, "search": search})
    table(view, shown, search=search)

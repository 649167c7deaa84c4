"""The company at a glance."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import streamlit as st

from pennylane_dashboard import formats
from pennylane_dashboard.asking import ask, together
from pennylane_dashboard.charts import bars
from pennylane_dashboard.database import Row
from pennylane_dashboard.drawing import Figure, figures, table
from pennylane_dashboard.tables import Column, Kind, Table
from pennylane_dashboard.view import View
from pennylane_dashboard.words import Words

TITLE = Words("Vue d'ensemble", "Overview")

TURNOVER = Words("Chiffre d'affaires", "Turnover")
RESULT = Words("Résultat", "Result")
CASH = Words("Trésorerie", "Cash")
OVERDUE = Words("Créances clients en retard", "Overdue receivables")
VAT = Words("TVA due", "VAT due")
CHART = Words("Chiffre d'affaires et résultat par mois", "Turnover and result by month")

# The row without a month adds up the others.
BY_MONTH = """
SELECT
    month,
    month IS NULL AS is_total,
    coalesce(sum(result) FILTER (WHERE is_turnover), 0) AS turnover,
    coalesce(sum(previous_result) FILTER (WHERE is_turnover), 0) AS previous_turnover,
    sum(result) AS result,
    sum(previous_result) AS previous_result
FROM income_statement_by_month,
    LATERAL (SELECT line IN ('goods_sold', 'production_sold') AS is_turnover) AS kind
WHERE company_id = %(company)s
    AND fiscal_year_start = %(year_start)s
    AND month >= date_trunc('month', %(since)s::date)
    AND month <= least(%(until)s::date, %(today)s::date)
GROUP BY ROLLUP (month)
ORDER BY month
"""
CASH_QUERY = """
SELECT as_of, cash FROM cash_by_month
WHERE company_id = %(company)s AND as_of BETWEEN %(from)s::date AND %(to)s::date ORDER BY as_of
"""
OVERDUE_QUERY = """
SELECT sum(overdue_1_30 + overdue_31_60 + overdue_61_90 + overdue_over_90) AS overdue
FROM aged_receivables_on(%(day)s) WHERE company_id = %(company)s
"""
RECEIVABLES = """
SELECT as_of, receivables FROM payment_delays
WHERE company_id = %(company)s AND as_of BETWEEN %(from)s::date AND %(to)s::date ORDER BY as_of
"""
VAT_QUERY = """
SELECT month, sum(vat_due) AS vat_due FROM vat_summary
WHERE company_id = %(company)s AND month BETWEEN %(from)s::date AND %(to)s::date
GROUP BY month ORDER BY month
"""

MONTHS = Table(
    name="months",
    title=CHART,
    query=BY_MONTH,
    columns=(
        Column(
            "month",
            Words("Mois", "Month"),
            Kind.MONTH,
        ),
        Column("turnover", TURNOVER, Kind.MONEY),
        Column("previous_turnover", Words("CA N-1", "Turnover, year before"), Kind.MONEY),
        Column("result", RESULT, Kind.MONEY, wrong=-1),
        Column(
            "previous_result", Words("Résultat N-1", "Result, year before"), Kind.MONEY, wrong=-1
        ),
    ),
)


def draw(view: View) -> None:
    """Draw the page."""
    day = min(view.until, view.today)
    course = {"from": day - timedelta(days=400), "to": _month_end(day)}
    a_year_ago = day - timedelta(days=365)
    tiles = st.empty()
    months = ask(BY_MONTH, view.values)
    total: Row = next((row for row in months if row["is_total"]), {})
    single = [row for row in months if not row["is_total"]]
    of_period = _of_period(view, day, total, single)
    with tiles:
        figures(view, of_period)  # the others take longer
    cash, (due,), (due_before,), receivables, vat = together(
        (CASH_QUERY, {**view.values, **course}),
        (OVERDUE_QUERY, {**view.values, "day": day}),
        (OVERDUE_QUERY, {**view.values, "day": a_year_ago}),
        (RECEIVABLES, {**view.values, **course}),
        (VAT_QUERY, {**view.values, **course, "from": day - timedelta(days=800)}),
    )
    overdue, overdue_before = (row["overdue"] or Decimal(0) for row in (due, due_before))
    at_day = formats.day(day, view.language)
    held = cash[-1] if cash else {}
    vat_by_month = {row["month"]: row["vat_due"] for row in vat}
    declared = max(vat_by_month, default=day)
    cash_by_month = {row["as_of"].replace(day=1): row["cash"] for row in cash}
    of_day = [
        Figure(
            name=CASH,
            page="cash",
            about=at_day,
            now=held.get("cash"),
            before=cash_by_month.get(_year_before(day)),
            course=list(cash_by_month.values())[-12:],
            is_wrong=bool(held) and held["cash"] < 0,
        ),
        Figure(
            name=OVERDUE,
            page="customers",
            about=at_day,
            now=overdue,
            before=overdue_before,
            course=[row["receivables"] for row in receivables][-12:],
            is_wrong=overdue > 0,
        ),
        Figure(
            name=VAT,
            page="vat",
            about=formats.month(declared, view.language),
            now=vat_by_month.get(declared),
            before=vat_by_month.get(_year_before(declared)),
            course=list(vat_by_month.values())[-12:],
        ),
    ]
    with tiles:
        figures(view, [*of_period, *of_day])
    if single:
        bars(view, single, "month", {"turnover": TURNOVER, "result": RESULT}, view.say(CHART))
    table(view, MONTHS)


def _of_period(view: View, day: date, total: Row, months: Sequence[Row]) -> list[Figure]:
    """Return the figures that add up the period's months."""
    period, result = _period(view, day), total.get("result")
    return [
        Figure(
            name=TURNOVER,
            page="results",
            about=period,
            now=total.get("turnover"),
            before=total.get("previous_turnover"),
            course=[row["turnover"] for row in months],
        ),
        Figure(
            name=RESULT,
            page="results",
            about=period,
            now=result,
            before=total.get("previous_result"),
            course=[row["result"] for row in months],
            is_wrong=result is not None and result < 0,
        ),
    ]


def _period(view: View, day: date) -> str:
    """Say which months the figures add up."""
    first, last = formats.month(view.since, view.language), formats.month(day, view.language)
    return first if first == last else f"{first} – {last}"


def _month_end(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=1)

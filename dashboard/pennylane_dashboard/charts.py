"""Charts over the rows of a query. Only what is drawn is a float; no figure is read from here."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any

import altair as alt
import streamlit as st

from pennylane_dashboard.database import Row
from pennylane_dashboard.formats import MONTHS, NARROW_SPACE, SPACE
from pennylane_dashboard.view import View
from pennylane_dashboard.words import Words

HEIGHT = 260
PADDING = {"right": 12}
"""Pixels around a chart: half a label of its last month."""
INK = "#4a5560"
"""Colour of texts on white."""
SPARK = 30
"""Height of a sparkline in pixels."""
DAYS = ["dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"]
LONG_MONTHS = [
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
]


def bars(
    view: View,
    rows: Sequence[Row],
    x: str,
    series: Mapping[str, Words],
    alt_text: str,
    *,
    of_days: bool = False,
) -> None:
    """Draw bars side by side.

    Args:
        view: the language.
        rows: of a query.
        x: the column along the axis: a date.
        series: the columns of the bars, with their names.
        alt_text: what the chart shows, for those who cannot see it.
        of_days: whether the axis has days, not months.
    """
    names = [view.say(words) for words in series.values()]
    chart = (
        alt.Chart(alt.Data(values=_points(view, rows, x, series)))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X(
                "yearmonthdate(x):O" if of_days else "yearmonth(x):O",
                title=None,
                axis=alt.Axis(
                    labelAngle=0, labelOverlap=True, format="%d %b" if of_days else "%b %y"
                ),
            ),
            xOffset=alt.XOffset("series:N", sort=names),
            y=alt.Y("value:Q", title=None, axis=alt.Axis(format=",.0f"), stack=None),
            color=_color(names),
            tooltip=_tooltip("%d %B %Y" if of_days else "%B %Y"),
        )
    )
    _draw(view, chart, alt_text)


def lines(
    view: View, rows: Sequence[Row], x: str, y: str, series: str, alt_text: str, title: str = ""
) -> None:
    """Draw lines, one for each name in a column.

    Args:
        view: the language.
        rows: of a query.
        x: the column along the axis: a date.
        y: the column of the values.
        series: the column of the lines' names.
        alt_text: what the chart shows, for those who cannot see it.
        title: above the chart.
    """
    points = [
        {"x": f"{row[x]}T00:00:00", "series": row[series], "value": float(row[y])}
        for row in rows
        if row[y] is not None
    ]
    names = sorted({str(point["series"]) for point in points})
    chart = (
        alt.Chart(alt.Data(values=points), title=title)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X(
                "x:T",
                title=None,
                axis=alt.Axis(format="%b %y", labelOverlap=True, tickCount=8),
            ),
            y=alt.Y("value:Q", title=None, axis=alt.Axis(format=",.0f")),
            color=_color(names),
            tooltip=_tooltip("%d %B %Y"),
        )
    )
    _draw(view, chart, alt_text)


def sparkline(values: Sequence[Decimal], label: str) -> str:
    """Return small bars as HTML; Streamlit lets no SVG through.

    Args:
        values: their heights.
        label: what they show, for those who cannot see it.
    """
    zero = Decimal(0)
    low, high = min([zero, *values]), max([zero, *values])
    if low == high:
        return ""
    parts = []
    for value in values:
        height = float(abs(value) / (high - low)) * 100
        foot = float((min(value, zero) - low) / (high - low)) * SPARK
        parts.append(f'<i style="height:{max(height, 3):.0f}%;margin-bottom:{foot:.0f}px"></i>')
    name = escape(label, quote=True)
    return f'<div class="spark" role="img" aria-label="{name}">{"".join(parts)}</div>'


def _points(
    view: View, rows: Sequence[Row], x: str, series: Mapping[str, Words]
) -> list[dict[str, Any]]:
    return [
        {
            "x": row[x].isoformat() + "T00:00:00",
            "series": view.say(words),
            "value": float(row[name]),
        }
        for row in rows
        for name, words in series.items()
        if row[name] is not None
    ]


def _color(names: list[str]) -> alt.Color:
    legend = alt.Legend(title=None, orient="top") if len(names) > 1 else None
    return alt.Color("series:N", sort=names, scale=alt.Scale(domain=names), legend=legend)


def _tooltip(dates: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("x:T", title=" ", format=dates),
        alt.Tooltip("series:N", title=" "),
        alt.Tooltip("value:Q", title=" ", format=",.2f"),
    ]


def labels() -> dict[str, dict[str, str]]:
    """Return the configuration of a chart's texts: on white, Streamlit's own are too pale."""
    if st.context.theme.type == "dark":
        return {}
    return {"axis": {"labelColor": INK, "titleColor": INK}, "legend": {"labelColor": INK}}


def _draw(view: View, chart: alt.Chart, alt_text: str) -> None:
    french = view.language == "fr"
    locale: dict[str, Any] = {
        "number": {
            "decimal": "," if french else ".",
            "thousands": NARROW_SPACE if french else ",",
            "grouping": [3],
            "currency": ["", f"{SPACE}€"] if french else ["€", ""],
        },
    }
    if french:
        locale["time"] = {
            "dateTime": "%A %e %B %Y %X",
            "date": "%d/%m/%Y",
            "time": "%H:%M:%S",
            "periods": ["", ""],
            "days": DAYS,
            "shortDays": [day[:3] for day in DAYS],
            "months": LONG_MONTHS,
            "shortMonths": MONTHS["fr"],
        }
    st.altair_chart(
        chart.properties(height=HEIGHT, padding=PADDING).configure(locale=locale, **labels()),
        width="stretch",
        alt=alt_text,
    )

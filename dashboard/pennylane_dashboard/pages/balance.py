"""The balance sheet at the end of the period, and the accounts behind a line."""

from datetime import date, timedelta

import streamlit as st

from pennylane_dashboard import formats
from pennylane_dashboard.asking import shown
from pennylane_dashboard.drawing import table
from pennylane_dashboard.tables import Column, Kind, Link, Table
from pennylane_dashboard.troubles import UnknownValueError
from pennylane_dashboard.view import View
from pennylane_dashboard.words import Words

TITLE = Words("Bilan", "Balance sheet")

LABEL = Words("label_fr", "label_en")
NET = Words("Net", "Net")
BEFORE = Words("Fin N-1", "End of year before")
AS_OF = Words("Situation au {day}", "As of {day}")
NO_LINE = Words(
    "L'adresse désigne une ligne qui n'est pas dans ce bilan : {value}.",
    "The address names a line that is not in this balance sheet: {value}.",
)
LINE = Column(LABEL, Words("Ligne", "Line"), link=Link("balance", {"line": "line"}))
SECTION = Column(Words("section_fr", "section_en"), Words("Section", "Section"))

# Both sides, because each balance sheet sums the whole ledger.
SHEET = """
SELECT
    side, section_fr, section_en, label_fr, label_en, line, line IS NULL AS is_total,
    sum(gross) AS gross, sum(depreciation) AS depreciation,
    sum(net) AS net, sum(previous_net) AS previous_net
FROM balance_sheet
WHERE company_id = %(company)s AND as_of = %(as_of)s
GROUP BY GROUPING SETS (
    (side, position, section_fr, section_en, label_fr, label_en, line), (side)
)
ORDER BY line IS NULL, position
"""
ASSETS = Table(
    name="assets",
    title=Words("Actif", "Assets"),
    query=SHEET,
    among={"side": "assets"},
    columns=(
        LINE,
        Column("gross", Words("Brut", "Gross"), Kind.MONEY),
        Column("depreciation", Words("Amort. et dépréc.", "Depreciation"), Kind.MONEY),
        Column("net", NET, Kind.MONEY),
        Column("previous_net", BEFORE, Kind.MONEY),
    ),
    group=SECTION,
)
LIABILITIES = Table(
    name="liabilities",
    title=Words("Passif", "Liabilities"),
    query=SHEET,
    among={"side": "liabilities"},
    columns=(LINE, Column("net", NET, Kind.MONEY), Column("previous_net", BEFORE, Kind.MONEY)),
    group=SECTION,
)
ACCOUNTS = Table(
    name="balance-sheet-accounts",
    title=Words("Comptes de la ligne", "Accounts of the line"),
    query="""
SELECT label_fr, label_en, account_number, account_label, account_number IS NULL AS is_total,
    sum(net) AS net, sum(previous_net) AS previous_net
FROM balance_sheet_by_account
WHERE company_id = %(company)s AND as_of = %(as_of)s AND line = %(line)s
GROUP BY GROUPING SETS ((label_fr, label_en, account_number, account_label), ())
HAVING count(*) > 0
ORDER BY account_number
""",
    columns=(
        Column(
            "account_number",
            Words("Compte", "Account"),
            Kind.CODE,
            link=Link("ledger", {"account": "account_number"}, {"line": None}),
        ),
        Column("account_label", Words("Libellé", "Label")),
        Column("net", NET, Kind.MONEY),
        Column("previous_net", BEFORE, Kind.MONEY),
    ),
)


def draw(view: View) -> None:
    """Draw the page."""
    as_of = min(view.until, _month_end(view.today))
    st.caption(view.say(AS_OF, day=formats.day(as_of, view.language)))
    if line := st.query_params.get("line"):
        rows = shown(SHEET, {**view.values, "as_of": as_of}, ASSETS.limit)
        found = next((row for row in rows if row["line"] == line), None)
        if found is None:
            raise UnknownValueError(NO_LINE, line)
        st.header(found[view.say(LABEL)], anchor=False)
        table(view, ACCOUNTS, as_of=as_of, line=line)
    table(view, ASSETS, as_of=as_of)
    table(view, LIABILITIES, as_of=as_of)


def _month_end(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)

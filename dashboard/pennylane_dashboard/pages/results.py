"""The income statement: by month, as intermediate balances, by line and account, by axis."""

from dataclasses import replace

import streamlit as st

from pennylane_dashboard.asking import ask
from pennylane_dashboard.charts import bars
from pennylane_dashboard.choosing import pick
from pennylane_dashboard.drawing import ahead, table
from pennylane_dashboard.filters import Option
from pennylane_dashboard.tables import Column, Kind, Link, Table
from pennylane_dashboard.troubles import UnknownValueError
from pennylane_dashboard.view import View
from pennylane_dashboard.words import Words

TITLE = Words("Résultat", "Income statement")

LABEL = Words("label_fr", "label_en")
SECTION = Words("section_fr", "section_en")
AMOUNT = Words("Montant", "Amount")
BEFORE = Words("N-1", "Year before")
INCOME = Words("Produits", "Income")
EXPENSES = Words("Charges", "Expenses")
RESULT = Words("Résultat", "Result")
BUDGET_OF_LINE = Words("Budget", "Budget")
DIFFERENCE = Words("Écart", "Difference")
AXIS = Words("Axe analytique", "Analytical axis")
CHART = Words("Produits, charges et résultat par mois", "Income, expenses and result by month")
NO_LINE = Words(
    "L'adresse désigne une ligne qui n'est pas dans ce compte de résultat : {value}.",
    "The address names a line that is not in this income statement: {value}.",
)

BY_MONTH = """
SELECT
    month,
    sum(amount) FILTER (WHERE side = 'income') AS income,
    sum(amount) FILTER (WHERE side = 'expenses') AS expenses,
    sum(result) AS result
FROM income_statement_by_month
WHERE company_id = %(company)s AND fiscal_year_start = %(year_start)s
    AND month >= date_trunc('month', %(since)s::date)
    AND month <= least(%(until)s::date, %(today)s::date)
GROUP BY month ORDER BY month
"""
BALANCES = Table(
    name="intermediate-balances",
    title=Words("Soldes intermédiaires de gestion", "Intermediate balances"),
    query="""
SELECT position, label_fr, label_en, balance = 'net_result' AS is_total,
    sum(amount) AS amount, sum(previous_amount) AS previous_amount
FROM intermediate_balances_by_month
WHERE company_id = %(company)s AND fiscal_year_start = %(year_start)s
    AND month >= date_trunc('month', %(since)s::date)
    AND month <= least(%(until)s::date, %(today)s::date)
GROUP BY position, balance, label_fr, label_en ORDER BY position
""",
    columns=(
        Column(LABEL, Words("Solde", "Balance")),
        Column("amount", AMOUNT, Kind.MONEY, wrong=-1),
        Column("previous_amount", BEFORE, Kind.MONEY, wrong=-1),
    ),
)
_BY_LINE = """
SELECT
    section_fr,
    section_en,
    coalesce(label_fr, CASE side WHEN 'income' THEN 'Total des produits'
        WHEN 'expenses' THEN 'Total des charges' ELSE 'Résultat' END) AS label_fr,
    coalesce(label_en, CASE side WHEN 'income' THEN 'Total income'
        WHEN 'expenses' THEN 'Total expenses' ELSE 'Result' END) AS label_en,
    {line} AS line,
    line IS NULL AS is_total,
    CASE WHEN side IS NULL THEN sum(result) ELSE sum(amount) END AS amount,
    {budget}
    CASE WHEN side IS NULL THEN sum(previous_result)
        ELSE sum(previous_amount) END AS previous_amount
FROM {mart}
WHERE company_id = %(company)s AND fiscal_year_start = %(year_start)s
    AND month >= date_trunc('month', %(since)s::date)
    AND month <= least(%(until)s::date, %(today)s::date)
GROUP BY GROUPING SETS (
    (side, position, section_fr, section_en, label_fr, label_en, line), (side), ()
)
ORDER BY line IS NULL, position, side DESC NULLS LAST
"""
_BUDGET = """CASE WHEN side IS NULL THEN sum(budget_result) ELSE sum(budget) END AS budget,
    CASE WHEN side IS NULL THEN sum(result) - sum(budget_result)
        ELSE sum(amount) - sum(budget) END AS difference,"""
LINES = Table(
    name="income-statement",
    title=Words("Compte de résultat", "Income statement"),
    query=_BY_LINE.format(mart="income_statement_by_month", line="line", budget=""),
    columns=(
        Column(
            LABEL,
            Words("Ligne", "Line"),
            link=Link("results", {"line": "line"}),
        ),
        Column("amount", AMOUNT, Kind.MONEY, wrong=-1),
        Column("previous_amount", BEFORE, Kind.MONEY, wrong=-1),
    ),
    group=Column(SECTION, Words("Section", "Section")),
    note=Words(
        "Cliquez sur une ligne pour voir ses comptes. N-1 : les mêmes mois de l'année précédente.",
        "Click a line to see its accounts. Year before: the same months of the year before.",
    ),
)
WITH_BUDGET = replace(
    LINES,
    query=_BY_LINE.format(
        mart="income_statement_budget", line="nullif(line, 'several_lines')", budget=_BUDGET
    ),
    columns=(
        LINES.columns[0],
        Column("amount", AMOUNT, Kind.MONEY, wrong=-1),
        Column("budget", BUDGET_OF_LINE, Kind.MONEY),
        Column("difference", DIFFERENCE, Kind.MONEY),
        Column("previous_amount", BEFORE, Kind.MONEY, wrong=-1),
    ),
    note=Words(
        "Cliquez sur une ligne pour voir ses comptes. Écart : montant moins budget. N-1 : les mêmes"
        " mois de l'année précédente.",
        "Click a line to see its accounts. Difference: amount less budget. Year before: the same"
        " months of the year before.",
    ),
)
ACCOUNTS = Table(
    name="income-statement-accounts",
    title=Words("Comptes de la ligne", "Accounts of the line"),
    query="""
SELECT account_number, account_label,
    account_number IS NULL AS is_total,
    sum(amount) AS amount, sum(previous_amount) AS previous_amount
FROM income_statement_by_month
WHERE company_id = %(company)s AND fiscal_year_start = %(year_start)s AND line = %(line)s
    AND month >= date_trunc('month', %(since)s::date)
    AND month <= least(%(until)s::date, %(today)s::date)
GROUP BY GROUPING SETS ((account_number, account_label), ()) ORDER BY account_number
""",
    columns=(
        Column(
            "account_number",
            Words("Compte", "Account"),
            Kind.CODE,
            link=Link("ledger", {"account": "account_number"}, {"line": None}),
        ),
        Column("account_label", Words("Libellé", "Label")),
        Column("amount", AMOUNT, Kind.MONEY, wrong=-1),
        Column("previous_amount", BEFORE, Kind.MONEY, wrong=-1),
    ),
)
LABEL_OF_LINE = """
SELECT label_fr, label_en FROM income_statement
WHERE company_id = %(company)s AND fiscal_year_start = %(year_start)s AND line = %(line)s LIMIT 1
"""
AXES = """
SELECT category_group_label FROM category_groups
WHERE company_id = %(company)s ORDER BY category_group_label
"""
BY_AXIS = Table(
    name="by-axis",
    title=Words("Par axe analytique", "By analytical axis"),
    query="""
SELECT category_label, category_label IS NULL AS is_total,
    coalesce(sum(result) FILTER (WHERE side = 'income'), 0) AS income,
    coalesce(-sum(result) FILTER (WHERE side = 'expenses'), 0) AS expenses,
    sum(result) AS result
FROM analytical_income_statement
WHERE company_id = %(company)s AND fiscal_year_start = %(year_start)s
    AND category_group_label = %(axis)s
GROUP BY ROLLUP (category_label) ORDER BY category_label IS NULL, sum(result) DESC
""",
    columns=(
        Column("category_label", Words("Catégorie", "Category")),
        Column("income", INCOME, Kind.MONEY),
        Column("expenses", EXPENSES, Kind.MONEY),
        Column("result", RESULT, Kind.MONEY, wrong=-1),
    ),
    note=Words("Tout l'exercice.", "The whole fiscal year."),
)


BUDGETED = """
SELECT FROM budget_by_month
WHERE company_id = %(company)s AND fiscal_year_start = %(year_start)s LIMIT 1
"""
BUDGET = Table(
    name="budget",
    title=Words("Budget par comptes", "Budget by accounts"),
    query="""
SELECT
    account_prefix,
    CASE WHEN account_prefix IS NOT NULL THEN max(account_class_label)
        WHEN side = 'income' THEN 'Total des produits' WHEN side = 'expenses'
        THEN 'Total des charges' ELSE 'Résultat' END AS label_fr,
    CASE WHEN account_prefix IS NOT NULL THEN max(account_class_label)
        WHEN side = 'income' THEN 'Total income' WHEN side = 'expenses'
        THEN 'Total expenses' ELSE 'Result' END AS label_en,
    account_prefix IS NULL AS is_total,
    CASE grouping(side) WHEN 0 THEN sum(budget)
        ELSE sum(CASE side WHEN 'income' THEN budget ELSE -budget END) END AS budget,
    CASE grouping(side) WHEN 0 THEN sum(actual)
        ELSE sum(CASE side WHEN 'income' THEN actual ELSE -actual END) END AS actual,
    CASE grouping(side) WHEN 0 THEN sum(difference)
        ELSE sum(CASE side WHEN 'income' THEN difference ELSE -difference END) END AS difference
FROM budget_by_month
WHERE company_id = %(company)s AND fiscal_year_start = %(year_start)s
    AND month >= date_trunc('month', %(since)s::date)
    AND month <= least(%(until)s::date, %(today)s::date)
GROUP BY GROUPING SETS ((side, account_prefix), (side), ())
ORDER BY side DESC NULLS LAST, account_prefix NULLS LAST
""",
    columns=(
        Column(
            "account_prefix",
            Words("Comptes", "Accounts"),
            Kind.CODE,
            link=Link("ledger", {"account": "account_prefix"}, {"line": None}),
        ),
        Column(LABEL, Words("Libellé", "Label")),
        Column("budget", BUDGET_OF_LINE, Kind.MONEY),
        Column("actual", Words("Réalisé", "Actual"), Kind.MONEY),
        Column("difference", DIFFERENCE, Kind.MONEY),
    ),
    note=Words(
        "Réalisé : les comptes qui commencent ainsi. Écart : réalisé moins budget.",
        "Actual: the accounts that begin so. Difference: actual less budget.",
    ),
)


def draw(view: View) -> None:
    """Draw the page."""
    line = st.query_params.get("line")
    found = ask(LABEL_OF_LINE, {**view.values, "line": line}) if line else []
    if line and not found:
        raise UnknownValueError(NO_LINE, line)
    ahead(view, BALANCES)  # the first table, beside the chart
    months = ask(BY_MONTH, view.values)
    is_budgeted = bool(ask(BUDGETED, view.values))
    ahead(view, *([WITH_BUDGET, BUDGET] if is_budgeted else [LINES]))
    if months:
        series = {"income": INCOME, "expenses": EXPENSES, "result": RESULT}
        bars(view, months, "month", series, view.say(CHART))
    table(view, BALANCES)
    if found:
        st.header(found[0][view.say(LABEL)], anchor=False)
        table(view, ACCOUNTS, line=line)
    if is_budgeted:
        table(view, WITH_BUDGET)
        table(view, BUDGET)
    else:
        table(view, LINES)
    names = [row["category_group_label"] for row in ask(AXES, view.values)]
    axes = [Option(name, name) for name in names]
    if axes:
        axis = pick("axis", view.say(AXIS), axes, axes[0])
        table(view, BY_AXIS, axis=axis.value)

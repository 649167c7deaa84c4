"""Cash: the balance of each account and day, where it came from, and the next thirteen weeks."""

from pennylane_dashboard.asking import ask
from pennylane_dashboard.charts import bars, lines
from pennylane_dashboard.drawing import ahead, table
from pennylane_dashboard.tables import Column, Kind, Link, Table
from pennylane_dashboard.view import View
from pennylane_dashboard.words import Words

TITLE = Words("Trésorerie", "Cash")

ACCOUNT = Words("Compte bancaire", "Bank account")
IN = Words("Encaissements", "Money in")
OUT = Words("Décaissements", "Money out")
BANK = Words("Solde en banque", "Bank balance")
LEDGER = Words("Solde comptable", "Ledger balance")
DIFFERENCE = Words("Écart", "Difference")
CLOSING = Words("Solde de fin de semaine", "Balance at the end of the week")
CHART = Words("Solde de chaque compte, jour par jour", "Balance of each account, day by day")

POSITIONS = Table(
    name="bank-accounts",
    title=Words("Comptes bancaires", "Bank accounts"),
    query="""
SELECT DISTINCT ON (bank_account_name, bank_account_id)
    bank_account_name, account_number, currency, date, bank_balance, ledger_balance, difference
FROM cash_position
WHERE company_id = %(company)s AND date <= %(until)s
ORDER BY bank_account_name, bank_account_id, date DESC
""",
    columns=(
        Column("bank_account_name", ACCOUNT),
        Column(
            "account_number",
            Words("Compte", "Account"),
            Kind.CODE,
            link=Link("ledger", {"account": "account_number"}),
        ),
        Column("date", Words("Dernier mouvement", "Latest movement"), Kind.DAY),
        Column("bank_balance", BANK, Kind.MONEY, wrong=-1),
        Column("ledger_balance", LEDGER, Kind.MONEY, wrong=-1),
        Column("difference", DIFFERENCE, Kind.MONEY),
    ),
)
FORECAST = Table(
    name="cash-forecast",
    title=Words("Prévision à treize semaines", "Thirteen-week forecast"),
    query="""
SELECT week_start, receipts, payments, closing_balance FROM cash_forecast
WHERE company_id = %(company)s ORDER BY week
""",
    columns=(
        Column("week_start", Words("Semaine du", "Week of"), Kind.DAY),
        Column("receipts", IN, Kind.MONEY),
        Column("payments", OUT, Kind.MONEY),
        Column("closing_balance", CLOSING, Kind.MONEY, wrong=-1),
    ),
    note=Words(
        "D'après les échéances des factures ouvertes ; ce qui est en retard est dans la première"
        " semaine. Ni salaires ni impôts à venir.",
        "From the due dates of the open invoices; what is overdue is in the first week. Neither"
        " salaries nor taxes to come.",
    ),
)
FLOW = Table(
    name="cash-flow",
    title=Words("D'où vient et où va la trésorerie", "Where cash came from and went to"),
    query="""
SELECT label_fr, label_en, label_fr IS NULL AS is_total,
    sum(money_in) AS money_in, sum(money_out) AS money_out, sum(amount) AS amount
FROM cash_flow
WHERE company_id = %(company)s
    AND month BETWEEN date_trunc('month', %(since)s::date) AND %(until)s::date
GROUP BY GROUPING SETS ((position, label_fr, label_en), ())
HAVING count(*) > 0
ORDER BY position
""",
    columns=(
        Column(Words("label_fr", "label_en"), Words("Flux", "Flow")),
        Column("money_in", IN, Kind.MONEY),
        Column("money_out", OUT, Kind.MONEY),
        Column("amount", Words("Variation", "Change"), Kind.MONEY),
    ),
)
DAYS = Table(
    name="cash-by-day",
    title=Words("Par compte et par jour", "By account and day"),
    query="""
SELECT date, bank_account_name, currency, money_in, money_out, bank_balance, ledger_balance,
    nullif(difference, 0) AS difference
FROM cash_position
WHERE company_id = %(company)s AND date BETWEEN %(since)s AND %(until)s
ORDER BY date DESC, bank_account_name
""",
    columns=(
        Column("date", Words("Jour", "Day"), Kind.DAY),
        Column("bank_account_name", ACCOUNT),
        Column("money_in", IN, Kind.MONEY),
        Column("money_out", OUT, Kind.MONEY),
        Column("bank_balance", BANK, Kind.MONEY, wrong=-1),
        Column("ledger_balance", LEDGER, Kind.MONEY, wrong=-1),
        Column("difference", DIFFERENCE, Kind.MONEY),
    ),
    limit=60,
    charted=True,
)


def draw(view: View) -> None:
    """Draw the page."""
    table(view, POSITIONS)
    ahead(view, DAYS, FORECAST, FLOW)
    if course := ask(DAYS.query, view.values):
        lines(view, course, "date", "bank_balance", "bank_account_name", view.say(CHART))
    if weeks := table(view, FORECAST):
        title = view.say(FORECAST.title)
        bars(view, weeks, "week_start", {"closing_balance": CLOSING}, title, of_days=True)
    table(view, FLOW)
    table(view, DAYS)

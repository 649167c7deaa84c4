"""Customers and suppliers: the same tables, read from the views of either."""

from dataclasses import dataclass

from pennylane_dashboard.asking import ask
from pennylane_dashboard.charts import lines
from pennylane_dashboard.drawing import ahead, table
from pennylane_dashboard.tables import Column, Kind, Link, Table
from pennylane_dashboard.view import View
from pennylane_dashboard.words import Words

CUSTOMERS = Words("Clients", "Customers")
SUPPLIERS = Words("Fournisseurs", "Suppliers")

NOT_DUE = Words("Non échu", "Not due")
DUE = Words("Échéance", "Due")
REMAINING = Words("Reste dû", "Outstanding")
DAYS = Words("Jours de retard", "Days overdue")
AGES = (
    Column("not_due", NOT_DUE, Kind.MONEY),
    Column("overdue_1_30", Words("1 à 30 j", "1–30 days"), Kind.MONEY),
    Column("overdue_31_60", Words("31 à 60 j", "31–60 days"), Kind.MONEY),
    Column("overdue_61_90", Words("61 à 90 j", "61–90 days"), Kind.MONEY),
    Column("overdue_over_90", Words("> 90 j", "> 90 days"), Kind.MONEY, wrong=1),
)
AGED = """
SELECT customer_name, min(account_number) AS account_number,
    GROUPING(customer_name) = 1 AS is_total,
    sum(not_due) AS not_due, sum(overdue_1_30) AS overdue_1_30,
    sum(overdue_31_60) AS overdue_31_60, sum(overdue_61_90) AS overdue_61_90,
    sum(overdue_over_90) AS overdue_over_90, sum(credits) AS credits,
    sum(remaining_amount) AS remaining_amount
FROM aged_receivables_on(least(%(until)s::date, %(today)s::date))
WHERE company_id = %(company)s
GROUP BY ROLLUP (customer_name) HAVING count(*) > 0
ORDER BY GROUPING(customer_name), sum(remaining_amount) DESC
"""
TOP = """
SELECT customer_name, last_12_months_before_tax, previous_12_months_before_tax, invoices,
    open_amount, overdue_amount
FROM customer_summary WHERE company_id = %(company)s
ORDER BY last_12_months_before_tax DESC, amount_before_tax DESC
"""
OPEN = """
SELECT invoice_number, customer_name, invoice_date, due_date,
    nullif(days_overdue, 0) AS days_overdue, amount, remaining_amount, ledger_entry_id
FROM invoices_receivable WHERE company_id = %(company)s
ORDER BY due_date NULLS LAST, invoice_number
"""
DELAYS = """
SELECT as_of, days_sales_outstanding AS days, 'DSO' AS name FROM payment_delays
WHERE company_id = %(company)s AND as_of <= least(%(until)s::date, %(today)s::date + 31)
    AND as_of > %(until)s::date - 730
ORDER BY as_of
"""
DELAY = Words("Délai moyen de règlement ({name}), en jours", "{name}, in days")


@dataclass(frozen=True)
class Side:
    """Customers or suppliers.

    Attributes:
        aged: the aged balance.
        top: by turnover or purchases.
        documents: what is open.
        delays: query of the DSO or DPO.
    """

    aged: Table
    top: Table
    documents: Table
    delays: str


def _side(who: str, name: Words, business: Words, *, sells: bool) -> Side:
    """Declare the tables of one side; the views of both have the same columns."""
    party = Column(f"{who}_name", name)
    linked = Column(f"{who}_name", name, link=Link("ledger", {"account": "account_number"}))

    def of(query: str) -> str:
        if sells:
            return query
        return (
            query.replace("receivable", "payable")
            .replace("customer", "supplier")
            .replace("days_sales_outstanding", "days_payables_outstanding")
            .replace("'DSO'", "'DPO'")
        )

    return Side(
        aged=Table(
            name=f"aged-balance-{who}s",
            title=Words("Balance âgée", "Aged balance"),
            query=of(AGED),
            columns=(
                linked,
                *AGES,
                Column("credits", Words("Avoirs et acomptes", "Credits"), Kind.MONEY),
                Column("remaining_amount", REMAINING, Kind.MONEY),
            ),
            note=Words(
                "D'après le lettrage, à la fin de la période ou aujourd'hui.",
                "From the lettering, at the end of the period or today.",
            ),
        ),
        top=Table(
            name=f"top-{who}s",
            title=business,
            query=of(TOP),
            columns=(
                party,
                Column(
                    "last_12_months_before_tax",
                    Words("12 derniers mois HT", "Last 12 months, before tax"),
                    Kind.MONEY,
                ),
                Column(
                    "previous_12_months_before_tax",
                    Words("12 mois précédents HT", "12 months before, before tax"),
                    Kind.MONEY,
                ),
                Column("invoices", Words("Factures", "Invoices"), Kind.COUNT),
                Column("open_amount", REMAINING, Kind.MONEY),
                Column("overdue_amount", Words("En retard", "Overdue"), Kind.MONEY, wrong=1),
            ),
            limit=20,
        ),
        documents=Table(
            name=f"open-invoices-{who}s",
            title=Words("Factures ouvertes", "Open invoices"),
            query=of(OPEN),
            columns=(
                Column(
                    "invoice_number",
                    Words("Numéro", "Number"),
                    Kind.CODE,
                    link=Link("ledger", {"entry": "ledger_entry_id"}),
                ),
                party,
                Column("invoice_date", Words("Date", "Date"), Kind.DAY),
                Column("due_date", DUE, Kind.DAY),
                Column("days_overdue", DAYS, Kind.COUNT, wrong=1),
                Column("amount", Words("Montant TTC", "Amount with tax"), Kind.MONEY),
                Column("remaining_amount", REMAINING, Kind.MONEY),
            ),
            empty=Words("Aucune facture ouverte.", "No open invoices."),
        ),
        delays=of(DELAYS),
    )


CUSTOMER_SIDE = _side(
    "customer",
    Words("Client", "Customer"),
    Words("Principaux clients", "Main customers"),
    sells=True,
)
SUPPLIER_SIDE = _side(
    "supplier",
    Words("Fournisseur", "Supplier"),
    Words("Principaux fournisseurs", "Main suppliers"),
    sells=False,
)


def draw_customers(view: View) -> None:
    """Draw the page of the customers."""
    _draw(view, CUSTOMER_SIDE)


def draw_suppliers(view: View) -> None:
    """Draw the page of the suppliers."""
    _draw(view, SUPPLIER_SIDE)


def _draw(view: View, side: Side) -> None:
    table(view, side.aged)
    ahead(view, side.top, side.documents)
    if delays := ask(side.delays, view.values):
        title = view.say(DELAY, name=delays[0]["name"])
        lines(view, delays, "as_of", "days", "name", title, title=title)
    table(view, side.top)
    table(view, side.documents)

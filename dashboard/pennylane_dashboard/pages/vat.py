"""VAT: by month from the ledger, and what a return of the period contains."""

from pennylane_dashboard.charts import bars
from pennylane_dashboard.drawing import table
from pennylane_dashboard.tables import Column, Kind, Link, Table
from pennylane_dashboard.view import View
from pennylane_dashboard.words import Words

TITLE = Words("TVA", "VAT")

COLLECTED = Words("TVA collectée", "Collected")
DEDUCTIBLE = Words("TVA déductible", "Deductible")
DUE = Words("TVA due", "Due")
KINDS = {
    "collected": COLLECTED,
    "deductible": DEDUCTIBLE,
    "deductible_on_assets": Words("TVA déductible sur immobilisations", "Deductible on assets"),
    "due_within_eu": Words("TVA due intracommunautaire", "Due within the EU"),
    "on_payment": Words("En attente d'encaissement", "Due on payment"),
    "declared": Words("Déclarée", "Declared"),
    "paid": Words("Payée", "Paid"),
    "other": Words("Autre", "Other"),
    "deductible on assets": Words("TVA déductible sur immobilisations", "Deductible on assets"),
    "credit to carry forward": Words("Crédit à reporter", "Credit to carry forward"),
    "due within the EU": Words("TVA due intracommunautaire", "Due within the EU"),
    "to pay": Words("TVA à décaisser", "To pay"),
    "to be settled": Words("À régulariser", "To be settled"),
}
SOURCES = {
    "documents": Words("Factures", "Invoices"),
    "ledger": Words("Comptabilité (445)", "Ledger (445)"),
}
SUBSTANCES = {
    "goods": Words("biens", "goods"),
    "services": Words("services", "services"),
    "unknown": Words("non précisé", "unknown"),
}

MONTHS = Table(
    name="vat-by-month",
    title=Words("TVA par mois", "VAT by month"),
    query="""
SELECT month, month IS NULL AS is_total, sum(collected) AS collected, sum(deductible) AS deductible,
    sum(vat_due) AS vat_due, sum(settled) AS settled
FROM vat_summary
WHERE company_id = %(company)s
    AND month BETWEEN date_trunc('month', %(since)s::date) AND %(until)s::date
GROUP BY ROLLUP (month) HAVING count(*) > 0 ORDER BY month
""",
    columns=(
        Column("month", Words("Mois", "Month"), Kind.MONTH),
        Column("collected", COLLECTED, Kind.MONEY),
        Column("deductible", DEDUCTIBLE, Kind.MONEY),
        Column("vat_due", DUE, Kind.MONEY),
        Column("settled", Words("Déclarations et paiements", "Returns and payments"), Kind.MONEY),
    ),
    note=Words(
        "D'après les comptes 445, sans les à-nouveaux. Une TVA due négative est un crédit.",
        "From the accounts 445, without opening balances. Negative VAT due is a credit.",
    ),
)
RETURN = Table(
    name="vat-return",
    title=Words("Ce que contient la déclaration (CA3)", "What the return (CA3) contains"),
    query="""
SELECT source, kind, percentage,
    CASE WHEN source = 'documents' THEN substance END AS substance,
    sum(base) AS base, sum(tax) AS tax
FROM vat_return
WHERE company_id = %(company)s
    AND month BETWEEN date_trunc('month', %(since)s::date) AND %(until)s::date
GROUP BY source, kind, percentage, substance
ORDER BY source, kind, percentage DESC, substance
""",
    columns=(
        Column("kind", Words("Nature", "Kind"), texts=KINDS),
        Column("percentage", Words("Taux (%)", "Rate (%)"), Kind.NUMBER),
        Column("substance", Words("Biens ou services", "Goods or services"), texts=SUBSTANCES),
        Column("base", Words("Base HT", "Base"), Kind.MONEY),
        Column("tax", Words("TVA", "VAT"), Kind.MONEY),
    ),
    group=Column("source", Words("Source", "Source"), texts=SOURCES),
)
ACCOUNTS = Table(
    name="vat-by-account",
    title=Words("Par compte", "By account"),
    query="""
SELECT account_number, account_label, vat_kind, sum(debits) AS debits, sum(credits) AS credits,
    sum(vat_due) AS vat_due, sum(settled) AS settled
FROM vat_summary
WHERE company_id = %(company)s
    AND month BETWEEN date_trunc('month', %(since)s::date) AND %(until)s::date
GROUP BY account_number, account_label, vat_kind ORDER BY account_number
""",
    columns=(
        Column(
            "account_number",
            Words("Compte", "Account"),
            Kind.CODE,
            link=Link("ledger", {"account": "account_number"}),
        ),
        Column("account_label", Words("Libellé", "Label")),
        Column("vat_kind", Words("Nature", "Kind"), texts=KINDS),
        Column("debits", Words("Débits", "Debits"), Kind.MONEY),
        Column("credits", Words("Crédits", "Credits"), Kind.MONEY),
        Column("vat_due", DUE, Kind.MONEY),
        Column("settled", Words("Déclarations et paiements", "Returns and payments"), Kind.MONEY),
    ),
)


def draw(view: View) -> None:
    """Draw the page."""
    rows = [row for row in table(view, MONTHS) if not row["is_total"]]
    if rows:
        series = {"collected": COLLECTED, "deductible": DEDUCTIBLE, "vat_due": DUE}
        bars(view, rows, "month", series, view.say(MONTHS.title))
    table(view, RETURN)
    table(view, ACCOUNTS)

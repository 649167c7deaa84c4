"""VAT: by month from the ledger, what a return of the period contains, and what falls due in it."""

from dataclasses import replace
from typing import LiteralString

import streamlit as st

from pennylane_dashboard import formats
from pennylane_dashboard.charts import bars
from pennylane_dashboard.drawing import ahead, table
from pennylane_dashboard.filters import NO_OPTION
from pennylane_dashboard.tables import Column, Kind, Link, Table
from pennylane_dashboard.troubles import UnknownValueError
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
STATES = {
    "invoiced": Words("à la facture", "with the invoice"),
    "paid": Words("au paiement", "on payment"),
    "open": Words("pas encore payée", "not paid yet"),
    "paid_undated": Words("payée mais non lettrée", "paid but not lettered"),
    "not_paid": Words("soldée sans paiement", "cleared without a payment"),
}
UNDATED = ("open", "paid_undated", "not_paid")
"""VAT in these states has no day on which it falls due."""
ALL = "vat_due"
KINDS_DUE = {
    **{name: KINDS[name] for name in ("collected", "deductible", "deductible_on_assets")},
    ALL: Words("TVA due (collectée moins déductible)", "VAT due (collected minus deductible)"),
}

KIND = Column("kind", Words("Nature", "Kind"), texts=KINDS_DUE)
RATE = Column("percentage", Words("Taux (%)", "Rate (%)"), Kind.NUMBER)
SUBSTANCE = Column("substance", Words("Biens ou services", "Goods or services"), texts=SUBSTANCES)
BASE = Column("base", Words("Base HT", "Base"), Kind.MONEY)
TAX = Column("tax", Words("TVA", "VAT"), Kind.MONEY)
INVOICES = Column(
    "invoices", Words("Factures", "Invoices"), Kind.COUNT, link=Link("vat", {"part": "part"})
)

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
    columns=(Column("kind", Words("Nature", "Kind"), texts=KINDS), RATE, SUBSTANCE, BASE, TAX),
    group=Column("source", Words("Source", "Source"), texts=SOURCES),
    note=Words(
        "Les factures à leur date, qu'elles soient payées ou non ; les comptes 445 à la date des"
        " écritures.",
        "Invoices by their date, paid or not; the accounts 445 by the date of their entries.",
    ),
)
FELL_DUE = Table(
    name="vat-fell-due",
    title=Words("TVA devenue exigible", "VAT that fell due"),
    query="""
SELECT coalesce(kind, 'vat_due') AS kind, state, percentage, substance,
    concat_ws('-', coalesce(kind, 'vat_due'), state, rate, substance) AS part,
    GROUPING(state) = 1 AS is_total,
    count(DISTINCT (customer_invoice_id, supplier_invoice_id)) AS invoices,
    CASE GROUPING(kind) WHEN 0 THEN sum(base) END AS base,
    CASE GROUPING(kind)
        WHEN 0 THEN sum(tax) ELSE sum(CASE kind WHEN 'collected' THEN tax ELSE -tax END)
    END AS tax
FROM vat_by_invoice_between(%(since)s, %(until)s),
    LATERAL (SELECT coalesce(percentage::text, 'none') AS rate) AS named
WHERE company_id = %(company)s
GROUP BY GROUPING SETS ((kind, state, rate, percentage, substance), (kind), ())
HAVING count(*) > 0
ORDER BY kind, state, percentage DESC, substance
""",
    columns=(
        Column("state", Words("Exigible", "Due"), texts=STATES),
        RATE,
        SUBSTANCE,
        INVOICES,
        BASE,
        TAX,
    ),
    group=KIND,
    note=Words(
        "Les biens à la facture ; les services au paiement, d'après le lettrage, sauf option pour"
        " les débits.",
        "Goods with the invoice; services on payment, according to the lettering, unless the"
        " company opted for its invoices.",
    ),
)
NOT_DUE = Table(
    name="vat-not-due",
    title=Words("Facturée dans la période, sans date d'exigibilité", "Invoiced, without a due day"),
    query="""
SELECT kind, state, state = 'paid_undated' AS is_wrong, concat_ws('-', kind, state) AS part,
    count(DISTINCT (customer_invoice_id, supplier_invoice_id)) AS invoices,
    sum(base) AS base, sum(tax) AS tax
FROM vat_by_invoice
WHERE company_id = %(company)s AND date BETWEEN %(since)s AND %(until)s AND due_on IS NULL
GROUP BY kind, state ORDER BY kind, state
""",
    columns=(
        Column("state", Words("État", "State"), texts=STATES, flag="is_wrong"),
        INVOICES,
        BASE,
        TAX,
    ),
    group=KIND,
    empty=Words(
        "Toute la TVA facturée dans la période est exigible.",
        "All VAT invoiced in the period has fallen due.",
    ),
    note=Words(
        "Services facturés dans la période. Une facture payée mais non lettrée est à lettrer avant"
        " de déclarer : le jour de son paiement est inconnu.",
        "Services invoiced in the period. Letter what is paid but not lettered before you file:"
        " the day of its payment is unknown.",
    ),
)
OF_PART: LiteralString = """
    AND (
        %(part)s = 'vat_due'
        OR starts_with(
            concat_ws('-', kind, state, coalesce(percentage::text, 'none'), substance, ''),
            %(part)s || '-'
        )
    )
"""
DOCUMENTS = Table(
    name="vat-documents",
    title=Words("Factures de cette TVA", "Invoices of this VAT"),
    query="""
SELECT due_on, invoice_number, date, kind, state, percentage, substance, base, tax, ledger_entry_id
FROM vat_by_invoice_between(%(since)s, %(until)s)
WHERE company_id = %(company)s"""
    + OF_PART
    + "ORDER BY due_on, kind, invoice_number, percentage DESC, substance",
    columns=(
        Column("due_on", Words("Exigible le", "Due on"), Kind.DAY),
        Column(
            "invoice_number",
            Words("Numéro", "Number"),
            Kind.CODE,
            link=Link("ledger", {"entry": "ledger_entry_id"}),
        ),
        Column("date", Words("Date", "Date"), Kind.DAY),
        KIND,
        Column("state", Words("Exigible", "Due"), texts=STATES),
        RATE,
        SUBSTANCE,
        BASE,
        TAX,
    ),
)
UNDATED_DOCUMENTS = replace(
    DOCUMENTS,
    query="""
SELECT invoice_number, date, kind, state, percentage, substance, base, tax, ledger_entry_id
FROM vat_by_invoice
WHERE company_id = %(company)s AND date BETWEEN %(since)s AND %(until)s AND due_on IS NULL"""
    + OF_PART
    + "ORDER BY date, invoice_number, percentage DESC, substance",
    columns=DOCUMENTS.columns[1:],
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
    if part := st.query_params.get("part"):
        table(view, _documents(part), part=part)
    rows = [row for row in table(view, MONTHS) if not row["is_total"]]
    ahead(view, ACCOUNTS, RETURN, FELL_DUE, NOT_DUE)
    if rows:
        series = {"collected": COLLECTED, "deductible": DEDUCTIBLE, "vat_due": DUE}
        bars(view, rows, "month", series, view.say(MONTHS.title))
    table(view, ACCOUNTS)
    table(view, RETURN)
    table(view, FELL_DUE)
    table(view, NOT_DUE)


def _documents(part: str) -> Table:
    """Return the table of the invoices that a figure adds up.

    Args:
        part: what the figure is of: a kind, and perhaps a state, a rate, and goods or services.

    Raises:
        UnknownValueError: there is no such figure.
    """
    kind, state, rate, substance, *more = [*part.split("-"), *[""] * 3]
    known = kind in KINDS_DUE and state in {"", *STATES} and substance in {"", *SUBSTANCES}
    if not known or any(more) or (rate not in {"", "none"} and formats.parsed_amount(rate) is None):
        raise UnknownValueError(NO_OPTION, part)
    return UNDATED_DOCUMENTS if state in UNDATED else DOCUMENTS

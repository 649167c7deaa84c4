"""Controls: what an accountant should look at."""

from dataclasses import replace

import streamlit as st

from pennylane_dashboard.asking import ask
from pennylane_dashboard.choosing import pick_any
from pennylane_dashboard.drawing import ahead, table
from pennylane_dashboard.filters import Option
from pennylane_dashboard.tables import Column, Kind, Link, Table
from pennylane_dashboard.view import View
from pennylane_dashboard.words import Words

TITLE = Words("Contrôles", "Controls")

SEVERITIES = {
    "error": Words("Erreur", "Error"),
    "warning": Words("À expliquer", "To be explained"),
    "info": Words("À compléter", "To be completed"),
}
RULES = {
    "attachment_missing": Words("Justificatif manquant", "Attachment missing"),
    "bank_differs": Words("Écart 512 / banque", "Bank differs from 512"),
    "cash_below_zero": Words("Caisse négative", "Cash below zero"),
    "closed_year_changed": Words("Exercice clos modifié", "Closed year changed"),
    "customer_differs": Words("Écart 411 / factures clients", "411 differs from invoices"),
    "customer_in_credit": Words("Client créditeur", "Customer in credit"),
    "entry_unbalanced": Words("Écriture déséquilibrée", "Entry unbalanced"),
    "invoice_number_gap": Words("Rupture de numérotation", "Gap in invoice numbers"),
    "invoice_number_twice": Words("Numéro de facture en double", "Invoice number twice"),
    "invoice_without_entry": Words("Facture non comptabilisée", "Invoice without entry"),
    "line_not_lettered": Words("Ligne non lettrée", "Line not lettered"),
    "line_outside_years": Words("Hors exercice", "Outside every fiscal year"),
    "opening_mismatch": Words("À-nouveaux ≠ clôture", "Openings differ from closing"),
    "supplier_differs": Words("Écart 401 / factures fournisseurs", "401 differs from invoices"),
    "supplier_in_debit": Words("Fournisseur débiteur", "Supplier in debit"),
    "supplier_invoice_twice": Words("Facture fournisseur en double", "Supplier invoice twice"),
    "suspense_account_open": Words("Compte d'attente non soldé", "Suspense account open"),
    "transaction_without_entry": Words(
        "Mouvement non comptabilisé", "Bank transaction without entry"
    ),
    "vat_differs": Words("TVA facture / écriture", "VAT differs from entry"),
    "vat_rate_mismatch": Words("TVA incohérente", "VAT is not base times rate"),
}
SEVERITY = Words("Gravité", "Severity")
RULE = Words("Contrôle", "Control")
CLEAN = Words(
    "Rien à signaler pour ces filtres.",
    "Nothing to report for these filters.",
)

# The number of findings of each rule, and then the findings: the rules are evaluated once for both.
EVERY_FINDING = """
WITH found AS MATERIALIZED (
    SELECT severity, rule, date, document, account_number, amount, sentence_fr, sentence_en,
        ids ->> 'ledger_entry_id' AS ledger_entry_id
    FROM open_findings
    WHERE company_id = %(company)s
)
SELECT *, findings IS NOT NULL AS is_count
FROM (
    SELECT *, NULL AS findings FROM found
    UNION ALL
    SELECT severity, rule, NULL, NULL, NULL, NULL, NULL, NULL, NULL, count(*)
    FROM found GROUP BY severity, rule
) AS both_parts
ORDER BY is_count DESC, array_position(ARRAY['error', 'warning', 'info'], severity), findings DESC,
    date DESC, rule, document
"""
BY_RULE = Table(
    name="findings-by-rule",
    title=Words("Par contrôle", "By control"),
    query=EVERY_FINDING,
    among={"is_count": True},
    columns=(
        Column("severity", SEVERITY, texts=SEVERITIES),
        Column("rule", RULE, texts=RULES, link=Link("controls", {"rule": "rule"})),
        Column("findings", Words("Constats", "Findings"), Kind.COUNT),
    ),
    empty=CLEAN,
)
FINDINGS = Table(
    name="findings",
    title=Words("Constats", "Findings"),
    query="""
SELECT severity, rule, date, document, account_number, amount, sentence_fr, sentence_en,
    ids ->> 'ledger_entry_id' AS ledger_entry_id
FROM open_findings
WHERE company_id = %(company)s
    AND (%(severity)s::text IS NULL OR severity = %(severity)s)
    AND (%(rule)s::text IS NULL OR rule = %(rule)s)
ORDER BY array_position(ARRAY['error', 'warning', 'info'], severity), date DESC, rule, document
""",
    columns=(
        Column("severity", SEVERITY, texts=SEVERITIES),
        Column("rule", RULE, texts=RULES),
        Column("date", Words("Date", "Date"), Kind.DAY),
        Column(
            "document",
            Words("Pièce", "Document"),
            Kind.CODE,
            link=Link("ledger", {"entry": "ledger_entry_id"}),
        ),
        Column(
            "account_number",
            Words("Compte", "Account"),
            Kind.CODE,
            link=Link("ledger", {"account": "account_number"}),
        ),
        Column("amount", Words("Montant", "Amount"), Kind.MONEY),
        Column(Words("sentence_fr", "sentence_en"), Words("Constat", "Finding")),
    ),
    empty=CLEAN,
)
ALL_FINDINGS = replace(FINDINGS, query=EVERY_FINDING, among={"is_count": False})

HAS_ACKNOWLEDGED = "SELECT FROM acknowledged_findings WHERE company_id = %(company)s LIMIT 1"
ACKNOWLEDGED = Table(
    name="acknowledged-findings",
    title=Words("Constats traités", "Acknowledged findings"),
    query="""
SELECT finding.rule, finding.date, finding.document, finding.amount, finding.sentence_fr,
    finding.sentence_en, known.note, known.acknowledged_by,
    (known.acknowledged_at AT TIME ZONE 'Europe/Paris') AS acknowledged_at
FROM acknowledged_findings AS known
INNER JOIN controls AS finding
    ON finding.company_id = known.company_id AND finding.rule = known.rule
        AND finding.ids = known.ids AND finding.amount IS NOT DISTINCT FROM known.amount
WHERE known.company_id = %(company)s
ORDER BY known.acknowledged_at DESC NULLS LAST, finding.rule, finding.document
""",
    columns=(
        Column("rule", RULE, texts=RULES),
        Column("date", Words("Date", "Date"), Kind.DAY),
        Column("document", Words("Pièce", "Document"), Kind.CODE),
        Column("amount", Words("Montant", "Amount"), Kind.MONEY),
        Column(Words("sentence_fr", "sentence_en"), Words("Constat", "Finding")),
        Column("note", Words("Note", "Note")),
        Column("acknowledged_by", Words("Par", "By"), Kind.CODE),
        Column("acknowledged_at", Words("Le", "On"), Kind.MOMENT),
    ),
    empty=Words(
        "Aucun des constats traités n'existe encore.",
        "None of the acknowledged findings exists any more.",
    ),
)


def draw(view: View) -> None:
    """Draw the page."""
    left, right = st.columns(2, gap="small")
    with left:
        severities = [Option(name, view.say(words)) for name, words in SEVERITIES.items()]
        severity = pick_any(view, "severity", SEVERITY, severities)
    with right:
        rules = [Option(name, view.say(words)) for name, words in RULES.items()]
        rule = pick_any(view, "rule", RULE, rules)
    if severity or rule:
        ahead(view, FINDINGS, severity=severity, rule=rule)
        table(view, BY_RULE)
        table(view, FINDINGS, severity=severity, rule=rule)
    else:
        table(view, BY_RULE)
        table(view, ALL_FINDINGS)
    if ask(HAS_ACKNOWLEDGED, {"company": view.company}):
        table(view, ACKNOWLEDGED)

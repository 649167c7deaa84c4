"""The audit trail: what changed, and what changed after a closing."""

import streamlit as st

from pennylane_dashboard.choosing import pick, pick_any
from pennylane_dashboard.drawing import ahead, table
from pennylane_dashboard.filters import Option
from pennylane_dashboard.tables import Column, Kind, Link, Table
from pennylane_dashboard.view import View
from pennylane_dashboard.words import Words

TITLE = Words("Historique", "History")

CHANGES = {
    "added": Words("ajout", "added"),
    "updated": Words("modification", "updated"),
    "deleted": Words("suppression", "deleted"),
    "returned": Words("retour", "returned"),
}
TABLES = {
    "ledger_entries": Words("Écritures", "Ledger entries"),
    "ledger_entry_lines": Words("Lignes d'écriture", "Ledger entry lines"),
    "customer_invoices": Words("Factures clients", "Customer invoices"),
    "supplier_invoices": Words("Factures fournisseurs", "Supplier invoices"),
    "customers": Words("Clients", "Customers"),
    "suppliers": Words("Fournisseurs", "Suppliers"),
    "transactions": Words("Mouvements bancaires", "Bank transactions"),
    "fiscal_years": Words("Exercices", "Fiscal years"),
}
WHEN = Words("Constaté le", "Noticed on")
WHAT = Words("Changement", "Change")
TABLE = Words("Table", "Table")
DIFFERENCES = Words("Avant → après", "Before → after")
AFFECTS = Words("Effet", "Effect")
FIGURES = Words("Seulement ce qui change les chiffres", "Only what changes figures")
EVERYTHING = Words("Tout", "Everything")

AFTER_CLOSING = Table(
    name="changes-after-closing",
    title=Words("Après la clôture", "After a closing"),
    query="""
SELECT period_start, changed_at, change, affects_figures, ledger_entry_id,
    coalesce(old_account_number, new_account_number) AS account_number,
    old_balance, new_balance, differences
FROM changes_after_closing
WHERE company_id = %(company)s AND (%(all)s OR affects_figures)
ORDER BY changed_at DESC, change_id DESC
""",
    columns=(
        Column("period_start", Words("Exercice du", "Fiscal year from"), Kind.DAY),
        Column("changed_at", WHEN, Kind.MOMENT),
        Column("change", WHAT, Kind.CODE, texts=CHANGES),
        Column(
            "ledger_entry_id",
            Words("Écriture", "Entry"),
            Kind.CODE,
            link=Link("ledger", {"entry": "ledger_entry_id"}),
        ),
        Column("account_number", Words("Compte", "Account"), Kind.CODE),
        Column("old_balance", Words("Montant avant", "Amount before"), Kind.MONEY),
        Column("new_balance", Words("Montant après", "Amount after"), Kind.MONEY),
        Column("differences", DIFFERENCES),
    ),
    empty=Words(
        "Rien n'a changé dans un exercice clos depuis que l'historique est tenu.",
        "Nothing has changed in a closed fiscal year since the audit trail began.",
    ),
)
EVERY_CHANGE = Table(
    name="changes",
    title=Words("Tous les changements", "All changes"),
    query="""
SELECT changed_at, table_name, row_key, change, differences FROM changes
WHERE company_id = %(company)s AND (%(table)s::text IS NULL OR table_name = %(table)s)
ORDER BY changed_at DESC, change_id DESC
""",
    columns=(
        Column("changed_at", WHEN, Kind.MOMENT),
        Column("table_name", TABLE, texts=TABLES),
        Column("row_key", Words("Identifiant", "Id"), Kind.CODE),
        Column("change", WHAT, Kind.CODE, texts=CHANGES),
        Column("differences", DIFFERENCES),
    ),
    empty=Words(
        "Rien n'a changé depuis que l'historique est tenu.",
        "Nothing has changed since the audit trail began.",
    ),
)


def draw(view: View) -> None:
    """Draw the page."""
    left, right = st.columns(2, gap="small")
    with left:
        figures = Option("figures", view.say(FIGURES))
        effect = pick(
            "effect", view.say(AFFECTS), [figures, Option("all", view.say(EVERYTHING))], figures
        )
    with right:
        tables = [Option(name, view.say(words)) for name, words in TABLES.items()]
        name = pick_any(view, "table", TABLE, tables)
    ahead(view, EVERY_CHANGE, table=name)
    table(view, AFTER_CLOSING, all=effect.value == "all")
    table(view, EVERY_CHANGE, table=name)

"""The general ledger: search it, go through it page by page, and open an entry."""

from datetime import date
from html import escape

import streamlit as st

from pennylane_dashboard import formats
from pennylane_dashboard.asking import ask
from pennylane_dashboard.choosing import pick_any, write
from pennylane_dashboard.drawing import table
from pennylane_dashboard.filters import Option
from pennylane_dashboard.tables import Column, Kind, Link, Table
from pennylane_dashboard.troubles import UnknownValueError
from pennylane_dashboard.view import View
from pennylane_dashboard.words import Words

TITLE = Words("Grand livre", "General ledger")

ACCOUNT = Words("Compte", "Account")
TEXT = Words("Texte", "Text")
AMOUNT = Words("Montant", "Amount")
JOURNAL = Words("Journal", "Journal")
DEBIT = Words("Débit", "Debit")
CREDIT = Words("Crédit", "Credit")
LABEL = Words("Libellé", "Label")
NO_ENTRY = Words(
    "L'adresse désigne une écriture que cette société n'a pas : {value}.",
    "The address names an entry that this company does not have: {value}.",
)
NO_PLACE = Words(
    "L'adresse désigne une page du grand livre qui n'existe pas : {value}.",
    "The address names a page of the ledger that does not exist: {value}.",
)
NO_AMOUNT = Words(
    "Ce n'est pas un montant : {value}. Écrivez-le comme 1 234,56.",
    "This is not an amount: {value}. Write it like 1,234.56.",
)
NEXT = Words("Page suivante", "Next page")
FIRST = Words("Première page", "First page")
BACK = Words("Retour au grand livre", "Back to the ledger")

LONGEST_ID = 18
"""Digits of a number that PostgreSQL takes for sure."""
JOURNALS = """
SELECT journal_code, journal_label FROM journals
WHERE company_id = %(company)s ORDER BY journal_code
"""
ENTRY = Link("ledger", {"entry": "ledger_entry_id"}, {"account": None})
COLUMNS = (
    Column("date", Words("Date", "Date"), Kind.DAY),
    Column("journal_code", JOURNAL, Kind.CODE),
    Column("piece_number", Words("Pièce", "Document"), Kind.CODE, link=ENTRY),
    Column(
        "account_number",
        ACCOUNT,
        Kind.CODE,
        link=Link("ledger", {"account": "account_number"}, {"entry": None}),
    ),
    Column("account_label", Words("Nom du compte", "Account name")),
    Column("label", LABEL, link=ENTRY),
    Column("debit", DEBIT, Kind.MONEY),
    Column("credit", CREDIT, Kind.MONEY),
)
LINES = Table(
    name="ledger",
    title=Words("Lignes", "Lines"),
    query="""
SELECT date, journal_code, coalesce(piece_number, invoice_number) AS piece_number,
    account_number, account_label, coalesce(nullif(line_label, ''), entry_label) AS label,
    nullif(debit, 0) AS debit, nullif(credit, 0) AS credit, ledger_entry_id, ledger_entry_line_id
FROM general_ledger
WHERE company_id = %(company)s
    AND date BETWEEN %(since)s AND %(until)s
    AND (%(journal)s::text IS NULL OR journal_code = %(journal)s)
    AND (%(account)s = '' OR starts_with(account_number, %(account)s))
    AND (%(amount)s::numeric IS NULL OR %(amount)s IN (debit, credit))
    AND (
        %(text)s = ''
        OR concat_ws(' ', line_label, entry_label, piece_number, invoice_number, account_label)
            ILIKE %(pattern)s
    )
    AND (
        %(after_date)s::date IS NULL
        OR (date, ledger_entry_line_id) > (%(after_date)s, %(after_line)s)
    )
ORDER BY date, ledger_entry_line_id
""",
    columns=COLUMNS,
    limit=100,
    empty=Words(
        "Aucune ligne ne correspond. Élargissez la période ou la recherche.",
        "No line matches. Widen the period or the search.",
    ),
)
SUMS = Table(
    name="ledger-sums",
    title=Words("Total de la sélection", "Total of the selection"),
    query="""
SELECT count(*) AS lines, sum(debit) AS debit, sum(credit) AS credit, sum(balance) AS balance
FROM general_ledger
WHERE company_id = %(company)s
    AND date BETWEEN %(since)s AND %(until)s
    AND (%(journal)s::text IS NULL OR journal_code = %(journal)s)
    AND starts_with(account_number, %(account)s)
""",
    columns=(
        Column("lines", Words("Lignes", "Lines"), Kind.COUNT),
        Column("debit", DEBIT, Kind.MONEY),
        Column("credit", CREDIT, Kind.MONEY),
        Column("balance", Words("Solde", "Balance"), Kind.MONEY),
    ),
)
ENTRY_LINES = Table(
    name="entry",
    title=Words("Lignes de l'écriture", "Lines of the entry"),
    query="""
SELECT date, journal_code, coalesce(piece_number, invoice_number) AS piece_number,
    account_number, account_label, coalesce(nullif(line_label, ''), entry_label) AS label,
    nullif(debit, 0) AS debit, nullif(credit, 0) AS credit, ledger_entry_id, is_total
FROM (
    SELECT *, false AS is_total FROM general_ledger
    WHERE company_id = %(company)s AND ledger_entry_id = %(entry)s
) AS line
ORDER BY ledger_entry_line_id
""",
    columns=COLUMNS,
    limit=1000,
)
DOCUMENTS = Table(
    name="documents",
    title=Words("Factures de l'écriture", "Invoices of the entry"),
    query="""
SELECT 'customer' AS kind, invoice_number, date, due_date, amount,
    remaining_amount_with_tax AS remaining_amount, public_file_url
FROM customer_invoices WHERE company_id = %(company)s AND ledger_entry_id = %(entry)s
UNION ALL
SELECT 'supplier', invoice_number, date, due_date, amount, remaining_amount_with_tax,
    public_file_url
FROM supplier_invoices WHERE company_id = %(company)s AND ledger_entry_id = %(entry)s
""",
    columns=(
        Column(
            "kind",
            Words("Nature", "Kind"),
            texts={
                "customer": Words("facture client", "customer invoice"),
                "supplier": Words("facture fournisseur", "supplier invoice"),
            },
        ),
        Column("invoice_number", Words("Numéro", "Number"), Kind.CODE),
        Column("date", Words("Date", "Date"), Kind.DAY),
        Column("due_date", Words("Échéance", "Due"), Kind.DAY),
        Column("amount", Words("Montant TTC", "Amount with tax"), Kind.MONEY),
        Column("remaining_amount", Words("Reste dû", "Outstanding"), Kind.MONEY),
        Column("public_file_url", Words("Fichier", "File"), Kind.FILE),
    ),
    empty=Words("Aucune facture pour cette écriture.", "No invoice for this entry."),
)


def draw(view: View) -> None:
    """Draw the page."""
    if entry := st.query_params.get("entry"):
        _entry(view, entry)
    else:
        _search(view)


def _entry(view: View, given: str) -> None:
    """Draw one entry with its documents."""
    if not (given.isascii() and given.isdecimal() and len(given) <= LONGEST_ID):
        raise UnknownValueError(NO_ENTRY, given)
    entry = int(given)
    if not ask(ENTRY_LINES.query, {**view.values, "entry": entry}):
        raise UnknownValueError(NO_ENTRY, given)
    table(view, ENTRY_LINES, entry=entry)
    table(view, DOCUMENTS, entry=entry)
    _links(view, [(view.address("ledger"), BACK)])


def _search(view: View) -> None:
    """Draw the lines that are searched for."""
    boxes = st.columns(4, gap="small")
    with boxes[0]:
        account = write(view, "account", ACCOUNT, Words("411", "411"))
    with boxes[1]:
        text = write(view, "text", TEXT, Words("loyer", "rent"))
    with boxes[2]:
        amount = write(view, "amount", AMOUNT, Words("1 234,56", "1,234.56"))
    with boxes[3]:
        found = ask(JOURNALS, view.values)
        journals = [
            Option(row["journal_code"], f"{row['journal_code']} · {row['journal_label']}")
            for row in found
            if row["journal_code"]
        ]
        journal = pick_any(view, "journal", JOURNAL, journals)
    exact = formats.parsed_amount(amount) if amount else None
    if amount and exact is None:
        raise UnknownValueError(NO_AMOUNT, amount)
    after = st.query_params.get("after")
    after_date, after_line = _place(after) if after else (None, None)
    values = {
        "account": account,
        "text": text,
        "pattern": f"%{_literal(text)}%",
        "amount": exact,
        "journal": journal,
    }
    if account and not text and exact is None:
        table(view, SUMS, account=account, journal=journal)
    rows = table(view, LINES, **values, after_date=after_date, after_line=after_line)
    links = []
    kept = {"account": account, "text": text, "amount": amount, "journal": journal}
    shared = {name: value or None for name, value in kept.items()}
    if after:
        links.append((view.address("ledger", **shared), FIRST))
    if len(rows) == LINES.limit:
        last = f"{rows[-1]['date']}_{rows[-1]['ledger_entry_line_id']}"
        links.append((view.address("ledger", **shared, after=last), NEXT))
    if links:
        _links(view, links)


def _links(view: View, links: list[tuple[str, Words]]) -> None:
    """Draw links below a table."""
    parts = (f'<a href="{escape(address)}">{view.say(words)}</a>' for address, words in links)
    st.html(f'<p class="links">{" · ".join(parts)}</p>')


def _place(given: str) -> tuple[date, int]:
    """Return the day and the line after which a page begins."""
    day, _, line = given.partition("_")
    try:
        return date.fromisoformat(day), int(line)
    except ValueError as error:
        raise UnknownValueError(NO_PLACE, given) from error


def _literal(text: str) -> str:
    """Return a text as a pattern that means only itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

"""The controls find each mistake that the sandbox makes in its books, by name, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from pennylane_sandbox.pytest_plugin import Sandbox

    from drafts import Draft

PROJECT = Path(__file__).parents[1]
TABLES = (
    "bank_accounts",
    "customer_invoices",
    "fiscal_years",
    "ledger_entries",
    "ledger_entry_lines",
    "supplier_invoices",
    "transactions",
)
# What is wrong with a transaction that has no entry is wrong with the bank's balance, too.
AS_WELL = {"transaction_without_entry": {"bank_differs"}}
SENTENCES = {
    "cash_below_zero": (
        "La caisse 530000 est négative le 10/06/2026 : -12,34 €.",
        "The till 530000 is below zero on 2026-06-10: -12.34 €.",
    ),
    "suspense_account_open": (
        "Le compte d'attente 471000 n'est pas soldé : -123,45 €.",
        "The suspense account 471000 is not cleared: -123.45 €.",
    ),
    "line_outside_years": (
        "L'écriture du 31/12/2019 n'est dans aucun exercice.",
        "The entry of 2019-12-31 is in no fiscal year.",
    ),
}


class Mirror:
    """Raw tables that follow a sandbox without another load: what changed there is written here."""

    def __init__(self, draft: Draft, sandbox: Sandbox) -> None:
        self.draft = draft
        self.sandbox = sandbox
        columns = draft.ask(
            "SELECT table_name, array_agg(column_name::text) AS names "
            "FROM information_schema.columns WHERE table_schema = 'pennylane' GROUP BY 1"
        )
        self.columns = {row["table_name"]: set(row["names"]) for row in columns}
        self.rows = self._read()

    def _read(self) -> dict[str, dict[int, dict[str, Any]]]:
        return {
            table: {row["id"]: row for row in self.sandbox.rows(f"/{table}")} for table in TABLES
        }

    def _write(self, table: str, key: str, one: int, rows: list[dict[str, Any]]) -> None:
        self.draft.connection.execute(f"DELETE FROM pennylane.{table} WHERE {key} = {one}".encode())  # noqa: S608
        for row in rows:
            known = {name: row[name] for name in row.keys() & self.columns[table]}
            self.draft.add(table, **known)

    def follow(self) -> None:
        """Write what has changed."""
        former, self.rows = self.rows, self._read()
        for table, rows in self.rows.items():
            for one in former[table].keys() | rows.keys():
                if former[table].get(one) == rows.get(one):
                    continue
                self._write(table, "id", one, [rows[one]] if one in rows else [])
                kind = table.removesuffix("s")
                if f"{kind}_lines" in self.columns:
                    lines = self.sandbox.listed(f"/{table}/{one}/invoice_lines", limit=100)
                    parts = [{**line, f"{kind}_id": one} for line in lines]
                    self._write(f"{kind}_lines", f"{kind}_id", one, parts)


def identity(row: dict[str, Any]) -> tuple[Any, ...]:
    """What is found, and how much: balances in the sentence may change with other mistakes."""
    return row["rule"], str(row["ids"]), row["amount"]


def test_clean_books_have_no_finding_and_each_mistake_has_its_own(
    draft: Draft, again: Sandbox
) -> None:
    assert draft.ask("SELECT * FROM controls") == []
    mirror = Mirror(draft, again)
    kinds = again.control("GET", "anomalies")["kinds"]
    before: set[tuple[Any, ...]] = set()
    found: dict[str, list[dict[str, Any]]] = {}
    for kind in kinds:
        again.spoil(kind)
        mirror.follow()
        rows = draft.ask("SELECT * FROM controls")
        new = [row for row in rows if identity(row) not in before]
        assert {row["rule"] for row in new} == {kind} | AS_WELL.get(kind, set()), (kind, new)
        before |= {identity(row) for row in rows}
        found[kind] = new
    everything = [row for rows in found.values() for row in rows]
    assert {row["severity"] for row in everything} == {"error", "warning", "info"}
    for row in everything:
        assert row["company_name"]
        assert row["date"], row
        assert row["ids"], row
        assert row["sentence_fr"] != row["sentence_en"]
    for kind, sentences in SENTENCES.items():
        assert [(row["sentence_fr"], row["sentence_en"]) for row in found[kind]] == [sentences]


CHANGED = """
    SELECT ids ->> 'ledger_entry_id' AS id, severity, amount, sentence_fr, sentence_en
    FROM controls WHERE rule = 'closed_year_changed' ORDER BY 1
"""


def test_what_changed_in_a_closed_year_without_a_word(draft: Draft) -> None:
    """Pennylane's own time stays the same, or alone changes: the audit trail tells which."""
    draft.add(
        "fiscal_years",
        id=1,
        start="2030-07-01",
        finish="2031-06-30",
        status="closed",
        updated_at="2031-09-01",
    )
    for number in range(1, 7):
        day = "2031-05-05" if number < 6 else "2031-07-01"
        draft.enter(number, day, 1, ("606600", "10"), ("512900", "-10"))
    for table in ("fiscal_years", "ledger_entries", "ledger_entry_lines"):
        draft.connection.execute(f"TRUNCATE pennylane_history.{table}".encode())
    assert draft.ask(CHANGED) == []
    change = "UPDATE pennylane.ledger_entry_lines SET {} WHERE ledger_entry_id IN ({})"
    for values, entries in (
        ("debit = debit + 0.01", "1, 6"),
        ("_sdc_deleted_at = now()", "2"),
        ("label = 'x'", "3"),
        ("updated_at = '2040-01-01'", "4"),
    ):
        draft.connection.execute(change.format(values, entries).encode())
    # A new line is one that was written after the closing; an old one was only read later.
    for entry, written in ((7, "2031-08-31"), (8, "2031-10-01")):
        draft.enter(entry, "2031-05-06", 1, ("606600", "5"), ("512900", "-5"))
        draft.connection.execute(
            change.format(f"created_at = '{written}', updated_at = '{written}'", entry).encode()
        )
        draft.connection.execute(
            b"DELETE FROM pennylane_history.ledger_entry_lines WHERE change = 'updated'"
            b" AND record ->> 'ledger_entry_id' = '%d'" % entry
        )
    (today,) = draft.ask("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day")
    found = [tuple(str(value) for value in row.values()) for row in draft.ask(CHANGED)]
    french = "/".join(reversed(today["day"].split("-")))
    fr, en = "après la clôture de l'exercice du 30/06/2031", "after the fiscal year to 2031-06-30"
    assert found == [
        (
            "1",
            "error",
            "10.02",
            f"L'écriture du 05/05/2031 a changé le {french}, {fr}.",
            f"The entry of 2031-05-05 changed on {today['day']}, {en} was closed.",
        ),
        (
            "2",
            "error",
            "10",
            f"L'écriture du 05/05/2031 a été supprimée le {french}, {fr}.",
            f"The entry of 2031-05-05 was deleted on {today['day']}, {en} was closed.",
        ),
        (
            "3",
            "info",
            "10",
            f"L'écriture du 05/05/2031 a changé le {french}, {fr}, sans effet sur les montants.",
            f"The entry of 2031-05-05 changed on {today['day']}, {en} was closed, without effect on amounts.",  # noqa: E501
        ),
        (
            "8",
            "error",
            "5",
            f"L'écriture du 06/05/2031 a changé le 01/10/2031, {fr}.",
            f"The entry of 2031-05-06 changed on 2031-10-01, {en} was closed.",
        ),
    ]


def test_the_page_and_the_sandbox_know_every_rule(draft: Draft, again: Sandbox) -> None:
    page = (PROJECT / "docs" / "controls.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    (view,) = draft.ask("SELECT pg_get_viewdef('controls') AS text")
    rules = re.findall(r"'(\w+)'::text AS rule", view["text"])
    assert sorted(rules) == sorted(documented) == again.control("GET", "anomalies")["kinds"]


# What is right to find in books with a special case: entries of a year that is not there, credit
# notes of paid invoices that nobody refunded for months.
CASES: dict[str, set[str]] = {
    "july_years": set(),
    "long_year": set(),
    "missing_year": {"line_outside_years"},
    "no_opening": set(),
    "closing_entries": set(),
    "credit_notes": {"customer_in_credit", "line_not_lettered"},
    "foreign_currency": set(),
    "reversed_entry": set(),
}


@pytest.mark.parametrize("case", CASES)
def test_special_books_have_only_the_findings_that_are_right(draft: Draft, case: str) -> None:
    with running("--size", "1000", "--rate-limit", "none", "--case", case) as sandbox:
        draft.hold(sandbox)
    found = draft.ask("SELECT rule, count(*), min(sentence_en) AS example FROM controls GROUP BY 1")
    assert {row["rule"] for row in found} == CASES[case], found

"""The controls find each mistake that the sandbox makes in its books, by name, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Draft

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

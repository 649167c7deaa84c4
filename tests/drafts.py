"""Books that tests change by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from pennylane_sandbox.pytest_plugin import Sandbox


BOOKS = dict.fromkeys(
    [
        "bank_accounts",
        "categories",
        "category_groups",
        "customer_invoices",
        "customers",
        "fiscal_years",
        "journals",
        "ledger_accounts",
        "ledger_entries",
        "ledger_entry_lines",
        "products",
        "supplier_invoices",
        "suppliers",
        "transactions",
    ],
    "",
) | {"customer_invoice_lines": "/customer_invoices/{customer_invoice_id}/invoice_lines"}
"""The tables that figures come from, and how the API lists them if not by their name."""


class Draft:
    """Books that tests change by hand, and that are restored afterwards."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self.connection = connection

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query."""
        return self.connection.execute(query.encode()).fetchall()

    def add(self, table: str, **row: Any) -> None:
        """Add a row to a raw table."""
        values = [Jsonb(each) if isinstance(each, list) else each for each in row.values()]
        self.connection.execute(
            sql.SQL("INSERT INTO pennylane.{} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join([sql.Placeholder()] * len(row)),
            ),
            values,
        )

    def hold(self, sandbox: Sandbox) -> None:
        """Replace the books by those of another company, without another load."""
        known = self.ask(
            "SELECT table_name AS name, array_agg(column_name::text) AS columns "
            "FROM information_schema.columns WHERE table_schema = 'pennylane' GROUP BY 1"
        )
        columns = {row["name"]: set(row["columns"]) for row in known}
        for name, path in BOOKS.items():
            self.connection.execute(sql.SQL("TRUNCATE pennylane.{}").format(sql.Identifier(name)))
            for row in sandbox.rows(path or f"/{name}"):
                kept = {key: row[key] for key in row.keys() & columns[name]}
                self.add(name, **kept)
            # They were always those: nothing of theirs has changed.
            self.connection.execute(
                sql.SQL("TRUNCATE pennylane_history.{}").format(sql.Identifier(name))
            )

    def enter(
        self,
        entry: int,
        day: str,
        journal: int,
        *lines: tuple[str, str],
        status: str = "complete",
    ) -> None:
        """Post an entry: its accounts, each with its debit or, if negative, its credit."""
        self.add("ledger_entries", id=entry, date=day, journal_id=journal, status=status)
        for place, (account, amount) in enumerate(lines):
            self.add(
                "ledger_entry_lines",
                id=entry * 100 + place,
                ledger_entry_id=entry,
                ledger_account_number=account,
                journal_id=journal,
                date=day,
                debit=max(Decimal(amount), Decimal(0)),
                credit=max(-Decimal(amount), Decimal(0)),
                categories=[],
                lettered_ledger_entry_lines_ids=[],
            )

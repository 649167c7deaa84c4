"""The marts on unusual books, compared with an accountant's figures; the docs' examples."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from drafts import Draft

PROJECT = Path(__file__).parents[1]
PAGES = (PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md")))
DAYS = "(now() at time zone 'Europe/Paris')::date - "


def examples() -> list[str]:
    """Every SQL statement in the pages."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
        blocks += re.findall(r"^make psql +# (SELECT .*)$", text, re.MULTILINE)
        for block in blocks:
            statements = re.sub(r"--.*", "", block).split(";")
            found += [each.strip() for each in statements if each.strip()]
    return found


def test_every_example_of_the_documentation_answers(draft: Draft) -> None:
    asked = examples()
    assert len(asked) >= 9
    # launcher/tests/test_set_up.py tests administrators' statements; views are dropped at the end.
    administration = re.compile("CREATE|DROP (?!VIEW)")
    for statement in sorted(asked, key=lambda each: each.startswith("DROP")):
        if administration.match(statement):
            continue
        cursor = draft.connection.execute(statement.encode())
        if statement.startswith("SELECT"):
            assert cursor.fetchall(), statement


def test_the_aged_balance_holds_what_is_owed(draft: Draft) -> None:
    (before,) = draft.ask("SELECT sum(remaining_amount) AS owed FROM invoices_receivable")
    (debts,) = draft.ask("SELECT sum(remaining_amount) AS owed FROM invoices_payable")

    def invoice(kind: str, number: int, remaining: str, **more: Any) -> None:
        row = {"amount": "100", "currency": "EUR", "paid": False, "date": "2026-01-31"} | more
        draft.add(f"{kind}_invoices", id=number, remaining_amount_with_tax=remaining, **row)

    invoice("customer", 1, "0.10", status="late", draft=False)
    invoice("customer", 2, "-0.03", status="credit_note", draft=False)
    invoice("customer", 4, "100", status="draft", draft=True)
    invoice("customer", 5, "0.07", status="archived", draft=False)
    invoice("customer", 6, "100", status="late", draft=False, _sdc_deleted_at="2026-02-01")
    invoice("customer", 7, "100", status="paid", draft=False, paid=True)
    others = ("proforma", "shipping_order", "purchasing_order", "estimate_pending")
    for number, status in enumerate(others, 10):
        invoice("customer", number, "100", status=status, draft=False)
    # An unknown status counts as unpaid until stated otherwise: no row disappears unnoticed.
    invoice("customer", 20, "0.50", status="never_heard_of", draft=False)
    (after,) = draft.ask("SELECT sum(remaining_amount) AS owed FROM invoices_receivable")
    assert after["owed"] - before["owed"] == Decimal("0.64")

    invoice("supplier", 1, "0.20", accounting_status="complete", payment_status="to_be_paid")
    invoice("supplier", 2, "100", accounting_status="draft", payment_status="to_be_paid")
    invoice("supplier", 3, "100", accounting_status="complete", payment_status="paid_offline")
    invoice("supplier", 4, "100", accounting_status="complete", paid=True)
    invoice("supplier", 5, "0.05", accounting_status="complete", archived_at="2026-02-01")
    unknown = {"accounting_status": "never_heard_of", "payment_status": "nor_of_this"}
    invoice("supplier", 6, "0.50", **unknown)
    (after,) = draft.ask("SELECT sum(remaining_amount) AS owed FROM invoices_payable")
    assert after["owed"] - debts["owed"] == Decimal("0.75")


def test_no_dbt_test_closes_a_list_of_values() -> None:
    files = [
        file for kind in ("yml", "sql") for file in (PROJECT / "transform/dbt").rglob(f"*.{kind}")
    ]
    files = [file for file in files if not {"target", "dbt_packages"} & set(file.parts)]
    assert len(files) > 50
    assert [file for file in files if "accepted_values" in file.read_text(encoding="utf-8")] == []


def test_an_entry_of_an_unknown_status_keeps_its_lines(draft: Draft) -> None:
    draft.add("journals", id=1, code="OD", label="Opérations diverses")
    draft.add("fiscal_years", id=1, start="2040-01-01", finish="2040-12-31", status="never_heard")
    draft.enter(1, "2040-05-05", 1, ("606600", "1"), ("512000", "-1"), status="never_heard_of")
    for query in (
        """SELECT "ValidDate" FROM fec WHERE "EcritureDate" = '2040-05-05'""",
        "SELECT entry_status FROM general_ledger WHERE date = '2040-05-05'",
    ):
        assert len(draft.ask(query)) == 2, query


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_invoices_age_by_the_day_in_france(draft: Draft, zone: str) -> None:
    draft.connection.execute("SELECT set_config('timezone', %s, true)", [zone])
    ages = {-1: "not due", 0: "not due", 1: "1-30", 30: "1-30", 31: "31-60", 60: "31-60"}
    ages |= {61: "61-90", 90: "61-90", 91: "> 90"}
    for days in ages:
        for number, (due, day) in enumerate((("deadline", "date"), ("date", "deadline"))):
            # With and without a deadline.
            draft.connection.execute(
                f"INSERT INTO pennylane.customer_invoices (id, {due}, {day}, "  # noqa: S608
                f"remaining_amount_with_tax) VALUES (%s, {DAYS} %s, "
                f"{'null' if number else DAYS + '200'}, 1.01)".encode(),
                [days + 2 + number * 1000, days],
            )
    found = draft.ask(
        "SELECT customer_invoice_id % 1000 - 2 AS days, age, days_overdue, not_due + overdue_1_30 "
        "+ overdue_31_60 + overdue_61_90 + overdue_over_90 AS total "
        "FROM invoices_receivable WHERE customer_invoice_id < 2000"
    )
    assert len(found) == 2 * len(ages)
    for row in found:
        assert row["age"] == ages[row["days"]], row
        assert row["days_overdue"] == max(row["days"], 0)
        assert row["total"] == Decimal("1.01")


def test_years_that_close_and_begin(draft: Draft) -> None:
    """A fiscal year of 18 months from July, which is closed into its result and carried forward."""
    draft.add("fiscal_years", id=1, start="2030-07-01", finish="2031-12-31", status="closed")
    draft.add("fiscal_years", id=2, start="2032-01-01", finish="2032-12-31", status="open")
    draft.add("journals", id=1, code="AN", label="Ouverture")
    draft.add("journals", id=2, code="X", label="Reports à nouveau")
    draft.add("journals", id=3, code="OD", label="Opérations diverses")
    draft.enter(1, "2030-07-01", 3, ("512900", "120"), ("706900", "-100"), ("445719", "-20"))
    draft.enter(2, "2031-12-30", 3, ("606900", "30"), ("445669", "6"), ("512900", "-36"))
    draft.enter(3, "2031-12-31", 3, ("706900", "100"), ("606900", "-30"), ("120900", "-70"))
    draft.enter(4, "2032-01-01", 1, ("512900", "84"), ("445719", "-20"), ("120900", "-64"))
    draft.enter(5, "2032-01-01", 2, ("445669", "6"), ("120900", "-6"))
    draft.enter(6, "2032-01-05", 3, ("445719", "20"), ("445679", "-6"), ("445519", "-14"))
    draft.enter(7, "2033-05-05", 3, ("606900", "1"), ("512900", "-1"))  # in no fiscal year

    balances = draft.ask(
        "SELECT period_start::text, period_end::text, balance FROM trial_balance_computed "
        "WHERE account_number = '512900' ORDER BY 1"
    )
    assert [tuple(row.values()) for row in balances] == [
        ("2030-07-01", "2031-12-31", 84),
        ("2032-01-01", "2032-12-31", 84),
    ]
    results = draft.ask(
        "SELECT month::text, result FROM monthly_profit_and_loss "
        "WHERE month > '2030-01-01' ORDER BY 1"
    )
    assert [tuple(row.values()) for row in results] == [
        ("2030-07-01", 100),
        ("2031-12-01", -30),
        ("2033-05-01", -1),
    ]
    vat = draft.ask(
        "SELECT month::text, vat_kind, vat_due, settled FROM vat_summary "
        "WHERE month > '2030-01-01' ORDER BY 1, 2"
    )
    assert [tuple(row.values()) for row in vat] == [
        ("2030-07-01", "collected", 20, 0),
        ("2031-12-01", "deductible", -6, 0),
        ("2032-01-01", "collected", 0, -20),
        ("2032-01-01", "credit to carry forward", 0, 6),
        ("2032-01-01", "to pay", 0, 14),
    ]
    (held,) = draft.ask(
        "SELECT sum(balance) FILTER (WHERE NOT is_carried_forward) AS once, sum(balance) AS twice "
        "FROM general_ledger WHERE account_number = '512900'"
    )
    assert (held["once"], held["twice"]) == (83, 167)
    # What is dated before the first fiscal year repeats nothing.
    draft.enter(8, "2023-01-01", 1, ("512900", "7"), ("101900", "-7"))
    (held,) = draft.ask(
        "SELECT sum(balance) FROM general_ledger "
        "WHERE account_number = '512900' AND NOT is_carried_forward"
    )
    assert held["sum"] == 90


def test_weights_that_leave_something_over(draft: Draft) -> None:
    first, second = draft.ask(
        "SELECT id, category_group_id FROM categories WHERE category_group_id = "
        "(SELECT category_group_id FROM categories GROUP BY 1 HAVING count(*) > 1 LIMIT 1) LIMIT 2"
    )
    draft.enter(1, "2026-01-01", 1, ("606900", "10.01"), ("512900", "-10.01"))
    shares = [{"id": first["id"], "weight": "0.3333"}, {"id": second["id"], "weight": "0.3"}]
    draft.connection.execute(
        "UPDATE pennylane.ledger_entry_lines SET categories = %s WHERE id = 100", [Jsonb(shares)]
    )
    draft.connection.execute(
        "UPDATE pennylane.ledger_entry_lines SET categories = %s WHERE id = 101",
        [Jsonb([{"id": 1, "weight": "1"}])],  # in a deleted category
    )
    rows = draft.ask(
        "SELECT ledger_entry_line_id AS line, category_id AS category, balance "  # noqa: S608
        "FROM general_ledger_by_category WHERE ledger_entry_id = 1 "
        f"AND category_group_id = {first['category_group_id']}"
    )
    assert {(row["line"], row["category"]): row["balance"] for row in rows} == {
        (100, first["id"]): Decimal("10.01") * Decimal("0.3333"),
        (100, second["id"]): Decimal("10.01") * Decimal("0.3"),
        (100, None): Decimal("10.01") * Decimal("0.3667"),
        (101, None): Decimal("-10.01"),
    }


def test_how_far_a_movement_is_matched(draft: Draft) -> None:
    cases: list[tuple[str, str | None, str]] = [
        ("100", "100", "unmatched"),
        ("-100", "-100", "unmatched"),
        ("100", "40.01", "partially matched"),
        ("-100", "-0.01", "partially matched"),
        ("100", "0.0", "matched"),
        ("100", "110", "unmatched"),  # in the movement's currency
        ("100", None, "unknown"),
    ]
    for number, (amount, left, _) in enumerate(cases):
        draft.add(
            "transactions",
            id=number,
            amount=amount,
            currency="USD",
            currency_amount=Decimal(amount) * Decimal("1.1"),
            outstanding_balance=left,
        )
    rows = draft.ask(
        "SELECT invoice_matching FROM bank_movements WHERE transaction_id < 100 "
        "ORDER BY transaction_id"
    )
    assert [row["invoice_matching"] for row in rows] == [status for _, _, status in cases]

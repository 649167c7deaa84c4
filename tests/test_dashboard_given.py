"""What people give the dashboard themselves: a budget, and what they say of findings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from dashboard_site import PROJECT, YEAR, number, served, value

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from pipelines import Pipeline

BOOKED = (
    "SELECT coalesce(sum(amount), 0) FROM income_statement_by_month WHERE month = '2025-01-01' AND "
)


def statements() -> list[str]:
    """What the page tells people to run."""
    page = (PROJECT / "docs" / "dashboard.md").read_text(encoding="utf-8")
    return re.findall(r"```postgresql\n(.*?)```", page, re.DOTALL)


def test_a_budget_and_acknowledged_findings_are_shown(shown: Pipeline, browser: Browser) -> None:
    pipeline = shown.copy()
    # Without the tables, there is nothing.
    for view in ("budget_by_month", "acknowledged_findings"):
        assert pipeline.query(f"SELECT * FROM pennylane_marts.{view}") == []  # noqa: S608
    found = pipeline.query("SELECT * FROM pennylane_marts.controls ORDER BY ids")
    assert pipeline.query("SELECT * FROM pennylane_marts.open_findings ORDER BY ids") == found

    budget, acknowledged, acknowledge, *_ = statements()
    pipeline.execute(budget)
    pipeline.execute(acknowledged)
    views = ("budget_by_month", "income_statement_budget", "acknowledged_findings", "open_findings")
    done = pipeline.dbt("build", "--select", *views)
    assert done.returncode == 0, done.stdout
    pipeline.execute(acknowledge)

    with served(pipeline, browser) as site:
        site.open("results", year=YEAR, period="2025-01")
        sales, income, others, services, expenses, result = site.rows("budget")
        assert [row[0] for row in (sales, others, services)] == ["70", "6", "62"]
        assert [number(row[2]) for row in (sales, others, services)] == [40000, 30000, 15000]
        assert number(sales[3]) == value(pipeline, BOOKED + "account_number LIKE '70%'")
        assert number(services[3]) == value(pipeline, BOOKED + "account_number LIKE '62%'")
        assert number(others[3]) == value(
            pipeline, BOOKED + "account_number LIKE '6%' AND account_number NOT LIKE '62%'"
        )
        assert number(income[3]) == number(sales[3])
        assert number(expenses[3]) == number(others[3]) + number(services[3])
        assert number(result[2]) == 40000 - 30000 - 15000
        assert number(result[4]) == number(income[4]) - number(expenses[4])
        # In the statement, the budget of 62 is a column beside its line; the others have no line.
        lines = site.rows("income-statement")
        external = next(row for row in lines if row[0] == "Autres achats et charges externes")
        spent = value(pipeline, BOOKED + "line = 'external_expenses'")
        assert [number(cell) for cell in external[1:4]] == [spent, 15000, spent - 15000]
        rest = [row for row in lines if row[0] == "Budget de plusieurs lignes"]
        assert [number(row[2]) for row in rest] == [40000, 30000]
        *_, of_income, of_expenses, of_all = lines
        assert [number(row[2]) for row in (of_income, of_expenses, of_all)] == [40000, 45000, -5000]
        earned = value(pipeline, BOOKED + "side = 'income'")
        assert number(of_income[3]) == earned - 40000
        profit = value(pipeline, BOOKED.replace("amount", "result") + "true")
        assert [number(cell) for cell in of_all[1:4]] == [profit, -5000, profit + 5000]
        assert ["", ""] in [[*row[2:4]] for row in lines]  # a line without a budget
        site.open("results", year="2024-01-01")
        expect(site.page.locator("table[data-name=budget]")).to_have_count(0)

        site.open("controls")
        (seen,) = site.rows("acknowledged-findings")
        assert (seen[0], seen[5]) == ("Écriture déséquilibrée", "Paid back in January")
        assert "Écriture déséquilibrée" not in {row[1] for row in site.rows("findings")}
        assert "Écriture déséquilibrée" not in {row[1] for row in site.rows("findings-by-rule")}

        # A month of two fiscal years counts once.
        pipeline.execute("""
            UPDATE pennylane.fiscal_years SET finish = '2025-01-15' WHERE start = '2024-01-01';
            UPDATE pennylane.fiscal_years SET start = '2025-01-16' WHERE start = '2025-01-01'
        """)
        months = pipeline.query("SELECT * FROM pennylane_marts.budget_by_month")
        assert [str(row["fiscal_year_start"]) for row in months] == ["2024-01-01"] * 3

        # Another amount is another finding.
        pipeline.execute("""
            UPDATE pennylane.ledger_entry_lines SET debit = debit + 1
            WHERE id = (SELECT max(id) FROM pennylane.ledger_entry_lines
                WHERE debit > 0 AND date BETWEEN '2024-02-01' AND '2024-11-30')
        """)
        site.open("controls", rule="entry_unbalanced")
        assert {row[1] for row in site.rows("findings")} == {"Écriture déséquilibrée"}

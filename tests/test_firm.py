"""An accounting firm's companies in one warehouse: the views speak of each company by itself."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from pennylane_sandbox.pytest_plugin import FIRM_TOKEN, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Pipeline

FIRM = {"TAP_PENNYLANE_API": "firm"}
LISTS = {
    "customer_invoices": "customer_invoices",
    "dms_files": "dms/files",
    "dms_folders": "dms/folders",
    "journals": "journals",
    "ledger_entries": "ledger_entries",
    "ledger_entry_lines": "ledger_entry_lines",
    "suppliers": "suppliers",
}
"""Some views, and what the sandbox calls their collections."""
BALANCES = """
SELECT company_id, period_start, account_number, debits FROM pennylane_live.trial_balance
"""
VIEWS = """
SELECT table_schema || '.' || table_name AS name FROM information_schema.columns
WHERE column_name = 'company_id' AND table_schema IN ('pennylane_live', 'pennylane_marts')
"""


@pytest.fixture(scope="module")
def firm() -> Iterator[Sandbox]:
    with running("--companies", "3", "--size", "300", "--rate-limit", "none") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def pipeline(pipeline_of: Callable[[Sandbox], Pipeline], firm: Sandbox) -> Pipeline:
    made = pipeline_of(replace(firm, token=FIRM_TOKEN))
    done = made.sync(**FIRM)
    assert done.returncode == 0, done.stdout
    return made


def test_the_views_have_the_rows_of_each_company(pipeline: Pipeline, firm: Sandbox) -> None:
    companies = {one["id"]: one["name"] for one in firm.companies}
    for view, collection in LISTS.items():
        rows = pipeline.query(
            f"SELECT company_id, company_name, count(*) FROM pennylane_live.{view} GROUP BY 1, 2"  # noqa: S608
        )
        assert {row["company_id"]: row["company_name"] for row in rows} == companies, view
        for row in rows:
            assert row["count"] == len(firm.of(row["company_id"]).state(collection)), view


def test_balances_are_those_of_each_company(pipeline: Pipeline, firm: Sandbox) -> None:
    rows = pipeline.query(
        "SELECT company_id, period_start, account_number, sum(debits) AS debits,"
        " sum(credits) AS credits FROM pennylane_marts.trial_balance_computed GROUP BY 1, 2, 3"
    )
    found = {
        (row["company_id"], str(row["period_start"]), row["account_number"]): (
            row["debits"],
            row["credits"],
        )
        for row in rows
    }
    wanted = {
        (company, row["period_start"], row["number"]): (
            Decimal(row["debits"]),
            Decimal(row["credits"]),
        )
        for company in (one["id"] for one in firm.companies)
        for row in firm.of(company).rows("/trial_balance")
    }
    assert found == wanted


def test_no_view_has_a_row_of_an_unknown_company(pipeline: Pipeline, firm: Sandbox) -> None:
    companies = {one["id"]: one["name"] for one in firm.companies}
    views = pipeline.query(VIEWS)
    assert len(views) > 60
    for view in (row["name"] for row in views if row["name"] != "pennylane_live.sync_log"):
        found = pipeline.query(f"SELECT DISTINCT company_id, company_name FROM {view}")  # noqa: S608
        assert {(row["company_id"], row["company_name"]) for row in found} <= set(
            companies.items()
        ), view


def test_what_is_gone_in_one_company_stays_in_the_others(pipeline: Pipeline, firm: Sandbox) -> None:
    one, *others = (firm.of(company["id"]) for company in firm.companies)
    before = {row["id"] for row in one.state("customer_invoices")}
    one.change("ledger_entries", create=2, update=1, delete=1)
    one.change("customer_invoices", delete=2, silent=True)
    firm.control("POST", "clock", advance_seconds=300)  # fiscal years are read again by then
    verified = dict.fromkeys(("customer_invoices", "ledger_entries", "ledger_entry_lines"), 0)
    done = pipeline.run(**FIRM, TAP_PENNYLANE_VERIFY_DAYS=json.dumps(verified))
    assert done.returncode == 0, done.stdout
    for company in (one, *others):
        for view in verified:
            rows = pipeline.query(
                f"SELECT id FROM pennylane_live.{view} WHERE company_id = {company.company_id}"  # noqa: S608
            )
            assert {row["id"] for row in rows} == {row["id"] for row in company.state(view)}, view
        rows = pipeline.query(BALANCES)
        assert {
            (str(row["period_start"]), row["account_number"]): row["debits"]
            for row in rows
            if row["company_id"] == company.company_id
        } == {
            (row["period_start"], row["number"]): Decimal(row["debits"])
            for row in company.rows("/trial_balance")
        }
    parts = pipeline.query(
        "SELECT DISTINCT company_id FROM pennylane.trial_balance"
        " WHERE number = '' AND period_start > '2000-01-01'"
    )
    assert [row["company_id"] for row in parts] == [one.company_id]
    assert len(before - {row["id"] for row in one.state("customer_invoices")}) == 2

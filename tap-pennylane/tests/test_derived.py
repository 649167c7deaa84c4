"""Collections without a changelog: read when what they derive from has changed, else seldom."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Run

ACCOUNTS, BALANCES, LINES = "ledger_accounts", "trial_balance", "ledger_entry_lines"
HOUR = 3600


@pytest.fixture
def read(run_tap: Callable[..., Run], company: Sandbox) -> Callable[..., Run]:
    """Run the tap against that company, with the request count reset."""

    def run(*streams: str, **config: Any) -> Run:
        company.control("DELETE", "stats")
        settings = {"api_token": company.token, "api_url": company.url, "requests_per_window": 9999}
        chosen = [*streams, "sync_log"]
        return run_tap(**{"verify_requests": 0, **settings, **config}, streams=chosen)

    return run


def modes(run: Run) -> dict[str, str]:
    assert run.exit_code == 0, run.log
    return {name: row["mode"] for name, row in run.log_rows.items()}


def hours_pass(company: Sandbox, hours: float) -> None:
    company.control("POST", "clock", advance_seconds=hours * HOUR)


def balances(*runs: Run) -> dict[tuple[str, str], tuple[Any, Any]]:
    """Debits and credits by fiscal year and account, as the views show them after these runs."""
    rows: dict[tuple[str, str], tuple[Any, Any]] = {}
    for run in runs:
        sent: set[tuple[str, str]] = set()
        for message in run.messages:
            if message.get("stream") != BALANCES:
                continue
            if message["type"] == "ACTIVATE_VERSION":
                rows = {key: row for key, row in rows.items() if key in sent}
            elif message["type"] == "RECORD" and message["record"]["_sdc_deleted_at"]:
                year, number = message["record"]["period_start"], message["record"]["number"]
                assert number == ""
                rows = {key: row for key, row in rows.items() if key[0] != year or key in sent}
            elif message["type"] == "RECORD":
                record = message["record"]
                key = record["period_start"], record["number"]
                sent.add(key)
                rows[key] = record["debits"], record["credits"]
    return rows


def actual(company: Sandbox) -> dict[tuple[str, str], tuple[Any, Any]]:
    """The sandbox's own trial balance."""
    rows = company.rows("/trial_balance")
    return {
        (row["period_start"], row["number"]): (Decimal(row["debits"]), Decimal(row["credits"]))
        for row in rows
    }


def test_a_fiscal_year_is_read_when_one_of_its_lines_has_changed(
    read: Callable[..., Run], company: Sandbox
) -> None:
    first = read(LINES, BALANCES, "fiscal_years")
    assert modes(first)[BALANCES] == "scan"
    assert balances(first) == actual(company)
    years = sorted(year["start"] for year in company.state("fiscal_years"))
    assert len(years) > 1

    second = read(LINES, BALANCES, "fiscal_years", state=first.state)
    assert modes(second)[BALANCES] == "not due"
    assert company.stats["total"] == 3  # /me and two changelogs

    hours_pass(company, 0.1)
    company.change("customer_invoices", create=3)  # with lines of the current year
    third = read(LINES, BALANCES, "fiscal_years", state=second.state)
    assert modes(third)[BALANCES] == "derived"
    assert company.stats["requests"]["/trial_balance"] == 1
    assert {row["period_start"] for row in third.records[BALANCES]} == {years[-1]}
    assert balances(first, second, third) == actual(company)

    hours_pass(company, 0.1)
    company.change("ledger_entries", delete=4)
    fourth = read(LINES, BALANCES, "fiscal_years", state=third.state)
    assert balances(first, second, third, fourth) == actual(company)
    assert modes(fourth)["fiscal_years"] == "not due"


def test_a_large_balance_is_read_less_often(read: Callable[..., Run], company: Sandbox) -> None:
    small = {"page_size": 5}
    first = read(LINES, BALANCES, **small)
    years = first.state["bookmarks"][BALANCES]["parts"]
    latest = max(years)
    pages = years[latest]["pages"]
    assert pages > 2
    company.change("customer_invoices", create=2)
    hours_pass(company, 1 / 60)
    second = read(LINES, BALANCES, state=first.state, **small)
    assert modes(second)[BALANCES] == "derived"
    assert not second.records[BALANCES]
    assert second.state["bookmarks"][BALANCES]["behind"] == [latest]
    hours_pass(company, (pages - 1) / 60)
    third = read(LINES, BALANCES, state=second.state, **small)
    assert company.stats["requests"]["/trial_balance"] >= pages
    assert balances(first, second, third) == actual(company)
    assert "behind" not in third.state["bookmarks"][BALANCES]


def test_a_balance_is_read_again_within_days_even_without_changes(
    read: Callable[..., Run], company: Sandbox
) -> None:
    first = read(LINES, BALANCES)
    hours_pass(company, 6 * 24)
    second = read(LINES, BALANCES, state=first.state)
    assert not second.records[BALANCES]
    hours_pass(company, 25)
    run, read_again = second, set()
    for _ in range(len(first.state["bookmarks"][BALANCES]["parts"])):
        run = read(LINES, BALANCES, state=run.state)
        found = {row["period_start"] for row in run.records[BALANCES]}
        assert len(found) == 1
        read_again |= found
    assert read_again == first.state["bookmarks"][BALANCES]["parts"].keys()
    assert balances(first, run) == actual(company)


def test_without_the_lines_balances_are_read_every_hour(
    read: Callable[..., Run], company: Sandbox
) -> None:
    first = read(BALANCES)
    second = read(BALANCES, state=first.state)
    assert modes(second)[BALANCES] == "not due"
    hours_pass(company, 1)
    assert modes(read(BALANCES, state=second.state))[BALANCES] == "scan"
    every_run = read(BALANCES, LINES, state=second.state, refresh_hours={BALANCES: 0})
    assert modes(every_run)[BALANCES] == "scan"


def test_bank_accounts_are_read_with_transactions(
    read: Callable[..., Run], company: Sandbox
) -> None:
    names = "bank_accounts", "transactions"
    first = read(*names)
    company.change("bank_accounts", create=1)
    second = read(*names, state=first.state)
    assert modes(second)["bank_accounts"] == "not due"
    company.change("transactions", create=1)
    third = read(*names, state=second.state)
    assert modes(third)["bank_accounts"] == "scan"
    wanted = {row["id"]: Decimal(row["balance"]) for row in company.state("bank_accounts")}
    assert {row["id"]: row["balance"] for row in third.records["bank_accounts"]} == wanted
    fourth = read(*names, state=third.state)
    assert modes(fourth)["bank_accounts"] == "not due"
    hours_pass(company, 1)
    fifth = read(*names, state=fourth.state)
    assert modes(fifth)["bank_accounts"] == "scan"


def test_what_a_failed_run_owes_is_read_by_the_next(
    read: Callable[..., Run], company: Sandbox
) -> None:
    names = "bank_accounts", "transactions", ACCOUNTS, BALANCES, LINES
    first = read(*names)
    company.change("transactions", create=1)
    company.change("customer_invoices", create=1)
    hours_pass(company, 0.5)
    for path in ("/bank_accounts", f"/{ACCOUNTS}", "/trial_balance"):
        company.fault(path, "status", status=422)
    second = read(*names, state=first.state)
    assert {name for name, row in second.log_rows.items() if row["status"] == "failed"} == {
        "bank_accounts",
        ACCOUNTS,
        BALANCES,
    }
    company.clear_faults()
    third = read(*names, state=second.state)
    assert modes(third) == {
        "bank_accounts": "scan",
        "transactions": "changelog",
        ACCOUNTS: "scan",
        BALANCES: "derived",
        LINES: "changelog",
    }
    assert balances(first, third) == actual(company)


def test_accounts_that_changed_lines_name_are_fetched(
    read: Callable[..., Run], company: Sandbox
) -> None:
    names = ACCOUNTS, LINES
    first = read(*names)
    known = {row["id"] for row in first.records[ACCOUNTS]}
    company.change("customers", create=1)
    company.change("customer_invoices", create=30)
    second = read(*names, state=first.state)
    assert modes(second)[ACCOUNTS] == "derived"
    assert company.stats["requests"][f"/{ACCOUNTS}"] == 1
    named = {row["ledger_account_id"] for row in second.records[LINES]}
    assert {row["id"] for row in second.records[ACCOUNTS]} == named
    assert named <= known | {row["id"] for row in company.state(ACCOUNTS)}
    third = read(*names, state=second.state)
    assert modes(third)[ACCOUNTS] == "not due"
    hours_pass(company, 1)
    fourth = read(*names, state=third.state)
    assert modes(fourth)[ACCOUNTS] == "scan"
    assert {row["id"] for row in fourth.records[ACCOUNTS]} == {
        row["id"] for row in company.state(ACCOUNTS)
    }


def test_fiscal_years_that_cannot_be_read_are_requested_once(
    read: Callable[..., Run], company: Sandbox
) -> None:
    first = read(LINES, BALANCES)
    company.change("customer_invoices", create=20)
    company.fault("/fiscal_years", "status", status=403)
    second = read(LINES, BALANCES, state=first.state)
    assert second.log_rows[LINES]["status"] == "success"
    assert second.log_rows[LINES]["records"] > 20
    assert second.log_rows[BALANCES]["status"] == "failed"
    assert company.stats["requests"]["/fiscal_years"] == 1
    company.clear_faults()
    third = read(LINES, BALANCES, state=second.state)
    assert third.exit_code == 0, third.log
    assert company.stats["requests"]["/fiscal_years"] == 1

"""Books whose fiscal years begin in July: their figures, computed as those of the other tests."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import test_definitions
import test_parties_and_cash
import test_statements
import test_vat
from pennylane_sandbox.pytest_plugin import running
from psycopg.rows import dict_row

from conftest import BOOKS_SEED, BOOKS_SIZE
from drafts import Draft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelines import Pipeline

CHECKS = [
    test_statements.test_the_balance_sheet_is_that_of_the_ledger,
    test_statements.test_the_balance_sheet_leads_to_its_accounts,
    test_statements.test_the_income_statement_is_that_of_the_ledger,
    test_statements.test_the_months_add_up_to_the_year,
    test_statements.test_the_intermediate_balances_are_those_of_a_textbook,
    test_statements.test_the_result_is_that_of_pennylanes_own_trial_balance,
    test_definitions.test_vat_is_what_operations_collect_and_deduct,
    test_definitions.test_the_trial_balance_opens_with_what_the_years_before_left,
    test_definitions.test_the_trial_balance_of_a_period_begins_where_the_year_is,
    test_definitions.test_the_trial_balance_says_what_the_bank_says,
    test_definitions.test_the_open_invoices_are_the_accounts_411_and_401,
    test_parties_and_cash.test_the_cash_position_is_that_of_bank_and_ledger,
    test_parties_and_cash.test_the_flows_are_the_change_of_cash,
    test_parties_and_cash.test_the_forecast_follows_the_due_dates,
    test_parties_and_cash.test_the_delays_are_the_balances_against_a_years_invoices,
    test_parties_and_cash.test_the_vat_return_sets_settlements_aside,
    test_parties_and_cash.test_every_axis_adds_up_to_the_books,
    test_parties_and_cash.test_the_running_balance_ends_at_the_balance,
    test_vat.test_vat_on_services_falls_due_when_they_are_paid,
    test_vat.test_the_return_has_what_was_invoiced_by_rate,
]
AGED = test_parties_and_cash.test_the_aged_balance_follows_the_lettering


@pytest.fixture(scope="module")
def july(books: Pipeline) -> Iterator[Pipeline]:
    """Such books in the place of the others, without another load."""
    case = ("--case", "july_years", "--rate-limit", "none")
    with running("--size", BOOKS_SIZE, "--seed", BOOKS_SEED, *case) as sandbox:
        pipeline = replace(books.copy(), sandbox=sandbox)
        with psycopg.connect(pipeline.url, row_factory=dict_row) as connection:
            Draft(connection).hold(sandbox)
        yield pipeline


@pytest.fixture(scope="module")
def readings(july: Pipeline) -> dict[Any, dict[str, Any]]:
    """What the tests of each file read of the API's answers."""
    return {
        test_statements: {"ledger": test_statements.Ledger(july)},
        test_definitions: {"ledger": test_definitions.Ledger(july)},
        test_parties_and_cash: {"api": test_parties_and_cash.Api(july)},
        test_vat: {"api": test_vat.Books(july)},
    }


@pytest.fixture
def july_draft(july: Pipeline) -> Iterator[Draft]:
    with psycopg.connect(july.url, row_factory=dict_row) as connection:
        connection.execute("SET search_path TO pennylane_marts, pennylane_live, pennylane")
        yield Draft(connection)


def call(
    check: Callable[..., None], known: dict[Any, dict[str, Any]], books: Pipeline, draft: Draft
) -> None:
    """Call a test with these books in the place of its fixtures."""
    given = {"books": books, "draft": draft} | known[inspect.getmodule(check)]
    check(**{name: given[name] for name in inspect.signature(check).parameters})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("test_"))
def test_figures(
    check: Callable[..., None],
    readings: dict[Any, dict[str, Any]],
    july: Pipeline,
    july_draft: Draft,
) -> None:
    starts = july_draft.ask("SELECT to_char(start_date, 'MM-DD') AS day FROM fiscal_years")
    assert {row["day"] for row in starts} == {"07-01"}
    call(check, readings, july, july_draft)


@pytest.mark.parametrize(
    ("view", "accounts", "sign"), [("aged_receivables", "411", 1), ("aged_payables", "401", -1)]
)
def test_aged_balances(
    readings: dict[Any, dict[str, Any]], july_draft: Draft, view: str, accounts: str, sign: int
) -> None:
    AGED(july_draft, readings[test_parties_and_cash]["api"], view, accounts, sign)

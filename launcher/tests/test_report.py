"""The report's arithmetic, on a real PostgreSQL."""

from datetime import date
from decimal import Decimal

import psycopg
import pytest
from pennylane_launcher.books import report
from pennylane_launcher.postgres.embedded import Server

BOOKS = """
drop schema if exists pennylane cascade;
create schema pennylane;
create table pennylane.customers (id bigint, _sdc_deleted_at timestamp);
insert into pennylane.customers values (1, null), (2, null), (3, now());
create table pennylane.ledger_entry_lines
    (id bigint, date date, debit numeric, credit numeric, _sdc_deleted_at timestamp);
insert into pennylane.ledger_entry_lines values
    (1, '2024-01-01', 0.10, 0, null), (2, '2024-12-31', 0.20, 0, null),
    (3, '2024-06-30', 0, 0.30, null), (4, '2024-06-30', 999, 0, now()),
    (5, '2025-01-01', 12345678901234567.89, 0, null),
    (6, '2025-01-01', 0, 12345678901234567.89, null);
create table pennylane.trial_balance (
    period_start date, period_end date, number text, debits numeric, credits numeric,
    _sdc_extracted_at timestamp, _sdc_deleted_at timestamp
);
insert into pennylane.trial_balance values
    ('2024-01-01', '2024-12-31', '401', 0.30, 0, '2025-02-01', null),
    ('2024-01-01', '2024-12-31', '512', 0, 0.30, '2025-02-01', null),
    ('2024-01-01', '2024-12-31', '999', 5, 0, '2025-02-01', now()),
    ('2025-01-01', '2025-12-31', '401', 12345678901234567.89, 12345678901234567.89, '2025-02-01',
    null);
"""


@pytest.fixture
def url(postgres: Server) -> str:
    url = postgres.url("report")
    with psycopg.connect(url) as connection:
        connection.execute(BOOKS.encode())
    return url


def change(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


def test_it_counts_live_rows_and_adds_up_exactly(url: str) -> None:
    result = report.read(url, "pennylane")
    assert result.rows == {"customers": 2, "ledger_entry_lines": 5, "trial_balance": 3}
    assert result.debits == result.credits == Decimal("12345678901234568.19")
    assert [period.start for period in result.periods] == [date(2024, 1, 1), date(2025, 1, 1)]
    assert result.balanced
    text = str(result)
    assert "debits 12,345,678,901,234,568.19 = credits 12,345,678,901,234,568.19" in text
    assert "trial balance of 2024-01-01 to 2024-12-31 agrees: 0.30" in text
    assert "!!" not in text


def test_one_cent_between_debits_and_credits_is_said_loudly(url: str) -> None:
    change(url, "update pennylane.ledger_entry_lines set credit = credit + 0.01 where id = 6")
    result = report.read(url, "pennylane")
    assert not result.balanced
    assert "!! THE BOOKS DO NOT BALANCE: they differ by -0.01." in str(result)


def test_one_cent_off_the_trial_balance_is_said_loudly(url: str) -> None:
    change(
        url,
        "update pennylane.trial_balance set debits = 0.31 where number = '401'"
        " and period_start = '2024-01-01'",
    )
    result = report.read(url, "pennylane")
    assert not result.balanced
    assert [period.agrees for period in result.periods] == [False, True]
    assert "!! THE TRIAL BALANCE OF 2024-01-01 to 2024-12-31 DOES NOT AGREE" in str(result)


def test_rows_from_before_a_year_was_read_again_are_left_out(url: str) -> None:
    change(
        url,
        "insert into pennylane.trial_balance values"
        " ('2024-01-01', '2024-12-31', '606', 7, 0, '2025-01-01', null),"
        " ('2024-01-01', '2024-12-31', '', null, null, null, '2025-01-15')",
    )
    assert report.read(url, "pennylane").balanced


def test_a_year_whose_trial_balance_is_behind_is_not_compared(url: str) -> None:
    change(
        url,
        """
        drop schema if exists pennylane_logs cascade;
        create schema pennylane_logs create view pennylane_bookmarks as
        select 'trial_balance' as table_name, '["2024-01-01T00:00:00Z"]'::jsonb as behind;
        update pennylane.trial_balance set debits = 0.31 where number = '401'
            and period_start = '2024-01-01'
        """,
    )
    result = report.read(url, "pennylane")
    assert [period.agrees for period in result.periods] == [False, True]
    assert result.balanced
    text = str(result)
    assert "2024-01-01 to 2024-12-31 is not compared: lines have changed since it was read" in text
    assert "!!" not in text
    # The view of an older version lacks the column.
    change(
        url,
        """
        drop view pennylane_logs.pennylane_bookmarks;
        create view pennylane_logs.pennylane_bookmarks as select 'trial_balance' as table_name
        """,
    )
    assert not report.read(url, "pennylane").balanced
    change(url, "drop schema pennylane_logs cascade")


def test_a_line_on_another_day_is_missed_by_its_period(url: str) -> None:
    change(url, "update pennylane.ledger_entry_lines set date = '2023-12-31' where id = 1")
    assert not report.read(url, "pennylane").balanced


def test_a_period_without_lines_does_not_agree(url: str) -> None:
    change(url, "delete from pennylane.ledger_entry_lines where id in (5, 6)")
    assert [period.agrees for period in report.read(url, "pennylane").periods] == [True, False]


def test_periods_that_began_before_the_first_day_loaded_are_left_out(url: str) -> None:
    change(url, "delete from pennylane.ledger_entry_lines where date < '2024-06-01'")
    result = report.read(url, "pennylane", since=date(2024, 6, 1))
    assert [period.start for period in result.periods] == [date(2025, 1, 1)]


@pytest.mark.parametrize("schema", ["nothing", 'odd "name"', "pennylane_empty"])
def test_a_schema_without_tables(url: str, schema: str) -> None:
    change(url, "create schema if not exists pennylane_empty")
    result = report.read(url, schema)
    assert result == report.Report({}, Decimal(0), Decimal(0), [])
    assert "0 tables" in str(result)
    assert "No ledger entry lines are loaded: there is nothing to check." in str(result)
    assert "debits" not in str(result)


def test_lines_without_a_trial_balance_prove_nothing(url: str) -> None:
    change(url, "drop table pennylane.trial_balance")
    text = str(report.read(url, "pennylane"))
    assert "No trial balance is loaded to compare these lines with." in text
    assert "agrees" not in text

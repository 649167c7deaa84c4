"""Which raw rows are live, if an entry lost its lines or a part of a table was read again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from drafts import Draft
    from pipelines import Pipeline

ENTRIES = "SELECT id FROM ledger_entries WHERE id < 100 ORDER BY id"
GONE = "UPDATE pennylane.ledger_entry_lines SET _sdc_deleted_at = now() WHERE "
PERIOD = {"period_start": "2040-01-01", "period_end": "2040-12-31"}
ACCOUNTS = (
    "SELECT account_number, debits::text FROM pennylane_live.trial_balance"
    " WHERE period_start > '2039-01-01' ORDER BY 1"
)
DIFFERENCES = (
    "SELECT period_start::text, account_number FROM pennylane_logs.trial_balance_differences"
    " WHERE period_start > '2039-01-01' ORDER BY 1, 2"
)


def ids(draft: Draft) -> list[int]:
    return [row["id"] for row in draft.ask(ENTRIES)]


def test_an_entry_whose_lines_are_all_gone_is_gone(draft: Draft) -> None:
    for entry in (1, 2, 3):
        draft.enter(entry, "2040-05-05", 1, ("606600", "1"), ("512000", "-1"))
    draft.add("ledger_entries", id=4, date="2040-05-05")  # a draft that never had a line
    assert ids(draft) == [1, 2, 3, 4]

    draft.connection.execute(f"{GONE} ledger_entry_id = 2 OR id = 100".encode())
    assert ids(draft) == [1, 3, 4]
    # Nothing that is built on entries shows it either.
    shown = draft.ask(
        "SELECT DISTINCT entry_status, ledger_entry_id FROM general_ledger"
        " WHERE date = '2040-05-05'"
    )
    assert sorted(row["ledger_entry_id"] for row in shown) == [1, 3]
    (held,) = draft.ask(
        "SELECT total_records FROM sync_metadata WHERE table_name = 'ledger_entries'"
    )
    assert held["total_records"] == draft.ask("SELECT count(*) FROM ledger_entries")[0]["count"]

    # A new line, or one that comes back, revives its entry.
    draft.add("ledger_entry_lines", id=250, ledger_entry_id=2, date="2040-05-05")
    assert ids(draft) == [1, 2, 3, 4]
    draft.connection.execute(f"{GONE} id = 250".encode())
    assert ids(draft) == [1, 3, 4]
    draft.connection.execute(
        b"UPDATE pennylane.ledger_entry_lines SET _sdc_deleted_at = null WHERE id = 201"
    )
    assert ids(draft) == [1, 2, 3, 4]


def test_without_indexes_the_same_entries_are_gone(books: Pipeline) -> None:
    """In another project: the view is written differently then."""
    pipeline = books.copy()
    (lost,) = pipeline.query(
        "UPDATE pennylane.ledger_entry_lines SET _sdc_deleted_at = now() WHERE ledger_entry_id ="
        " (SELECT min(ledger_entry_id) FROM pennylane.ledger_entry_lines)"
        " RETURNING ledger_entry_id AS entry"
    )[:1]
    before = pipeline.query("SELECT id FROM pennylane_live.ledger_entries ORDER BY id")
    done = pipeline.dbt(
        "run", "--select", "stg_pennylane__ledger_entries", DBT_PENNYLANE_INDEXES="false"
    )
    assert done.returncode == 0, done.stdout
    (view,) = pipeline.query("SELECT pg_get_viewdef('pennylane_live.ledger_entries') AS text")
    assert "NOT (id IN" in view["text"]
    after = pipeline.query("SELECT id FROM pennylane_live.ledger_entries ORDER BY id")
    assert after == before
    assert lost["entry"] not in {row["id"] for row in after}


def test_a_deleted_line_that_names_no_entry_removes_none(draft: Draft) -> None:
    """As the stock target-postgres leaves it."""
    draft.enter(1, "2040-05-05", 1, ("606600", "1"))
    draft.connection.execute(f"{GONE} ledger_entry_id = 1".encode())
    assert ids(draft) == []
    draft.connection.execute(
        b"UPDATE pennylane.ledger_entry_lines SET ledger_entry_id = null WHERE id = 100"
    )
    assert ids(draft) == [1]


def balance(draft: Draft, number: str, debits: str, read_at: str, **more: Any) -> None:
    draft.add(
        "trial_balance",
        **PERIOD | more,
        number=number,
        debits=debits,
        credits="0",
        _sdc_extracted_at=read_at,
    )


def test_a_trial_balance_read_again_replaces_that_of_its_year(draft: Draft) -> None:
    other = {"period_start": "2041-01-01", "period_end": "2041-12-31"}
    balance(draft, "101", "1", "2040-06-01 10:00:00")
    balance(draft, "512", "2", "2040-06-01 10:00:00")
    balance(draft, "606", "5", "2040-06-01 10:00:00", **other)
    assert [row["account_number"] for row in draft.ask(ACCOUNTS)] == ["101", "512", "606"]
    # The year is read again: one account is no longer in it, and the other has changed.
    draft.connection.execute(
        b"UPDATE pennylane.trial_balance SET debits = 3, _sdc_extracted_at = '2040-06-02 10:00:01'"
        b" WHERE number = '512' AND period_start = '2040-01-01'"
    )
    draft.add("trial_balance", **PERIOD, number="", _sdc_deleted_at="2040-06-02 10:00:00")
    assert [tuple(row.values()) for row in draft.ask(ACCOUNTS)] == [("512", "3"), ("606", "5")]


@pytest.mark.parametrize("part", ["completed_state", "partial_state"])
def test_years_whose_balance_is_behind_are_not_compared(draft: Draft, part: str) -> None:
    for number, year in enumerate((2040, 2041), 1):
        draft.add("fiscal_years", id=number, start=f"{year}-01-01", finish=f"{year}-12-31")
        draft.enter(number, f"{year}-05-05", 1, ("606600", "1"), ("512000", "-1"))
        period = {"period_start": f"{year}-01-01", "period_end": f"{year}-12-31"}
        balance(draft, "606600", "7", f"{year}-06-01", **period)
        balance(draft, "512000", "0", f"{year}-06-01", **period)
    # Both accounts differ in both years.
    both = [(f"{year}-01-01", account) for year in (2040, 2041) for account in ("512000", "606600")]
    assert [tuple(row.values()) for row in draft.ask(DIFFERENCES)] == both

    bookmarked(draft, part, {"behind": ["2040-01-01"]})
    assert [tuple(row.values()) for row in draft.ask(DIFFERENCES)] == both[2:]
    bookmarked(draft, part, {"read_at": "2041-06-01T00:00:00Z"})
    assert [tuple(row.values()) for row in draft.ask(DIFFERENCES)] == both


def bookmarked(draft: Draft, part: str, bookmark: dict[str, Any]) -> None:
    """Write the tap's bookmark of the trial balance, as Meltano keeps it."""
    state = json.dumps({"singer_state": {"bookmarks": {"trial_balance": bookmark}}})
    draft.connection.execute(
        f"UPDATE meltano.state SET {part} = %s, updated_at = now() WHERE state_id LIKE"  # noqa: S608
        " '%%:tap-pennylane-to-target-postgres%%'".encode(),
        [state],
    )

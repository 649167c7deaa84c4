"""Rolling verification: what no event told is found, a few requests per run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tap_pennylane.replication.bookmark import Bookmark
from tap_pennylane.replication.verification import BEGINS_AT, urgency

if TYPE_CHECKING:
    from collections.abc import Callable

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Run, Warehouse

ENTRIES, LINES, PAYMENTS = "ledger_entries", "ledger_entry_lines", "customer_invoice_payments"
FOLLOWED = (
    "customer_invoices",
    "customers",
    ENTRIES,
    LINES,
    "products",
    "quotes",
    "supplier_invoices",
    "suppliers",
    "transactions",
)
ALWAYS = dict.fromkeys([*FOLLOWED, PAYMENTS], 0)
"""A setting `verify_days` by which a verification is always due."""

HOUR = 3600
FEW = 5
"""How many runs find deletions: a small company has no more to delete."""


@pytest.fixture
def read(run_tap: Callable[..., Run], company: Sandbox) -> Callable[..., Run]:
    """Run the tap against that company, with the request count reset."""

    def run(*streams: str, **config: Any) -> Run:
        company.control("DELETE", "stats")
        settings = {"api_token": company.token, "api_url": company.url, "requests_per_window": 9999}
        chosen = [*(streams or (*FOLLOWED, "customer_invoice_lines", PAYMENTS)), "sync_log"]
        done = run_tap(**{**settings, **config}, streams=chosen)
        assert done.exit_code == 0, done.log
        return done

    return run


@pytest.mark.parametrize(
    ("budget", "company", "page_size"),
    [(5, 200, 25), (20, 400, 50), (200, 400, 50)],
    indirect=["company"],
)
def test_what_no_event_told_is_found_within_a_cycle(
    read: Callable[..., Run], company: Sandbox, warehouse: Warehouse, budget: int, page_size: int
) -> None:
    first = read(page_size=page_size)
    warehouse.load(first)
    for name in ("customers", "customer_invoices", LINES, "products", "transactions"):
        company.change(name, update=2, silent=True)
        company.change(name, create=2, silent=True)
    company.change("products", delete=2, silent=True)
    ghosts = company.change(ENTRIES, delete=2, silent=True)["deleted"]
    ghosts += company.change(ENTRIES, vanish=2)["deleted"]

    def verify_all(since: Run, *, with_changes: bool) -> Run:
        """Run until everything was verified since a run, and apply the runs."""
        verified = {name: since.log_rows[name]["verified_at"] for name in ALWAYS}
        run, count = since, 0
        while any(run.log_rows[name]["verified_at"] <= verified[name] for name in ALWAYS):
            if with_changes:  # they must not be undone by what is read later
                company.change("customers", create=1, update=2)
                company.change("transactions", update=2, delete=count < FEW)
                company.change(ENTRIES, update=1, delete=count < FEW)
            config = {"verify_requests": budget, "verify_days": ALWAYS, "page_size": page_size}
            run = read(state=run.state, **config)
            warehouse.load(run)
            count += 1
            assert count < 100, run.log_rows
        return run

    second = verify_all(first, with_changes=True)
    assert warehouse.live(ENTRIES).keys().isdisjoint(ghosts)
    third = read(state=second.state, verify_requests=0)
    warehouse.load(third).assert_equals(company)
    verify_all(third, with_changes=False)
    warehouse.assert_equals(company, raw=True)


def test_a_run_spends_no_more_than_its_budget_and_resumes(
    read: Callable[..., Run], company: Sandbox
) -> None:
    first = read(LINES, page_size=10)
    idle = read(LINES, page_size=10, state=first.state, verify_days=ALWAYS, verify_requests=0)
    assert idle.log_rows[LINES]["verified_records"] == 0
    requests = company.stats["total"]
    run, ids, shares = first, set[int](), [0.0]
    while not run.activated or run is first:
        config = {"verify_requests": 12, "verify_days": ALWAYS, "page_size": 10}
        run = read(LINES, state=run.state, **config)
        row = run.log_rows[LINES]
        assert company.stats["total"] <= requests + 12
        assert row["mode"] == "changelog"
        assert row["records"] == 0
        assert row["verified_records"] == len(run.records[LINES])
        assert row["requests"] >= company.stats["requests"][f"/{LINES}"]
        assert not ids & {record["id"] for record in run.records[LINES]}, "read again"
        ids |= {record["id"] for record in run.records[LINES]}
        shares.append(float(row["verified_share"] or 1))
        assert shares[-1] == pytest.approx(len(ids) / len(company.state(LINES)), abs=0.001)
    assert ids == {line["id"] for line in company.state(LINES)}
    assert shares == sorted(shares)
    assert len(shares) > 3  # several runs
    assert run.activated[LINES] > first.activated[LINES]
    assert row["verified_at"] > first.log_rows[LINES]["verified_at"]
    assert "verification" not in run.state["bookmarks"][LINES]


def test_the_collection_that_is_most_overdue_comes_first(
    read: Callable[..., Run], company: Sandbox
) -> None:
    first = read(LINES, ENTRIES, "customers")
    second = read(LINES, ENTRIES, "customers", state=first.state)
    assert not [row for row in second.log_rows.values() if row["verified_records"]]
    company.control("POST", "clock", advance_seconds=13 * HOUR)
    third = read(LINES, ENTRIES, "customers", state=second.state)
    assert [row["stream"] for row in third.log_rows.values() if row["verified_records"]] == [
        ENTRIES  # within a day; the others within seven
    ]
    company.control("POST", "clock", advance_seconds=4 * 24 * HOUR)
    days = {"customers": 1}
    fourth = read(LINES, ENTRIES, "customers", state=third.state, verify_days=days)
    assert {row["stream"] for row in fourth.log_rows.values() if row["verified_records"]} == {
        LINES,
        ENTRIES,
        "customers",
    }
    order = [line.split("'")[1] for line in fourth.log.splitlines() if "Verified '" in line]
    assert order == ["customers", ENTRIES, LINES]


def test_a_run_says_when_its_budget_is_too_small(
    read: Callable[..., Run], company: Sandbox
) -> None:
    run, config = read(LINES), {"verify_requests": 3, "page_size": 10}
    company.control("POST", "clock", advance_seconds=4 * 24 * HOUR)
    for hours in (0, 1, 1):
        company.control("POST", "clock", advance_seconds=hours * HOUR)
        run = read(LINES, state=run.state, **config)
        assert "can't be verified" not in run.log
    company.control("POST", "clock", advance_seconds=4 * 24 * HOUR)
    run = read(LINES, state=run.state, **config)
    assert "'ledger_entry_lines' can't be verified within 7 days: at this pace" in run.log
    assert "Raise verify_requests, run more often, or raise verify_days." in run.log


def test_a_failure_while_verifying_is_a_failure_of_the_stream(
    run_tap: Callable[..., Run], read: Callable[..., Run], company: Sandbox
) -> None:
    first = read(LINES, "customers")
    company.change("customers", update=1)
    company.fault(f"/{LINES}", "status", status=403)
    run = run_tap(
        api_token=company.token,
        api_url=company.url,
        streams=[LINES, "customers", "sync_log"],
        state=first.state,
        verify_days=ALWAYS,
    )
    assert run.exit_code != 0
    assert run.log_rows[LINES]["status"] == "failed"
    assert run.log_rows["customers"]["status"] == "success"
    assert not run.activated.get(LINES)
    company.clear_faults()
    second = read(LINES, "customers", state=run.state, verify_days=ALWAYS)
    assert second.activated[LINES] > first.activated[LINES]


def test_an_included_child_stream_is_verified_without_its_parent(
    read: Callable[..., Run], company: Sandbox
) -> None:
    child = "customer_invoice_lines"
    first = read(child)
    company.change("customer_invoices", create=1, silent=True)
    second = read(child, state=first.state, verify_days={"customer_invoices": 0})
    assert not second.records["customer_invoices"]
    assert len(second.records[child]) > len(first.records[child])
    assert second.activated[child] > first.activated[child]
    assert second.log_rows[child]["verified_records"] > 0


@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_always_due_holds_within_the_second_of_the_last_read_too(seconds: int) -> None:
    began = datetime(2026, 6, 1, tzinfo=UTC)
    bookmark = Bookmark(format=1, company=1, columns="", read_at=began.isoformat())
    now = began + timedelta(seconds=seconds)
    assert urgency(bookmark, timedelta(), now) >= BEGINS_AT
    assert urgency(bookmark, timedelta(days=7), now) == 0

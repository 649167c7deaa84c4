"""Following the changelogs: what a later run delivers and requests, and what it refuses."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import running
from tap_pennylane.api.events import Changelogs, Position
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Run, Warehouse

STREAMS = {
    name: stream
    for name, stream in TapPennylane(validate_config=False).streams.items()
    if name != "sync_log" and stream.selected_by_default
}
DAY = 86_400
WEEK = 7 * DAY


@pytest.fixture
def company() -> Iterator[Sandbox]:
    """A company of its own for each test, which may move its clock."""
    with running("--size", "1000", "--rate-limit", "none") as sandbox:
        yield sandbox


@pytest.fixture
def read(run_tap: Callable[..., Run], company: Sandbox) -> Callable[..., Run]:
    """Run the tap against that company, with the request count reset."""

    def run(**config: Any) -> Run:
        company.control("DELETE", "stats")
        settings = {"api_token": company.token, "api_url": company.url, "requests_per_window": 9999}
        done = run_tap(**{"max_retries": 1, **settings, **config})
        for row in done.records["sync_log"]:
            assert row["run_id"]
        return done

    return run


def test_changes_and_deletions_are_followed(
    read: Callable[..., Run], company: Sandbox, warehouse: Warehouse, followed: list[str]
) -> None:
    first = read()
    assert first.exit_code == 0, first.log
    assert {row["mode"] for row in first.log_rows.values()} == {"scan"}
    warehouse.load(first)
    warehouse.assert_equals(company)

    done = {
        name: company.change(name, create=3, update=4, delete=2)
        for name in ("customer_invoices", "customers", "suppliers", "products", "transactions")
    }
    done["ledger_entry_lines"] = company.change("ledger_entry_lines", update=5)
    second = read(state=first.state)
    assert second.exit_code == 0, second.log
    warehouse.load(second).assert_equals(company)
    for name, changes in done.items():
        row = second.log_rows[name]
        assert row["mode"] == "changelog"
        assert row["status"] == "success"
        gone = {record["id"] for record in second.records[name] if record["_sdc_deleted_at"]}
        assert gone >= set(changes["deleted"])
        assert all(record.keys() >= {"id"} for record in second.records[name])
        assert row["tombstones"] == len(gone)
        assert row["records"] == len(second.records[name]) - len(gone)
        ids = [record["id"] for record in second.records[name]]
        assert len(ids) == len(set(ids)), "a record came twice"
    assert second.activated.keys().isdisjoint(done)

    third = read(state=second.state)
    assert not [name for name in followed if third.records[name]]


def test_nothing_changed_costs_next_to_nothing(
    read: Callable[..., Run], company: Sandbox, followed: list[str]
) -> None:
    first = read()
    second = read(state=first.state)
    assert second.exit_code == 0, second.log
    requests = company.stats["requests"]
    assert {path: count for path, count in requests.items() if "changelogs" in path} == {
        path: 1 for name in followed for path in STREAMS[name].changelogs
    }
    assert not {STREAMS[name].path for name in followed} & requests.keys()
    assert company.stats["total"] <= 12
    assert second.log_rows["webhook_subscriptions"]["mode"] == "not due"
    again = read(state=second.state, refresh_hours={"webhook_subscriptions": 0, "journals": 1})
    assert again.log_rows["webhook_subscriptions"]["mode"] == "scan"
    assert again.log_rows["journals"]["mode"] == "not due"


def test_a_thousand_changes_cost_ten_requests(run_tap: Callable[..., Run]) -> None:
    with running("--size", "20000", "--rate-limit", "none") as sandbox:
        config: dict[str, Any] = {
            "api_token": sandbox.token,
            "api_url": sandbox.url,
            "requests_per_window": 1_000_000,
            "streams": ["ledger_entry_lines"],
        }
        first = run_tap(**config)
        assert len(first.records["ledger_entry_lines"]) >= 20_000
        assert all(len(json.dumps(m["value"])) < 10_000 for m in first.messages if "value" in m)
        changed = sandbox.change("ledger_entry_lines", update=1000)["updated"]
        sandbox.control("DELETE", "stats")
        second = run_tap(**config, state=first.state)
        assert {record["id"] for record in second.records["ledger_entry_lines"]} >= set(changed)
        requests = sandbox.stats["requests"]
    assert requests["/ledger_entry_lines"] <= 10
    assert requests["/changelogs/ledger_entry_lines"] <= 1


def test_a_burst_at_one_instant_is_neither_skipped_nor_repeated(
    read: Callable[..., Run], company: Sandbox
) -> None:
    first = read(streams=["products", "sync_log"])
    burst = company.change("products", create=1500, at_same_instant=True)["created"]
    second = read(streams=["products", "sync_log"], state=first.state)
    assert {record["id"] for record in second.records["products"]} == set(burst)
    assert company.stats["requests"]["/changelogs/products"] == 2
    third = read(streams=["products", "sync_log"], state=second.state)
    assert not third.records["products"]
    assert company.stats["total"] == 2 + 1  # /me, and the events of that instant in two pages
    assert len(json.dumps(second.state)) < 10_000


def test_a_deleted_record_that_comes_again_lives(
    read: Callable[..., Run], company: Sandbox, warehouse: Warehouse
) -> None:
    first = read(streams=["suppliers"])
    gone = company.change("suppliers", delete=1)["deleted"]
    second = read(streams=["suppliers"], state=first.state)
    company.change("suppliers", recreate=gone)
    third = read(streams=["suppliers"], state=second.state)
    warehouse.load(first).load(second)
    assert gone[0] not in warehouse.live("suppliers")
    assert gone[0] in warehouse.load(third).live("suppliers")


def test_deleted_entries_go_with_their_lines(
    read: Callable[..., Run], company: Sandbox, warehouse: Warehouse
) -> None:
    first = read()
    gone = company.change("ledger_entries", delete=2)["deleted"]
    second = read(state=first.state, verify_requests=0)
    assert second.log_rows["ledger_entries"]["mode"] == "changelog"
    # A deletion changes a few other entries: letterings are dissolved.
    assert second.log_rows["ledger_entries"]["records"] < 20 < len(first.records["ledger_entries"])
    warehouse.load(first).load(second)
    warehouse.assert_equals(company)
    assert warehouse.viewed("ledger_entries").keys().isdisjoint(gone)
    third = read(state=second.state, verify_days={"ledger_entries": 0})
    assert third.log_rows["ledger_entries"]["mode"] == "changelog"
    warehouse.load(third).assert_equals(company, raw=True)


def test_changes_made_during_the_first_scan_are_in_the_next_run(
    read: Callable[..., Run], company: Sandbox, warehouse: Warehouse
) -> None:
    company.fault("/ledger_entry_lines", "drop", skip=4)  # interrupted half-way: time for changes
    first = read()
    assert first.exit_code == 1
    company.clear_faults()
    company.change("ledger_entry_lines", update=60)
    company.change("ledger_entries", create=5, delete=3)
    second = read(state=first.state)
    assert second.log_rows["ledger_entry_lines"]["mode"] == "resumed scan"
    third = read(state=second.state)
    warehouse.load(first).load(second).load(third).assert_equals(company)


def test_changes_made_in_the_middle_of_a_scan_are_in_the_next_run(
    read: Callable[..., Run], company: Sandbox, warehouse: Warehouse
) -> None:
    company.fault("/ledger_entry_lines", "latency", seconds=0.3)
    with ThreadPoolExecutor() as pool:
        scanning = pool.submit(read)
        for _ in range(20):
            company.change("ledger_entry_lines", update=5)
            company.change("ledger_entries", create=1, delete=1)
            company.change("customers", create=1, update=2)
            time.sleep(0.1)
        first = scanning.result()
    assert first.exit_code == 0, first.log
    company.clear_faults()
    second = read(state=first.state)
    warehouse.load(first).load(second).assert_equals(company)


def test_the_selected_fields_are_those_of_both_ways(
    read: Callable[..., Run], company: Sandbox
) -> None:
    first = read(streams=["products", "sync_log"], without=("label", "price"))
    company.change("products", update=2, delete=1)
    second = read(streams=["products", "sync_log"], without=("label", "price"), state=first.state)
    assert second.log_rows["products"]["mode"] == "changelog"
    records = first.records["products"] + second.records["products"]
    assert not [record for record in records if {"label", "price"} & record.keys()]
    third = read(streams=["products", "sync_log"], without=("label",), state=second.state)
    assert third.log_rows["products"]["mode"] == "scan"
    assert "the selected columns or the stream maps changed" in third.log
    assert all("price" in record for record in third.records["products"])


def test_an_expired_bookmark_leads_to_a_scan_by_itself(
    read: Callable[..., Run], company: Sandbox, warehouse: Warehouse
) -> None:
    first = read()
    company.change("customers", delete=1)
    company.control("POST", "clock", advance_seconds=5 * WEEK)
    second = read(state=first.state)
    assert second.exit_code == 0, second.log
    assert second.log_rows["customers"]["mode"] == "expired→scan"
    assert "'customers' is read completely again: /changelogs/customers no longer has" in second.log
    third = read(state=second.state)
    assert third.log_rows["customers"]["mode"] == "changelog"
    warehouse.load(first).load(second).load(third).assert_equals(company)


def test_a_quiet_changelog_never_expires(read: Callable[..., Run], company: Sandbox) -> None:
    state = read(streams=["quotes", "sync_log"]).state
    for _ in range(3):
        company.control("POST", "clock", advance_seconds=3 * WEEK)
        run = read(streams=["quotes", "sync_log"], state=state)
        assert run.log_rows["quotes"]["mode"] == "changelog"
        state = run.state


def test_a_quiet_changelog_is_not_stepped_over_by_a_run_of_days(company: Sandbox) -> None:
    tap = TapPennylane(config={"api_token": company.token, "api_url": company.url})
    tap.check_access()
    path, begun = "/changelogs/quotes", Position(tap.run.client.now().isoformat())
    tap.run.changelogs.since(path, begun)
    for _ in range(2):
        company.control("POST", "clock", advance_seconds=1.5 * DAY)
        company.change("quotes", update=1)
    tap.run.client.get("/me")
    position = tap.run.changelogs.since(path, begun)[-1].position
    events = [
        event.id
        for part in Changelogs(tap.run.client).since(path, position)
        for event in part.events
    ]
    assert len(events) == 2


def test_another_companys_state_is_refused(read: Callable[..., Run], company: Sandbox) -> None:
    first = read()
    for bookmark in first.state["bookmarks"].values():
        if "company" in bookmark:
            bookmark["company"] += 1
    second = read(state=first.state)
    assert second.exit_code == 78
    assert second.log.count("their books would be mixed") == 1
    # A full refresh would mark the first company's rows as deleted.
    assert "--full-refresh" not in second.log
    assert not second.messages
    assert company.stats["total"] == 1


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ({"format": 99}, "has the format 99"),
        ({"columns": 5}, "is damaged"),
        (
            {"changes": {"/changelogs/quotes": {"processed_at": "2999-01-01T00:00:00+00:00"}}},
            "ahead of Pennylane's clock",
        ),
    ],
)
def test_a_state_that_cannot_be_used_is_refused(
    read: Callable[..., Run], damage: dict[str, Any], sentence: str
) -> None:
    state = read(streams=["quotes"]).state
    state["bookmarks"]["quotes"] |= damage
    run = read(streams=["quotes"], state=state)
    assert run.exit_code == 78
    assert run.log.count(sentence) == 1
    assert not run.messages


def test_a_state_of_before_bookmarks_is_a_first_load(read: Callable[..., Run]) -> None:
    run = read(streams=["quotes"], state={"bookmarks": {"quotes": {}}})
    assert run.exit_code == 0
    assert "quotes" in run.activated


def test_settings_that_change_what_is_read_lead_to_a_scan(read: Callable[..., Run]) -> None:
    first = read()
    second = read(state=first.state, start_date="2026-01-01")
    assert second.log_rows["customer_invoices"]["mode"] == "scan"
    assert "the setting 'start_date' changed" in second.log
    third = read(state=second.state, start_date="2026-01-01")
    assert third.log_rows["customer_invoices"]["mode"] == "changelog"


def test_a_start_date_keeps_its_meaning(
    read: Callable[..., Run], company: Sandbox, warehouse: Warehouse
) -> None:
    def wanted() -> dict[int, str]:
        rows = company.state("transactions")
        return {row["id"]: row["updated_at"] for row in rows if row["date"] >= "2025-06-01"}

    first = read(start_date="2025-06-01")
    warehouse.load(first)
    assert warehouse.live("transactions").keys() == wanted().keys()
    company.change("ledger_entry_lines", update=100)  # some dated before that, too
    company.change("transactions", create=5, update=60)
    second = read(start_date="2025-06-01", state=first.state)
    assert second.log_rows["transactions"]["mode"] == "changelog"
    assert second.log_rows["ledger_entries"]["mode"] == "changelog"
    live = warehouse.load(second).live("transactions")
    assert {id_: row["updated_at"] for id_, row in live.items()} == wanted()


def test_the_record_of_runs_comes_also_when_streams_fail(
    read: Callable[..., Run], company: Sandbox
) -> None:
    company.fault("/quotes", "status", status=503)
    run = read()
    assert run.exit_code == 1
    rows = run.log_rows
    assert rows.keys() == STREAMS.keys()
    assert rows["quotes"]["status"] == "failed"
    assert "503" in rows["quotes"]["error"]
    assert rows["quotes"]["requests"] == 3  # one, one retry, and one to check that the API responds
    assert rows["suppliers"]["status"] == "success"
    assert rows["suppliers"]["records"] == len(run.records["suppliers"])
    assert rows["suppliers"]["started_at"] <= rows["suppliers"]["ended_at"]
    assert [m["stream"] for m in run.messages if m["type"] == "RECORD"][-1] == "sync_log"


def test_a_missing_scope_is_final_unless_something_else_may_pass(
    read: Callable[..., Run], company: Sandbox
) -> None:
    company.fault("/quotes", "status", status=403)
    forbidden = read()
    assert forbidden.exit_code == 78
    assert "1 of" in forbidden.log
    assert "Exit code 78." in forbidden.log
    assert forbidden.log_rows["suppliers"]["status"] == "success"
    company.fault("/products", "status", status=503)
    assert read().exit_code == 1, "a retry brings the products"

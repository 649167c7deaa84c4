"""Child streams: all lists at first, then only those whose parents changed."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import running
from tap_pennylane.streams.child import ChildStream, IncludedChildStream
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Run

CHILDREN = {
    name: stream
    for name, stream in TapPennylane(validate_config=False).streams.items()
    if isinstance(stream, ChildStream)
}
BY_REQUEST = [name for name, one in CHILDREN.items() if not isinstance(one, IncludedChildStream)]


def live(
    stream: ChildStream, messages: Iterable[dict[str, Any]]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The live rows, by the rule in `docs/state.md`, after some messages were loaded."""
    rows: dict[tuple[Any, ...], tuple[str, dict[str, Any]]] = {}
    begun: dict[int, str] = defaultdict(str)
    for message in messages:
        if message["type"] != "RECORD" or message["stream"] != stream.name:
            continue
        key = tuple(message["record"][name] for name in stream.primary_keys)
        if moment := message["record"].get("_sdc_deleted_at"):
            assert message["record"]["id"] == 0
            begun[key[0]] = moment
        else:
            rows[key] = message["time_extracted"], message["record"]
    return {
        key: row
        for key, (moment, row) in rows.items()
        if not begun[key[0]]
        or datetime.fromisoformat(begun[key[0]]) <= datetime.fromisoformat(moment)
    }


def assert_rows(company: Sandbox, stream: ChildStream, *runs: Run) -> None:
    """Every row and field equals the sandbox's."""
    found = live(stream, [message for run in runs for message in run.messages])
    wanted = {tuple(row[k] for k in stream.primary_keys): row for row in company.rows(stream.path)}
    assert found.keys() == wanted.keys(), stream.name
    for key, record in found.items():
        for column, definition in stream.schema["properties"].items():
            expected = wanted[key].get(column)
            if expected is not None and "number" in definition["type"]:
                expected = Decimal(expected) if expected != "" else None
                assert record[column] == (None if expected is None else expected), (key, column)
            elif expected is not None and definition.get("format") == "date-time":
                assert datetime.fromisoformat(record[column]) == datetime.fromisoformat(expected)
            else:
                assert record[column] == expected, (stream.name, key, column)


def test_a_load_that_was_cut_off_after_its_last_record_introduces_every_stream(
    load: Callable[..., Run],
) -> None:
    """Nothing is left to read, but the included child stream's version is activated."""
    streams = ["customer_invoices", "customer_invoice_lines", "sync_log"]
    first = load(streams=streams)
    assert first.exit_code == 0, first.log
    bookmark = first.state["bookmarks"]["customer_invoices"]
    bookmark["scan"] = {"began": bookmark["read_at"], "version": bookmark["version"], "left": []}
    second = load(streams=streams, state=first.state)
    assert second.exit_code == 0, second.log
    introduced = set()
    for message in second.messages:
        if message["type"] == "SCHEMA":
            introduced.add(message["stream"])
        assert message.get("stream") is None or message["stream"] in introduced, message
    assert second.activated.keys() == set(streams[:2])


def test_every_list_is_read_whole_and_then_only_of_what_changed(
    load: Callable[..., Run], company: Sandbox
) -> None:
    first = load(streams=[*CHILDREN, "sync_log"])
    assert first.exit_code == 0, first.log
    assert all(first.records[name] for name in CHILDREN), "the sandbox has rows of every kind"
    for stream in CHILDREN.values():
        assert_rows(company, stream, first)

    quiet = load(streams=[*CHILDREN, "sync_log"], state=first.state)
    assert quiet.exit_code == 0, quiet.log
    assert not any(quiet.records[name] for name in CHILDREN)
    assert lists_asked(company) == 0

    for name in ("customer_invoices", "supplier_invoices", "customers", "quotes", "transactions"):
        company.change(name, create=1, update=3, delete=1)
    second = load(streams=[*CHILDREN, "sync_log"], state=quiet.state)
    assert second.exit_code == 0, second.log
    for stream in CHILDREN.values():
        assert_rows(company, stream, first, second)


def lists_asked(company: Sandbox, parents: str = "") -> int:
    """The number of requests for child streams."""
    requests = company.stats["requests"].items()
    return sum(count for path, count in requests if path.startswith(f"/{parents}") and "{" in path)


def test_invoice_lines_come_with_the_invoices(load: Callable[..., Run], company: Sandbox) -> None:
    lines = CHILDREN["customer_invoice_lines"]
    alone = load(streams=["customer_invoices"])
    pages = company.stats["requests"]["/customer_invoices"]
    both = load(streams=["customer_invoices", "customer_invoice_lines", "sync_log"])
    assert company.stats["requests"]["/customer_invoices"] == pages
    counts = Counter(row["customer_invoice_id"] for row in both.records[lines.name])
    pages_of_long_ones = sum(-(-count // 100) for count in counts.values() if count > 20)
    assert lists_asked(company) == pages_of_long_ones > 0
    assert both.records["customer_invoices"] == alone.records["customer_invoices"]
    assert both.activated["customer_invoice_lines"] == both.activated["customer_invoices"]
    assert both.log_rows[lines.name]["records"] == len(both.records[lines.name])
    assert_rows(company, lines, both)

    only_lines = load(streams=["customer_invoice_lines"])
    assert not only_lines.records["customer_invoices"]
    assert only_lines.activated.keys() == {"customer_invoice_lines"}
    assert_rows(company, lines, only_lines)


def test_lines_that_are_selected_later_come_whole(
    load: Callable[..., Run], company: Sandbox
) -> None:
    without = load(streams=["customer_invoices"])
    later = load(streams=["customer_invoices", "customer_invoice_lines"], state=without.state)
    assert "'customer_invoices' is read completely again: the selected columns" in later.log
    assert_rows(company, CHILDREN["customer_invoice_lines"], later)


def test_a_line_that_cannot_be_read_fails_the_lines_alone(
    load: Callable[..., Run], company: Sandbox
) -> None:
    streams = ["customer_invoices", "customer_invoice_lines", "sync_log"]
    company.fault("/customer_invoices/*/invoice_lines", "status", status=503)
    failed = load(streams=streams)
    assert failed.exit_code == 1
    assert "1 of 3 streams failed (customer_invoice_lines)" in failed.log
    assert failed.activated.keys() == {"customer_invoices"}
    assert failed.log_rows["customer_invoices"]["status"] == "success"
    assert failed.log_rows["customer_invoice_lines"]["status"] == "failed"
    company.clear_faults()
    repaired = load(streams=streams, state=failed.state)
    assert repaired.exit_code == 0, repaired.log
    assert_rows(company, CHILDREN["customer_invoice_lines"], repaired)


def test_when_the_invoices_fail_so_do_their_lines(
    load: Callable[..., Run], company: Sandbox
) -> None:
    company.fault("/customer_invoices", "status", status=403)
    failed = load(streams=["customer_invoices", "customer_invoice_lines", "sync_log"])
    assert failed.exit_code == 78, "the scope is missing at the next attempt, too"
    assert "2 of 3 streams failed" in failed.log
    assert not failed.activated
    assert failed.log_rows["customer_invoice_lines"]["status"] == "failed"


def test_lists_whose_read_was_cut_off_go_on_where_it_stopped(
    load: Callable[..., Run], company: Sandbox
) -> None:
    payments = CHILDREN["supplier_invoice_payments"]
    streams = [payments.name, "sync_log"]
    parents = len(company.state("supplier_invoices"))
    company.fault("/supplier_invoices/*/payments", "status", status=503, skip=parents // 2)
    cut = load(streams=streams)
    assert cut.exit_code == 1
    assert not cut.activated
    assert len(cut.records[payments.name]) > 0
    company.clear_faults()
    rest = load(streams=streams, state=cut.state)
    assert rest.exit_code == 0, rest.log
    assert rest.log_rows[payments.name]["mode"] == "resumed scan"
    # Two things may be read twice: requests in flight, and lists since the last bookmark.
    assert lists_asked(company, "supplier_invoices") <= parents - parents // 2 + 16 + 10
    assert_rows(company, payments, cut, rest)


def test_only_the_lists_of_changed_parents_are_read(
    load: Callable[..., Run], company: Sandbox
) -> None:
    streams = ["quote_invoice_lines", "quote_appendices"]
    first = load(streams=streams)
    changed = company.change("quotes", update=3, create=1, delete=1)
    second = load(streams=streams, state=first.state)
    living = {*changed["updated"], *changed["created"]} - {*changed["deleted"]}
    assert lists_asked(company) == len(streams) * len(living)
    for name in streams:
        assert_rows(company, CHILDREN[name], first, second)


@pytest.mark.parametrize("name", ["customer_invoice_lines", "quote_invoice_lines"])
def test_a_run_that_ends_between_any_two_messages_takes_no_row_away(
    load: Callable[..., Run], company: Sandbox, name: str
) -> None:
    stream = CHILDREN[name]
    streams = [stream.parent_stream.name, name]
    first = load(streams=streams)
    before = live(stream, first.messages)
    company.change(stream.parent_stream.name, update=4, create=1, delete=1)
    second = load(streams=streams, state=first.state)
    after = live(stream, [*first.messages, *second.messages])
    assert after.keys() != before.keys()
    for count in range(len(second.messages)):
        rows = live(stream, [*first.messages, *second.messages[:count]])
        assert before.keys() & after.keys() <= rows.keys() <= before.keys() | after.keys()


def test_many_changes_are_followed_with_bookmarks_on_the_way(
    load: Callable[..., Run], company: Sandbox
) -> None:
    lines = CHILDREN["quote_invoice_lines"]
    streams = [lines.name, "sync_log"]
    first = load(streams=streams)
    company.change("quotes", create=400)
    company.fault("/quotes/*/invoice_lines", "status", status=503, skip=330)
    cut = load(streams=streams, state=first.state)
    assert cut.exit_code == 1
    assert len(json.dumps(cut.state)) < 10_000
    company.clear_faults()
    company.change("quotes", update=2, delete=2)
    rest = load(streams=streams, state=cut.state)
    assert rest.exit_code == 0, rest.log
    # Two things are read twice: requests in flight, and lists delivered since the last bookmark.
    assert lists_asked(company, "quotes") <= 400 - 330 + 100 + 10 + 8 + 2
    assert_rows(company, lines, first, cut, rest)


def test_a_parent_that_vanishes_meanwhile_has_no_list(
    load: Callable[..., Run], company: Sandbox
) -> None:
    first = load(streams=["customer_contacts"])
    contacts = CHILDREN["customer_contacts"]
    victim = next(row["customer_id"] for row in first.records["customer_contacts"])
    company.change("customers", update=[victim])
    company.fault(f"/customers/{victim}/contacts", "status", status=404, times=1)
    wrong = load(streams=["customer_contacts"], state=first.state)
    assert wrong.exit_code == 1, "it is still there: the 404 is no answer"
    repaired = load(streams=["customer_contacts"], state=wrong.state)
    assert_rows(company, contacts, first, repaired)


def test_a_start_date_leaves_out_the_lists_of_older_parents(
    load: Callable[..., Run], company: Sandbox
) -> None:
    dates = {row["id"]: row["date"] for row in company.state("supplier_invoices")}
    dated = {one: day for one, day in dates.items() if day}
    start = sorted(dated.values())[len(dated) // 2]
    young = {one for one, day in dates.items() if (day or start) >= start}
    first = load(streams=["supplier_invoice_lines"], start_date=start)
    assert {row["supplier_invoice_id"] for row in first.records["supplier_invoice_lines"]} == young
    company.change(
        "supplier_invoices", update=[min(dated, key=dated.__getitem__), max(young & dated.keys())]
    )
    second = load(streams=["supplier_invoice_lines"], start_date=start, state=first.state)
    assert second.exit_code == 0, second.log
    rows = live(CHILDREN["supplier_invoice_lines"], [*first.messages, *second.messages])
    assert {key[0] for key in rows} == young


def test_what_many_lists_cost_is_said_beforehand(load: Callable[..., Run]) -> None:
    with running("--size", "1500", "--rate-limit", "none") as large:
        streams = ["lettered_ledger_entry_lines", "quote_appendices"]
        run = load(api_url=large.url, streams=streams, requests_per_window=3000, window_seconds=5)
        quotes = len(large.state("quotes"))
    assert run.exit_code == 0, run.log
    total = 1500 + quotes
    assert f"Child streams need {total} requests, about 0:00:" in run.log
    assert f"(lettered_ledger_entry_lines: 1500, quote_appendices: {quotes})" in run.log
    assert run.log.index("Child streams need") < run.log.index(
        "Beginning sync of 'quote_appendices'"
    )


def test_lists_that_cost_requests_are_off_by_default() -> None:
    streams = {s.name: s for s in TapPennylane(validate_config=False).streams.values()}
    assert {name for name, one in streams.items() if not one.selected_by_default} >= {*BY_REQUEST}
    assert streams["customer_invoice_lines"].selected_by_default

"""Drafts, records without a date, and entries of closed years, whichever way the API lists them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import other_server, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pennylane_sandbox.pytest_plugin import Answer, Query, Sandbox

    from conftest import Run

READINGS = {"everything is listed": (), "closed years are hidden": ("--hide-closed-years",)}
ENTRIES, LINES = "ledger_entries", "ledger_entry_lines"
MAY_LACK_A_DATE = (ENTRIES, "customer_invoices", "supplier_invoices")
START = "2025-06-01"


@pytest.fixture(params=READINGS)
def hides(request: pytest.FixtureRequest) -> bool:
    """Whether the API omits closed years unless a date filter is sent."""
    return bool(READINGS[request.param])


@pytest.fixture
def company(hides: bool) -> Iterator[Sandbox]:  # noqa: FBT001 - a fixture
    """A company of its own for each test, with either kind of API."""
    options = READINGS["closed years are hidden"] if hides else ()
    with running("--size", "2000", "--rate-limit", "none", *options) as sandbox:
        yield sandbox


@pytest.fixture
def read(run_tap: Callable[..., Run], company: Sandbox) -> Callable[..., Run]:
    """Run the tap against that company, with the request count reset."""

    def run(*streams: str, **config: Any) -> Run:
        company.control("DELETE", "stats")
        settings = {"api_token": company.token, "api_url": company.url, "requests_per_window": 9999}
        done = run_tap(**{**settings, **config}, streams=[*streams, "sync_log"])
        assert done.exit_code == 0, done.log
        return done

    return run


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return sorted(row["id"] for row in rows)


def entries_of(lines: list[dict[str, Any]]) -> set[int]:
    return {line["ledger_entry_id"] for line in lines if not line.get("_sdc_deleted_at")}


def with_entries_to_read(run: Run) -> dict[str, Any]:
    """The state after a run, as if other columns of the entries had been selected."""
    bookmarks = run.state["bookmarks"]
    return {"bookmarks": {**bookmarks, ENTRIES: {**bookmarks[ENTRIES], "columns": "others"}}}


def live(run: Run, *others: Run) -> set[int]:
    """The entries in target-postgres's table after these runs."""
    rows: dict[int, int] = {}
    for one in (run, *others):
        for message in one.messages:
            if message.get("stream") != ENTRIES:
                continue
            if message["type"] == "RECORD":
                identity, gone = message["record"]["id"], message["record"].get("_sdc_deleted_at")
                rows[identity] = -1 if gone else message["version"]
            elif message["type"] == "ACTIVATE_VERSION":
                rows = {key: at for key, at in rows.items() if at >= message["version"]}
    return {key for key, version in rows.items() if version >= 0}


def test_a_first_load_has_every_entry(
    read: Callable[..., Run], company: Sandbox, *, hides: bool
) -> None:
    run = read(LINES, *MAY_LACK_A_DATE, concurrency=1)
    for stream in MAY_LACK_A_DATE:
        assert ids(run.records[stream]) == ids(company.state(stream))
        assert None in {record["date"] for record in run.records[stream]}
    assert "draft" in {record["status"] for record in run.records[ENTRIES]}
    left_out = sum((row["date"] or "2025") < "2025" for row in company.state(ENTRIES))
    requests = company.stats["requests"][f"/{ENTRIES}"]
    assert run.log.count("list omits") == hides
    assert (f"list omits {left_out} existing entries" in run.log) == hides
    listed = len(run.records[ENTRIES]) - (left_out if hides else 0)
    # The last page is requested along with the first; by id, two requests per hundred.
    assert requests <= listed // 100 + 3 + (2 * (left_out // 100 + 1) if hides else 0)


def test_no_date_filter_is_sent_without_a_start_date(
    read: Callable[..., Run], company: Sandbox, *, hides: bool
) -> None:
    read(LINES, *MAY_LACK_A_DATE)
    if not hides:
        for stream in MAY_LACK_A_DATE:
            assert "date" not in company.stats["last_query"][f"/{stream}"].get("filter", "")


@pytest.mark.parametrize("selected", [(ENTRIES,), (LINES,)], ids=" ".join)
def test_either_stream_alone_is_whole(
    read: Callable[..., Run], company: Sandbox, selected: tuple[str, ...]
) -> None:
    run = read(*selected)
    assert ids(run.records[selected[0]]) == ids(company.state(selected[0]))
    if selected == (LINES,):
        assert f"/{ENTRIES}" not in company.stats["requests"]


def test_changes_of_closed_years_and_undated_entries_arrive(
    read: Callable[..., Run], company: Sandbox
) -> None:
    first = read(LINES, ENTRIES)
    rows = company.state(ENTRIES)
    old = next(row["id"] for row in rows if (row["date"] or "9") < "2025" and row["id"] % 10 == 4)
    undated = next(row["id"] for row in rows if row["date"] is None)
    company.change(ENTRIES, update=[old, undated])
    company.change("customer_invoices", create=3)
    second = read(LINES, ENTRIES, state=first.state)
    assert second.log_rows[ENTRIES]["mode"] == "changelog"
    assert {old, undated} <= {record["id"] for record in second.records[ENTRIES]}
    assert not [row for row in second.records[ENTRIES] if row.get("_sdc_deleted_at")]
    assert entries_of(second.records[LINES]) <= set(ids(second.records[ENTRIES]))
    assert live(first, second) == set(ids(company.state(ENTRIES)))


def test_a_whole_read_beside_lines_that_are_only_followed_loses_no_closed_year(
    read: Callable[..., Run], company: Sandbox, *, hides: bool
) -> None:
    first = read(LINES, ENTRIES)
    company.change(ENTRIES, delete=1)
    second = read(LINES, ENTRIES, state=with_entries_to_read(first), concurrency=1)
    assert second.log_rows[ENTRIES]["mode"] == "scan"
    assert second.log_rows[LINES]["mode"] == "changelog"
    assert live(first, second) == set(ids(company.state(ENTRIES)))
    if not hides:  # and a single request shows that nothing is hidden
        assert company.stats["requests"][f"/{ENTRIES}"] <= len(company.state(ENTRIES)) // 100 + 4


def test_a_verification_loses_no_closed_year(read: Callable[..., Run], company: Sandbox) -> None:
    first = read(LINES, ENTRIES)
    company.change(ENTRIES, update=2, silent=True)
    gone = company.change(ENTRIES, delete=2, silent=True)["deleted"]
    second = read(LINES, ENTRIES, state=first.state, verify_days={ENTRIES: 0})
    assert second.log_rows[ENTRIES]["mode"] == "changelog"
    assert set(ids(second.records[ENTRIES])) == set(ids(company.state(ENTRIES)))
    wanted = set(ids(company.state(ENTRIES)))
    assert live(first, second) == wanted
    assert wanted.isdisjoint(gone)


def test_a_list_that_begins_to_omit_closed_years_deletes_none(
    read: Callable[..., Run], company: Sandbox
) -> None:
    def asked(path: str, query: Query) -> Answer | None:
        """Omit what was closed meanwhile, unless there is a filter by date."""
        if path != f"/{ENTRIES}" or '"date"' in query.get("filter", [""])[0]:
            return None
        page = company.get(path, **query)
        page["items"] = [item for item in page["items"] if (item["date"] or "9") >= START]
        return 200, {}, json.dumps(page).encode()

    first = read(LINES, ENTRIES)
    wanted = set(ids(company.state(ENTRIES)))
    with other_server(company, asked=asked) as url:
        days = {ENTRIES: 0}
        second = read(LINES, ENTRIES, api_url=url, state=first.state, verify_days=days)
    assert second.log_rows[ENTRIES]["verified_records"] == len(wanted)
    assert live(first, second) == wanted


@pytest.mark.parametrize("after", [700, 2300])
def test_a_load_that_was_cut_off_ends_whole(
    read: Callable[..., Run], company: Sandbox, tmp_path: Path, after: int
) -> None:
    company.fault("/me", "status", status=401, times=1)
    with pytest.raises(AssertionError):
        read(LINES, ENTRIES, page_size=20, concurrency=2)
    options = ["--config", f"{tmp_path}/config.json", "--catalog", f"{tmp_path}/catalog.json"]
    command = [sys.executable, "-m", "tap_pennylane", *options]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            if len(lines) == after:
                process.send_signal(signal.SIGKILL)
    messages = [json.loads(line) for line in lines if line.endswith(b"\n")]
    states = [message["value"] for message in messages if message["type"] == "STATE"]
    before = {
        stream: {m["record"]["id"] for m in messages if m.get("stream") == stream and "record" in m}
        for stream in (LINES, ENTRIES)
    }
    second = read(LINES, ENTRIES, page_size=20, concurrency=2, state=states[-1])
    for stream in (LINES, ENTRIES):
        assert before[stream] | set(ids(second.records[stream])) == set(ids(company.state(stream)))


def test_a_start_date_loses_no_record_without_a_date(
    read: Callable[..., Run], company: Sandbox
) -> None:
    first = read(LINES, *MAY_LACK_A_DATE, start_date=START)
    for stream in MAY_LACK_A_DATE:
        rows = company.state(stream)
        wanted = {row["id"] for row in rows if (row["date"] or START) >= START}
        got = ids(first.records[stream])
        assert len(set(got)) == len(got)
        assert wanted <= set(got)
        count = sum(row["date"] is None for row in rows)
        assert f"'{stream}': {count} records have no date" in first.log
    assert entries_of(first.records[LINES]) <= set(ids(first.records[ENTRIES]))
    assert all((one["date"] or START) >= START for one in first.records["customer_invoices"])

    chosen = {
        stream: next(row["id"] for row in company.state(stream) if row["date"] is None)
        for stream in MAY_LACK_A_DATE
    }
    early = next(
        row["id"] for row in company.state("customer_invoices") if (row["date"] or "9") < START
    )
    company.change("customer_invoices", update=[early])
    for stream in MAY_LACK_A_DATE:
        company.change(stream, create=3)
    company.change("suppliers", update=1)
    undated = {
        stream: {row["id"] for row in company.state(stream) if row["date"] is None}
        for stream in MAY_LACK_A_DATE
    }
    second = read(LINES, *MAY_LACK_A_DATE, start_date=START, state=first.state)
    for stream in MAY_LACK_A_DATE:
        here = set(ids(first.records[stream])) | set(ids(second.records[stream]))
        assert chosen[stream] in undated[stream] <= here
        gone = {row["id"] for row in second.records[stream] if row.get("_sdc_deleted_at")}
        assert not gone & undated[stream]
    assert entries_of(second.records[LINES]) <= set(ids(second.records[ENTRIES]))


def test_entries_that_the_list_leaves_out_are_fetched_by_id_and_stay(
    read: Callable[..., Run], company: Sandbox, *, hides: bool
) -> None:
    def asked(path: str, query: Query) -> Answer | None:
        if path != f"/{ENTRIES}" or '"in"' in query.get("filter", [""])[0]:
            return None
        page = company.get(path, **query)
        page["items"] = [item for item in page["items"] if item["id"] not in left_out]
        return 200, {}, json.dumps(page).encode()

    rows = company.state(ENTRIES)
    one, another, gone, gone_too = [row["id"] for row in rows if (row["date"] or "") >= START][:4]
    closed = sum((row["date"] or START) < "2025" for row in rows)
    left_out = {one}
    with other_server(company, asked=asked) as url:
        first = read(LINES, ENTRIES, api_url=url)
        assert ids(first.records[ENTRIES]) == ids(rows)
        assert f"list omits {1 + hides * closed} existing entries" in first.log
        assert first.log.count("list omits") == 1

        days = {ENTRIES: 0}
        verified = read(LINES, ENTRIES, api_url=url, state=first.state, verify_days=days)
        assert one not in ids(verified.records[ENTRIES])
        assert live(first, verified) == set(ids(rows))

        left_out.add(another)
        company.change(ENTRIES, delete=[gone])
        second = read(LINES, ENTRIES, api_url=url, state=with_entries_to_read(first))
        assert second.log_rows[ENTRIES]["mode"] == "scan"
        assert second.log_rows[LINES]["mode"] == "changelog"
        assert second.log.count("all lines are read to find them") == 1
        assert not [row for row in second.records[LINES] if not row["_sdc_deleted_at"]]
        assert live(first, second) == set(ids(rows)) - {gone}

        left_out.clear()
        company.change(ENTRIES, delete=[gone_too])
        third = read(LINES, ENTRIES, api_url=url, state=with_entries_to_read(second))
        assert live(first, second, third) == set(ids(rows)) - {gone, gone_too}
        assert second.state["bookmarks"][ENTRIES]["unlisted"] is True
        assert "unlisted" not in third.state["bookmarks"][ENTRIES]


@pytest.mark.parametrize("start", [None, START])
def test_a_state_of_version_0_1_0_brings_the_undated_records_once(
    read: Callable[..., Run], start: str | None
) -> None:
    known = {"format", "company", "start_date", "columns", "version", "read_at", "changes"}
    config = {"start_date": start} if start else {}
    first = read(LINES, *MAY_LACK_A_DATE, **config)
    bookmarks = {
        stream: {name: value for name, value in bookmark.items() if name in known}
        for stream, bookmark in first.state["bookmarks"].items()
    }
    second = read(LINES, *MAY_LACK_A_DATE, state={"bookmarks": bookmarks}, **config)
    lacked = MAY_LACK_A_DATE if start else (ENTRIES,)
    for stream in (LINES, *MAY_LACK_A_DATE):
        is_read = stream in lacked
        assert second.log_rows[stream]["mode"] == ("scan" if is_read else "changelog")
        reason = (
            f"'{stream}' is read completely again: an earlier version omitted the records without"
        )
        assert second.log.count(reason) == is_read
        if is_read:
            assert ids(second.records[stream]) == ids(first.records[stream])
    third = read(LINES, *MAY_LACK_A_DATE, state=second.state, **config)
    assert {third.log_rows[stream]["mode"] for stream in lacked} == {"changelog"}

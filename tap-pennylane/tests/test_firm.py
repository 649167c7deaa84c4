"""The Firm API: one token, many companies, whose rows never mix."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import running
from tap_pennylane.selection import spare_costly_streams
from tap_pennylane.streams import FIRM_STREAMS
from tap_pennylane.streams.firm import OfCompany
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Run

COMPANY = "company_id"
OF_COMPANY = {
    vars(stream)["name"]: stream
    for stream in FIRM_STREAMS
    if issubclass(stream, OfCompany) and stream.selected_by_default
}
CHANGELOGS = [name for name, stream in OF_COMPANY.items() if stream.changelog]
CHANGING = ["customer_invoices", "supplier_invoices", "ledger_entries", "dms_files"]
STEPS = int(os.environ.get("MODEL_STEPS", "5"))
IDLE = 4
"""Requests of a company without changes: one for each changelog, if all are due."""
ALWAYS = dict.fromkeys(CHANGELOGS, 0)
EVERY_RUN = dict.fromkeys(OF_COMPANY, 0)


class FirmWarehouse:
    """The tables of a target that upserts: rows by stream and key, with the rule of the views."""

    def __init__(self) -> None:
        self.rows: defaultdict[str, dict[tuple[Any, ...], dict[str, Any]]] = defaultdict(dict)

    def load(self, run: Run) -> FirmWarehouse:
        for message in run.messages:
            if message["type"] != "RECORD" or message["stream"] not in OF_COMPANY:
                continue
            stream, record = message["stream"], message["record"]
            key = tuple(record[name] for name in OF_COMPANY[stream].primary_keys)
            moment = message.get("time_extracted", "")
            self.rows[stream][key] = {**record, "version": message["version"], "at": moment}
        return self

    def live(self, stream: str, company: int) -> dict[tuple[Any, ...], dict[str, Any]]:
        """A company's live rows, by the key without the company."""
        rows = {key[1:]: row for key, row in self.rows[stream].items() if key[0] == company}
        marks = [row["version"] for key, row in rows.items() if key[0] in {0, "0001-01-01"}]
        oldest = max(marks, default=0)
        found = {
            key: row
            for key, row in rows.items()
            if not row["_sdc_deleted_at"] and row["version"] >= oldest
        }
        if stream == "trial_balance":  # a fiscal year that was read again
            voids = {key[:2]: row["_sdc_deleted_at"] for key, row in rows.items() if key[2] == ""}
            found = {key: row for key, row in found.items() if row["at"] > voids.get(key[:2], "")}
        if stream == "ledger_entries":
            lines = [
                row for key, row in self.rows["ledger_entry_lines"].items() if key[0] == company
            ]
            named = {line["ledger_entry_id"] for line in lines if line["_sdc_deleted_at"]}
            living = {
                line["ledger_entry_id"]
                for line in self.live("ledger_entry_lines", company).values()
            }
            found = {key: row for key, row in found.items() if key[0] not in named - living}
        return found

    def assert_equals(self, firm: Sandbox, companies: list[int]) -> None:
        """Each company's rows are those of its books, and there are no others."""
        for name, stream in OF_COMPANY.items():
            assert {key[0] for key in self.rows[name]} <= set(companies), name
            for company in companies:
                keys = stream.primary_keys[1:]
                wanted = {
                    tuple(row[key] for key in keys): row
                    for row in firm.of(company).rows(stream.path)
                }
                found = self.live(name, company)
                assert found.keys() == wanted.keys(), (name, company)
                for key, row in found.items():
                    for column in ("updated_at", "label", "name"):
                        if column in row and column in wanted[key]:
                            assert row[column] == wanted[key][column], (name, company, key)


@pytest.fixture
def firm() -> Iterator[Sandbox]:
    """A firm of three companies."""
    with running("--companies", "3", "--size", "100", "--rate-limit", "none") as sandbox:
        yield sandbox


@pytest.fixture
def read(run_tap: Callable[..., Run], firm: Sandbox) -> Callable[..., Run]:
    """Run the tap with the firm's token."""

    def run(state: dict[str, Any] | None = None, **config: Any) -> Run:
        firm.control("DELETE", "stats")
        settings = {
            "api": "firm",
            "api_token": "sandbox-firm-token",
            "api_url": firm.url,
            "requests_per_window": 9999,
        }
        return run_tap(**{**settings, **config}, state=state)

    return run


def ids(firm: Sandbox) -> list[int]:
    """The companies, in the order of their ids."""
    return sorted(one["id"] for one in firm.companies)


def test_each_company_has_its_own_rows(read: Callable[..., Run], firm: Sandbox) -> None:
    warehouse, companies = FirmWarehouse(), ids(firm)
    run = read()
    assert run.exit_code == 0, run.log
    warehouse.load(run).assert_equals(firm, companies)
    assert {row["id"] for row in run.records["companies"]} == set(companies)
    for name in OF_COMPANY:
        (schema,) = (
            one for one in run.messages if one["type"] == "SCHEMA" and one["stream"] == name
        )
        assert schema["key_properties"][0] == COMPANY
        assert name not in run.activated  # it would be about all companies

    one = firm.of(companies[1])
    for name in CHANGING:
        one.change(name, create=2, update=2, delete=1)
    run = read(run.state, refresh_hours=EVERY_RUN)
    assert run.exit_code == 0, run.log
    changed = {row[COMPANY] for name in CHANGELOGS for row in run.records[name]}
    assert changed == {companies[1]}
    warehouse.load(run).assert_equals(firm, companies)


def test_an_idle_company_costs_a_request_per_changelog(
    read: Callable[..., Run], firm: Sandbox
) -> None:
    first = read()
    second = read(first.state, verify_requests=0)
    assert second.exit_code == 0, second.log
    assert sum(firm.stats["requests"].values()) == 1 + IDLE * len(ids(firm))
    assert not any(second.records[name] for name in OF_COMPANY)
    # The record of the run has one row per company, with all of its requests.
    logged = {row[COMPANY]: row for row in second.records["sync_log"] if row[COMPANY]}
    assert len(second.records["sync_log"]) == 1 + len(logged)
    assert {row["requests"] for row in logged.values()} == {IDLE}

    # Within the hour, the changelog of the files is left alone; its changes are not lost.
    one = ids(firm)[0]
    created = firm.of(one).change("dms_files", create=2)["created"]
    third = read(second.state, verify_requests=0)
    assert third.exit_code == 0, third.log
    assert sum(firm.stats["requests"].values()) == 1 + (IDLE - 1) * len(ids(firm))
    assert not third.records["dms_files"]
    fourth = read(third.state, verify_requests=0, refresh_hours={"dms_files": 0})
    assert {row["id"] for row in fourth.records["dms_files"]} == set(created)


def test_a_row_that_vanished_is_gone_in_its_own_company_only(
    read: Callable[..., Run], firm: Sandbox
) -> None:
    warehouse, companies = FirmWarehouse(), ids(firm)
    first = read()
    warehouse.load(first)
    firm.of(companies[0]).change("customer_invoices", delete=2, silent=True)
    second = read(first.state, verify_days=ALWAYS, verify_requests=500, refresh_hours=EVERY_RUN)
    assert second.exit_code == 0, second.log
    warehouse.load(second).assert_equals(firm, companies)


def test_all_companies_share_the_budget_of_verifications(
    read: Callable[..., Run], firm: Sandbox
) -> None:
    first = read()
    second = read(first.state, verify_days=ALWAYS, verify_requests=3)
    assert second.exit_code == 0, second.log
    budget = 3 + 8  # what is taken at once may be more than is left
    assert sum(firm.stats["requests"].values()) <= 1 + IDLE * len(ids(firm)) + budget


def test_a_company_that_refuses_holds_nobody_up(read: Callable[..., Run], firm: Sandbox) -> None:
    warehouse, companies = FirmWarehouse(), ids(firm)
    first = read()
    warehouse.load(first)
    refused, hidden = companies[0], companies[1]
    names = {one["id"]: one["name"] for one in first.records["companies"]}
    firm.allow(refused, "refused")
    firm.allow(hidden, "hidden")
    (new,) = firm.take_on(1)
    second = read(first.state)
    assert second.exit_code == 78
    assert f"Pennylane refuses company '{names[refused]}' ({refused})" in second.log
    assert f"The company '{names[hidden]}' ({hidden}) is no longer among" in second.log
    assert f"({new})" in next(line for line in second.log.splitlines() if "New: " in line)
    warehouse.load(second)
    for company in (companies[2], new):
        for name, stream in OF_COMPANY.items():
            wanted = len(list(firm.of(company).rows(stream.path)))
            assert len(warehouse.live(name, company)) == wanted, name

    assert "is no longer among" not in read(second.state).log  # it is said once

    firm.allow(refused, "open")
    firm.allow(hidden, "open")
    third = read(second.state, refresh_hours=EVERY_RUN)
    assert third.exit_code == 0, third.log
    warehouse.load(third).assert_equals(firm, ids(firm))


def test_a_damaged_state_of_one_company_stops_no_other(
    read: Callable[..., Run], firm: Sandbox
) -> None:
    warehouse, companies = FirmWarehouse(), ids(firm)
    first = read()
    warehouse.load(first)
    (damaged,) = (
        one
        for one in first.state["bookmarks"]["journals"]["partitions"]
        if one["context"][COMPANY] == companies[0]
    )
    damaged["format"] = 99
    for company in companies:
        firm.of(company).change("customer_invoices", create=1)
    second = read(first.state)
    assert second.exit_code == 78
    assert f"({companies[0]}) is not read: The state of 'journals' has the format 99" in second.log
    assert "1 of 3 companies were not delivered completely" in second.log
    changed = {row[COMPANY] for row in second.records["customer_invoices"]}
    assert changed == set(companies[1:])
    (logged,) = (row for row in second.records["sync_log"] if row[COMPANY] == companies[0])
    assert (logged["stream"], logged["status"]) == ("ledger_entry_lines", "failed")
    assert "is not read: The state of 'journals' has the format 99" in logged["error"]


def test_a_missing_scope_is_no_refused_company(read: Callable[..., Run], firm: Sandbox) -> None:
    firm.fault("/companies/*/customers", "status", status=403)
    run = read()
    assert run.exit_code == 78
    assert "3 of 3 companies were not delivered completely" in run.log
    assert not run.records["customers"]
    assert {row[COMPANY] for row in run.records["journals"]} == set(ids(firm))


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"company_ids": [0]}, [0]),
        ({"exclude_company_ids": [0]}, [1, 2]),
        ({"client_codes": ["CL0002", "CL0003"]}, [1, 2]),
    ],
)
def test_companies_are_chosen(
    read: Callable[..., Run], firm: Sandbox, config: dict[str, list[Any]], wanted: list[int]
) -> None:
    companies = ids(firm)
    named = {
        name: [companies[one] if isinstance(one, int) else one for one in values]
        for name, values in config.items()
    }
    run = read(**named)
    assert run.exit_code == 0, run.log
    chosen = {companies[place] for place in wanted}
    assert {row["id"] for row in run.records["companies"]} == chosen
    assert {row[COMPANY] for row in run.records["ledger_entry_lines"]} == chosen


@pytest.mark.parametrize("named", [[], ["fec"], ["lettered_ledger_entry_lines"]])
def test_a_costly_stream_is_read_if_it_is_named(named: list[str]) -> None:
    tap = TapPennylane(config={"api": "firm", "api_token": "none"})
    for stream in tap.streams.values():
        stream.selected = stream.selected_by_default or stream.name in named
    assert spare_costly_streams(tap.streams.values()) is None
    assert all(tap.streams[name].selected for name in named)


def test_costly_streams_are_spared_if_all_are_selected_at_once() -> None:
    tap = TapPennylane(config={"api": "firm", "api_token": "none"})
    for stream in tap.streams.values():
        stream.selected = True
    warning = spare_costly_streams(tap.streams.values())
    assert warning
    assert warning.startswith("3 of the 3 streams that need one request per record")
    assert not tap.streams["fec"].selected
    assert tap.streams["journals"].selected


def test_a_connection_test_reads_one_company(run_tap: Callable[..., Run], firm: Sandbox) -> None:
    settings = {"api": "firm", "api_token": "sandbox-firm-token", "api_url": firm.url}
    run = run_tap("--test", **settings)
    assert run.exit_code == 0, run.log
    assert "One record of each of 16 streams was read" in run.log
    read = [one["id"] for one in firm.companies if firm.of(one["id"]).stats["requests"]]
    assert len(read) == 1


def test_the_settings_of_a_firm_need_its_api(run_tap: Callable[..., Run]) -> None:
    run = run_tap(api_token="some-token", company_ids=[1])  # noqa: S106
    assert run.exit_code == 78
    assert "Setting 'company_ids' needs the Firm API: set 'api' to firm, or remove it" in run.log


def test_first_loads_come_after_the_companies_that_are_loaded(
    read: Callable[..., Run], firm: Sandbox
) -> None:
    companies = ids(firm)
    state = read(company_ids=companies[1:2]).state
    state = read(state, company_ids=companies[:2]).state
    run = read(state)
    order = [
        line.rpartition("(")[2].partition(")")[0]
        for line in run.log.splitlines()
        if "Reading c" in line
    ]
    assert order == [str(companies[place]) for place in (1, 0, 2)]


def test_a_long_first_load_lets_the_loaded_companies_pass(
    read: Callable[..., Run], firm: Sandbox
) -> None:
    warehouse, companies = FirmWarehouse(), ids(firm)
    loaded, _, large = companies
    first = read(company_ids=companies[:2])
    warehouse.load(first)
    (new,) = firm.of(loaded).change("customer_invoices", create=1)["created"]
    second = read(first.state, page_size=10, follow_minutes=0, refresh_hours=EVERY_RUN)
    assert second.exit_code == 0, second.log
    warehouse.load(second).assert_equals(firm, companies)
    lines = [
        (row[COMPANY], row["id"])
        for one in second.messages
        if one["type"] == "RECORD" and one["stream"] in {"ledger_entry_lines", "bank_accounts"}
        for row in [one["record"]]
    ]
    large_at = [place for place, (company, _) in enumerate(lines) if company == large]
    others_at = [place for place, (company, _) in enumerate(lines) if company == loaded]
    assert any(large_at[0] < place < large_at[-1] for place in others_at)
    assert new in {row["id"] for row in second.records["customer_invoices"]}
    logged = [row for row in second.records["sync_log"] if row[COMPANY] == loaded]
    (last,) = {row["stream"]: row for row in logged if row["stream"] == "bank_accounts"}.values()
    turns = second.log.count(f"({loaded}): ")
    assert turns > 2
    assert last["records"] == turns * len(list(firm.of(loaded).rows("/bank_accounts")))


class History:
    """A firm's life: companies change, come and go, and runs are cut off anywhere."""

    def __init__(self, firm: Sandbox, run_tap: Callable[..., Run], seed: int) -> None:
        self.firm = firm
        self.run_tap = run_tap
        self.chance = random.Random(seed)  # noqa: S311 - a history, not a secret
        self.warehouse = FirmWarehouse()
        self.state: dict[str, Any] | None = None
        self.away: list[int] = []

    def read(self, *, through: tuple[str, ...] = (), **config: Any) -> Run:
        """Run the tap, and load what it delivers."""
        run = self.run_tap(
            api="firm",
            api_token="sandbox-firm-token",  # noqa: S106
            api_url=self.firm.url,
            requests_per_window=9999,
            verify_days=ALWAYS,
            refresh_hours=EVERY_RUN,
            page_size=25,
            follow_minutes=self.chance.choice([0, 15]),
            state=self.state,
            through=through,
            **config,
        )
        self.warehouse.load(run)
        self.state = run.state or self.state
        return run

    def change(self) -> None:
        """Change some companies' books, and which companies the token sees."""
        chance = self.chance
        for company in chance.sample(ids(self.firm), 3):
            name = chance.choice(CHANGING)
            counts = {"create": chance.randrange(3), "update": 2, "delete": chance.randrange(2)}
            self.firm.of(company).change(name, **counts)
        if self.away:
            self.firm.allow(self.away.pop(), "open")
        elif chance.random() < 0.4:
            self.away.append(chance.choice(ids(self.firm)))
            self.firm.allow(self.away[0], "hidden")
        if chance.random() < 0.3:
            self.firm.take_on(1)

    def cut_off(self) -> None:
        """Run the tap while the API fails, or until a signal ends it."""
        chance = self.chance
        way = chance.choice(("fault", "TERM", "KILL", "none"))
        if way == "fault":
            self.firm.fault("*", "status", status=503, times=3, skip=chance.randrange(60))
        timeout = ("timeout", "--signal", way, f"{chance.uniform(0.5, 2):.2f}")
        self.read(through=timeout if way in {"TERM", "KILL"} else (), max_retries=0)
        self.firm.clear_faults()

    def assert_rows(self, company: int) -> None:
        """The company's live rows are the sandbox's."""
        for name, stream in OF_COMPANY.items():
            keys = stream.primary_keys[1:]
            rows = self.firm.of(company).rows(stream.path)
            wanted = {tuple(row[key] for key in keys) for row in rows}
            found = set(self.warehouse.live(name, company))
            if name == "ledger_entries":  # whose lines were deleted before they were read
                found &= wanted
            assert found == wanted, (name, company)


@pytest.mark.parametrize("seed", [int(os.environ.get("MODEL_SEED", "1"))])
def test_any_history_ends_in_the_rows_of_each_company(
    run_tap: Callable[..., Run], seed: int
) -> None:
    with running("--companies", "5", "--size", "100", "--rate-limit", "none") as firm:
        history = History(firm, run_tap, seed)
        for _ in range(STEPS):
            history.change()
            history.cut_off()
            run = history.read(verify_requests=history.chance.choice([0, 7, 40, 400]))
            assert run.exit_code == 0, run.log[-3000:]
            for company in set(ids(firm)) - set(history.away):
                history.assert_rows(company)
        for company in history.away:
            firm.allow(company, "open")
        run = history.read(verify_requests=5000)
        assert run.exit_code == 0, run.log[-3000:]
        history.warehouse.assert_equals(firm, ids(firm))

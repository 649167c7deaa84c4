"""What the tap delivers, and what it does when the API or the network fails."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.authenticators import BearerTokenAuthenticator
from tap_pennylane.api import client
from tap_pennylane.api.limiter import Limiter
from tap_pennylane.errors import UnavailableError
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from collections.abc import Callable

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Run

TAP = TapPennylane(validate_config=False)
COLLECTIONS = {
    name: stream
    for name, stream in TAP.streams.items()
    if name != "sync_log" and stream.selected_by_default
}


def test_every_record_of_every_collection_arrives_exactly(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    run = read()
    assert run.exit_code == 0, run.log
    assert sandbox.stats["rate_limited"] == 0
    assert run.activated.keys() == COLLECTIONS.keys()
    for name, stream in COLLECTIONS.items():
        keys = stream.primary_keys
        expected = {tuple(item[key] for key in keys): item for item in sandbox.rows(stream.path)}
        assert expected, f"the sandbox has no {name}"
        got = {tuple(record[key] for key in keys): record for record in run.records[name]}
        assert len(got) == len(run.records[name]), f"{name} has doubled rows"
        assert got.keys() == expected.keys()
        for key, record in got.items():
            for column, value in record.items():
                if column == "asked_at":  # added by the tap, by the server's clock
                    assert datetime.fromisoformat(value) <= datetime.now(UTC)
                    continue
                wanted = expected[key].get(column)
                if isinstance(wanted, str) and isinstance(value, Decimal | int):
                    wanted = Decimal(wanted)
                assert value == wanted, (name, key, column)


def test_nothing_is_unknown(read: Callable[..., Run]) -> None:
    assert "does not know" not in read().log


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("rate_limit", {"seconds": 1}),
        ("status", {"status": 503}),
        ("drop", {}),
        ("truncate", {}),
        ("html", {}),
    ],
)
def test_passing_faults_cost_no_row(
    read: Callable[..., Run], sandbox: Sandbox, kind: str, options: dict[str, Any]
) -> None:
    sandbox.fault("/customers", kind, times=2, **options)
    run = read(streams=["customers"])
    assert run.exit_code == 0, run.log
    assert {record["id"] for record in run.records["customers"]} == {
        record["id"] for record in sandbox.state("customers")
    }
    assert "customers" in run.activated


def test_a_collection_cut_half_way_announces_nothing_gone(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    sandbox.fault("/ledger_entry_lines", "drop", skip=3)
    run = read(streams=["ledger_entry_lines", "journals"], max_retries=1)
    assert run.exit_code == 1
    assert 0 < len(run.records["ledger_entry_lines"]) < 2000
    assert run.activated.keys() == {"journals"}
    assert "Stream 'ledger_entry_lines' failed" in run.log
    assert "1 of 2 streams failed (ledger_entry_lines)" in run.log
    assert "Traceback" not in run.log


def test_a_dead_api_is_not_asked_stream_by_stream(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    sandbox.fault("*", "drop", skip=5)
    run = read(max_retries=1, concurrency=8)
    assert run.exit_code == 1
    assert run.log.count("Pennylane no longer responds") == 1
    # Before that: two attempts of the parallel requests, and a check whether the API responds.
    assert sandbox.stats["total"] <= 5 + 2 * 8 + 1
    assert run.log_rows["webhook_subscriptions"]["status"] == "skipped"


def test_a_refused_token_stops_at_once(read: Callable[..., Run], sandbox: Sandbox) -> None:
    run = read(api_token="wrong-token")  # noqa: S106 - of nobody
    assert run.exit_code == 78
    assert run.log.count("Pennylane refuses the token (401)") == 1
    assert not run.messages
    assert sandbox.stats["total"] == 1
    assert "wrong-token" not in run.log
    assert "Traceback" not in run.log


def test_a_missing_scope_stops_its_stream_alone(read: Callable[..., Run], sandbox: Sandbox) -> None:
    sandbox.add_token("no-quotes", without=["quotes"])
    run = read(api_token="no-quotes", streams=["quotes", "journals", "products"])  # noqa: S106
    assert run.exit_code == 78
    assert "Stream 'quotes' failed" in run.log
    assert "quotes:readonly" in run.log
    assert run.activated.keys() == {"journals", "products"}
    assert len(run.records["products"]) == len(sandbox.state("products"))


def test_without_fiscal_years_the_transactions_still_come(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    sandbox.add_token("no-years", without=["fiscal_years"])
    run = read(api_token="no-years", streams=["transactions", "trial_balance"])  # noqa: S106
    assert run.exit_code == 78
    assert "Stream 'trial_balance' failed" in run.log
    assert "fiscal_years:readonly" in run.log
    assert {record["id"] for record in run.records["transactions"]} == {
        item["id"] for item in sandbox.state("transactions")
    }


def test_an_unreachable_host_is_one_sentence(run_tap: Callable[..., Run]) -> None:
    run = run_tap(api_token="any", api_url="http://127.0.0.1:9", max_retries=0)  # noqa: S106
    assert run.exit_code == 1
    assert run.log.count("Can't start") == 1
    assert "http://127.0.0.1:9" in run.log
    assert "Connection refused" in run.log
    assert "Traceback" not in run.log


def test_a_host_that_never_answered_is_given_up_sooner(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LONGEST_WAIT", 0.0)
    url = f"{sandbox.url}/api/external/v2"

    def attempts(api: client.Client) -> int:
        sandbox.control("DELETE", "stats")
        with pytest.raises(UnavailableError, match="kept failing"):
            api.get("/me")
        total: int = sandbox.stats["total"]
        return total

    api = client.Client(
        url,
        BearerTokenAuthenticator(token=sandbox.token),
        Limiter(1000, 5),
        timeout=60,
        max_retries=8,
        user_agent="test",
    )
    sandbox.fault("/me", "drop")
    assert attempts(api) == client.FIRST_ATTEMPTS < 9
    sandbox.clear_faults()
    api.get("/me")
    sandbox.fault("/me", "drop")
    assert attempts(api) == 9


def test_a_bad_setting_is_one_sentence(run_tap: Callable[..., Run]) -> None:
    run = run_tap(api_token="any", page_size=0)  # noqa: S106
    assert run.exit_code == 78
    assert run.log.count("Setting 'page_size' can't be 0") == 1
    assert "Traceback" not in run.log


def test_new_fields_are_mentioned_once_and_never_with_the_token(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    body = f'{{"items": [{{"id": 5, "{sandbox.token}": 1}}, {{"id": 6, "mood": 2}}], "has_more": false, "next_cursor": null}}'  # noqa: E501
    sandbox.fault("/journals", "body", body=body)
    run = read(streams=["journals"])
    assert run.exit_code == 0
    assert run.log.count("fields that this version does not know") == 1
    assert sandbox.token not in run.log
    assert [record["id"] for record in run.records["journals"]] == [5, 6]


def test_start_date_and_page_size_reach_the_api(read: Callable[..., Run], sandbox: Sandbox) -> None:
    run = read(start_date="2025-03-01", page_size=50)
    assert run.exit_code == 0
    for name in ("customer_invoices", "supplier_invoices", "transactions", "ledger_entry_lines"):
        assert min(record["date"] or "9" for record in run.records[name]) >= "2025-03-01"
        wanted = {row["id"] for row in sandbox.state(name) if (row["date"] or "9") >= "2025-03-01"}
        assert {record["id"] for record in run.records[name]} == wanted
    assert min(record["period_end"] for record in run.records["trial_balance"]) >= "2025-03-01"
    assert sandbox.stats["last_query"]["/customers"]["limit"] == "50"


def test_connection_test(read: Callable[..., Run], sandbox: Sandbox) -> None:
    run = read("--test")
    assert run.exit_code == 0, run.log
    assert run.records.keys() == COLLECTIONS.keys()
    assert not run.activated
    sandbox.fault("/quotes", "status", status=404)
    failing = read("--test")
    assert failing.exit_code == 1
    assert "Stream 'quotes' failed" in failing.log


def test_settings_of_a_file_may_have_fractions(read: Callable[..., Run]) -> None:
    run = read(window_seconds=0.5, request_timeout=30.5, refresh_hours={"journals": 0.5})
    assert run.exit_code == 0, run.log
    state = run.state
    again = read(
        window_seconds=0.5, refresh_hours={"journals": 0.5}, state=state, streams=["journals"]
    )
    assert again.exit_code == 0, again.log
    assert not again.records["journals"]


def test_the_last_page_asked_for_ahead_is_used(read: Callable[..., Run], sandbox: Sandbox) -> None:
    tap = TapPennylane(config={"api_token": sandbox.token, "api_url": sandbox.url})
    stream = tap.streams["ledger_entry_lines"]
    ahead = [query["sort"] for _, query in stream.source.opening()]
    assert ahead == ["id", "-id"]
    sandbox.control("DELETE", "stats")
    run = read(streams=[stream.name], concurrency=1)
    assert run.exit_code == 0, run.log
    rows = len(run.records[stream.name])
    assert rows > 2 * 100
    assert sandbox.stats["requests"][stream.path] <= rows // 100 + 2

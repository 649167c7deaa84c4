"""What the tap reports about a server that differs from Pennylane, and about a closed target."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from pennylane_sandbox.pytest_plugin import other_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pennylane_sandbox.pytest_plugin import Answer, Query, Sandbox

    from conftest import Run


def refusal(status: int, message: str) -> Answer:
    return status, {}, json.dumps({"error": message, "status": status}).encode()


def test_a_smaller_largest_page_is_taken_once_it_is_named(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    limits: list[int] = []

    def asked(path: str, query: Query) -> Answer | None:
        if path != "/ledger_accounts":
            return None
        limits.append(int(query["limit"][0]))
        return refusal(400, "limit must be between 1 and 50") if limits[-1] > 50 else None

    with other_server(sandbox, asked=asked) as url:
        run = read(api_url=url, streams=["ledger_accounts"])
    assert run.exit_code == 0, run.log
    accounts = sandbox.state("ledger_accounts")
    assert len(accounts) > 50
    assert sorted(row["id"] for row in run.records["ledger_accounts"]) == sorted(
        account["id"] for account in accounts
    )
    assert limits[0] == 1000
    assert set(limits[1:]) == {50}
    assert run.log.count("/ledger_accounts is read with 50 rows per page") == 1


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("limit is not a number", "Set 'page_size' to a number that the API allows"),
        ("filter: date is out of range", "Check the setting 'start_date'"),
        ("unknown parameter: sort", "Retrying will not help: look for a newer version"),
        (
            "The plain HTTP request was sent to HTTPS port",
            "Use https:// in 'api_url'",
        ),
    ],
)
def test_the_advice_fits_what_was_refused(
    read: Callable[..., Run], sandbox: Sandbox, words: str, advice: str
) -> None:
    def asked(path: str, _: Query) -> Answer | None:
        return refusal(400, words) if path == "/journals" else None

    with other_server(sandbox, asked=asked) as url:
        run = read(api_url=url, streams=["journals"])
    assert run.exit_code != 0
    assert f"HTTP 400: {words}" in run.log
    assert run.log.count(advice) == 1


def test_a_redirect_names_the_host_that_it_leads_to(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    def asked(_: str, __: Query) -> Answer | None:
        return 301, {"Location": "https://elsewhere.example/api?key=hidden"}, b""

    with other_server(sandbox, asked=asked) as url:
        run = read(api_url=url)
    assert run.exit_code == 78
    assert "/me is redirected (HTTP 301: Moved Permanently) to https://elsewhere.example" in run.log
    assert "hidden" not in run.log


def test_lists_that_do_not_come_along_are_read_one_by_one_and_said_once(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    def asked(_: str, query: Query) -> Answer | None:
        query.pop("include", None)
        return None

    with other_server(sandbox, asked=asked) as url:
        run = read(api_url=url, streams=["customer_invoices", "customer_invoice_lines"])
    assert run.exit_code == 0, run.log
    assert run.log.count("each list now needs its own request") == 1
    invoices = len(sandbox.state("customer_invoices"))
    assert f"{min(invoices, 100)} for this page alone" in run.log
    assert len(run.records["customer_invoice_lines"]) == len(
        sandbox.rows("/customer_invoices/{customer_invoice_id}/invoice_lines")
    )


def test_a_budget_that_others_use_is_told_once_with_the_pace(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    def answered(headers: dict[str, str]) -> None:
        headers["ratelimit-remaining"] = "0"

    with other_server(sandbox, asked=lambda *_: None, answered=answered) as url:
        run = read(
            api_url=url,
            streams=["ledger_entry_lines"],
            requests_per_window=10,
            window_seconds=0.5,
            concurrency=1,  # ten at once would leave nothing to other programs
        )
    assert run.exit_code == 0, run.log
    assert run.log.count("another program uses the token") == 1
    pace = re.search(r"Reading continues at about (\d+) requests per 0.5 s", run.log)
    assert pace
    assert 2 <= int(pace[1]) < 10


def test_waiting_is_counted_by_the_clock_however_many_wait(read: Callable[..., Run]) -> None:
    run = read(
        streams=["ledger_entry_lines", "sync_log"],
        requests_per_window=4,
        window_seconds=0.5,
        concurrency=16,
    )
    assert run.exit_code == 0, run.log
    row = run.log_rows["ledger_entry_lines"]
    took = datetime.fromisoformat(row["ended_at"]) - datetime.fromisoformat(row["started_at"])
    assert 0 < row["seconds_waited"] <= Decimal(took.total_seconds())


def test_https_with_a_server_of_plain_http(read: Callable[..., Run], sandbox: Sandbox) -> None:
    run = read(api_url=sandbox.url.replace("http:", "https:"))
    assert run.exit_code == 78
    assert "responds in plain http, not https. Use http:// in 'api_url'" in run.log
    assert "Traceback" not in run.log


def test_a_name_that_does_not_resolve(read: Callable[..., Run]) -> None:
    run = read(api_url="http://no-such-host.invalid", max_retries=0)
    assert run.exit_code == 1
    assert "the host name no-such-host.invalid cannot be resolved" in run.log
    assert "gaierror" not in run.log


def test_a_token_with_a_line_break_is_used_and_never_shown(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    run = read(api_token=f"Bearer {sandbox.token}\n", streams=["journals"])
    assert run.exit_code == 0, run.log
    refused = read(api_token="secret words\nof nobody")  # noqa: S106
    assert refused.exit_code == 78
    assert "Setting 'api_token' contains spaces, line breaks" in refused.log
    assert "secret" not in refused.log
    assert "Traceback" not in refused.log


def test_unknown_fields_are_named_with_their_parent(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    invoice = {**sandbox.listed("/customer_invoices", limit=100)[0], "mood": 1}
    invoice["customer"] = {"id": 1, "url": "x", "mood": 2}
    body = json.dumps({"items": [invoice], "has_more": False, "next_cursor": None})
    sandbox.fault("/customer_invoices", "body", body=body)
    run = read(streams=["customer_invoices"])
    assert run.exit_code == 0, run.log
    assert "does not know and leaves out: customer.mood, mood" in run.log


def test_a_connection_test_says_what_it_read(read: Callable[..., Run], sandbox: Sandbox) -> None:
    body = json.dumps({"items": [], "has_more": False, "next_cursor": None})
    sandbox.fault("/webhook_subscriptions", "body", body=body)
    run = read("--test")
    assert run.exit_code == 0, run.log
    count = len({name for name in run.records if run.records[name]})
    told = f"One record of each of {count} streams was read; 1 are empty (webhook_subscriptions)"
    assert told in run.log


def test_a_target_that_is_gone_is_one_sentence(tmp_path: Path, sandbox: Sandbox) -> None:
    config = {"api_token": sandbox.token, "api_url": sandbox.url, "requests_per_window": 1000}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, "-m", "tap_pennylane", "--config", f"{tmp_path}/config.json"]
    for lines in (1, 3, 40, 400):  # within records, and within states
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tap:
            assert tap.stdout
            assert tap.stderr
            for _ in range(lines):
                tap.stdout.readline()
            tap.stdout.close()
            log = tap.stderr.read().decode()
        assert tap.returncode == 1
        assert log.count("The target stopped reading") == 1
        assert "Traceback" not in log

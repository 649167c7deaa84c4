"""The exports: ordering files, waiting for them, downloading and reading them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import running
from singer_sdk.authenticators import BearerTokenAuthenticator
from tap_pennylane.api.client import Client
from tap_pennylane.api.limiter import Limiter
from tap_pennylane.errors import PennylaneError
from tap_pennylane.exports import fec, order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Run

EXPORTS = ["analytical_general_ledger_export", "fec", "general_ledger_export"]
GL = "general_ledger_export"
COLUMNS, LINE = (
    line.split("\t")
    for line in (Path(__file__).parent / "fec.txt").read_text(encoding="utf-8").splitlines()
)
ONE_YEAR = {"start_date": "2026-01-01"}


def settings(sandbox: Sandbox) -> dict[str, Any]:
    return {"api_token": sandbox.token, "api_url": sandbox.url, "requests_per_window": 1000}


# The delivered records


def test_the_exports_are_the_ledger(read: Callable[..., Run], sandbox: Sandbox) -> None:
    run = read(streams=[*EXPORTS, "sync_log"])
    assert run.exit_code == 0, run.log
    assert "does not know" not in run.log
    assert run.activated.keys() == set(EXPORTS)
    journals = {journal["id"]: journal for journal in sandbox.state("journals")}
    entries = {entry["id"]: entry for entry in sandbox.state("ledger_entries")}
    labels = {account["number"]: account["label"] for account in sandbox.state("ledger_accounts")}
    lines = sandbox.state("ledger_entry_lines")
    for line in lines:
        line["entry"] = entries[line["ledger_entry"]["id"]]
        line["account"] = line["ledger_account"]["number"]
        line["account_label"] = labels[line["account"]]
        line["amounts"] = (Decimal(line["debit"]), Decimal(line["credit"]))
    for name in EXPORTS:
        assert_numbered(run.records[name])
        assert run.log_rows[name]["records"] == len(run.records[name])
    assert_fec(run.records["fec"], lines, journals)
    assert_general_ledger(run.records[GL], lines, journals)
    assert_analytical(run.records["analytical_general_ledger_export"], lines, sandbox)
    for name in ("fec", GL):
        assert_trial_balance(run.records[name], sandbox)


def assert_numbered(records: list[dict[str, Any]]) -> None:
    periods = defaultdict(list)
    for record in records:
        periods[record["period_start"], record["period_end"]].append(record["line"])
    assert len(periods) == 3
    for numbers in periods.values():
        assert numbers == list(range(1, len(numbers) + 1))


def assert_fec(
    records: list[dict[str, Any]], lines: list[dict[str, Any]], journals: dict[int, Any]
) -> None:
    expected = Counter(
        (
            journals[line["journal"]["id"]]["code"],
            journals[line["journal"]["id"]]["label"],
            line["date"],
            line["account"],
            line["account_label"],
            line["entry"]["piece_number"],
            line["date"],
            line["label"],
            *line["amounts"],
            bool(line["lettered_ledger_entry_lines"]["ids"]),
        )
        for line in lines
    )
    assert expected == Counter(
        (
            row["journal_code"],
            row["journal_lib"],
            row["ecriture_date"],
            row["comp_aux_num"] or row["compte_num"],
            row["comp_aux_lib"] or row["compte_lib"],
            None if row["piece_ref"] == row["ecriture_num"] else row["piece_ref"],
            row["piece_date"],
            row["ecriture_lib"],
            row["debit"],
            row["credit"],
            row["ecriture_let"] is not None,
        )
        for row in records
    )
    assert all(row["period_start"] <= row["ecriture_date"] <= row["period_end"] for row in records)
    assert {row["compte_num"] for row in records if row["comp_aux_num"]} == {"401", "411"}
    assert all((row["date_let"] is None) == (row["ecriture_let"] is None) for row in records)
    assert {row["valid_date"] is None for row in records} == {True, False}
    balances: Counter[Any] = Counter()
    for row in records:
        balances[row["period_start"], row["ecriture_num"]] += row["debit"] - row["credit"]
    assert not any(balances.values())


def assert_general_ledger(
    records: list[dict[str, Any]], lines: list[dict[str, Any]], journals: dict[int, Any]
) -> None:
    assert len(records) == len(lines)
    rows = {row["ledger_entry_line_id"]: row for row in records}
    assert rows.keys() == {line["id"] for line in lines}
    for line in lines:
        row = rows[line["id"]]
        assert (row["debit"], row["credit"]) == line["amounts"]
        assert (row["date"], row["journal"], row["account"], row["account_label"]) == (
            line["date"],
            journals[line["journal"]["id"]]["code"],
            line["account"],
            line["account_label"],
        )
        assert (row["piece"], row["label"]) == (line["entry"]["piece_number"], line["label"])


def assert_analytical(
    records: list[dict[str, Any]], lines: list[dict[str, Any]], sandbox: Sandbox
) -> None:
    labels = {category["id"]: category["label"] for category in sandbox.state("categories")}
    expected: Counter[Any] = Counter()
    for line in lines:
        shares: list[Any] = [(labels[c["id"]], Decimal(c["weight"])) for c in line["categories"]]
        for share in shares or [(None, None)]:
            expected[line["id"], *line["amounts"], *share] += 1
    assert any(weight for *_, weight in expected)
    assert expected == Counter(
        (row["ledger_entry_line_id"], row["debit"], row["credit"], row["category"], row["weight"])
        for row in records
    )


def assert_trial_balance(records: list[dict[str, Any]], sandbox: Sandbox) -> None:
    sums: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in records:
        account = row["account"] if "account" in row else row["comp_aux_num"] or row["compte_num"]
        sums[row["period_start"], account][0] += row["debit"]
        sums[row["period_start"], account][1] += row["credit"]
    assert sums == {
        (row["period_start"], row["number"]): [Decimal(row["debits"]), Decimal(row["credits"])]
        for row in sandbox.rows("/trial_balance")
    }


def test_nothing_is_ordered_unless_it_is_selected(
    read: Callable[..., Run], sandbox: Sandbox, tmp_path: Path
) -> None:
    run = read()
    assert run.exit_code == 0
    assert not set(EXPORTS) & run.records.keys()
    discovered = subprocess.run(
        [sys.executable, "-m", "tap_pennylane", "--discover"], capture_output=True, check=True
    )
    (tmp_path / "as-discovered.json").write_bytes(discovered.stdout)
    unchanged = read("--catalog", str(tmp_path / "as-discovered.json"))
    assert unchanged.exit_code == 0
    assert not set(EXPORTS) & unchanged.records.keys()
    tested = read("--test")
    assert tested.exit_code == 0
    assert not set(EXPORTS) & tested.records.keys()
    assert not [path for path in sandbox.stats["requests"] if path.startswith("/exports")]


def test_a_read_is_good_for_a_day_and_replaces_the_last(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    first = read(streams=["fec"], **ONE_YEAR)
    sandbox.control("DELETE", "stats")
    second = read(streams=["fec"], state=first.state, **ONE_YEAR)
    assert second.exit_code == 0
    assert not second.records["fec"]
    assert not second.activated
    assert not [path for path in sandbox.stats["requests"] if path.startswith("/exports")]
    third = read(streams=["fec"], state=second.state, refresh_hours={"fec": 0}, **ONE_YEAR)
    (old,), (new,) = ({row.pop("copy") for row in run.records["fec"]} for run in (first, third))
    assert {old, new} == {0, 1}, "the new lines lie beside the old ones, not over them"
    assert third.records["fec"] == first.records["fec"]
    assert third.activated["fec"] > first.activated["fec"]


@pytest.mark.parametrize("bad", [LINE[:-1], [*LINE[:11], "12.3.4", *LINE[12:]]])
def test_nothing_is_sent_of_a_file_with_a_bad_line(
    read: Callable[..., Run], sandbox: Sandbox, bad: list[str]
) -> None:
    lines = [COLUMNS, *[LINE] * 3000, bad, *[LINE] * 10]
    body = "".join("\t".join(line) + "\r\n" for line in lines)
    sandbox.fault("/files/fecs/*", "body", body=body)
    run = read(streams=["fec"], **ONE_YEAR)
    assert run.exit_code == 1
    assert "The file of /exports/fecs for 2026-01-01 to 2026-12-31 can't be read: " in run.log
    assert "line 3001" in run.log
    assert not run.records["fec"]


# Failures


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("truncate", {}),
        ("drop", {}),
        ("status", {"status": 403}),  # an expired link
        ("status", {"status": 503}),
        ("body", {"body": "VT\tVentes"}),
    ],
)
def test_a_file_that_does_not_come_whole_is_fetched_again_by_a_new_link(
    read: Callable[..., Run], sandbox: Sandbox, kind: str, options: dict[str, Any]
) -> None:
    if kind == "body":  # a complete response, but the file was truncated before it was sent
        options = {"body": "\t".join(COLUMNS) + "\r\n" + "\t".join(LINE[:5])}
    sandbox.fault("/files/fecs/*", kind, times=1, **options)
    run = read(streams=["fec"], **ONE_YEAR)
    assert run.exit_code == 0, run.log
    wanted = [line for line in sandbox.state("ledger_entry_lines") if line["date"] >= "2026"]
    assert len(run.records["fec"]) == len(wanted)
    assert "attempt 2" in run.log
    assert "signature" not in run.log
    requests = sandbox.stats["requests"]
    assert requests["/exports/fecs"] == 1
    assert requests["/exports/fecs/{id}"] == 3  # pending, ready, and ready with another link


def test_a_workbook_that_does_not_come_whole_is_fetched_again(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    sandbox.fault("/files/general_ledgers/*", "truncate", times=1)
    sandbox.fault("/files/general_ledgers/*", "body", body="<html></html>", times=1)
    run = read(streams=[GL], **ONE_YEAR)
    assert run.exit_code == 0, run.log
    assert "not an xlsx file" in run.log
    assert run.records[GL]


@pytest.mark.parametrize(
    ("path", "fault", "options", "sentence"),
    [
        ("/files/fecs/*", "status", {"status": 404}, "kept failing; last error: HTTP 404"),
        ("/exports/fecs/*", "body", {"body": '{"status": "error"}'}, "could not create the export"),
        ("/exports/fecs/*", "body", {"body": '{"status": "odd"}'}, "did not return the status"),
        (
            "/exports/fecs/*",
            "body",
            {"body": '{"status":"ready","file_url":1}'},
            "that is not a link",
        ),
        ("/exports/fecs", "body", {"body": "{}"}, "did not return an 'id' for the order"),
        ("/exports/fecs", "status", {"status": 422}, "rejects /exports/fecs (HTTP 422"),
        ("/files/fecs/*", "body", {"body": "<html>\n</html>\n"}, "the headings lack"),
    ],
)
def test_a_failure_is_a_sentence_and_nothing_is_replaced(
    read: Callable[..., Run],
    sandbox: Sandbox,
    path: str,
    fault: str,
    options: dict[str, Any],
    sentence: str,
) -> None:
    sandbox.fault(path, fault, **options)
    run = read(streams=["fec", "journals"], max_retries=1, **ONE_YEAR)
    assert run.exit_code == 1
    (line,) = [line for line in run.log.splitlines() if "Stream 'fec' failed" in line]
    assert sentence in line
    assert "Traceback" not in run.log
    assert "signature" not in run.log
    assert not run.records["fec"]
    assert run.activated.keys() == {"journals"}


def test_a_missing_scope_is_named(read: Callable[..., Run], sandbox: Sandbox) -> None:
    sandbox.add_token("not-exports", without=["exports"])
    run = read(streams=["fec", "journals"], api_token="not-exports")  # noqa: S106 - the sandbox's
    assert run.exit_code == 78
    assert "Pennylane refuses /exports/fecs" in run.log
    assert "exports:fec" in run.log
    assert run.activated.keys() == {"journals"}


def test_an_order_that_failed_in_passing_is_repeated(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    sandbox.fault("/exports/fecs", "drop", times=1)
    sandbox.fault("/exports/fecs", "rate_limit", seconds=0, times=1)
    run = read(streams=["fec"], **ONE_YEAR)
    assert run.exit_code == 0, run.log
    assert sandbox.stats["requests"]["/exports/fecs"] == 3


def test_an_export_that_is_never_ready_is_given_up(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.fault("/exports/fecs/*", "body", body='{"status": "pending"}')
    monkeypatch.setattr(order, "PATIENCE", 1.5)
    url = f"{sandbox.url}/api/external/v2"
    options: dict[str, Any] = {"timeout": 10, "max_retries": 0, "user_agent": "test"}
    client = Client(url, BearerTokenAuthenticator(token=sandbox.token), Limiter(1000, 5), **options)
    period = {"period_start": "2026-01-01", "period_end": "2026-12-31"}
    with (
        pytest.raises(PennylaneError, match="is not ready after"),
        order.exported(client, "/exports/fecs", period, fec.check),
    ):
        pytest.fail("there is no file")


# Who receives the token, and where the file is kept


@contextmanager
def another_host(answers: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[Any]:
    """An HTTP server that is not Pennylane's, and the requests that it received."""
    got: list[BaseHTTPRequestHandler] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append(self)
            status, headers, body = answers[self.path.partition("?")[0]]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            del arguments

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, got
        finally:
            server.shutdown()
            thread.join()


def test_another_host_gets_no_token(read: Callable[..., Run], sandbox: Sandbox) -> None:
    file = ("\n".join("|".join(fields) for fields in (COLUMNS, LINE)) + "\n").encode("iso8859-15")
    answers = {
        "/link": (302, {"Location": "/file?signature=s3cr3t"}, b""),
        "/file": (200, {}, file),
    }
    with another_host(answers) as (port, got):
        link = f"http://localhost:{port}/link?signature=s3cr3t"
        ready = json.dumps({"id": 1, "status": "ready", "file_url": link})
        sandbox.fault("/exports/fecs/*", "body", body=ready)
        run = read(streams=["fec"], **ONE_YEAR)
    assert run.exit_code == 0, run.log
    assert [request.path for request in got] == ["/link?signature=s3cr3t", "/file?signature=s3cr3t"]
    for request in got:
        assert "Authorization" not in request.headers
        assert sandbox.token not in str(request.headers)
        assert request.headers["User-Agent"].startswith("tap-pennylane/")
    (record,) = run.records["fec"]
    period = {"period_start": "2026-01-01", "period_end": "2026-12-31", "line": 1}
    assert record.items() >= period.items()
    assert (record["comp_aux_lib"], record["debit"]) == ("Café Œuvre", Decimal("1234.56"))
    assert "s3cr3t" not in run.log


def test_a_host_that_is_not_there_is_a_sentence_without_the_link(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    link = "http://127.0.0.1:9/file?signature=s3cr3t"
    ready = json.dumps({"id": 1, "status": "ready", "file_url": link})
    sandbox.fault("/exports/fecs/*", "body", body=ready)
    run = read(streams=["fec"], max_retries=0, **ONE_YEAR)
    assert run.exit_code == 1
    assert "kept failing; last error: ConnectionRefusedError" in run.log
    assert "s3cr3t" not in run.log


@pytest.fixture(scope="module")
def long_ledger() -> Iterator[Sandbox]:
    """A company whose files are larger than what is read ahead of the target."""
    with running("--size", "60000", "--rate-limit", "none") as sandbox:
        yield sandbox


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks into /proc")
@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGKILL])
def test_no_file_is_left_behind(
    run_tap: Callable[..., Run], long_ledger: Sandbox, tmp_path: Path, with_signal: signal.Signals
) -> None:
    # A first run, which ends at once, writes the config and catalog of the run to be stopped.
    long_ledger.fault("/me", "status", status=401, times=1)
    run_tap(**settings(long_ledger), streams=["fec"])
    folder = tmp_path / "files"
    folder.mkdir()
    command = [sys.executable, "-m", "tap_pennylane", "--config", f"{tmp_path}/config.json"]
    with subprocess.Popen(
        [*command, "--catalog", f"{tmp_path}/catalog.json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(folder)},
    ) as process:
        assert process.stdout
        for _ in range(10):
            process.stdout.readline()
        held = [descriptor.readlink() for descriptor in Path(f"/proc/{process.pid}/fd").iterdir()]
        assert any(path.is_relative_to(folder) for path in held), "it holds no file now"
        assert list(folder.iterdir()) == []
        process.send_signal(with_signal)
        process.stdout.read()
    assert process.returncode in {-signal.SIGKILL, 128 + signal.SIGTERM}
    assert list(folder.iterdir()) == []

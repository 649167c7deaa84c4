"""The process: it prints its address and stops on request; exports."""

import io
import signal
import socket
import subprocess
import zipfile
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from pennylane_sandbox import exports
from pennylane_sandbox.sandbox import Options, Sandbox


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_and_frees_its_port(
    start: Callable[..., Any], number: signal.Signals
) -> None:
    sandbox = start("--size", "100")
    assert sandbox.get("/me").status_code == 200
    sandbox.process.send_signal(number)
    assert sandbox.process.wait(20) == 0
    assert sandbox.process.stdout.read() == ""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", urlsplit(sandbox.base).port or 0))


def test_a_taken_port_is_said(start: Callable[..., Any], command: Any) -> None:
    sandbox = start("--size", "100")
    port = str(urlsplit(sandbox.base).port)
    second = subprocess.run(
        [command, "--port", port, "--size", "100"], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in second.stderr


@pytest.mark.parametrize(
    "wrong",
    [["--size", "99"], ["--rate-limit", "fast"], ["--rate-limit", "0/5"], ["--companies", "-1"]],
)
def test_wrong_options_are_said(command: Any, wrong: list[str]) -> None:
    run = subprocess.run(
        [command, "--port", "0", *wrong], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "error:" in run.stderr


def test_options_reach_the_sandbox(start: Callable[..., Any]) -> None:
    sandbox = start("--size", "120", "--seed", "9", "--token", "mine", "--rate-limit", "7/3")
    health = sandbox.control("GET", "health")
    assert (health["seed"], health["size"]) == (9, 120)
    assert sandbox.get("/me").status_code == 401
    answer = sandbox.get("/me", token="mine")
    assert (answer.status_code, answer.headers["ratelimit-limit"]) == (200, "7")


def _export(sandbox: Any, kind: str) -> str:
    period = {"period_start": "2025-01-01", "period_end": "2025-12-31"}
    ordered = sandbox.post(f"/exports/{kind}", period)
    assert (ordered.status_code, ordered.json()["status"]) == (201, "pending")
    path = f"/exports/{kind}/{ordered.json()['id']}"
    first, second = sandbox.get(path).json(), sandbox.get(path).json()
    assert (first["status"], first["file_url"]) == ("pending", None)
    assert second["status"] == "ready"
    url: str = second["file_url"]
    return url


def test_the_fec_is_the_ledger(changing: Any) -> None:
    url = _export(changing, "fecs")
    rows = [line.split("\t") for line in changing.session.get(url, timeout=10).text.splitlines()]
    assert len(rows[0]) == 18
    assert rows[0][:4] == ["JournalCode", "JournalLib", "EcritureNum", "EcritureDate"]
    lines = [one for one in changing.state("ledger_entry_lines") if one["date"].startswith("2025")]
    assert len(rows) - 1 == len(lines)
    debit = sum(Decimal(row[11].replace(",", ".")) for row in rows[1:])
    assert debit == sum(Decimal(one["debit"]) for one in lines)
    assert all(len(row) == 18 for row in rows)


@pytest.mark.parametrize("kind", ["general_ledgers", "analytical_general_ledgers"])
def test_ledgers_are_workbooks(changing: Any, kind: str) -> None:
    content = changing.session.get(_export(changing, kind), timeout=10).content
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        assert b"<row" in book.read("xl/worksheets/sheet1.xml")


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_ROWS_OF_A_SHEET", 40)
    sandbox = Sandbox(Options(size=100))
    made = sandbox.company.exports
    number = made.order("general_ledgers", "2000-01-01", "2099-12-31")["id"]
    made.look("general_ledgers", number, "")
    ready = made.look("general_ledgers", number, "")
    assert ready
    file = made.fetch("general_ledgers", number, ready["file_url"].partition("=")[2])
    assert file
    with file[0], zipfile.ZipFile(file[0]) as book:
        sheets = [book.read(f"xl/worksheets/sheet{place}.xml") for place in (1, 2, 3)]
    assert [sheet.count(b"<row ") for sheet in sheets] == [41, 41, 21]


def test_an_exports_link_expires(changing: Any) -> None:
    url = _export(changing, "fecs")
    assert changing.session.get(url + "0", timeout=10).status_code == 403
    changing.control("POST", "clock", {"advance_seconds": 31 * 60})
    assert changing.session.get(url, timeout=10).status_code == 403


def test_wrong_orders_of_exports(changing: Any) -> None:
    wrongs: list[Any] = [
        {},
        {"period_start": "2025-01-01"},
        [],
        {"period_start": 1, "period_end": 2},
    ]
    for wrong in wrongs:
        assert changing.post("/exports/fecs", wrong).status_code == 400
    period = {"period_start": "2025-01-01", "period_end": "2025-12-31"}
    assert changing.post("/exports/fecs", period | {"mode": "in_line"}).status_code == 400
    wrong_mode = period | {"mode": "sideways"}
    assert changing.post("/exports/analytical_general_ledgers", wrong_mode).status_code == 400
    assert changing.get("/exports/fecs/1").status_code == 404
    assert changing.get("/exports/fecs").status_code == 405

"""The exports in PostgreSQL: exact, and replaced by the next ones."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import requests
from pennylane_launcher.books import fec
from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelines import Pipeline

GENERAL, ANALYTICAL = "general_ledger_export", "analytical_general_ledger_export"
EXPORTS = ["fec", GENERAL, ANALYTICAL]
LEDGER = ["company", "fiscal_years", "journals", "ledger_accounts", "ledger_entries"]
OTHERS = [*LEDGER, "ledger_entry_lines", "customers", "suppliers", "trial_balance"]
SELECTED = {
    "TAP_PENNYLANE__SELECT": json.dumps([f"{name}.*" for name in [*EXPORTS, *OTHERS]]),
    "TAP_PENNYLANE_REFRESH_HOURS": json.dumps(dict.fromkeys([*EXPORTS, "trial_balance"], 0)),
}
ACCOUNTS = {"fec": "coalesce(comp_aux_num, compte_num)", GENERAL: "account"}


def test_the_next_export_of_a_period_replaces_the_last(
    pipeline_of: Callable[..., Pipeline], tmp_path: Path
) -> None:
    with running("--size", "600", "--rate-limit", "none") as sandbox:
        pipeline = pipeline_of(sandbox)
        done = pipeline.run(**SELECTED)
        assert done.returncode == 0, done.stdout
        assert pipeline.tables() == {*EXPORTS, *OTHERS}
        before = assert_exact(pipeline)
        assert before == 600

        changed = sandbox.change("ledger_entries", delete=8, create=5, update=10)
        assert len(changed["deleted"]) == 8
        done = pipeline.run(**SELECTED)
        assert done.returncode == 0, done.stdout
        after = assert_exact(pipeline)
        assert after < before

        # An unreadable file leaves everything unchanged, including the complete files before it.
        view = "SELECT period_start, line, debit FROM pennylane_live.fec ORDER BY 1, 2"
        models = ("stg_pennylane__fec", "stg_pennylane__company", "+fec_file")
        assert pipeline.dbt("run", "--select", *models).returncode == 0
        shown = pipeline.query(view)
        assert len(shown) == after
        sandbox.change("ledger_entries", delete=8)
        sandbox.fault("/files/fecs/*", "body", body="<html></html>", skip=2)
        sandbox.fault("/files/general_ledgers/*", "body", body="<html></html>")
        done = pipeline.run(TAP_PENNYLANE_MAX_RETRIES="0", **SELECTED)
        assert done.returncode == 1
        assert len(pipeline.live("fec")) > after, (
            "the first files came, and lie beside the old ones"
        )
        assert pipeline.query(view) == shown
        assert len(pipeline.live(GENERAL)) == after

        # So does a tap that is killed between two files.
        sandbox.clear_faults()
        sandbox.fault("/files/fecs/*", "latency", seconds=30, skip=2)
        sandbox.control("DELETE", "stats")
        looks = "/exports/fecs/{id}"
        code = pipeline.run_and_kill(
            "bin/tap-pennylane", lambda: sandbox.stats["requests"].get(looks, 0) >= 6, **SELECTED
        )
        assert code == 1
        assert pipeline.query(view) == shown

        sandbox.clear_faults()
        done = pipeline.run("--force", **SELECTED)
        assert done.returncode == 0, done.stdout
        latest = assert_exact(pipeline)
        assert latest < after
        assert len(pipeline.query(view)) == latest
        assert_written(pipeline, tmp_path)


def assert_written(pipeline: Pipeline, folder: Path) -> None:
    """Check that `make fec` writes Pennylane's own file, and compares it with the lines."""
    sandbox = pipeline.sandbox
    written = fec.write(pipeline.url, "pennylane", fec.Wanted("2025", folder=folder))
    period = {"period_start": "2025-01-01", "period_end": "2025-12-31"}
    token = {"Authorization": f"Bearer {sandbox.token}"}
    order = f"{sandbox.url}/api/external/v2/exports/fecs"
    number = requests.post(order, json=period, headers=token, timeout=60).json()["id"]
    while not (link := sandbox.get(f"/exports/fecs/{number}")["file_url"]):
        time.sleep(0.1)
    assert written.path.read_bytes() == requests.get(link, timeout=60).content
    assert "This is Pennylane's own file" in str(written)

    accounts = defaultdict(set)
    for line in sandbox.state("ledger_entry_lines"):
        if line["date"].startswith("2025"):
            place = line["journal"]["id"], line["ledger_account"]["number"]
            accounts[line["ledger_entry"]["id"]].add(place)
    drafts = {row["id"] for row in sandbox.state("ledger_entries") if row["status"] == "draft"}
    differing = set()
    for number, found in accounts.items():
        kinds = {"12" if account.startswith("12") else account[0] for _, account in found}
        closes = "12" in kinds and kinds & {"6", "7"} and kinds <= {"6", "7", "12"}
        if number in drafts or closes:
            differing |= found
    said = f"The lines make {len(differing)} of the " if differing else "The lines make the same "
    assert said in str(written)

    from_lines = fec.write(
        pipeline.url, "pennylane", fec.Wanted("2025", folder=folder, from_lines=True)
    )
    assert "Pennylane's own file" not in str(from_lines)
    assert from_lines.verdict.complies, from_lines


def assert_exact(pipeline: Pipeline) -> int:
    """Check that the tables hold the current ledger and match the trial balance; return rows."""
    lines = {line["id"]: line for line in pipeline.sandbox.state("ledger_entry_lines")}
    rows = pipeline.live(GENERAL)
    assert {
        row["ledger_entry_line_id"]: (row["debit"], row["credit"], row["date"].isoformat())
        for row in rows
    } == {
        number: (Decimal(line["debit"]), Decimal(line["credit"]), line["date"])
        for number, line in lines.items()
    }
    assert {row["ledger_entry_line_id"] for row in pipeline.live(ANALYTICAL)} == lines.keys()
    fec = pipeline.live("fec")
    assert len(fec) == len(rows) == len(lines)
    balance: dict[Any, tuple[Decimal, Decimal]] = {
        (row["period_start"], row["number"]): (row["debits"], row["credits"])
        for row in pipeline.live("trial_balance")
    }
    for table, account in ACCOUNTS.items():
        sums = pipeline.query(
            f"SELECT period_start, {account} AS number, sum(debit) AS debits, "  # noqa: S608
            f"sum(credit) AS credits FROM pennylane.{table} WHERE _sdc_deleted_at IS NULL "
            "GROUP BY 1, 2"
        )
        assert balance == {
            (row["period_start"], row["number"]): (row["debits"], row["credits"]) for row in sums
        }
    numbers = defaultdict(list)
    for row in fec:
        numbers[row["period_start"]].append(row["line"])
    assert all(sorted(found) == list(range(1, len(found) + 1)) for found in numbers.values())
    return len(fec)

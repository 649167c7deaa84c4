"""The exports in PostgreSQL: exact, and replaced by the next ones."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Pipeline

GENERAL, ANALYTICAL = "general_ledger_export", "analytical_general_ledger_export"
EXPORTS = ["fec", GENERAL, ANALYTICAL]
SELECTED = {
    "TAP_PENNYLANE__SELECT": json.dumps([f"{name}.*" for name in [*EXPORTS, "trial_balance"]]),
    "TAP_PENNYLANE_REFRESH_HOURS": json.dumps(dict.fromkeys([*EXPORTS, "trial_balance"], 0)),
}
ACCOUNTS = {"fec": "coalesce(comp_aux_num, compte_num)", GENERAL: "account"}


def test_the_next_export_of_a_period_replaces_the_last(
    pipeline_of: Callable[..., Pipeline],
) -> None:
    with running("--size", "600", "--rate-limit", "none") as sandbox:
        pipeline = pipeline_of(sandbox)
        done = pipeline.run(**SELECTED)
        assert done.returncode == 0, done.stdout
        assert pipeline.tables() == {*EXPORTS, "trial_balance"}
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
        assert pipeline.dbt("run", "--select", "stg_pennylane__fec").returncode == 0
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

"""Problems are reported once when they begin, and once when they are over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.monitoring.health import Health
from pennylane_launcher.monitoring.incidents import Memory
from pennylane_launcher.monitoring.problem import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Books, Check


def test_failing_runs_are_one_alert_and_one_all_clear(books: Books, check: Check) -> None:
    books.sandbox.fault("/journals", "status", status=403)
    try:
        done = books.load()
        assert done.returncode == 1
        code, (line,) = check()
        assert code == 1
        assert line.startswith("The last run failed for journals: ")
        assert "403" in line
        assert books.load().returncode == 1
        assert check() == (1, [])
        assert check(changes=False) == (1, [line])
    finally:
        books.sandbox.clear_faults()
    assert books.load().returncode == 0
    code, (clear,) = check()
    assert code == 0
    assert clear.startswith(f"Resolved: {line} It was open for ")
    assert check() == (0, [])
    assert books.sandbox.token not in line + done.stdout + done.stderr


def test_of_many_tables_each_alert_is_about_new_ones(books: Books, check: Check) -> None:
    def fail(*tables: str) -> None:
        for table in tables:
            books.execute(
                "update pennylane.sync_log set status = 'failed', error = 'Of ' || stream"  # noqa: S608
                f" where stream = '{table}' and started_at = (select max(started_at)"
                f" from pennylane.sync_log where stream = '{table}')"
            )

    def repair() -> None:
        books.execute("update pennylane.sync_log set status = 'success', error = null")

    try:
        fail("customers", "ledger_entries")
        _, (both,) = check()
        assert "customers: Of customers; ledger_entries: Of ledger_entries." in both
        fail("journals")
        _, (third,) = check()
        assert ("journals" in third, "customers" in third) == (True, False)
        repair()
        fail("customers", "journals")
        assert check() == (1, [])
        repair()
        code, clear = check()
        assert (code, len(clear)) == (0, 2)
    finally:
        repair()


def test_a_trouble_of_many_companies_is_one_alert_with_the_list() -> None:
    def found(kind: str, count: int, why: str) -> Health:
        names = {f"Client {number:02}": why for number in range(count)}
        return Health([Problem(kind, names, tables=1000)] if names else [], frozenset({kind}))

    memory, why = Memory(), "not read completely for more than 26 hours"
    (opened,) = memory.take(found("company_stale", 15, why))
    assert str(opened).startswith(f"15 companies were {why}: Client 00, Client 01, ")
    assert str(opened).endswith("Client 11 and 3 more.")
    payload = opened.payload(None, "here")
    assert (payload["title"], payload["tables"]) == ("15 companies too old", [])
    assert len(payload["companies"]) == 15
    assert memory.take(found("company_stale", 15, why)) == []
    (closed,) = memory.take(found("company_stale", 0, why))
    assert str(closed).startswith("Resolved: 15 companies were ")

    (failed,) = memory.take(found("company_failed", 1000, "Pennylane refuses it"))
    assert str(failed) == "The last run failed for all 1000 companies: Pennylane refuses it."


def test_a_company_that_is_gone_is_said_once() -> None:
    gone = Problem("company_gone", {"ACME (1)": "taken off the list"}, tables=3)
    memory, kinds = Memory(), frozenset({"company_gone"})
    (opened,) = memory.take(Health([gone], kinds))
    assert str(opened) == "1 company was taken off the list: ACME (1)."
    assert memory.take(Health([gone], kinds)) == []
    assert memory.take(Health([], kinds)) == []  # its rows were dropped: nothing to tell


def test_jobs_are_told_of_until_they_succeed(check: Check) -> None:
    assert check("sync=failed", "backup=success")[0] == 1
    assert check(changes=False) == (1, ["The job sync failed: its log says why."])
    assert check() == (1, [])
    assert check("sync=success")[0] == 0
    with pytest.raises(LauncherError, match="JOB=failed or JOB=success"):
        check("sync=maybe")


def test_a_job_and_the_tables_that_made_it_fail_are_told_of_once(
    books: Books, check: Check
) -> None:
    """Whether the tables are looked at before the job is reported, or with it."""
    for looked_at_before in (True, False):
        with books.wrong_debit():
            told = check()[1] if looked_at_before else []
            told += check("sync=failed")[1]
            assert len(told) == 1
            assert "trial balance" in told[0]
        _, cleared = check("sync=success")
        assert len(cleared) == 1
        assert cleared[0].startswith(f"Resolved: {told[0]} ")
    # What the tables know nothing of is told.
    assert check("sync=failed")[1] == ["The job sync failed: its log says why."]
    # It stays open, whatever else goes wrong then.
    with books.wrong_debit():
        assert len(check("sync=failed")[1]) == 1
    assert len(check("sync=success")[1]) == 2


def test_a_broken_memory_begins_anew_and_one_that_can_t_be_is_said(
    check: Check,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert len(check("a=failed")[1]) == 1
    (tmp_path / "memory" / "incidents.json").write_text('{"incidents": [')
    assert check() == (0, [])
    monkeypatch.setenv("HEALTH_INCIDENTS_FILE", str(tmp_path / "memory" / "incidents.json" / "no"))
    with pytest.raises(LauncherError, match="HEALTH_INCIDENTS_FILE"):
        check("a=failed")
    assert capsys.readouterr().out == "The job a failed: its log says why.\n"
    assert check(changes=False)[0] == 0

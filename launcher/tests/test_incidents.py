"""Problems are reported once when they begin, and once when they are over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pennylane_launcher.errors import LauncherError

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

"""What check-health finds wrong in a warehouse that real runs have filled."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from pennylane_launcher import meltano
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.monitoring import facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pennylane_launcher.postgres.embedded import Server

    from conftest import Books, Check

SECRET = "db-secret-7f3a"  # noqa: S105


def test_all_is_well(books: Books, check: Check) -> None:
    done = books.launch("check-health")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Healthy: 9 tables, the last complete run began ")
    balance, tests = done.stdout.rstrip(".\n").split("; ")[1:]
    assert balance == "the trial balance agrees"
    assert re.fullmatch(r"(\d+) of \1 tests passed (a moment|\d+ minutes?) ago", tests)
    assert check() == (0, [])


def test_old_tables_are_said_but_not_those_that_are_not_due(
    books: Books, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first run was yesterday: what was not due was not read since.
    assert books.load().returncode == 0
    shift = (
        "update pennylane.sync_log set started_at = started_at {} interval '30 hours'"
        " where run_id = (select run_id from pennylane.sync_log order by started_at limit 1)"
    )
    old = (
        "select table_name from pennylane.etl_logs where status = 'success' group by 1"
        " having max(execution_date) < now() at time zone 'utc' - interval '26 hours'"
    )
    with books.changed(shift.format("-"), shift.format("+")):
        assert ("bank_establishments",) in books.execute(old)
        assert check() == (0, [])
    monkeypatch.setenv("HEALTH_MAX_AGE_HOURS", "0.0001")
    code, lines = check()
    assert code == 1
    assert lines == ["Too old, the last complete read began more than a moment ago: all 9 tables."]
    assert check() == (1, [])
    monkeypatch.delenv("HEALTH_MAX_AGE_HOURS")
    code, (line,) = check()
    assert (code, line.startswith("Resolved: ")) == (0, True)


def test_companies_with_tokens_of_their_own_are_told_by_name(books: Books, check: Check) -> None:
    """Those in the file whose last run failed, or was too long ago; the rest is judged as ever."""
    run = (
        "insert into meltano.runs (job_name, run_id, state, started_at, ended_at, payload,"
        " payload_flags, trigger) select 'prod:tap-pennylane-to-target-postgres:{}',"
        " gen_random_uuid(), '{}', moment, moment, '{{}}', 0, ''"
        " from (select now() at time zone 'utc' - interval '{}' as moment) as moments"
    )
    file = books.folder / "companies.yml"
    with books.changed("select", "delete from meltano.runs where job_name like '%:%:%'"):
        for name, state, age in (
            ("good", "SUCCESS", "0"),
            ("refused", "SUCCESS", "2 h"),
            ("old", "SUCCESS", "30 h"),
            ("refused", "FAIL", "0"),
        ):
            books.execute(run.format(name, state, age))
        lines = [f"{name}: {{token: {name.upper()}_TOKEN}}" for name in ("good", "refused", "old")]
        file.write_text("\n".join([*lines, "other: {token: OTHER_TOKEN}"]))
        try:
            line = (
                "Companies that are not up to date: refused: see its log; old: the last complete"
                " run began more than 26 hours ago."
            )
            assert check() == (1, [line])
            books.execute(run.format("refused", "SUCCESS", "0"))
            books.execute(run.format("old", "SUCCESS", "0"))
            code, (clear,) = check()
            assert (code, clear.startswith(f"Resolved: {line}")) == (0, True)
        finally:
            file.unlink()


def test_a_run_that_failed_as_a_whole_is_one_problem_with_the_tap_s_reason(
    books: Books, check: Check
) -> None:
    """Until a run is whole again: also for tables that it finds fresh enough to leave alone."""
    books.sandbox.fault("*", "status", status=401)
    try:
        assert books.load().returncode == 1
    finally:
        books.sandbox.clear_faults()
    failed = "select count(*) from pennylane.etl_logs where error_message like '%Extractor failed'"
    assert books.execute(failed)[0][0] >= 9
    code, (line,) = check()
    assert code == 1
    assert line.startswith("The last run failed: Pennylane refuses the token (401): ")
    assert "TAP_PENNYLANE_API_TOKEN" in line
    assert "Extractor failed" not in line
    assert line in check(changes=False)[1]
    assert books.load().returncode == 0
    code, (clear,) = check()
    assert (code, clear.startswith(f"Resolved: {line} It was open for ")) == (0, True)
    assert check(changes=False)[0] == 0
    # That is not because every table was read again.
    not_read = (
        "select status from pennylane.etl_logs where table_name = 'bank_establishments'"
        " order by execution_date desc limit 1"
    )
    assert books.execute(not_read) == [("failed",)]


def test_a_run_without_network_or_with_a_wrong_setting_tells_so(books: Books, check: Check) -> None:
    for variable, value, said in (
        ("TAP_PENNYLANE_API_URL", "http://127.0.0.1:1", "Can't start: "),
        ("TAP_PENNYLANE_CONCURRENCY", "0", "TAP_PENNYLANE_CONCURRENCY"),
    ):
        assert books.load(**{variable: value}).returncode == 1
        line = check(changes=False)[1][0]
        assert line.startswith("The last run failed: ")
        assert said in line
        assert "Extractor failed" not in line
    assert books.load().returncode == 0
    assert check(changes=False)[0] == 0


def test_tables_that_failed_stay_failed_while_no_run_gets_as_far(
    books: Books, check: Check
) -> None:
    books.sandbox.fault("/journals", "status", status=403)
    try:
        books.load()
        (journals,) = check()[1]
        books.sandbox.fault("*", "status", status=401)
        books.load()
        code, (line,) = check()
        assert (code, line.startswith("The last run failed: Pennylane refuses")) == (1, True)
    finally:
        books.sandbox.clear_faults()
    books.load()
    code, lines = check()
    assert code == 0
    assert [
        each.startswith(f"Resolved: {said}")
        for each, said in zip(lines, (journals, line), strict=True)
    ] == [True, True]


def test_moments_are_said_in_the_local_time_zone(
    books: Books, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_TIMEZONE", "Asia/Kolkata")
    ((there,),) = books.execute(
        "select to_char(max(last_sync_date) + interval '5 hours 30 minutes', 'HH24:MI')"
        " from pennylane.sync_metadata"
    )
    _, (line,) = check(changes=False)
    assert " ago, " in line
    assert f"{there} (IST)" in line
    monkeypatch.setenv("HEALTH_TIMEZONE", "Paris")
    with pytest.raises(LauncherError, match="HEALTH_TIMEZONE is not a time zone like"):
        check()


def test_a_table_is_expected_until_a_run_of_its_pipeline_leaves_it_out(books: Books) -> None:
    before_that = facts.read(books.url, "pennylane").expected
    assert "bank_establishments" in before_that  # it was not due in the last run

    def expected_after(pipeline: str) -> frozenset[str]:
        """Let a run of a pipeline read the customers alone."""
        books.execute(
            f"""
            insert into meltano.runs
                (job_name, run_id, state, started_at, last_heartbeat_at, ended_at, payload,
                payload_flags, trigger)
            select '{pipeline}', gen_random_uuid(), 'SUCCESS', moment, moment, moment, '{{}}', 0, ''
            from (select clock_timestamp() at time zone 'utc' as moment) as now;
            insert into pennylane.sync_log
                (run_id, stream, mode, started_at, records, tombstones, status,
                _sdc_sync_started_at)
            select gen_random_uuid()::text, 'customers', 'changelog', moment at time zone 'utc', 0,
                0, 'success', ceil(extract(epoch from moment) * 1000)
            from (select clock_timestamp() as moment) as now
            """  # noqa: S608
        )
        return facts.read(books.url, "pennylane").expected

    before = [
        books.execute(f"select max({key}) from {table}")[0][0]  # noqa: S608
        for table, key in (("meltano.runs", "id"), ("pennylane.sync_log", "started_at"))
    ]
    try:
        assert expected_after("prod:tap-pennylane-to-target-postgres:hourly") == before_that
        assert expected_after("prod:tap-pennylane-to-target-postgres") == {"customers"}
    finally:
        books.execute(f"delete from meltano.runs where id > {before[0]}")  # noqa: S608
        books.execute(f"delete from pennylane.sync_log where started_at > '{before[1]}'")  # noqa: S608


def test_books_that_do_not_agree_are_named_without_amounts(books: Books, check: Check) -> None:
    ((account, year, amount),) = books.execute(
        "select ledger_account_number, extract(year from date)::text, (debit + 7777.77)::text"
        " from pennylane.ledger_entry_lines order by id desc limit 1"
    )
    with books.wrong_debit("7777.77"):
        code, (line,) = check()
        assert code == 1
        assert f"fiscal year {year}-01-01 to {year}-12-31, account {account}." in line
        assert not any(figure in line for figure in ("7777", amount, amount.split(".")[0] + "."))
        assert check() == (1, [])
    code, (line,) = check()
    assert code == 0
    assert line.startswith("Resolved: ")


def test_nothing_loaded_yet(
    check: Check, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.url("untouched")
    monkeypatch.setenv("TARGET_POSTGRES_SQLALCHEMY_URL", meltano.sqlalchemy(url))
    code, (line,) = check(changes=False)
    assert (code, line.startswith("Nothing was loaded yet: ")) == (1, True)
    assert check() == (0, [])  # nobody is told before the first run
    with psycopg.connect(url) as connection:
        connection.execute(
            "create table meltano.runs as select 'RUNNING' as state,"
            " now() at time zone 'utc' as last_heartbeat_at, null::timestamp as ended_at"
        )
    assert check(changes=False) == (0, ["Healthy: the first run is in progress."])
    with psycopg.connect(url) as connection:
        connection.execute("create schema pennylane create table customers ()")
    assert check() == (0, [])  # the views come behind the load
    with psycopg.connect(url) as connection:
        connection.execute(
            "update meltano.runs set state = 'SUCCESS', last_heartbeat_at = null,"
            " ended_at = now() at time zone 'utc' - interval '1 minute'"
        )
    assert check() == (0, [])
    with psycopg.connect(url) as connection:
        connection.execute("update meltano.runs set ended_at = ended_at - interval '1 hour'")
    code, (line,) = check()
    assert (code, "The views about the runs are missing or outdated" in line) == (1, True)
    with psycopg.connect(url) as connection:
        connection.execute("drop schema pennylane cascade")
        connection.execute("update meltano.runs set state = 'FAIL'")
    code, lines = check(changes=False)
    assert (code, lines[0].startswith("Nothing was loaded yet: ")) == (1, True)
    code, lines = check()
    assert code == 1
    assert any("Nothing was loaded yet: " in line for line in lines)
    monkeypatch.delenv("TARGET_POSTGRES_SQLALCHEMY_URL")
    monkeypatch.setenv("MELTANO_ENVIRONMENT", "dev")
    code, (line,) = check(changes=False)
    assert (code, line.startswith("Nothing was loaded yet: ")) == (1, True)


def test_a_database_that_is_down_says_nothing_of_the_rest(
    books: Books, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    with books.wrong_debit():
        assert check()[0] == 1
        monkeypatch.setenv(
            "TARGET_POSTGRES_SQLALCHEMY_URL", f"postgresql://me:{SECRET}@/none?host=/nowhere"
        )
        code, (line,) = check()
        assert code == 1
        assert line.startswith("PostgreSQL cannot be used: database none of /nowhere")
        assert SECRET not in line
        assert check() == (1, [])
        monkeypatch.setenv("TARGET_POSTGRES_SQLALCHEMY_URL", meltano.sqlalchemy(books.url))
        code, (line,) = check()
        assert code == 1
        assert "Resolved: " in line
        assert "PostgreSQL cannot be used" in line
    assert check()[0] == 0


def test_a_test_that_fails_is_told_until_all_pass(books: Books, check: Check) -> None:
    with books.wrong_debit():
        assert books.meltano("verify").returncode == 1
        # The reconciliation has a line of its own, and its test is not told twice.
        code, (line, reconciliation) = check("verify=failed")
        assert code == 1
        assert reconciliation.startswith("The ledger lines do not add up")
        assert line == (
            "Tests of the books failed: pennylane_balance_sheets_balance (1 row),"
            " pennylane_entries_balance (1 row)."
            " `.venv/bin/meltano run verify` runs them again."
        )
        assert check() == (1, [])
    # What is checked anew is over, what only the tests know is not.
    code, (clear,) = check()
    assert (code, clear.startswith("Resolved: The ledger lines")) == (1, True)
    # It explains the failure of no other job.
    assert check("sync=failed") == (1, ["The job sync failed: its log says why."])
    assert check("sync=success")[0] == 1
    assert books.meltano("verify").returncode == 0
    code, (clear,) = check("verify=success")
    assert (code, clear.startswith(f"Resolved: {line} ")) == (0, True)


def test_no_test_is_claimed_that_did_not_run(
    books: Books, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = (
        "update pennylane_logs.pennylane_test_runs set tested_at = tested_at {} interval '5 hours'"
    )
    # Of the first load; the later ones were minutes ago.
    loaded = (
        "update pennylane.sync_log set started_at = started_at {} interval '4 hours'"
        " where run_id = (select run_id from pennylane.sync_log order by started_at limit 1)"
    )
    assert books.load().returncode == 0
    with books.changed(old.format("-"), old.format("+")):
        code, (line,) = check(changes=False)
        assert (code, line.endswith(" tests passed 5 hours ago.")) == (0, True)
        monkeypatch.setenv("HEALTH_TESTS_MAX_AGE_HOURS", "0.0001")
        assert check(changes=False)[0] == 1
        monkeypatch.delenv("HEALTH_TESTS_MAX_AGE_HOURS")
        with books.changed(loaded.format("-"), loaded.format("+")):
            code, (line,) = check()
            assert code == 1
            assert line.startswith(
                "The books have been untested for more than 3 hours: their tests last ran 5 hours"
                " ago."
            )
        assert check()[1][0].startswith("Resolved: The books have been untested")
    with renamed(books, "pennylane_logs.pennylane_test_runs"):
        code, (line,) = check(changes=False)
        assert (code, line.endswith("; the books were never tested.")) == (0, True)
        with books.changed(loaded.format("-"), loaded.format("+")):
            code, (line,) = check(changes=False)
            assert (code, "their tests have never run." in line) == (1, True)


@contextmanager
def renamed(books: Books, table: str) -> Iterator[None]:
    """Let a table be missing for the duration of the block."""
    name = table.split(".")[1]
    with books.changed(
        f"alter table {table} rename to elsewhere",
        f"alter table {table.replace(name, 'elsewhere')} rename to {name}",
    ):
        yield


def test_a_build_that_left_something_undone_is_told(books: Books, check: Check) -> None:
    why = "pennylane_live.customers could not be replaced: session 1 had it in use."
    kept = books.execute("select fingerprint::text from pennylane_logs.pennylane_build")[0][0]
    with books.changed(
        f"update pennylane_logs.pennylane_build set error = '{why}', fingerprint = null",  # noqa: S608
        f"update pennylane_logs.pennylane_build set error = null, fingerprint = '{kept}'",  # noqa: S608
    ):
        assert check("sync=failed") == (1, [f"The views were not built completely: {why}"])
    code, (line,) = check("sync=success")
    assert (code, line.startswith("Resolved: The views were not built completely")) == (0, True)


def test_years_that_cannot_be_compared_are_named_and_not_claimed(
    books: Books, check: Check
) -> None:
    ((first,), *others) = books.execute(
        "select distinct period_start::text from pennylane_live.trial_balance order by 1"
    )

    def behind(*years: str) -> tuple[str, str]:
        change = "update meltano.state set completed_state = ({})::text"
        path = "'{singer_state,bookmarks,trial_balance,behind}'"
        text = ", ".join(f'"{year}"' for year in years)
        return (
            change.format(f"jsonb_set(completed_state::jsonb, {path}, '[{text}]')"),
            change.format(f"completed_state::jsonb #- {path}"),
        )

    with books.changed(*behind(first)):
        _, (line,) = check(changes=False)
        assert (
            "; the trial balance agrees, without the fiscal years whose lines have changed since it"
            f" was read (beginning {first}); " in line
        )
    with books.changed(*behind(first, *(year for (year,) in others))):
        _, (line,) = check(changes=False)
        assert "; the trial balance was not compared, because lines have changed since" in line
        assert "agrees" not in line


@pytest.mark.parametrize("given", ["soon", "0", "-1", "nan", "inf"])
def test_an_age_that_is_none_is_said(
    check: Check, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("HEALTH_MAX_AGE_HOURS", given)
    with pytest.raises(LauncherError, match="HEALTH_MAX_AGE_HOURS is not a number of hours"):
        check()

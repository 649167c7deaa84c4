"""What check-health says of a warehouse that real runs have filled, and when it says it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
import yaml
from pennylane_launcher import alerts, facts, meltano
from pennylane_launcher.embedded import Server
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.redaction import Redaction
from pennylane_sandbox.pytest_plugin import Sandbox, running

ROOT = Path(__file__).parents[2]
SECRET = "hook-secret-7f3a"  # noqa: S105
TABLES = {
    "bank_establishments", "customers", "fiscal_years", "journals", "ledger_accounts",
    "ledger_entries", "ledger_entry_lines", "trial_balance",
}  # fmt: skip
LAST_LINE = "id = (select max(id) from pennylane.ledger_entry_lines)"


@dataclass
class Books:
    """The real pipeline in a folder of its own, between a sandbox and a database."""

    folder: Path
    sandbox: Sandbox
    url: str

    def settings(self) -> dict[str, str]:
        return {
            "TARGET_POSTGRES_SQLALCHEMY_URL": meltano.sqlalchemy(self.url),
            "TAP_PENNYLANE_API_URL": self.sandbox.url,
            "TAP_PENNYLANE_API_TOKEN": self.sandbox.token,
            "TAP_PENNYLANE_REQUESTS_PER_WINDOW": "100000",
            "TAP_PENNYLANE_MAX_RETRIES": "0",
            "MELTANO_ENVIRONMENT": "prod",
        }

    def launch(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self._call([sys.executable, "-m", "pennylane_launcher", *arguments], {})

    def meltano(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`meltano run` by hand."""
        system = {"MELTANO_DATABASE_URI": meltano.system_database(self.url)}
        return self._call(meltano.command("run", *arguments), system | meltano.target(self.url))

    def load(self) -> "subprocess.CompletedProcess[str]":
        """A run without the views."""
        return self.meltano("tap-pennylane", "snake-case", "target-postgres")

    def _call(self, command: list[str], more: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=self.folder,
            env=clean() | self.settings() | more,
            capture_output=True,
            text=True,
            check=False,
        )

    def execute(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            done = connection.execute(query.encode())
            return done.fetchall() if done.description else []

    def log(self) -> list[dict[str, Any]]:
        text = (self.folder / "logs" / "tap-pennylane.log").read_text()
        return [json.loads(line) for line in text.splitlines()]


def clean() -> dict[str, str]:
    ours = (*meltano.OURS, "HEALTH_", "ALERT_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def project(folder: Path) -> Path:
    """This project, with the plugins that are installed here."""
    content = yaml.safe_load((ROOT / "meltano.yml").read_text())
    for kind, plugins in content["plugins"].items():
        for plugin in plugins:
            if plugin.pop("pip_url", None) is None:
                continue
            programs = ROOT / ".meltano" / kind / plugin["name"] / "venv" / "bin"
            plugin["executable"] = str(programs / plugin["executable"])
    tap = content["plugins"]["extractors"][0]
    tap["select"] = [f"{table}.*" for table in sorted({*TABLES, "sync_log"})]
    (folder / "meltano.yml").write_text(yaml.safe_dump(content))
    (folder / "logging.yaml").write_text((ROOT / "logging.yaml").read_text())
    (folder / "transform").symlink_to(ROOT / "transform")
    return folder


@pytest.fixture(scope="module")
def books(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """A company that was loaded once, with its views."""
    with running("--size", "300", "--rate-limit", "none") as sandbox:
        loaded = Books(project(tmp_path_factory.mktemp("project")), sandbox, postgres.url("health"))
        done = loaded.launch("run")
        assert done.returncode == 0, done.stdout + done.stderr
        # Meltano's lines came as JSON: none is shown raw, and none of the routine.
        assert '{"' not in done.stdout
        assert "loaded; now the views are built and tested" in done.stdout
        assert "Ended 'customers'" not in done.stdout
        yield loaded


@pytest.fixture
def check(
    books: Books,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, list[str]]]:
    """Ask, in a folder whose memory is empty at first; the exit code and the lines."""
    for name in os.environ.keys() - clean().keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("HEALTH_INCIDENTS_FILE", str(tmp_path / "memory" / "incidents.json"))
    for name, value in books.settings().items():
        monkeypatch.setenv(name, value)

    def ask(*outcomes: str, changes: bool = True) -> tuple[int, list[str]]:
        capsys.readouterr()
        code = alerts.check_health(tmp_path, changes=changes, outcomes=outcomes)
        return code, capsys.readouterr().out.splitlines()

    return ask


Check = Callable[..., tuple[int, list[str]]]


@contextmanager
def changed(books: Books, change: str, back: str) -> Iterator[None]:
    books.execute(change)
    try:
        yield
    finally:
        books.execute(back)


@dataclass
class Receiver:
    """A webhook's receiver, which can be told to refuse."""

    url: str
    status: int = 200
    received: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if there.status == 200:
                there.received.append(json.loads(body))
            self.send_response(there.status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there = Receiver(f"http://127.0.0.1:{server.server_port}/{SECRET}")
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield there
        server.shutdown()
        thread.join()


def test_all_is_well(books: Books, check: Check) -> None:
    done = books.launch("check-health")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Healthy: 8 tables, ")
    assert done.stdout.endswith("; the trial balance agrees.\n")
    assert check() == (0, [])


def test_failing_runs_are_one_alert_one_all_clear_and_told_in_the_log(
    books: Books, check: Check
) -> None:
    books.sandbox.fault("/journals", "status", status=403)
    try:
        done = books.load()
        assert done.returncode == 1
        assert_told(books, done.stdout + done.stderr)
        code, (line,) = check()
        assert code == 1
        assert line.startswith("The last run failed for journals: ")
        assert "403" in line
        assert books.load().returncode == 1
        assert check() == (1, [])
        assert check(changes=False) == (1, [line])
    finally:
        books.sandbox.heal()
    assert books.load().returncode == 0
    code, (clear,) = check()
    assert code == 0
    assert clear.startswith("All clear, since ")
    assert clear.endswith(line)
    assert check() == (0, [])
    assert books.sandbox.token not in line + done.stdout + done.stderr


def assert_told(books: Books, shown: str) -> None:
    """The last run, whose journals failed, is in the log, and on the console as text."""
    ((run,),) = books.execute("select run_id::text from meltano.runs order by id desc limit 1")
    lines = [line for line in books.log() if line.get("run_id") == run]
    ended = {line["stream"]: line for line in lines if line["event"].startswith("Ended ")}
    assert ended.keys() == TABLES
    failed = ended["journals"]
    assert (failed["status"], failed["requests"]) == ("failed", 1)
    assert "403" in failed["error"]
    assert {"seconds_waited", "rate_limited", "records", "tombstones", "mode"} <= failed.keys()
    assert ended["customers"]["status"] == "success"
    assert ended["bank_establishments"]["mode"] == "not due"
    assert {"tap-pennylane", "target-postgres", "mapper-snake-case"} <= {
        line.get("name") for line in lines
    }
    assert "tap-pennylane Stream 'journals' failed: " in shown
    assert not any(word in shown for word in ("METRIC", "Inserting with SQL", '{"', "\x1b["))


def test_dbt_is_in_the_log_and_a_token_is_not(books: Books) -> None:
    with changed(books, debit("+ 1"), debit("- 1")):
        assert books.meltano("dbt:test").returncode == 1
    said = [line["event"] for line in books.log() if line.get("name") == "dbt"]
    assert any(line.startswith("Account ") for line in said)
    text = (books.folder / "logs" / "tap-pennylane.log").read_text()
    assert books.sandbox.token not in text


def debit(change: str) -> str:
    return f"update pennylane.ledger_entry_lines set debit = debit {change} where {LAST_LINE}"  # noqa: S608


def test_old_tables_are_said_but_not_those_that_are_not_due(
    books: Books, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first run was yesterday: what was not due was not read since.
    shift = (
        "update pennylane.sync_log set started_at = started_at {} interval '30 hours'"
        " where run_id = (select run_id from pennylane.sync_log order by started_at limit 1)"
    )
    old = (
        "select table_name from pennylane.etl_logs where status = 'success' group by 1"
        " having max(execution_date) < now() at time zone 'utc' - interval '26 hours'"
    )
    with changed(books, shift.format("-"), shift.format("+")):
        assert books.execute(old) == [("bank_establishments",)]
        assert check() == (0, [])
    monkeypatch.setenv("HEALTH_MAX_AGE_HOURS", "0.0001")
    code, lines = check()
    assert code == 1
    assert lines == ["Too old, the last success began more than 0.0001 h ago: all 8 tables."]
    assert check() == (1, [])
    monkeypatch.delenv("HEALTH_MAX_AGE_HOURS")
    code, (line,) = check()
    assert (code, line.startswith("All clear, since ")) == (0, True)


def test_a_table_is_expected_until_a_run_of_its_pipeline_leaves_it_out(books: Books) -> None:
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
        assert expected_after("prod:tap-pennylane-to-target-postgres:hourly") == TABLES
        assert expected_after("prod:tap-pennylane-to-target-postgres") == {"customers"}
    finally:
        books.execute(f"delete from meltano.runs where id > {before[0]}")  # noqa: S608
        books.execute(f"delete from pennylane.sync_log where started_at > '{before[1]}'")  # noqa: S608


def test_books_that_do_not_agree_are_named_without_amounts(books: Books, check: Check) -> None:
    ((account, year, amount),) = books.execute(
        "select ledger_account_number, extract(year from date)::text, (debit + 7777.77)::text"  # noqa: S608
        f" from pennylane.ledger_entry_lines where {LAST_LINE}"
    )
    with changed(books, debit("+ 7777.77"), debit("- 7777.77")):
        code, (line,) = check()
        assert code == 1
        assert f"fiscal year {year}-01-01 to {year}-12-31, account {account}." in line
        assert not any(figure in line for figure in ("7777", amount, amount.split(".")[0] + "."))
        assert check() == (1, [])
    code, (line,) = check()
    assert code == 0
    assert line.startswith("All clear, since ")


def test_secrets_and_amounts_of_an_error_are_not_shown(
    books: Books, check: Check, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", receiver.url)
    monkeypatch.setenv("POSTGRES_PASSWORD", "pass/word ü")
    error = (
        f"refused {books.sandbox.token}, pass/word ü, pass%2Fword%20%C3%BC, {receiver.url}"
        f" for 1 234,56 and -99.50{' and so on' * 100}"
    )
    last = (
        "stream = 'journals' and started_at = (select max(started_at) from pennylane.sync_log"
        " where stream = 'journals')"
    )
    with changed(
        books,
        f"update pennylane.sync_log set status = 'failed', error = '{error}' where {last}",  # noqa: S608
        f"update pennylane.sync_log set status = 'success', error = null where {last}",  # noqa: S608
    ):
        _, (line,) = check()
        check(changes=False)
    everything = line + json.dumps(receiver.received, ensure_ascii=False)
    assert "The last run failed for journals: refused ***, ***, ***, ***" in line
    assert len(line) < 300
    for secret in (books.sandbox.token, "pass", "%2F", SECRET, "234,56", "99.5"):
        assert secret not in everything


def test_of_many_tables_each_alert_is_about_new_ones(books: Books, check: Check) -> None:
    def fail(*tables: str) -> None:
        for table in tables:
            books.execute(
                "update pennylane.sync_log set status = 'failed', error = 'Of ' || stream"  # noqa: S608
                f" where stream = '{table}' and started_at = (select max(started_at)"
                f" from pennylane.sync_log where stream = '{table}')"
            )

    def heal() -> None:
        books.execute("update pennylane.sync_log set status = 'success', error = null")

    try:
        fail("customers", "ledger_accounts")
        _, (both,) = check()
        assert "customers: Of customers; ledger_accounts: Of ledger_accounts." in both
        fail("journals")
        _, (third,) = check()
        assert ("journals" in third, "customers" in third) == (True, False)
        heal()
        fail("customers", "journals")
        assert check() == (1, [])
        heal()
        code, clear = check()
        assert (code, len(clear)) == (0, 2)
    finally:
        heal()


def test_a_webhook_gets_each_change_once_and_late_if_it_was_down(
    check: Check, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", receiver.url)
    code, lines = check("sync=failed")
    assert (code, lines) == (1, ["The job sync failed: its log says why."])
    check("sync=failed")
    ((first),) = receiver.received
    assert first["text"] == "🔴 Pennylane → PostgreSQL: The job sync failed: its log says why."
    assert {name: first[name] for name in ("event", "key", "kind", "tables", "closed_at")} == {
        "event": "opened", "key": "job:sync", "kind": "job:sync", "tables": [], "closed_at": None,
    }  # fmt: skip
    # A redirect is no delivery: what arrives behind it is empty.
    for receiver.status in (500, 302):
        _, lines = check(f"job {receiver.status}=failed")
        assert lines[0] == f"The job job {receiver.status} failed: its log says why."
    assert not any("http" in line or SECRET in line for line in lines)
    code, lines = check("sync=success")
    assert (code, lines[0].startswith("All clear, since ")) == (1, True)
    receiver.status = 200
    code, lines = check()
    assert (code, len(lines)) == (1, 1)
    assert "All clear" in lines[0]
    assert "webhook" in lines[0]
    later = [(change["event"], change["key"]) for change in receiver.received[1:]]
    assert later == [("opened", "job:job 500"), ("opened", "job:job 302"), ("closed", "job:sync")]
    check("job 500=success", "job 302=success")
    assert [change["event"] for change in receiver.received[4:]] == ["closed", "closed"]


def test_a_webhook_that_is_not_there_hides_nothing(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/{SECRET}"
        monkeypatch.setenv("ALERT_WEBHOOK_URL", address)
        code, lines = check("a=failed")
        assert (code, lines[0]) == (1, "The job a failed: its log says why.")
        assert lines[1].startswith("The webhook takes no alerts (Connection refused): ")
        assert check() == (1, [])
        check("a=success")
        monkeypatch.delenv("ALERT_WEBHOOK_URL")
        code, (line,) = check()
        assert (code, line.startswith("All clear, since ")) == (0, True)


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
        with changed(books, debit("+ 1"), debit("- 1")):
            told = check()[1] if looked_at_before else []
            told += check("sync=failed")[1]
            assert len(told) == 1
            assert "trial balance" in told[0]
        _, cleared = check("sync=success")
        assert len(cleared) == 1
        assert cleared[0].endswith(told[0])
    # What the tables know nothing of is told.
    assert check("sync=failed")[1] == ["The job sync failed: its log says why."]
    # It stays open, whatever else goes wrong then.
    with changed(books, debit("+ 1"), debit("- 1")):
        assert len(check("sync=failed")[1]) == 1
    assert len(check("sync=success")[1]) == 2


def test_a_database_that_is_down_says_nothing_of_the_rest(
    books: Books, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    with changed(books, debit("+ 1"), debit("- 1")):
        assert check()[0] == 1
        monkeypatch.setenv(
            "TARGET_POSTGRES_SQLALCHEMY_URL", f"postgresql://me:{SECRET}@/none?host=/nowhere"
        )
        code, (line,) = check()
        assert code == 1
        assert line.startswith("PostgreSQL can't be used: database none of /nowhere")
        assert SECRET not in line
        assert check() == (1, [])
        monkeypatch.setenv("TARGET_POSTGRES_SQLALCHEMY_URL", meltano.sqlalchemy(books.url))
        code, (line,) = check()
        assert code == 1
        assert "All clear" in line
        assert "PostgreSQL can't be used" in line
    assert check()[0] == 0


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
    assert check(changes=False) == (0, ["Healthy: the first run is at work."])
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
    assert (code, "The views that tell how the runs went are missing" in line) == (1, True)
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


def test_two_callers_at_once_send_one_alert(
    books: Books, receiver: Receiver, tmp_path: Path
) -> None:
    settings = books.settings() | {
        "ALERT_WEBHOOK_URL": receiver.url,
        "HEALTH_INCIDENTS_FILE": str(tmp_path / "incidents.json"),
        "HEALTH_MAX_AGE_HOURS": "0.0001",
    }

    def call(_: int) -> str:
        return subprocess.run(
            [sys.executable, "-m", "pennylane_launcher", "check-health", "--changes"],
            cwd=books.folder,
            env=clean() | settings,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        ).stdout

    with ThreadPoolExecutor() as pool:
        said = "".join(pool.map(call, range(4)))
    assert said.count("\n") == 1
    assert len(receiver.received) == 1


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


@pytest.mark.parametrize("given", ["soon", "0", "-1", "nan", "inf"])
def test_an_age_that_is_none_is_said(
    check: Check, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("HEALTH_MAX_AGE_HOURS", given)
    with pytest.raises(LauncherError, match="HEALTH_MAX_AGE_HOURS is no number of hours"):
        check()


def test_what_is_no_secret_stays() -> None:
    redaction = Redaction(
        {
            "A_TOKEN": "tok-123",
            "A_URL": "https://me:pw-456@host/",
            "POSTGRES_PASSWORD": "pennylane",
            "KEY_FILE": "/etc/key",
        }
    )
    text = "HTTP 403 at 127.0.0.1:5432 on 2026-01-31 v4.4.1 /etc/key pennylane.journals 41100020"
    assert redaction(text) == text
    assert redaction("tok-123 pw-456 12.50 1 234,56 -0.99") == "*** *** … … …"

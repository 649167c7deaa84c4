"""The commands as a user runs them: real processes, in a project whose plugins are small.

Meltano, the sandbox and PostgreSQL are the real ones; the tap and the target are a few lines
that do what the test is about.
"""

import fcntl
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest
from pennylane_launcher.postgres import embedded
from pennylane_launcher.postgres.cluster import Cluster
from pennylane_launcher.postgres.place import Place

LAUNCHER = [sys.executable, "-m", "pennylane_launcher"]
TOKEN = "a-very-secret-token"  # noqa: S105
PASSWORD = "a-very-secret-password"  # noqa: S105
PROJECT = """
default_environment: dev
project_id: test
send_anonymous_usage_stats: false
plugins:
  extractors:
    - name: tap-pennylane
      namespace: tap_pennylane
      executable: ./tap
      capabilities: [discover, catalog]
      settings: [{name: api_token, sensitive: true}, {name: api_url}]
  loaders:
    - name: target-postgres
      namespace: target_postgres
      executable: ./target
      settings:
        [{name: sqlalchemy_url, sensitive: true}, {name: host}, {name: default_target_schema}]
  utilities:
    - {name: views, namespace: views, executable: ./views, commands: {build: {args: build}}}
jobs: [{name: sync, tasks: [tap-pennylane target-postgres, "views:build"]}]
environments: [{name: dev}, {name: prod}]
"""
TAP = f"""#!{sys.executable}
import json, pathlib, sys, time
if "--discover" in sys.argv:
    print('{{"streams": []}}')
    sys.exit()
config = json.loads(pathlib.Path(sys.argv[sys.argv.index("--config") + 1]).read_text())
print("warning: token", config["api_token"], file=sys.stderr)
pathlib.Path("seen").write_text(config["api_url"])
BEHAVIOUR
"""
TARGET = f"""#!{sys.executable}
import sys
for line in sys.stdin:
    pass
"""
STOPPABLE = """
import signal
state = {"type": "STATE", "value": {"bookmarks": {"customers": "half-way"}}}
def stop(signum, frame):
    print(json.dumps(state), flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
pathlib.Path("asleep").touch()
time.sleep(60)
"""
CONFIRMING_TARGET = f"""#!{sys.executable}
import json, sys
for line in sys.stdin:
    print(json.dumps(json.loads(line)["value"]), flush=True)
"""
VIEWS = """#!/bin/sh
echo "$1" >> built
"""


@pytest.fixture
def project(folder: Path) -> Path:
    (folder / "meltano.yml").write_text(PROJECT)
    for name, text in (("tap", TAP), ("target", TARGET), ("views", VIEWS)):
        (folder / name).write_text(text.replace("BEHAVIOUR", ""))
        (folder / name).chmod(0o755)
    return folder


def behave(project: Path, line: str) -> None:
    (project / "tap").write_text(TAP.replace("BEHAVIOUR", line))


def launch(
    project: Path, *arguments: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    base = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TAP_", "TARGET_", "MELTANO_", "POSTGRES_"))
    }
    return subprocess.run(
        [*LAUNCHER, *arguments],
        cwd=project,
        env=base | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def closed_port() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield str(taken.getsockname()[1])


def assert_stopped(project: Path) -> None:
    assert not Cluster(Place.of(project / ".embedded")).running()


def test_run_without_a_token_is_one_sentence(project: Path) -> None:
    result = launch(project, "run")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "Generate an API token" in result.stderr
    assert "TAP_PENNYLANE_API_TOKEN" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (project / ".embedded").exists()


def test_run_with_an_unreachable_database_is_one_sentence(project: Path) -> None:
    with closed_port() as port:
        (project / ".env").write_text(
            f"TAP_PENNYLANE_API_TOKEN={TOKEN}\nPOSTGRES_HOST=127.0.0.1\nPOSTGRES_PORT={port}\n"
            f"POSTGRES_USER=me\nPOSTGRES_PASSWORD={PASSWORD}\nPOSTGRES_DB=books\n"
        )
        (project / ".env").chmod(0o600)
        result = launch(project, "run")
    assert result.returncode == 1
    assert f"127.0.0.1 port {port}" in result.stderr
    assert result.stderr.count("\n") == 1
    assert PASSWORD not in result.stdout + result.stderr
    assert TOKEN not in result.stdout + result.stderr
    assert not (project / ".embedded").exists()


def test_run_loads_with_the_token_of_the_file_and_never_shows_it(project: Path) -> None:
    (project / ".env").write_text(f"TAP_PENNYLANE_API_TOKEN={TOKEN}\n")
    result = launch(project, "run", TAP_PENNYLANE_API_URL="http://from.the.environment")
    assert result.returncode == 0, result.stdout + result.stderr
    assert (project / "seen").read_text() == "http://from.the.environment"
    assert TOKEN not in result.stdout + result.stderr
    assert "warning: token ***" in result.stdout
    assert_stopped(project)


def test_run_loads_into_the_postgres_that_the_file_names(
    project: Path, postgres: embedded.Server
) -> None:
    postgres.url("elsewhere")
    (project / ".env").write_text(
        f"TAP_PENNYLANE_API_TOKEN={TOKEN}\nPOSTGRES_HOST={postgres.sockets}\n"
        "POSTGRES_USER=postgres\nPOSTGRES_DB=nothing\nTAP_PENNYLANE_API_URL=http://file\n"
    )
    result = launch(project, "run", POSTGRES_DB="elsewhere")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Loading into database elsewhere" in result.stdout
    assert not (project / ".embedded").exists()
    with psycopg.connect(postgres.url("elsewhere")) as connection:
        found = connection.execute("select job_name, state::text from meltano.runs").fetchall()
    assert found == [("prod:tap-pennylane-to-target-postgres", "SUCCESS")]


def test_a_failing_run_passes_the_exit_code_on(project: Path) -> None:
    behave(project, "sys.exit(3)")
    settings = {"TAP_PENNYLANE_API_TOKEN": TOKEN, "TAP_PENNYLANE_API_URL": "http://environment"}
    result = launch(project, "run", **settings)
    assert result.returncode == 1
    assert "`meltano run` ended with exit code 1, and no part of it said why" in result.stderr
    assert_stopped(project)


def test_views_are_built_once_whether_or_not_all_was_loaded(project: Path) -> None:
    settings = {"TAP_PENNYLANE_API_TOKEN": TOKEN, "TAP_PENNYLANE_API_URL": "http://environment"}
    begins = "print(\"Beginning full_table sync of 'journals'\", file=sys.stderr)"
    behave(project, begins)
    result = launch(project, "run", **settings)
    assert result.returncode == 0, result.stdout
    assert (project / "built").read_text() == "build\n"
    behave(project, f"{begins}; sys.exit(1)")
    result = launch(project, "run", **settings)
    assert result.returncode == 1
    assert "not everything was loaded; the views are built of what there is" in result.stdout
    assert (project / "built").read_text() == "build\nbuild\n"
    # Nothing was read, so there is nothing to show.
    behave(project, "sys.exit(1)")
    assert launch(project, "run", **settings).returncode == 1
    assert (project / "built").read_text() == "build\nbuild\n"


def test_the_demo_takes_nothing_from_the_user_s_settings(project: Path) -> None:
    (project / ".env").write_text(
        f"MELTANO_ENVIRONMENT=prod\nTAP_PENNYLANE_API_TOKEN={TOKEN}\nPOSTGRES_HOST=nowhere\n"
        "TAP_PENNYLANE_API_URL=http://file\nMELTANO_DATABASE_URI=sqlite:///wrong.db\n"
    )
    result = launch(
        project, "demo", "--size", "100",
        TARGET_POSTGRES_HOST="nowhere", TAP_PENNYLANE_API_URL="http://environment",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert (project / "seen").read_text().startswith("http://127.0.0.1:")
    assert not (project / "wrong.db").exists()
    assert TOKEN not in result.stdout + result.stderr
    assert_stopped(project)


def test_a_failing_demo_stops_what_it_started(project: Path) -> None:
    behave(project, "sys.exit(3)")
    result = launch(project, "demo", "--size", "100")
    assert result.returncode == 1
    assert "The run failed after " in result.stderr
    assert_stopped(project)


def test_a_second_demo_says_so_in_one_sentence(project: Path) -> None:
    (project / ".meltano").mkdir()
    with (project / ".meltano" / "launcher.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = launch(project, "demo")
    assert result.returncode == 1
    assert result.stderr == (
        "Another `make demo` or `make run` is at work in this folder; let it end first.\n"
    )
    assert not (project / ".embedded").exists()


@contextmanager
def asleep(project: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The launcher at work, whose tap has gone to sleep."""
    with subprocess.Popen(
        [*LAUNCHER, *arguments],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not (project / "asleep").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        yield process


@contextmanager
def sleeping_demo(
    project: Path,
) -> Iterator[tuple["subprocess.Popen[str]", list[psutil.Process]]]:
    """A demo that hangs in the middle, and all that it started."""
    behave(project, 'pathlib.Path("asleep").touch(); time.sleep(600)')
    with asleep(project, "demo", "--size", "100") as process:
        started = psutil.Process(process.pid).children(recursive=True)
        assert {"pennylane-sandbox", "meltano", "tap"} <= {
            Path(word).name for child in started for word in child.cmdline()
        }
        yield process, started


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(project: Path, signum: signal.Signals) -> None:
    with sleeping_demo(project) as (process, started):
        process.send_signal(signum)
        _, errors = process.communicate()
    assert process.returncode == 128 + signum
    assert errors == f"Stopped by {signum.name}; everything that was started is stopped.\n"
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
    assert_stopped(project)


def test_a_signal_keeps_the_bookmarks(project: Path) -> None:
    (project / "meltano.yml").write_text(
        PROJECT.replace("./tap", "./tap-pennylane").replace("discover,", "discover, state,")
    )
    (project / "tap").rename(project / "tap-pennylane")
    (project / "tap-pennylane").write_text(TAP.replace("BEHAVIOUR", STOPPABLE))
    (project / "target").write_text(CONFIRMING_TARGET)
    (project / ".env").write_text(
        f"TAP_PENNYLANE_API_TOKEN={TOKEN}\nTAP_PENNYLANE_API_URL=http://x\n"
    )
    launch(project, "up")
    with asleep(project, "run") as process:
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate()
    assert process.returncode == 128 + signal.SIGINT, printed + errors
    assert "what was read is written first" in printed
    kept = launch(project, "psql", "-Atc", "select completed_state from meltano.state")
    assert '"customers": "half-way"' in kept.stdout, kept


def test_up_and_down(project: Path) -> None:
    result = launch(project, "up")
    assert result.returncode == 0, result.stderr
    assert "make down" in result.stdout
    queried = launch(project, "psql", "-Atc", "select current_database()")
    assert queried.stdout == "pennylane\n"
    assert launch(project, "down").stdout == "PostgreSQL is stopped; its data stays.\n"
    assert launch(project, "down").stdout == "PostgreSQL was not running.\n"


def test_on_a_terminal_one_line_changes_in_place(project: Path) -> None:
    name = "a_stream_whose_name_is_longer_than_the_terminal_is_wide"
    behave(
        project,
        f"print(\"Beginning full_table sync of '{name}'\", file=sys.stderr, flush=True)\n"
        "time.sleep(2.5)",
    )
    ours, theirs = pty.openpty()
    settings = {"TAP_PENNYLANE_API_TOKEN": TOKEN, "TAP_PENNYLANE_API_URL": "http://environment"}
    with subprocess.Popen(
        [*LAUNCHER, "run"],
        cwd=project,
        env=os.environ | settings | {"COLUMNS": "50"},
        stdout=theirs,
        stderr=theirs,
        close_fds=True,
    ) as process:
        os.close(theirs)
        printed = b""
        with suppress(OSError):  # so a terminal says that nobody has it open any more
            while part := os.read(ours, 4096):
                printed += part
    os.close(ours)
    assert process.returncode == 0, printed
    shown = [text for text in printed.decode().split("\r\x1b[K") if "loading a_stream" in text]
    assert shown
    for text in shown:
        assert "\n" not in text
        assert len(text) < 50
        assert re.search(r" · \d+ s$", text)


def test_a_run_behind_a_killed_one_says_how_long_to_wait(project: Path) -> None:
    settings = {"TAP_PENNYLANE_API_TOKEN": TOKEN, "TAP_PENNYLANE_API_URL": "http://environment"}
    assert launch(project, "run", **settings).returncode == 0
    psql(
        project,
        "update meltano.runs set state = 'RUNNING', ended_at = null,"
        " last_heartbeat_at = now() at time zone 'utc'",
    )
    result = launch(project, "run", **settings)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert "another run into this database began at " in last
    assert "killed less than five minutes ago" in last
    assert last.endswith("make run ARGS=--force")


def test_no_password_is_shown_by_a_run_that_fails(project: Path, postgres: embedded.Server) -> None:
    behave(
        project, "print('encoded p%40ss-word-9, plain p@ss-word-9', file=sys.stderr); sys.exit(1)"
    )
    host = postgres.url("secrets").partition("host=")[2]
    result = launch(
        project, "run",
        MELTANO_ENVIRONMENT="prod",
        TAP_PENNYLANE_API_TOKEN=f"Bearer {TOKEN}\n",
        TAP_PENNYLANE_API_URL="http://environment",
        TARGET_POSTGRES_SQLALCHEMY_URL=f"postgresql://postgres:p%40ss-word-9@/secrets?host={host}",
    )  # fmt: skip
    assert result.returncode == 1
    printed = result.stdout + result.stderr
    assert "encoded ***, plain ***" in printed
    assert "ss-word" not in printed
    assert TOKEN not in printed


def test_a_url_that_is_none_is_not_shown(project: Path) -> None:
    result = launch(
        project, "run",
        TAP_PENNYLANE_API_TOKEN=TOKEN,
        TARGET_POSTGRES_SQLALCHEMY_URL="postgresql://me:se:cret/word@host/books",
    )  # fmt: skip
    assert result.returncode == 78
    assert "TARGET_POSTGRES_SQLALCHEMY_URL is no URL that PostgreSQL understands" in result.stderr
    assert "cret" not in result.stderr


SELECTING = """
catalog = json.loads(pathlib.Path(sys.argv[sys.argv.index("--catalog") + 1]).read_text())
chosen = [
    stream["tap_stream_id"] for stream in catalog["streams"]
    if any(not m["breadcrumb"] and m["metadata"].get("selected") for m in stream["metadata"])
]
with pathlib.Path("chosen").open("a") as file:
    print(*chosen, file=file)
"""
STREAMS = """[
    {"tap_stream_id": name, "stream": name, "metadata": [], "schema":
        {"type": "object", "properties": {"id": {"type": "integer"}}}}
    for name in ("customers", "quotes", "sync_log")]"""


def test_the_file_chooses_what_is_loaded_whoever_starts_the_run(project: Path) -> None:
    tap = TAP.replace("print('{\"streams\": []}')", f"print(json.dumps({{'streams': {STREAMS}}}))")
    (project / "tap").write_text(tap.replace("BEHAVIOUR", SELECTING))
    (project / ".env").write_text(
        f"TAP_PENNYLANE_API_TOKEN={TOKEN}\nTAP_PENNYLANE_API_URL=http://file\n"
        """TAP_PENNYLANE__SELECT='["customers.*", "sync_log.*"]'\n"""
    )
    for arguments in (
        ["run"],
        ["step", "tap-pennylane target-postgres"],  # as Airflow does
        ["meltano", "run", "tap-pennylane", "target-postgres"],
    ):
        result = launch(project, *arguments)
        assert result.returncode == 0, result.stdout + result.stderr
    assert (project / "chosen").read_text() == "customers sync_log\n" * 3


def psql(project: Path, statement: str) -> str:
    done = launch(project, "psql", "-Atqc", statement)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_books_are_not_deleted_without_a_question_and_come_back_from_a_backup(
    project: Path,
) -> None:
    psql(project, "create schema pennylane; create table pennylane.customers as select 1 as id")
    state = '{"singer_state":{"bookmarks":{"customers":{}}}}'
    name = "tap-pennylane-to-target-postgres"
    launch(project, "meltano", "state", "set", "--force", f"prod:{name}", state)
    kept = launch(project, "backup")
    assert kept.returncode == 0, kept.stderr
    (file,) = (project / "backups").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert str(file.relative_to(project)) in kept.stdout

    refused = launch(project, "clean")
    assert refused.returncode == 1
    assert "with the database pennylane (1 tables, " in refused.stderr
    assert "make clean ARGS=--yes" in refused.stderr
    assert psql(project, "select count(*) from pennylane.customers") == "1"
    assert launch(project, "clean", "--yes").returncode == 0
    assert not (project / ".embedded").exists()

    back = launch(project, "restore", str(file))
    assert back.returncode == 0, back.stderr
    assert "Restored: 1 rows" in back.stdout
    # Bookmarks of a server of one's own go on in the embedded one.
    assert psql(project, "select state_id from meltano.state") == f"dev:{name}"


def test_the_demo_s_books_are_deleted_without_a_question(project: Path) -> None:
    made = "create schema pennylane; create table pennylane.customers as select 1 as id"
    assert launch(project, "psql", "--demo", "-qc", made).returncode == 0
    done = launch(project, "clean")
    assert done.returncode == 0, done.stderr
    assert not (project / ".embedded").exists()


def test_meltano_by_hand_keeps_its_state_in_the_database(project: Path) -> None:
    state = '{"singer_state":{"bookmarks":{}}}'
    kept = launch(project, "meltano", "state", "set", "--force", "dev:by-hand", state)
    assert kept.returncode == 0, kept.stderr
    assert launch(project, "meltano", "state", "get", "dev:by-hand").stdout == f"{state}\n"
    assert launch(project, "meltano", "no-command").returncode == 2


def test_outside_a_project(tmp_path: Path) -> None:
    result = launch(tmp_path, "demo")
    assert result.returncode == 1
    assert "no meltano.yml here" in result.stderr


def test_a_sandbox_that_dies_ends_the_demo(project: Path) -> None:
    with sleeping_demo(project) as (process, started):
        for child in started:
            if any(word.endswith("/pennylane-sandbox") for word in child.cmdline()):
                child.kill()
        _, errors = process.communicate()
    assert process.returncode == 1
    assert errors == "The sandbox ended in the middle of the demo, with exit code -9.\n"
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
    assert_stopped(project)

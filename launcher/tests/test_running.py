"""`make run` as a user calls it: a real process, in a project whose plugins are small."""

from __future__ import annotations

import os
import pty
import re
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pennylane_launcher.postgres import embedded

    from conftest import SmallProject

TOKEN = "a-very-secret-token"  # noqa: S105
PASSWORD = "a-very-secret-password"  # noqa: S105
SETTINGS = {"TAP_PENNYLANE_API_TOKEN": TOKEN, "TAP_PENNYLANE_API_URL": "http://environment"}
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


@contextmanager
def closed_port() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield str(taken.getsockname()[1])


def test_run_without_a_token_is_one_sentence(small: SmallProject) -> None:
    result = small.launch("run")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "Generate an API token" in result.stderr
    assert "TAP_PENNYLANE_API_TOKEN" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (small.folder / ".embedded").exists()


@pytest.mark.parametrize(
    "access",
    [
        f"TAP_PENNYLANE_API_TOKEN={TOKEN}",
        "TAP_PENNYLANE_CREDENTIALS_FILE=/credentials",
        f"TAP_PENNYLANE_CREDENTIALS_URL=postgresql://me:{PASSWORD}@host/books",
    ],
)
def test_run_with_an_unreachable_database_is_one_sentence(small: SmallProject, access: str) -> None:
    with closed_port() as port:
        (small.folder / ".env").write_text(
            f"{access}\nPOSTGRES_HOST=127.0.0.1\nPOSTGRES_PORT={port}\n"
            f"POSTGRES_USER=me\nPOSTGRES_PASSWORD={PASSWORD}\nPOSTGRES_DB=books\n"
        )
        (small.folder / ".env").chmod(0o600)
        result = small.launch("run")
    assert result.returncode == 1
    assert f"127.0.0.1 port {port}" in result.stderr
    assert result.stderr.count("\n") == 1
    assert PASSWORD not in result.stdout + result.stderr
    assert TOKEN not in result.stdout + result.stderr
    assert not (small.folder / ".embedded").exists()


def test_run_loads_with_the_token_of_the_file_and_never_shows_it(small: SmallProject) -> None:
    (small.folder / ".env").write_text(f"TAP_PENNYLANE_API_TOKEN={TOKEN}\n")
    result = small.launch("run", TAP_PENNYLANE_API_URL="http://from.the.environment")
    assert result.returncode == 0, result.stdout + result.stderr
    assert (small.folder / "seen").read_text() == "http://from.the.environment"
    assert TOKEN not in result.stdout + result.stderr
    assert "warning: token ***" in result.stdout
    small.assert_stopped()


def test_run_loads_into_the_postgres_that_the_file_names(
    small: SmallProject, postgres: embedded.Server
) -> None:
    postgres.url("elsewhere")
    (small.folder / ".env").write_text(
        f"TAP_PENNYLANE_API_TOKEN={TOKEN}\nPOSTGRES_HOST={postgres.sockets}\n"
        "POSTGRES_USER=postgres\nPOSTGRES_DB=nothing\nTAP_PENNYLANE_API_URL=http://file\n"
    )
    result = small.launch("run", POSTGRES_DB="elsewhere")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Loading into database elsewhere" in result.stdout
    assert not (small.folder / ".embedded").exists()
    with psycopg.connect(postgres.url("elsewhere")) as connection:
        found = connection.execute("select job_name, state::text from meltano.runs").fetchall()
    assert found == [("prod:tap-pennylane-to-target-postgres", "SUCCESS")]


def test_a_failing_run_passes_the_exit_code_on(small: SmallProject) -> None:
    small.behave("sys.exit(3)")
    result = small.launch("run", **SETTINGS)
    assert result.returncode == 1
    assert "`meltano run` ended with exit code 1, and none of its parts said why" in result.stderr
    small.assert_stopped()


def test_views_are_built_once_whether_or_not_all_was_loaded(small: SmallProject) -> None:
    begins = "print(\"Beginning full_table sync of 'journals'\", file=sys.stderr)"
    small.behave(begins)
    result = small.launch("run", **SETTINGS)
    assert result.returncode == 0, result.stdout
    # A first load is tested at once.
    assert (small.folder / "built").read_text() == "build\ntest\n"
    small.behave(f"{begins}; sys.exit(1)")
    result = small.launch("run", **SETTINGS)
    assert result.returncode == 1
    assert "not everything was loaded; building the views from what there is" in result.stdout
    assert (small.folder / "built").read_text() == "build\ntest\nbuild\n"
    # Nothing was read, so there is nothing to show.
    small.behave("sys.exit(1)")
    assert small.launch("run", **SETTINGS).returncode == 1
    assert (small.folder / "built").read_text() == "build\ntest\nbuild\n"


def test_a_run_behind_a_killed_one_says_how_long_to_wait(small: SmallProject) -> None:
    assert small.launch("run", **SETTINGS).returncode == 0
    small.psql(
        "update meltano.runs set state = 'RUNNING', ended_at = null,"
        " last_heartbeat_at = now() at time zone 'utc'",
    )
    result = small.launch("run", **SETTINGS)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert "another run into this database began at " in last
    assert "killed less than five minutes ago" in last
    assert last.endswith("make run ARGS=--force")


def test_on_a_terminal_one_line_changes_in_place(small: SmallProject) -> None:
    name = "a_stream_whose_name_is_longer_than_the_terminal_is_wide"
    small.behave(
        f"print(\"Beginning full_table sync of '{name}'\", file=sys.stderr, flush=True)\n"
        "time.sleep(2.5)",
    )
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "pennylane_launcher", "run"],
        cwd=small.folder,
        env=os.environ | SETTINGS | {"COLUMNS": "50"},
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


def test_the_file_chooses_what_is_loaded_whoever_starts_the_run(small: SmallProject) -> None:
    small.behave(SELECTING, streams=STREAMS)
    (small.folder / ".env").write_text(
        f"TAP_PENNYLANE_API_TOKEN={TOKEN}\nTAP_PENNYLANE_API_URL=http://file\n"
        """TAP_PENNYLANE__SELECT='["customers.*", "sync_log.*"]'\n"""
    )
    for arguments in (
        ["run"],
        ["step", "tap-pennylane target-postgres"],  # as Airflow does
        ["meltano", "run", "tap-pennylane", "target-postgres"],
    ):
        result = small.launch(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
    assert (small.folder / "chosen").read_text() == "customers sync_log\n" * 3

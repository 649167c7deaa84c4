"""After failed and killed runs, the token and the password are only where they belong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest
from pennylane_launcher import meltano
from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

    from pipelines import Pipeline

PROJECT = Path(__file__).parents[1]
TOKEN = "T0ken+that/nobody=sees"  # noqa: S105
PASSWORD = "Pa55:w@rd/that%nobody&sees"  # noqa: S105
FORMS = [form.encode() for text in (TOKEN, PASSWORD) for form in (text, quote(text, safe=""))]
NOT_WRITTEN = {".git", ".venv", ".cache", ".mypy_cache", ".ruff_cache", "__pycache__", "venv"}
LARGEST = 50_000_000


@pytest.fixture(scope="module")
def pipeline(pipeline_of: Callable[[Sandbox], Pipeline]) -> Iterator[Pipeline]:
    """A pipeline with a recognisable token and password."""
    with running("--size", "300", "--rate-limit", "none", "--token", TOKEN) as sandbox:
        pipeline = pipeline_of(replace(sandbox, token=TOKEN))
        with psycopg.connect(pipeline.url) as connection:
            connection.execute("DROP ROLE IF EXISTS secretive")
            connection.execute("CREATE ROLE secretive LOGIN SUPERUSER")
        login = f"secretive:{quote(PASSWORD, safe='')}"
        yield replace(pipeline, url=pipeline.url.replace("postgres@", f"{login}@"))
        with psycopg.connect(pipeline.url) as connection:
            connection.execute("REASSIGN OWNED BY secretive TO postgres")
            connection.execute("DROP ROLE secretive")


def test_secrets_stay_secret(pipeline: Pipeline) -> None:
    began = time.time() - 1
    said: list[str] = []
    with watched_commands() as commands:
        whole = pipeline.run()
        said.append(whole.stdout)
        assert whole.returncode == 0, whole.stdout
        for variables in (
            {"TAP_PENNYLANE_API_TOKEN": f"{TOKEN}-refused"},
            {"TARGET_POSTGRES_SQLALCHEMY_URL": f"postgresql+exact://x:{quote(PASSWORD)}@h:p/books"},
            {
                "TARGET_POSTGRES_SQLALCHEMY_URL": (
                    f"postgresql+exact://x:{quote(PASSWORD, safe='')}@127.0.0.1:1/books"
                )
            },
        ):
            failed = _launch(pipeline, **variables)
            assert failed.returncode != 0
            plain = pipeline.run(**variables)
            assert plain.returncode != 0
            said += [failed.stdout, plain.stdout]
        with psycopg.connect(pipeline.url) as connection:
            connection.execute("ALTER TABLE pennylane.customers ALTER name TYPE int USING null")
        failed = pipeline.run()
        assert failed.returncode != 0
        assert "Table 'customers'" in failed.stdout
        said += [failed.stdout]
        _kill(pipeline)
    assert _holding(said) == []
    assert commands == set()
    left = _files_with_secrets(began)
    assert {path.name.split(".", 1)[1].partition(".")[2] for path in left} <= {"config.json"}, left
    assert {path.parents[1] for path in left} <= {pipeline.project / ".meltano/run"}
    # The next run removes what the killed Meltano left, and nobody else could read it.
    pipeline.meltano("run", "bookmarks:check")
    assert _files_with_secrets(began) == []
    assert (pipeline.project / ".meltano/run").stat().st_mode & 0o077 == 0


def _launch(pipeline: Pipeline, **variables: str) -> subprocess.CompletedProcess[str]:
    """`make run`, without installing."""
    return subprocess.run(
        [sys.executable, "-m", "pennylane_launcher", "run"],
        cwd=pipeline.project,
        env={**_environment(pipeline), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _kill(pipeline: Pipeline) -> None:
    """Run the job `sync`, and kill it entirely while the target is working."""
    with subprocess.Popen(
        meltano.command("run", "sync"),
        cwd=pipeline.project,
        env=_environment(pipeline),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        folder = pipeline.project / ".meltano/run/target-postgres"
        while not list(folder.glob("*.config.json")):
            assert process.poll() is None, "it ended before"
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGKILL)


def _environment(pipeline: Pipeline) -> dict[str, str]:
    sandbox = pipeline.sandbox
    found = meltano.environment(pipeline.url, api_url=sandbox.url, token=sandbox.token)
    return {**found, "TAP_PENNYLANE_REQUESTS_PER_WINDOW": "1000", "TAP_PENNYLANE_MAX_RETRIES": "1"}


@contextmanager
def watched_commands() -> Iterator[set[str]]:
    """The visible command lines that contain a secret, except the sandbox's own."""
    found: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    line = file.read_bytes()
                    if any(form in line for form in FORMS) and b"pennylane-sandbox" not in line:
                        found.add(line.decode(errors="replace"))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def _holding(texts: list[str]) -> list[str]:
    return [text for text in texts if any(form.decode() in text for form in FORMS)]


def _files_with_secrets(since: float) -> list[Path]:
    """The files with a secret written since then, in the project and the temporary folders."""
    found = []
    for top in {PROJECT, Path(tempfile.gettempdir()), Path("/var/lib/pennylane-embedded")}:
        for folder, folders, files in os.walk(top):
            folders[:] = [name for name in folders if name not in NOT_WRITTEN]
            for file in (Path(folder) / name for name in files):
                with suppress(OSError):
                    status = file.lstat()
                    is_new = status.st_mtime >= since and status.st_size < LARGEST
                    if is_new and file.is_file() and not file.is_symlink():
                        content = file.read_bytes()
                        if any(form in content for form in FORMS):
                            found.append(file)
    return found

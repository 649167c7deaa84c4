"""One run at a time per schema: who holds the lock, and who is told of it."""

import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from pennylane_launcher.claim import OccupiedError, claim, is_ours
from pennylane_launcher.postgres import embedded
from pennylane_launcher.running import keeper
from target_postgres_exact import turns

SLEEPER = """
import sys, time
from pennylane_launcher.claim import claim
with claim(sys.argv[1], "books", "make run"):
    print("held", flush=True)
    time.sleep(600)
"""
HERE = f"process {{}} on host {socket.gethostname()} (role postgres), since 2"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let those who wait for a living run give up sooner."""
    monkeypatch.setattr(turns, "PATIENCE", 2)
    monkeypatch.setattr(turns, "SILENCE", 0.5)


@pytest.fixture
def url(postgres: embedded.Server) -> str:
    """A database without any lock."""
    return postgres.url("claimed")


def test_the_second_run_is_told_who_runs_and_a_dead_one_stops_nobody(url: str) -> None:
    command = [sys.executable, "-c", SLEEPER, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        said: list[str] = []
        with (
            pytest.raises(OccupiedError, match="'books' is in progress: make run") as refused,
            claim(url, "books", "make run", say=said.append),
        ):
            pass
        assert HERE.format(process.pid) in str(refused.value)
        (waiting,) = said
        assert waiting.startswith("waiting for another run into schema 'books' to end: make run")
        assert HERE.format(process.pid) in waiting
        with claim(url, "other_books", "make run"):
            pass
        process.kill()
        with claim(url, "books", "make run"):
            pass


def test_a_run_whose_load_is_over_is_waited_for(url: str) -> None:
    with ExitStack() as first:
        first.enter_context(claim(url, "books", "make run")).end()
        threading.Timer(turns.PATIENCE + 1, first.close).start()
        with claim(url, "books", "make run"):
            pass


def test_a_target_that_is_still_loading_is_waited_for_and_named(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as target:
        turns.introduce(target, "target-postgres-exact")
        assert turns.take(target, turns.LOAD, "books") is None
        said: list[str] = []
        with (
            pytest.raises(OccupiedError, match="in progress: target-postgres-exact, process"),
            claim(url, "books", "make run", say=said.append),
        ):
            pass
        (waiting,) = said
        assert "into schema 'books' to end: target-postgres-exact, process" in waiting
    with claim(url, "books", "make run"):
        pass


def test_the_steps_of_a_run_know_its_lock(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_ours(url, "books")
    with claim(url, "books", "make run") as turn:
        assert not is_ours(url, "books")
        for name, value in turn.variables.items():
            monkeypatch.setenv(name, value)
        assert is_ours(url, "books")
        assert not is_ours(url, "other_books")
    assert not is_ours(url, "books")


def test_a_run_without_the_launcher_has_a_keeper_that_ends_with_it(url: str) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as meltano:
        process = keeper.keep(url, "books", meltano.pid)
        with (
            pytest.raises(OccupiedError, match="is in progress: meltano run") as refused,
            claim(url, "books", "make run"),
        ):
            pass
        assert HERE.format(meltano.pid) in str(refused.value)
        with pytest.raises(OccupiedError, match="is in progress: meltano run"):
            keeper.keep(url, "books", os.getpid())
        meltano.kill()
        with claim(url, "books", "make run"):
            pass
        assert process.wait() == 0


def test_the_keeper_of_a_lost_database_says_so(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="The lock of the run cannot be held"):
        keeper.keep(f"postgresql://nobody@/books?host={tmp_path}", "books", os.getpid())

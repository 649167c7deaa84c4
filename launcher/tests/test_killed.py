"""Whether a run is in progress or was killed, according to Meltano's own table."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from pennylane_launcher.postgres import embedded
from pennylane_launcher.running import killed

TABLE = """
drop schema if exists meltano cascade;
create schema meltano;
create table meltano.runs (run_id int, state text, last_heartbeat_at timestamp);
"""
BEAT = "update meltano.runs set last_heartbeat_at = clock_timestamp()"


@pytest.fixture
def url(postgres: embedded.Server) -> Iterator[str]:
    """A database with Meltano's table, empty."""
    url = postgres.url("killed")
    execute(url, TABLE)
    yield url
    execute(url, "drop schema if exists meltano cascade")


def execute(url: str, text: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(text.encode())


def test_before_the_first_run_nothing_was_killed(url: str) -> None:
    assert not killed.run(url)
    execute(url, "drop schema meltano cascade")
    assert not killed.run(url)


def test_a_run_that_ended_was_not_killed(url: str) -> None:
    execute(url, "insert into meltano.runs values (1, 'SUCCESS', now()), (2, 'FAIL', now())")
    assert not killed.run(url)


def test_a_silent_run_was_killed_whatever_its_clock_says(url: str) -> None:
    execute(url, "insert into meltano.runs values (1, 'RUNNING', now() + interval '1 hour')")
    assert killed.run(url, silence=2)


def test_a_run_that_gives_signs_of_life_is_at_work(url: str) -> None:
    execute(url, "insert into meltano.runs values (1, 'RUNNING', now() - interval '1 hour')")
    ended = threading.Event()

    def live() -> None:
        while not ended.wait(0.2):
            execute(url, BEAT)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        assert not killed.run(url)
    finally:
        ended.set()
        thread.join()

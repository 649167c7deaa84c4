"""`make up`, `down`, `psql`, `backup`, `restore` and `clean`, and direct calls of Meltano."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import SmallProject


def test_up_and_down(small: SmallProject) -> None:
    result = small.launch("up")
    assert result.returncode == 0, result.stderr
    assert "make down" in result.stdout
    queried = small.launch("psql", "-Atc", "select current_database()")
    assert queried.stdout == "pennylane\n"
    assert small.launch("down").stdout == "PostgreSQL is stopped; its data stays.\n"
    assert small.launch("down").stdout == "PostgreSQL was not running.\n"


def test_books_are_not_deleted_without_a_question_and_come_back_from_a_backup(
    small: SmallProject,
) -> None:
    small.psql("create schema pennylane; create table pennylane.customers as select 1 as id")
    state = '{"singer_state":{"bookmarks":{"customers":{}}}}'
    name = "tap-pennylane-to-target-postgres"
    small.launch("meltano", "state", "set", "--force", f"prod:{name}", state)
    kept = small.launch("backup")
    assert kept.returncode == 0, kept.stderr
    (file,) = (small.folder / "backups").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert str(file.relative_to(small.folder)) in kept.stdout

    refused = small.launch("clean")
    assert refused.returncode == 1
    assert "with the database pennylane (1 tables, " in refused.stderr
    assert "make clean ARGS=--yes" in refused.stderr
    assert small.psql("select count(*) from pennylane.customers") == "1"
    assert small.launch("clean", "--yes").returncode == 0
    assert not (small.folder / ".embedded").exists()

    back = small.launch("restore", str(file))
    assert back.returncode == 0, back.stderr
    assert "Restored: 1 rows" in back.stdout
    # Bookmarks from your own server continue in the embedded one.
    assert small.psql("select state_id from meltano.state") == f"dev:{name}"


def test_the_demo_s_books_are_deleted_without_a_question(small: SmallProject) -> None:
    made = "create schema pennylane; create table pennylane.customers as select 1 as id"
    assert small.launch("psql", "--demo", "-qc", made).returncode == 0
    done = small.launch("clean")
    assert done.returncode == 0, done.stderr
    assert not (small.folder / ".embedded").exists()


def test_meltano_by_hand_keeps_its_state_in_the_database(small: SmallProject) -> None:
    state = '{"singer_state":{"bookmarks":{}}}'
    kept = small.launch("meltano", "state", "set", "--force", "dev:by-hand", state)
    assert kept.returncode == 0, kept.stderr
    assert small.launch("meltano", "state", "get", "dev:by-hand").stdout == f"{state}\n"
    assert small.launch("meltano", "no-command").returncode == 2


def test_outside_a_project(small: SmallProject) -> None:
    (small.folder / "meltano.yml").unlink()
    result = small.launch("demo")
    assert result.returncode == 1
    assert "no meltano.yml here" in result.stderr

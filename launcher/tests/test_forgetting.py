"""`make forget`: erases the columns that are left out, and they stay empty."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from pennylane_launcher import meltano
from pennylane_sandbox.pytest_plugin import Sandbox, running
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_launcher.postgres import embedded

ROOT = Path(__file__).parents[2]
ALL = """TAP_PENNYLANE__SELECT='["customers.*", "suppliers.*", "sync_log.*"]'"""
LEFT_OUT = ("emails", "phone", "notes")
Row = dict[str, Any]


def documented() -> str:
    """The line of docs/personal-data.md that leaves columns out."""
    page = (ROOT / "docs" / "personal-data.md").read_text(encoding="utf-8")
    (line,) = [line for line in page.splitlines() if line.startswith("TAP_PENNYLANE__SELECT=")]
    assert all(f'"!customers.{column}"' in line for column in LEFT_OUT)
    return line


class Project:
    """A checkout whose `.env` names a sandbox and a database."""

    def __init__(self, folder: Path, sandbox: Sandbox, url: str) -> None:
        """Write down where it reads and writes."""
        self.folder, self.url = folder, url
        self._settings = (
            "MELTANO_ENVIRONMENT=prod\n"
            f"TAP_PENNYLANE_API_URL={sandbox.url}\n"
            f"TAP_PENNYLANE_API_TOKEN={sandbox.token}\n"
            "TAP_PENNYLANE_REQUESTS_PER_WINDOW=100000\n"
            f"TARGET_POSTGRES_SQLALCHEMY_URL='{meltano.sqlalchemy(url)}'\n"
        )

    def select(self, line: str) -> None:
        """Put a line that says what is loaded into `.env`."""
        (self.folder / ".env").write_text(f"{self._settings}{line}\n", encoding="utf-8")
        (self.folder / ".env").chmod(0o600)

    def launch(
        self, *arguments: str, stdin: int = subprocess.DEVNULL
    ) -> subprocess.CompletedProcess[str]:
        """What `make` calls; what it printed is in `stdout`."""
        ours = (*meltano.OURS, "HEALTH_", "ALERT_", "SMTP_")
        given = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return subprocess.run(
            [sys.executable, "-m", "pennylane_launcher", *arguments],
            cwd=self.folder,
            env=given,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def answer(self, word: str) -> subprocess.CompletedProcess[str]:
        """Call `make forget` at a terminal where someone types a word."""
        with terminal(f"{word}\n") as stdin:
            return self.launch("forget", stdin=stdin)

    def rows(self, table: str) -> dict[int, Row]:
        """A table's rows by their ids, deleted ones included."""
        query = f"SELECT * FROM {table}"  # noqa: S608
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return {row["id"]: row for row in connection.execute(query.encode())}


@contextmanager
def terminal(typed: str) -> Iterator[int]:
    """The input of a program at a terminal where something was typed."""
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    try:
        yield theirs
    finally:
        for end in (theirs, ours):
            with suppress(OSError):
                os.close(end)


def kept(rows: dict[int, Row], *but: str) -> dict[int, Row]:
    """The rows without the columns that were left out, and without those named."""
    left_out = {*LEFT_OUT, *but}
    return {
        key: {name: value for name, value in row.items() if name not in left_out}
        for key, row in rows.items()
    }


def held(rows: dict[int, Row]) -> set[str]:
    """Which of the columns that are left out hold something, in any row."""
    return {name for row in rows.values() for name in LEFT_OUT if row[name] is not None}


def test_columns_that_are_left_out_are_erased_and_stay_away(
    checkout: Path, postgres: embedded.Server, leave_out_views: Callable[[], None]
) -> None:
    with running("--size", "100", "--rate-limit", "none") as sandbox:
        project = Project(checkout, sandbox, postgres.url("forgetting"))
        project.select(ALL)
        done = project.launch("run")
        assert done.returncode == 0, done.stdout
        leave_out_views()
        (gone,) = sandbox.change("customers", delete=1)["deleted"]
        assert project.launch("run").returncode == 0
        before, suppliers = project.rows("pennylane.customers"), project.rows("pennylane.suppliers")
        assert held(before) == set(LEFT_OUT)
        assert before[gone]["_sdc_deleted_at"]
        assert any(row["emails"] for row in suppliers.values())

        # As long as these columns are loaded, nothing of them is touched.
        done = project.launch("forget", "--yes")
        assert "are empty: there is nothing to erase" in done.stdout
        assert project.rows("pennylane.customers") == before

        project.select(documented())
        for done, said in (
            (
                project.launch("forget"),
                "no terminal to ask at. To do it without a question: make forget",
            ),
            (project.answer("y"), "Nothing was done."),
        ):
            assert done.returncode == 1
            assert "  customers: emails, notes, phone\n" in done.stdout
            assert said in done.stdout
            assert project.rows("pennylane.customers") == before

        done = project.answer("yes")
        assert done.returncode == 0, done.stdout
        said = r"rows of customers(?: and \d+ of its changes)?: emails, notes, phone\n"
        assert re.search(said, done.stdout)
        erased = project.rows("pennylane.customers")
        assert held(erased) == set()
        assert kept(erased) == kept(before)
        assert project.rows("pennylane.suppliers") == suppliers
        assert held(project.rows("pennylane_live.customers")) == set()

        (new,) = sandbox.change("customers", create=1)["created"]
        done = project.launch("run")
        assert done.returncode == 0, done.stdout
        after = project.rows("pennylane.customers")
        assert held(after) == set()
        assert after.keys() == {*before, new}
        # The read was a whole one: the target's own columns tell of it, the others are as before.
        own = {name for name in after[new] if name.startswith("_sdc")}
        assert kept(before, *own).items() <= kept(after, *own).items()
        assert [row["name"] for row in sandbox.state("customers") if row["id"] == new] == [
            after[new]["name"]
        ]

        # Another company's schema is looked at, too.
        (checkout / "companies.yml").write_text("second: {token: SECOND}\n")
        with psycopg.connect(project.url) as connection:
            connection.execute("create schema pennylane_second")
            connection.execute(
                "create table pennylane_second.customers as select id, name, 'private' as notes"
                " from pennylane.customers"
            )
        done = project.launch("forget", "--yes")
        assert re.search(r"Erased in \d+ rows of customers: notes\n", done.stdout)
        second = project.rows("pennylane_second.customers")
        assert {(row["notes"], bool(row["name"])) for row in second.values()} == {(None, True)}
        assert "nothing to erase" in project.launch("forget").stdout
        assert project.launch("check-health").returncode == 0

"""The project's pipeline as tests call it: real programs between a sandbox and a database."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from pennylane_launcher import meltano
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from forked_programs import MELTANO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_launcher.postgres import embedded
    from pennylane_sandbox.pytest_plugin import Sandbox

    from parsed_once import ParsedProjects


@dataclass(frozen=True)
class Databases:
    """The databases of the tests that are under way.

    A name is used again as soon as its database is gone, because of what dbt has parsed for it.
    """

    parsed: ParsedProjects
    urls: list[str] = field(default_factory=list)

    def create(self, postgres: embedded.Server) -> str:
        """Create a database; returns its URL."""
        self.urls.append(postgres.url(self._free_name()))
        self.adopt(self.urls[-1])
        return self.urls[-1]

    def copy(self, url: str, kept_as: str | None = None) -> str:
        """Copy a database, for good if the copy gets a name; returns its URL."""
        old, new = conninfo_to_dict(url)["dbname"], kept_as or self._free_name()
        made = url.replace(f"@/{old}", f"@/{new}")
        if not kept_as:
            self.urls.append(made)
        _maintain(url, f"CREATE DATABASE {new} TEMPLATE {old}")
        self.adopt(made)
        return made

    @contextmanager
    def dropped(self) -> Iterator[None]:
        """Drop at the end of the block what was created in it."""
        before = len(self.urls)
        yield
        while len(self.urls) > before:
            url = self.urls.pop()
            name = conninfo_to_dict(url)["dbname"]
            _maintain(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def adopt(self, url: str) -> None:
        """Spare dbt the work of parsing for a database."""
        where = conninfo_to_dict(url)
        self.parsed.adopt(str(where["dbname"]), str(where["host"]))

    def _free_name(self) -> str:
        taken = {conninfo_to_dict(url)["dbname"] for url in self.urls}
        return next(name for number in count(1) if (name := f"test_{number}") not in taken)


def _maintain(url: str, statement: str) -> None:
    """Run a statement about databases on the server of one."""
    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        connection.execute(statement.encode())


@dataclass(frozen=True)
class Pipeline:
    """The project's pipeline between one sandbox and one database."""

    sandbox: Sandbox
    url: str
    project: Path
    databases: Databases

    def meltano(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Call Meltano; its output and log are in `stdout`."""
        environment = meltano.environment(
            self.url, api_url=self.sandbox.url, token=self.sandbox.token
        )
        defaults = {
            "TAP_PENNYLANE_REQUESTS_PER_WINDOW": "100000",
            "TAP_PENNYLANE_WINDOW_SECONDS": "4.5",
            "TAP_PENNYLANE_MAX_RETRIES": "1",
        }
        command = meltano.command(*arguments, env_file=Path("/dev/null"))
        if (forked := self.project / ".meltano" / MELTANO).exists():
            command[0] = str(forked)
        return subprocess.run(
            command,
            cwd=self.project,
            env={**environment, **defaults, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def run(self, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """`meltano run tap-pennylane target-postgres`."""
        return self.meltano("run", *options, "tap-pennylane", "target-postgres", **variables)

    def run_and_kill(self, program: str, when: Callable[[], bool], **variables: str) -> int:
        """`meltano run tap-pennylane target-postgres`, with one killed; returns the exit code."""
        environment = meltano.environment(
            self.url, api_url=self.sandbox.url, token=self.sandbox.token
        )
        arguments = ("run", "tap-pennylane", "target-postgres")
        with subprocess.Popen(
            meltano.command(*arguments, env_file=Path("/dev/null")),
            cwd=self.project,
            env={**environment, **variables},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            while not when():
                assert process.poll() is None, "it ended before"
                time.sleep(0.1)
            subprocess.run(["pkill", "-KILL", "-s", str(process.pid), "-f", program], check=True)
            return process.wait(timeout=120)

    def sync(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """`meltano run sync`: load, then build and test the views."""
        return self.meltano("run", "sync", **variables)

    def dbt(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """`meltano invoke dbt …`."""
        return self.meltano("invoke", "dbt", *arguments, **variables)

    def tap_into(self, target: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """`meltano run tap-pennylane` into another target."""
        return self.meltano("run", "tap-pennylane", target, **variables)

    def launch(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """What `make` calls, on this database."""
        ours = (*meltano.OURS, "HEALTH_", "ALERT_", "SMTP_")
        given = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
        return subprocess.run(
            [sys.executable, "-m", "pennylane_launcher", *arguments],
            cwd=self.project,
            env={**given, meltano.TARGET_URL: self.url, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def mentions(self, text: str) -> list[str]:
        """The tables with a row that contains a word."""
        tables = self.query("""
            SELECT oid::regclass::text AS name FROM pg_class
            WHERE relkind = 'r' AND relnamespace::regnamespace::text ~ '^(pennylane|meltano)'
        """)
        return [
            table["name"]
            for table in tables
            if self.query(f"SELECT FROM {table['name']} AS row WHERE row::text ~ '\\m{text}\\M'")
        ]

    def copy(self) -> Pipeline:
        """The same rows, views and bookmarks in a new database: quicker than another load."""
        return replace(self, url=self.databases.copy(self.url))

    def query(self, text: str) -> list[dict[str, Any]]:
        """The rows of a query."""
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(text.encode()).fetchall()

    def execute(self, text: str) -> None:
        """Run statements."""
        with psycopg.connect(self.url) as connection:
            connection.execute(text.encode())

    def live(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table that are not marked deleted."""
        return self.query(f"SELECT * FROM pennylane.{table} WHERE _sdc_deleted_at IS NULL")  # noqa: S608

    def live_lists(self, table: str, parent: str) -> list[dict[str, Any]]:
        """The rows of child tables that no later tombstone of their parent voids."""
        return self._live_parts(table, parent, "id = 0")

    def live_balances(self) -> list[dict[str, Any]]:
        """The trial balance, without what a later tombstone of its fiscal year voids."""
        return self._live_parts("trial_balance", "period_start", "number = ''")

    def live_entries(self) -> list[dict[str, Any]]:
        """The ledger entries, except those whose lines are all deleted."""
        return self.query("""
            SELECT * FROM pennylane.ledger_entries WHERE _sdc_deleted_at IS NULL AND id NOT IN (
                SELECT ledger_entry_id FROM pennylane.ledger_entry_lines
                WHERE ledger_entry_id IS NOT NULL
                GROUP BY 1 HAVING bool_and(_sdc_deleted_at IS NOT NULL))
        """)

    def _live_parts(self, table: str, part: str, marker: str) -> list[dict[str, Any]]:
        return self.query(f"""
            SELECT * FROM pennylane.{table} AS row
            WHERE _sdc_deleted_at IS NULL AND NOT EXISTS (
                SELECT FROM pennylane.{table} AS mark
                WHERE mark.{marker} AND mark.{part} = row.{part}
                  AND mark._sdc_deleted_at > row._sdc_extracted_at)
        """)  # noqa: S608

    def tables(self) -> set[str]:
        """The loaded tables, without the target's own."""
        rows = self.query(
            "SELECT tablename FROM pg_tables "
            "WHERE schemaname = 'pennylane' AND tablename NOT LIKE '\\_%'"
        )
        return {row["tablename"] for row in rows}

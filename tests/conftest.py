"""The entire pipeline: the real `meltano run`, from the sandbox into a real PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pennylane_launcher import meltano
from pennylane_launcher.postgres import embedded
from pennylane_launcher.postgres.cluster import Cluster
from pennylane_launcher.postgres.place import Place
from pennylane_sandbox.pytest_plugin import running
from playwright.sync_api import sync_playwright
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from dashboard_site import APP, CHROMIUM, NOBODY, served
from forked_programs import MELTANO, installed
from loaded_once import loaded_once
from parsed_once import ParsedProjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox
    from playwright.sync_api import Browser

    from dashboard_site import Site

PROJECT = Path(__file__).parents[1]
# Other books, for the tests that compute their figures independently: see CONTRIBUTING.md.
BOOKS_SIZE = os.environ.get("BOOKS_SIZE", "1000")
BOOKS_SEED = os.environ.get("BOOKS_SEED", "1")


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


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """This project in a separate folder, because Meltano's runs in one folder would clash."""
    folder = _project(tmp_path_factory)
    with installed(PROJECT / ".meltano", folder / ".meltano"):
        yield folder


@pytest.fixture(scope="session")
def project_with(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make another one that builds only the views that are selected, which takes less than half."""

    def make(*models: str) -> Path:
        folder = _project(tmp_path_factory, *models)
        for kind in (*meltano.PLUGINS, "meltano"):
            (folder / ".meltano" / kind).symlink_to(project / ".meltano" / kind)
        return folder

    return make


def _project(tmp_path_factory: pytest.TempPathFactory, *models: str) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for part in PROJECT.iterdir():
        if part.name not in {".meltano", ".embedded", ".env", "logs", "meltano.yml"}:
            (folder / part.name).symlink_to(part)
    # Meltano installs plugins again whose `pip_url` differs from that of the installed ones.
    lines = (PROJECT / "meltano.yml").read_text(encoding="utf-8").splitlines()
    same = "\n".join(
        line.replace("$MELTANO_PROJECT_ROOT", str(PROJECT)) if "pip_url:" in line else line
        for line in lines
    )
    select = f"--select {' '.join(models)}" if models else ""
    for old, new in (
        # What dbt has parsed is of use for any project, but only for a database of the same name.
        (
            "$MELTANO_PROJECT_ROOT/.meltano/transform/dbt/target\n",
            f"{tmp_path_factory.getbasetemp()}/dbt/$TARGET_POSTGRES_DATABASE\n",
        ),
        ("args: build --exclude", f"args: build {select} --exclude"),
    ):
        assert same.count(old) == 1
        same = same.replace(old, new)
    (folder / "meltano.yml").write_text(same, encoding="utf-8")
    (folder / ".meltano").mkdir()
    return folder


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """A real PostgreSQL, removed after the tests."""
    folder = tmp_path_factory.mktemp("postgres") / ".embedded"
    with embedded.server(folder, keep=False) as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            # Nothing of it has to outlast a power failure.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server


@dataclass(frozen=True)
class _OtherPlace(Place):
    """The files of a server with another version than the embedded one."""

    version: str = ""

    @property
    def programs(self) -> Path:
        """What `make test` installs from npm, copied to where the server's account can read it."""
        source = PROJECT / f".cache/postgres/node_modules/postgres-{self.version}/native"
        if not (source / "bin/postgres").exists():
            pytest.skip(
                f"PostgreSQL {self.version} is not installed (make .cache/postgres/.installed)"
            )
        copy = self.home / "native"
        if not copy.exists():
            shutil.copytree(source, copy, symlinks=True)
        return copy / "bin"


@pytest.fixture(scope="session")
def postgres_of(
    postgres: embedded.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], embedded.Server]]:
    """PostgreSQL by major version; a test that needs a missing one is skipped."""
    started = {"16": postgres}
    link = tmp_path_factory.mktemp("server") / "run"
    with ExitStack() as stack:

        def start(version: str) -> embedded.Server:
            if version not in started:
                place = Place.of(tmp_path_factory.mktemp(f"postgres-{version}") / ".embedded")
                known = {each.name: getattr(place, each.name) for each in fields(Place)}
                cluster = Cluster(_OtherPlace(**known, version=version))
                stack.callback(cluster.place.delete)
                cluster.start()
                stack.callback(cluster.stop)
                started[version] = embedded.Server(cluster.place.sockets)
            # One host for all versions: dbt parses the whole project for another one.
            link.unlink(missing_ok=True)
            link.symlink_to(started[version].sockets)
            return embedded.Server(link)

        yield start


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory, of_all_workers: Path) -> Databases:
    """The databases of this worker's tests."""
    folders = tmp_path_factory.getbasetemp() / "dbt"
    python = PROJECT / ".meltano/utilities/dbt/venv/bin/python"
    return Databases(ParsedProjects(folders, of_all_workers / "parsed", python))


@pytest.fixture(scope="module", autouse=True)
def _databases_of_module(databases: Databases) -> Iterator[None]:
    with databases.dropped():
        yield


@pytest.fixture(autouse=True)
def _databases_of_test(databases: Databases) -> Iterator[None]:
    with databases.dropped():
        yield


@pytest.fixture(scope="session")
def pipeline_of(
    postgres: embedded.Server, project: Path, databases: Databases
) -> Callable[[Sandbox], Pipeline]:
    """Make a pipeline from a sandbox into a new database, which is dropped after the test."""
    return lambda sandbox: Pipeline(sandbox, databases.create(postgres), project, databases)


@pytest.fixture
def pipeline(pipeline_of: Callable[[Sandbox], Pipeline], sandbox: Sandbox) -> Pipeline:
    """A pipeline from the small sandbox into a new database."""
    return pipeline_of(sandbox)


@pytest.fixture(scope="session")
def of_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the workers of a test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def books(
    postgres: embedded.Server, project: Path, databases: Databases, of_all_workers: Path
) -> Iterator[Pipeline]:
    """A company's books, loaded and with their views; no test changes them permanently."""
    with running("--size", BOOKS_SIZE, "--seed", BOOKS_SEED, "--rate-limit", "none") as sandbox:
        pipeline = Pipeline(sandbox, postgres.url("the_books"), project, databases)

        def load() -> None:
            done = pipeline.sync()
            assert done.returncode == 0, done.stdout
            databases.parsed.share("the_books")

        if loaded_once(pipeline.url, of_all_workers / "the_books.dump", load):
            # After a restore, PostgreSQL words some of the views' definitions differently.
            databases.adopt(pipeline.url)
            done = pipeline.meltano("run", "views:build")
            assert done.returncode == 0, done.stdout
        yield pipeline


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser, where there is one."""
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH: apt-get install chromium")
    if not APP.exists():
        pytest.skip("Streamlit is not installed (make .cache/dashboard/.installed)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shown(books: Pipeline) -> Pipeline:
    """Books with a finding, a change after the closing, and a supplier with an odd name."""
    pipeline = replace(books, url=books.databases.copy(books.url, kept_as="shown"))
    with psycopg.connect(pipeline.url) as connection:
        connection.execute(
            "UPDATE pennylane.suppliers SET name = %s WHERE id = "
            "(SELECT supplier_id FROM pennylane_marts.supplier_summary"
            " ORDER BY last_12_months_before_tax DESC LIMIT 1)",
            [NOBODY],
        )
        connection.execute(
            "UPDATE pennylane.ledger_entry_lines SET debit = debit + 1 WHERE id = "
            "(SELECT max(id) FROM pennylane.ledger_entry_lines"
            " WHERE debit > 0 AND date BETWEEN '2024-02-01' AND '2024-11-30')"
        )
    return pipeline


@pytest.fixture(scope="module")
def site(shown: Pipeline, browser: Browser) -> Iterator[Site]:
    """The dashboard on those."""
    with served(shown, browser) as site:
        yield site


BOOKS = dict.fromkeys(
    [
        "bank_accounts",
        "categories",
        "category_groups",
        "customer_invoices",
        "customers",
        "fiscal_years",
        "journals",
        "ledger_accounts",
        "ledger_entries",
        "ledger_entry_lines",
        "products",
        "supplier_invoices",
        "suppliers",
        "transactions",
    ],
    "",
) | {"customer_invoice_lines": "/customer_invoices/{customer_invoice_id}/invoice_lines"}
"""The tables that figures come from, and how the API lists them if not by their name."""


@pytest.fixture(scope="module")
def again() -> Iterator[Sandbox]:
    """The company of `books` in a sandbox of its own, which tests may change."""
    with running("--size", BOOKS_SIZE, "--seed", BOOKS_SEED, "--rate-limit", "none") as sandbox:
        yield sandbox


class Draft:
    """Books that tests change by hand, and that are restored afterwards."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self.connection = connection

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query."""
        return self.connection.execute(query.encode()).fetchall()

    def add(self, table: str, **row: Any) -> None:
        """Add a row to a raw table."""
        values = [Jsonb(each) if isinstance(each, list) else each for each in row.values()]
        self.connection.execute(
            sql.SQL("INSERT INTO pennylane.{} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join([sql.Placeholder()] * len(row)),
            ),
            values,
        )

    def hold(self, sandbox: Sandbox) -> None:
        """Replace the books by those of another company, without another load."""
        known = self.ask(
            "SELECT table_name AS name, array_agg(column_name::text) AS columns "
            "FROM information_schema.columns WHERE table_schema = 'pennylane' GROUP BY 1"
        )
        columns = {row["name"]: set(row["columns"]) for row in known}
        for name, path in BOOKS.items():
            self.connection.execute(sql.SQL("TRUNCATE pennylane.{}").format(sql.Identifier(name)))
            for row in sandbox.rows(path or f"/{name}"):
                kept = {key: row[key] for key in row.keys() & columns[name]}
                self.add(name, **kept)
            # They were always those: nothing of theirs has changed.
            self.connection.execute(
                sql.SQL("TRUNCATE pennylane_history.{}").format(sql.Identifier(name))
            )

    def enter(
        self,
        entry: int,
        day: str,
        journal: int,
        *lines: tuple[str, str],
        status: str = "complete",
    ) -> None:
        """Post an entry: its accounts, each with its debit or, if negative, its credit."""
        self.add("ledger_entries", id=entry, date=day, journal_id=journal, status=status)
        for place, (account, amount) in enumerate(lines):
            self.add(
                "ledger_entry_lines",
                id=entry * 100 + place,
                ledger_entry_id=entry,
                ledger_account_number=account,
                journal_id=journal,
                date=day,
                debit=max(Decimal(amount), Decimal(0)),
                credit=max(-Decimal(amount), Decimal(0)),
                categories=[],
                lettered_ledger_entry_lines_ids=[],
            )


@pytest.fixture
def draft(books: Pipeline) -> Iterator[Draft]:
    """The books, to be changed."""
    with psycopg.connect(books.url, row_factory=dict_row) as connection:
        connection.execute("SET search_path TO pennylane_marts, pennylane_live, pennylane")
        yield Draft(connection)
        connection.rollback()


@pytest.fixture
def own_draft(books: Pipeline) -> Iterator[tuple[Pipeline, Draft]]:
    """The books in a database of their own, where other programs see what a test changes."""
    pipeline = books.copy()
    with psycopg.connect(pipeline.url, row_factory=dict_row, autocommit=True) as connection:
        connection.execute("SET search_path TO pennylane_marts, pennylane_live, pennylane")
        yield pipeline, Draft(connection)

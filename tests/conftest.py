"""What the tests share: real servers and databases, books that are loaded once, a browser."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from pennylane_launcher import meltano
from pennylane_launcher.postgres import embedded
from pennylane_launcher.postgres.cluster import Cluster
from pennylane_launcher.postgres.place import Place
from pennylane_sandbox.pytest_plugin import running
from playwright.sync_api import sync_playwright
from psycopg.rows import dict_row

from dashboard_site import APP, CHROMIUM, NOBODY, served
from drafts import Draft
from forked_programs import installed
from loaded_once import loaded_once
from parsed_once import ParsedProjects
from pipelines import Databases, Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox
    from playwright.sync_api import Browser

    from dashboard_site import Site

PROJECT = Path(__file__).parents[1]
# Other books, for the tests that compute their figures independently: see CONTRIBUTING.md.
BOOKS_SIZE = os.environ.get("BOOKS_SIZE", "1000")
BOOKS_SEED = os.environ.get("BOOKS_SEED", "1")


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


@pytest.fixture(scope="module")
def again() -> Iterator[Sandbox]:
    """The company of `books` in a sandbox of its own, which tests may change."""
    with running("--size", BOOKS_SIZE, "--seed", BOOKS_SEED, "--rate-limit", "none") as sandbox:
        yield sandbox


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

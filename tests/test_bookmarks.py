"""A bookmark counts only if its table holds the rows: changes by others are corrected."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pennylane_launcher import meltano
from pennylane_launcher.books.deliveries import COMES_WITH
from pennylane_launcher.monitoring import health
from pennylane_launcher.running import bookmarks
from pennylane_sandbox.pytest_plugin import running
from tap_pennylane.streams import STREAMS

from postgres_programs import call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pennylane_sandbox.pytest_plugin import Sandbox

    from pipelines import Pipeline

LISTS = {
    "customers": "/customers",
    "suppliers": "/suppliers",
    "products": "/products",
    "customer_invoices": "/customer_invoices",
    "transactions": "/transactions",
    "journals": "/journals",
    "ledger_entry_lines": "/ledger_entry_lines",
}
SELECTED = [*LISTS, "customer_invoice_lines", "ledger_entries", "sync_log"]
SELECT = "[" + ",".join(f'"{name}.*"' for name in SELECTED) + "]"


@dataclass(frozen=True)
class Books:
    """A few tables of a company, and the two ways to load them."""

    pipeline: Pipeline
    sandbox: Sandbox
    variables: dict[str, str]

    def plain(self) -> str:
        """`meltano run tap-pennylane target-postgres`, which fails; returns its output."""
        done = self.pipeline.run(**self.variables)
        assert done.returncode == 1
        assert "cannot continue from its bookmark" in done.stdout, done.stdout
        return done.stdout

    def load(self) -> str:
        """Run the first two steps of the job `sync`; returns the output."""
        blocks = ["bookmarks:check", "tap-pennylane", "snake-case", "target-postgres"]
        done = self.pipeline.meltano("run", *blocks, **self.variables)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def execute(self, *statements: str) -> None:
        """Do something behind the pipeline's back."""
        with psycopg.connect(self.pipeline.url) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def assert_whole(self, schema: str = "pennylane") -> None:
        """Every table has what the sandbox lists, to the last column."""
        for table, path in LISTS.items():
            wanted = sorted(item["id"] for item in self.sandbox.listed(path))
            query = f"SELECT * FROM {schema}.{table} WHERE _sdc_deleted_at IS NULL"  # noqa: S608
            found = self.pipeline.query(query)
            assert sorted(row["id"] for row in found) == wanted, table

    def modes(self, schema: str = "pennylane") -> dict[str, str]:
        """How each stream was last read."""
        rows = self.pipeline.query(
            f"SELECT DISTINCT ON (stream) stream, mode FROM {schema}.sync_log "  # noqa: S608
            "ORDER BY stream, started_at DESC"
        )
        return {row["stream"]: row["mode"] for row in rows}

    def count(self, table: str) -> int:
        """The rows of a table."""
        (row,) = self.pipeline.query(f"SELECT count(*) AS rows FROM pennylane.{table}")  # noqa: S608
        return int(row["rows"])


@pytest.fixture(scope="module")
def loaded(pipeline_of: Callable[[Sandbox], Pipeline]) -> Iterator[Books]:
    """Loaded once for all tests."""
    with running("--size", "500", "--rate-limit", "none") as sandbox:
        books = Books(pipeline_of(sandbox), sandbox, {"TAP_PENNYLANE__SELECT": SELECT})
        assert "read completely again" not in books.load()
        yield books


@pytest.fixture
def books(loaded: Books) -> Books:
    """A copy for each test, with a later change."""
    loaded.sandbox.clear_faults()
    loaded.sandbox.change("customers", update=1, create=1)
    return replace(loaded, pipeline=loaded.pipeline.copy())


def test_lost_rows_come_back(books: Books, tmp_path: Path) -> None:
    old = str(tmp_path / "products.dump")
    call("pg_dump", "--table=pennylane.products", "-Fc", f"--file={old}", books.pipeline.url)
    books.sandbox.change("products", update=2)
    books.load()
    lines = books.count("customer_invoice_lines")
    books.execute(
        "DROP TABLE pennylane.customers",
        "TRUNCATE pennylane.suppliers",
        "ALTER TABLE pennylane.transactions DROP COLUMN label",
        "DELETE FROM pennylane.ledger_entry_lines WHERE id = "
        "(SELECT max(id) FROM pennylane.ledger_entry_lines)",
        "TRUNCATE pennylane.customer_invoice_lines",
        "DROP TABLE pennylane.products",
    )
    call("pg_restore", "--no-owner", f"--dbname={books.pipeline.url}", old)

    said = books.plain()
    assert "Stream 'customers' cannot continue from its bookmark: its table is not there." in said
    said = books.load()
    whole = books.count("ledger_entry_lines")
    for stream, reason in {
        "customer_invoices": "of 'customer_invoice_lines', which comes with it, its table has 0 "
        f"rows, and {lines:,} were delivered",
        "customers": "its table is not there",
        "ledger_entry_lines": f"its table has {whole - 1:,} rows, and {whole:,} were delivered",
        "products": "the rows of its table are older than what was delivered",
        "suppliers": "its table has 0 rows, and ",
        "transactions": "columns of its table are gone: label",
    }.items():
        assert f"'{stream}' is read completely again: {reason}" in said
    assert said.count("is read completely again: ") == 6 + said.count(
        "'ledger_entries' is read completely"
    )
    books.assert_whole()
    assert books.count("customer_invoice_lines") == lines
    labels = books.pipeline.query("SELECT count(label) AS labels FROM pennylane.transactions")
    assert labels[0]["labels"] > 0

    assert "read completely again" not in books.load()
    assert books.modes()["products"] == "changelog"


def test_a_lost_list_fails_the_plain_run(books: Books) -> None:
    # It has no own bookmark that could be refused before the run.
    books.execute("TRUNCATE pennylane.customer_invoice_lines")
    for _ in range(2):
        done = books.pipeline.run(**books.variables)
        assert done.returncode == 1
        assert "Rows are missing, and this run did not bring them back" in done.stdout
        assert "'customer_invoice_lines': its table has 0 rows" in done.stdout
    assert "'customer_invoices' is read completely again" in books.load()
    assert books.count("customer_invoice_lines") > 0
    assert books.pipeline.run(**books.variables).returncode == 0


@pytest.mark.parametrize("place", ["schema", "database"])
def test_another_place_is_filled(
    books: Books, place: str, pipeline_of: Callable[[Sandbox], Pipeline]
) -> None:
    schema = "renamed" if place == "schema" else "pennylane"
    elsewhere = books.pipeline
    if place == "database":
        elsewhere = pipeline_of(books.sandbox)
        system = {"MELTANO_DATABASE_URI": meltano.system_database(books.pipeline.url)}
    else:
        system = {"TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": schema}
    moved = replace(books, pipeline=elsewhere, variables={**books.variables, **system})
    said = moved.plain()
    assert "its table is not there. The stream must be read completely again" in said
    assert "'customers' is read completely again: its table is not there." in moved.load()
    moved.assert_whole(schema)
    # And back: the deliveries there no longer match the bookmarks.
    books.sandbox.change("customers", create=1)
    assert (
        "'customers' is read completely again: its table was filled up to another" in books.load()
    )
    books.assert_whole()


def test_tables_of_an_earlier_version_are_believed(books: Books) -> None:
    books.execute("DROP TABLE pennylane._sdc_deliveries", "TRUNCATE pennylane.suppliers")
    said = books.load()
    assert (
        "'suppliers' is read completely again: nothing says what was delivered to its table" in said
    )
    assert said.count("read completely again") == 1
    assert books.modes()["customers"] == "changelog"
    books.assert_whole()
    books.execute("TRUNCATE pennylane.journals", "TRUNCATE pennylane.customer_invoice_lines")
    said = books.load()
    assert "'journals' is read completely again: its table has 0 rows" in said
    assert "'customer_invoices' is read completely again: of 'customer_invoice_lines'" in said
    books.assert_whole()


def test_a_killed_run_is_no_reason_to_read_again(books: Books) -> None:
    books.sandbox.change("customer_invoices", create=3)
    books.sandbox.fault("/transactions", "latency", seconds=30)
    began = books.sandbox.stats["requests"].get("/changelogs/transactions", 0)
    books.pipeline.run_and_kill(
        "bin/target-postgres-exact",
        lambda: books.sandbox.stats["requests"].get("/changelogs/transactions", 0) > began,
        **books.variables,
    )
    books.sandbox.clear_faults()
    assert "read completely again" not in books.load()
    books.assert_whole()


def test_only_what_a_run_lost_is_advanced(books: Books) -> None:
    """A state that someone set back stays so."""

    def state() -> str:
        (row,) = books.pipeline.query("SELECT completed_state FROM meltano.state")
        return str(row["completed_state"])

    def bookmark(text: str) -> Any:  # noqa: ANN401 - any JSON
        return json.loads(text)["singer_state"]["bookmarks"]["customers"]

    old = state()
    books.sandbox.change("customers", create=1)
    books.execute("ALTER TABLE pennylane._sdc_deliveries DROP bookmark, DROP led_here")
    books.load()
    new = state()
    assert bookmark(new) != bookmark(old)
    state_id = "dev:tap-pennylane-to-target-postgres"
    assert books.pipeline.meltano("state", "set", "--force", state_id, old).returncode == 0
    for _ in range(2):
        done = books.pipeline.meltano("run", "bookmarks:check")
        assert done.returncode == 0, done.stdout
        assert bookmark(state()) == bookmark(old)
    # As if the run had ended before Meltano got its last bookmark.
    books.execute("DELETE FROM meltano.runs WHERE state = 'STATE_EDIT'")
    books.execute("UPDATE meltano.runs SET state = 'RUNNING'")
    done = books.pipeline.meltano("run", "bookmarks:check")
    assert done.returncode == 0, done.stdout
    assert bookmark(state()) == bookmark(new)


@pytest.mark.parametrize(
    ("unusual", "statement"),
    [
        ("nothing", ""),
        ("an interrupted run", "UPDATE meltano.runs SET state = 'RUNNING'"),
        ("a state that was set", "UPDATE meltano.runs SET state = 'STATE_EDIT'"),
        ("half a state", "UPDATE meltano.state SET partial_state = completed_state"),
        ("lost rows", "TRUNCATE pennylane.customers"),
        ("no run", "DELETE FROM meltano.runs"),
    ],
)
def test_meltano_is_asked_only_if_there_is_something_for_it_to_do(
    books: Books, unusual: str, statement: str
) -> None:
    """Importing it would take longer than all else in the step."""
    if statement:
        books.execute(statement)
    given = {"MELTANO_STATE_BACKEND_URI": "systemdb"}  # as Meltano tells its plugins
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "pennylane_launcher.running.bookmarks"],
        cwd=books.pipeline.project,
        env={**meltano.environment(books.pipeline.url), **given},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("meltano.core" in done.stderr) == bool(statement), unusual


def test_a_state_id_that_only_meltano_can_tell_is_left_to_it(books: Books, tmp_path: Path) -> None:
    environment = {
        "MELTANO_STATE_BACKEND_URI": "systemdb",
        **meltano.environment(books.pipeline.url),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.chdir(books.pipeline.project)
        assert bookmarks.is_settled(books.pipeline.url, "pennylane")
        assert not bookmarks.is_settled(books.pipeline.url, "pennylane", "another-company")
        patch.setenv("MELTANO_STATE_BACKEND_URI", "s3://elsewhere")
        assert not bookmarks.is_settled(books.pipeline.url, "pennylane")
        patch.setenv("MELTANO_STATE_BACKEND_URI", "systemdb")
        (tmp_path / "meltano.yml").write_text("environments:\n- {name: dev, state_id_suffix: a}\n")
        patch.chdir(tmp_path)
        assert not bookmarks.is_settled(books.pipeline.url, "pennylane")


def test_the_tap_is_asked_for_its_catalog_once(books: Books) -> None:
    """Until its schemas or settings change, or Meltano was killed while it wrote the catalog."""
    books = replace(books, variables={"TAP_PENNYLANE__SELECT": '["journals.*"]'})
    books.load()
    kept = books.pipeline.project / ".meltano/run/tap-pennylane"
    catalog, key = kept / "tap.properties.json", kept / "tap.properties.cache_key"

    def is_asked() -> bool:
        """Run, and tell whether the catalog was made anew."""
        known = json.loads(catalog.read_text("utf-8"))
        catalog.write_text(json.dumps({**known, "kept": True}), "utf-8")
        books.load()
        return "kept" not in json.loads(catalog.read_text("utf-8"))

    assert not is_asked()
    catalog.write_text("{", "utf-8")
    assert key.exists()
    books.execute("UPDATE meltano.runs SET state = 'RUNNING'")
    books.load()
    file = books.pipeline.project / "meltano.yml"
    before = file.read_text("utf-8")
    file.write_text(re.sub("schema-version: .*", "schema-version: another", before), "utf-8")
    try:
        assert is_asked()
    finally:
        file.write_text(before, "utf-8")


def test_health_and_dbt_see_what_is_missing(
    pipeline: Pipeline, project_with: Callable[..., Path]
) -> None:
    pipeline = replace(pipeline, project=project_with("+path:models/logs"))
    settings = {"TARGET_POSTGRES_SQLALCHEMY_URL": pipeline.url}
    test = ("test", "--select", "pennylane_tables_hold_what_was_delivered")
    assert pipeline.sync().returncode == 0
    assert "lost" in health.check(pipeline.project, settings).judged
    assert pipeline.dbt(*test).returncode == 0
    with psycopg.connect(pipeline.url) as connection:
        connection.execute("TRUNCATE pennylane.suppliers")
    said = [str(problem) for problem in health.check(pipeline.project, settings).problems]
    assert len(said) == 1
    assert said[0].startswith("Rows that were loaded are missing: suppliers: its table has 0 rows")
    assert pipeline.dbt(*test).returncode != 0
    repaired = pipeline.sync()
    assert repaired.returncode == 0, repaired.stdout
    assert "'suppliers' is read completely again: its table has 0 rows" in repaired.stdout
    assert health.check(pipeline.project, settings).problems == []


def test_every_list_that_comes_along_is_known() -> None:
    streams: list[Any] = list(STREAMS)
    found = {stream.include[1]: stream.name for stream in streams if stream.include}
    assert found == COMES_WITH

"""What other Singer targets make of the tap: the table "What your target must do" of its README."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import uuid
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pennylane_sandbox.pytest_plugin import running
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from pennylane_launcher.postgres import embedded

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
BIN = Path(sys.executable).parent
STREAMS = {"categories", "customer_invoices"}
EXACT = Decimal("1234567890123456.78")
AS_A_FLOAT = Decimal("1234567890123456.8")


@dataclass(frozen=True)
class Runs:
    """The messages of two runs, with one record of each stream deleted in between."""

    first: str
    second: str
    invoice: int
    """Deleted: its changelog reports it, and a tombstone is sent."""

    category: int
    """Deleted: categories have no changelog, so only ACTIVATE_VERSION reveals it."""

    exact: int
    """An invoice with an amount of 18 digits."""

    alive: dict[str, set[int]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Two runs of the real tap against the sandbox."""
    folder = tmp_path_factory.mktemp("runs")
    catalog = json.loads(subprocess.check_output([BIN / "tap-pennylane", "--discover"]))
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["stream"] in STREAMS
    (folder / "catalog.json").write_text(json.dumps(catalog))

    with running("--size", "300", "--rate-limit", "none") as sandbox:
        config: dict[str, Any] = {
            "api_url": sandbox.url,
            "api_token": sandbox.token,
            "requests_per_window": 100_000,
            "refresh_hours": {"categories": 0},
        }
        (folder / "config.json").write_text(json.dumps(config))

        def tap(*options: str | Path) -> str:
            done = subprocess.run(
                [
                    BIN / "tap-pennylane",
                    "--config",
                    "config.json",
                    "--catalog",
                    "catalog.json",
                    *options,
                ],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        first = tap()
        states = [line for line in first.splitlines() if line.startswith('{"type":"STATE"')]
        (folder / "state.json").write_text(json.dumps(json.loads(states[-1])["value"]))
        gone = {stream: sandbox.change(stream, delete=1)["deleted"][0] for stream in STREAMS}
        second = tap("--state", folder / "state.json")
        alive = {stream: {one["id"] for one in sandbox.state(stream)} for stream in STREAMS}
    sent = Counter(
        message["record"]["id"]
        for message in map(json.loads, (first + second).splitlines())
        if message["type"] == "RECORD" and message["stream"] == "customer_invoices"
    )
    lines = first.splitlines(keepends=True)
    for number, line in enumerate(lines):
        message = json.loads(line)
        record = message.get("record", {})
        if message.get("stream") != "customer_invoices" or not record.get("amount"):
            continue
        if record["id"] in alive["customer_invoices"] and sent[record["id"]] == 1:
            lines[number] = re.sub(r'"amount":[0-9.]+', f'"amount":{EXACT}', line, count=1)
            break
    else:
        pytest.fail("no invoice has an amount")
    first, exact = "".join(lines), record["id"]
    return Runs(first, second, gone["customer_invoices"], gone["categories"], exact, alive)


def installed(package: str) -> Path:
    """The programs of a target, which `make test` installs in a separate environment."""
    programs = PROJECT / ".cache" / "targets" / package / "bin"
    if not programs.exists():
        pytest.skip(f"{package} is not installed: make .cache/targets/.installed")
    return programs


def load(program: Path, config: dict[str, Any], runs: Runs, folder: Path) -> None:
    """Send both runs to a target."""
    (folder / "target.json").write_text(json.dumps(config))
    for messages in (runs.first, runs.second):
        done = subprocess.run(
            [program, "--config", folder / "target.json"],
            input=messages,
            capture_output=True,
            text=True,
            cwd=folder,
            check=False,
        )
        assert done.returncode == 0, done.stderr


class Database:
    """A new database, and the contents of its schema `books`."""

    def __init__(self, postgres: embedded.Server) -> None:
        self.url = postgres.url(f"target_{uuid.uuid4().hex[:12]}")

    def rows(self, table: str) -> dict[int, dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            found = connection.execute(f"SELECT * FROM books.{table}".encode()).fetchall()  # noqa: S608
        rows = {int(row["id"]): row for row in found}
        assert len(rows) == len(found)
        return rows


@pytest.fixture
def database(postgres: embedded.Server) -> Database:
    """A new database."""
    return Database(postgres)


@pytest.mark.parametrize(("use_copy", "amount"), [(False, EXACT), (True, AS_A_FLOAT)])
def test_target_postgres(
    runs: Runs, database: Database, tmp_path: Path, *, use_copy: bool, amount: Decimal
) -> None:
    config = {
        "sqlalchemy_url": database.url.replace("postgresql://", "postgresql+psycopg://"),
        "default_target_schema": "books",
        "load_method": "upsert",
        "use_copy": use_copy,
    }
    load(installed("meltanolabs-target-postgres") / "target-postgres", config, runs, tmp_path)
    for table, deleted in (("customer_invoices", runs.invoice), ("categories", runs.category)):
        rows = database.rows(table)
        assert rows.keys() == runs.alive[table] | {deleted}
        assert {key for key, row in rows.items() if row["_sdc_deleted_at"]} == {deleted}
    assert database.rows("customer_invoices")[runs.exact]["amount"] == amount


def test_pipelinewise_target_postgres(runs: Runs, database: Database, tmp_path: Path) -> None:
    parts = conninfo_to_dict(database.url)
    config = {
        "host": parts["host"],
        "port": int(parts.get("port") or 5432),
        "user": parts["user"],
        "password": "-",
        "dbname": parts["dbname"],
        "default_target_schema": "books",
        "add_metadata_columns": True,
    }
    load(installed("pipelinewise-target-postgres") / "target-postgres", config, runs, tmp_path)
    invoices, categories = database.rows("customer_invoices"), database.rows("categories")
    assert {key for key, row in invoices.items() if row["_sdc_deleted_at"]} == {runs.invoice}
    assert invoices.keys() == runs.alive["customer_invoices"] | {runs.invoice}
    # It ignores ACTIVATE_VERSION: the deleted category stays, as if alive.
    assert categories.keys() == runs.alive["categories"] | {runs.category}
    assert not any(row["_sdc_deleted_at"] for row in categories.values())
    assert invoices[runs.exact]["amount"] == float(EXACT)  # a double precision


def test_target_jsonl(runs: Runs, tmp_path: Path) -> None:
    config = {"destination_path": str(tmp_path), "do_timestamp_file": False}
    load(installed("target-jsonl") / "target-jsonl", config, runs, tmp_path)

    def lines(stream: str) -> list[dict[str, Any]]:
        text = (tmp_path / f"{stream}.jsonl").read_text()
        return [json.loads(line, parse_float=Decimal) for line in text.splitlines()]

    invoices = lines("customer_invoices")
    alive, tombstone = (line for line in invoices if line["id"] == runs.invoice)
    assert not alive.get("_sdc_deleted_at")
    assert tombstone["_sdc_deleted_at"]
    assert {line["id"] for line in invoices} == runs.alive["customer_invoices"] | {runs.invoice}
    # Both runs read all categories: a deleted one is only in the first run's lines.
    categories = [line["id"] for line in lines("categories")]
    assert categories.count(runs.category) == 1
    assert all(categories.count(key) == 2 for key in runs.alive["categories"])
    (exact,) = (line["amount"] for line in invoices if line["id"] == runs.exact)
    assert exact == EXACT


def test_target_csv(runs: Runs, tmp_path: Path) -> None:
    config = {"output_path": ".", "add_record_metadata": True}
    load(installed("meltanolabs-target-csv") / "target-csv", config, runs, tmp_path)

    def lines(stream: str) -> dict[int, dict[str, str]]:
        with (tmp_path / f"{stream}.csv").open(newline="") as file:
            return {int(row["id"]): row for row in csv.DictReader(file)}

    # Each run rewrites the file: for streams with a changelog, only the changes are left.
    assert len(lines("customer_invoices")) < len(runs.alive["customer_invoices"])
    assert lines("customer_invoices")[runs.invoice]["_sdc_deleted_at"]
    assert lines("categories").keys() == runs.alive["categories"]

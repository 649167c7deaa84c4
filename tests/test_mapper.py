"""The mapper in the pipeline: Pennylane's tables stay the same, and another tap's are cleaned."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import yaml
from pennylane_launcher import meltano

if TYPE_CHECKING:
    from collections.abc import Callable

    from pennylane_launcher.postgres import embedded
    from pennylane_sandbox.pytest_plugin import Sandbox

    from pipelines import Pipeline

PROJECT = Path(__file__).parents[1]
DEFINITIONS = """
SELECT c.table_name, c.ordinal_position, c.column_name, c.data_type, c.numeric_precision,
       c.numeric_scale, c.is_nullable, c.column_default
FROM information_schema.columns c WHERE c.table_schema = 'pennylane' ORDER BY 1, 2
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text AS name, conname, contype, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE connamespace = 'pennylane'::regnamespace ORDER BY 1, 2
"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'pennylane' ORDER BY 1"
# When a row was loaded, and by which run, differs between loads.
MOMENTS = (
    "{asked_at,_sdc_batched_at,_sdc_extracted_at,_sdc_received_at,_sdc_sequence,"
    "_sdc_sync_started_at,_sdc_table_version}"
)


def rows(pipeline: Pipeline, table: str) -> list[dict[str, Any]]:
    """All rows of a table, without the time of loading."""
    found = pipeline.query(
        f"SELECT to_jsonb(t) - '{MOMENTS}'::text[] AS row FROM pennylane.{table} t "  # noqa: S608
        "ORDER BY to_jsonb(t) -> 'id', 1"
    )
    return [row["row"] for row in found]


def tidied(value: object) -> object:
    """A value as the mapper should leave it."""
    if not isinstance(value, str):
        return value
    return re.sub("[ \t\u00a0\u202f]+", " ", value.strip()) or None


def test_with_and_without_the_mapper_the_tables_are_the_same(
    pipeline_of: Callable[[Sandbox], Pipeline], sandbox: Sandbox
) -> None:
    with_it, without = pipeline_of(sandbox), pipeline_of(sandbox)
    for run in (
        with_it.meltano("run", "tap-pennylane", "snake-case", "target-postgres"),
        without.run(),
    ):
        assert run.returncode == 0, run.stdout

    for query in (DEFINITIONS, CONSTRAINTS, INDEXES):
        found = with_it.query(query)
        assert len(found) >= len(with_it.tables())
        assert found == without.query(query)
    assert with_it.tables() == without.tables()
    count = changed = 0
    for table in with_it.tables() - {"sync_log"}:
        as_sent = rows(without, table)
        expected = [{name: tidied(value) for name, value in row.items()} for row in as_sent]
        assert rows(with_it, table) == expected, table
        changed += expected != as_sent
        count += len(rows(with_it, table))
    assert count > 1000
    assert changed > 0

    # One after the other into the same tables: the mapper passes bookmarks on unchanged.
    gone = sandbox.change("customer_invoices", delete=1, create=1)
    assert with_it.run().returncode == 0
    again = with_it.meltano("run", "tap-pennylane", "snake-case", "target-postgres")
    assert again.returncode == 0, again.stdout
    (deleted,) = with_it.query(
        "SELECT array_agg(id) AS ids FROM pennylane.customer_invoices "
        "WHERE _sdc_deleted_at IS NOT NULL"
    )
    assert deleted["ids"] == gone["deleted"]
    modes = with_it.query(
        "SELECT mode FROM pennylane.sync_log WHERE stream = 'customer_invoices' ORDER BY started_at"
    )
    assert [row["mode"] for row in modes] == ["scan", "changelog", "changelog"]
    assert with_it.query(DEFINITIONS) == without.query(DEFINITIONS)


def test_the_mapper_works_after_another_tap(postgres: embedded.Server, tmp_path: Path) -> None:
    url = postgres.url("elsewhere")
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            CREATE TABLE pieces ("SIRENNumber" text PRIMARY KEY, "vatRate" numeric(30, 10),
                "Date d'échéance" date, "Montant (€)" numeric(30, 2), "Libellé" text,
                "номерСчёта" text);
            INSERT INTO pieces VALUES
                (' 123', 0.2, '2026-11-22', 12345678901234567890.12, E'  Café\u00a0  crème\t', ''),
                ('123', 0.055, NULL, -0.10, E'deux\nlignes', 'я');
            """.encode()
        )
    project = {
        "default_environment": "dev",
        "environments": [{"name": "dev"}],
        "send_anonymous_usage_stats": False,
        "plugins": {
            "extractors": [
                {
                    "name": "tap-postgres",
                    "namespace": "tap_postgres",
                    "pip_url": f"meltanolabs-tap-postgres==0.10.0 -c {PROJECT}/tests/other-tap.txt",
                    "executable": "tap-postgres",
                    "capabilities": ["catalog", "discover", "state"],
                    "settings": [{"name": "sqlalchemy_url"}, {"name": "filter_schemas"}],
                    "config": {
                        # It requires a password and a host; libpq uses the one after the "?".
                        "sqlalchemy_url": url.replace(
                            "postgresql://postgres@", "postgresql+psycopg2://postgres:-@localhost"
                        ),
                        "filter_schemas": ["public"],
                    },
                }
            ],
            "mappers": [
                {
                    "name": "mapper-snake-case",
                    "namespace": "mapper_snake_case",
                    "executable": str(Path(sys.executable).with_name("mapper-snake-case")),
                    "mappings": [{"name": "snake-case", "config": {}}],
                }
            ],
            "loaders": [
                {
                    "name": "target-jsonl",
                    "namespace": "target_jsonl",
                    "executable": str(
                        PROJECT / ".meltano/loaders/target-jsonl/venv/bin/target-jsonl"
                    ),
                    "settings": [{"name": "destination_path"}, {"name": "do_timestamp_file"}],
                    "config": {"destination_path": str(tmp_path), "do_timestamp_file": False},
                }
            ],
        },
    }
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(project, allow_unicode=True))

    def call(*arguments: str) -> None:
        done = subprocess.run(
            meltano.command(*arguments),
            cwd=tmp_path,
            env=meltano.environment(url) | {"MELTANO_DATABASE_URI": f"sqlite:///{tmp_path}/db"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    call("install", "extractors")
    call("run", "tap-postgres", "snake-case", "target-jsonl")
    written = (tmp_path / "public-pieces.jsonl").read_text(encoding="utf-8").splitlines()
    rows_written = [json.loads(line, parse_float=str) for line in written]
    found = {row["siren_number"]: row for row in rows_written}
    assert found == {
        " 123": {
            "siren_number": " 123",
            "vat_rate": "0.2000000000",
            "date_d_echeance": "2026-11-22",
            "montant_euro": "12345678901234567890.12",
            "libelle": "Café crème",
            "номер_счёта": None,
        },
        "123": {
            "siren_number": "123",
            "vat_rate": "0.0550000000",
            "date_d_echeance": None,
            "montant_euro": "-0.10",
            "libelle": "deux\nlignes",
            "номер_счёта": "я",
        },
    }

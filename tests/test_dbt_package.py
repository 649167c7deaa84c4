"""The dbt project as a package in someone else's dbt project."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from collections.abc import Callable

    from pennylane_launcher.postgres import embedded

    from pipelines import Pipeline

PROJECT = Path(__file__).parents[1]
DBT = PROJECT / ".meltano" / "utilities" / "dbt" / "venv" / "bin" / "dbt"
PACKAGE = PROJECT / "transform" / "dbt"
STRANGER = {
    "dbt_project.yml": "{name: acme, version: '1.0', profile: acme, model-paths: [models]}",
    "packages.yml": yaml.safe_dump({"packages": [{"local": str(PACKAGE)}]}),
    # Names that were once used both by them and by us.
    "models/stg_customers.sql": "select 'theirs' as owner",
    "models/bookmarks.sql": "select 'theirs' as owner",
    "models/revenue.sql": "select sum(credit - debit) as revenue"
    " from {{ ref('pennylane', 'general_ledger') }} where account_number like '70%'",
    "macros/streams.sql": "{% macro streams() %}{{ return(['theirs']) }}{% endmacro %}"
    "{% macro live_rows() %}theirs{% endmacro %}",
    "tests/generic/key.sql": "{% test key(model) %}select 1 as theirs{% endtest %}",
}


@dataclass(frozen=True)
class Stranger:
    """A dbt project with the schema `analytics`, and our package in it."""

    folder: Path
    url: str

    def dbt(self, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Call dbt, with the package's vars."""
        options = ["--vars", yaml.safe_dump(variables)] if variables else []
        return subprocess.run(
            [str(DBT), "--no-use-colors", *arguments, *options],
            cwd=self.folder,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(self.folder),
                "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


@pytest.fixture
def stranger(tmp_path: Path) -> Callable[[str], Stranger]:
    """Make someone else's project on a database."""

    def make(url: str) -> Stranger:
        for name, text in STRANGER.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        parts = conninfo_to_dict(url)
        output = {
            "type": "postgres",
            "threads": 4,
            "host": str(parts["host"]),
            "port": int(parts.get("port") or 5432),
            "user": str(parts["user"]),
            "password": str(parts.get("password") or ""),
            "dbname": str(parts["dbname"]),
            "schema": "analytics",
        }
        profile = {"acme": {"target": "dev", "outputs": {"dev": output}}}
        (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profile), encoding="utf-8")
        project = Stranger(tmp_path, url)
        done = project.dbt("deps")
        assert done.returncode == 0, done.stdout
        return project

    return make


def test_it_reads_the_raw_schema_and_asks_for_nothing_else(
    pipeline: Pipeline, stranger: Callable[[str], Stranger]
) -> None:
    done = pipeline.run(TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA="raw_books")
    assert done.returncode == 0, done.stdout
    project = stranger(pipeline.url)
    done = project.dbt("build", pennylane_schema="raw_books")
    assert done.returncode == 0, done.stdout
    assert {row["nspname"] for row in pipeline.query("SELECT nspname FROM pg_namespace")} >= {
        *("raw_books", "analytics", "analytics_live", "analytics_marts", "analytics_logs")
    }
    (sums,) = pipeline.query(
        "SELECT (SELECT revenue FROM analytics.revenue) AS revenue, "
        "(SELECT sum(credit - debit) FROM raw_books.ledger_entry_lines "
        "WHERE ledger_account_number LIKE '70%') AS lines, "
        "(SELECT count(*) FROM analytics_live.customers) AS customers, "
        "(SELECT count(*) FROM analytics.sync_metadata) AS tables"
    )
    assert sums["revenue"] == sums["lines"] != 0
    assert sums["customers"] == len(pipeline.sandbox.state("customers"))
    assert sums["tables"] > 20
    granted = "SELECT relname FROM pg_class WHERE relnamespace::regnamespace::text LIKE 'analytics%' AND relacl IS NOT NULL"  # noqa: E501
    indexes = "SELECT indexname FROM pg_indexes WHERE schemaname = 'raw_books' AND indexname LIKE '%_live'"  # noqa: E501
    assert pipeline.query(granted) == []
    assert pipeline.query(indexes) == []

    # Rights and indexes are for all that is there, whatever is built.
    done = project.dbt(
        *("run", "--select", "stg_pennylane__transactions"),
        pennylane_schema="raw_books",
        pennylane_reader_role="analysts",
        pennylane_create_role=True,
        pennylane_indexes=True,
    )
    assert done.returncode == 0, done.stdout
    assert {row["indexname"] for row in pipeline.query(indexes)} >= {"transactions_date_live"}
    (may,) = pipeline.query(
        "SELECT has_table_privilege('analysts', 'analytics_marts.fec', 'select') AS mart, "
        "has_table_privilege('analysts', 'analytics.sync_metadata', 'select') AS log, "
        "has_table_privilege('analysts', 'raw_books.customers', 'select') AS raw"
    )
    assert may == {"mart": True, "log": True, "raw": False}


def test_an_empty_database_is_built_and_said_to_be_empty(
    postgres: embedded.Server, stranger: Callable[[str], Stranger]
) -> None:
    done = stranger(postgres.url("nothing_loaded")).dbt("build")
    assert done.returncode == 0, done.stdout
    assert (
        "The schema pennylane in the database nothing_loaded holds no table from tap-pennylane: "
        "the views are empty. Load first, or set the variable pennylane_schema" in done.stdout
    )


def test_the_readme_shows_every_var() -> None:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    settings = (PACKAGE / "macros" / "pennylane_setting.sql").read_text(encoding="utf-8")
    names = [line.split("'")[1] for line in settings.splitlines() if "': ['" in line]
    assert names
    for name in names:
        assert f"| `{name}` |" in text
    assert "subdirectory: transform/dbt" in text

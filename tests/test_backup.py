"""`make backup` and `make restore` on a named server, and the runs after them."""

from __future__ import annotations

import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from pennylane_launcher import meltano
from psycopg.conninfo import conninfo_to_dict

from postgres_programs import call

if TYPE_CHECKING:
    from collections.abc import Callable

    from pennylane_sandbox.pytest_plugin import Sandbox

    from pipelines import Pipeline

ROOT = Path(__file__).parents[1]
ROWS = "SELECT count(*) FROM pennylane.{}"


def test_a_restored_backup_goes_on_from_its_bookmarks(
    pipeline: Pipeline, sandbox: Sandbox, project_with: Callable[..., Path], tmp_path: Path
) -> None:
    pipeline = replace(pipeline, project=project_with("+general_ledger"))
    # The first load is interrupted after the invoices: it failed, with some bookmarks confirmed.
    sandbox.fault("/ledger_entries", "latency", seconds=30)
    requests = "/ledger_entries"
    code = pipeline.run_and_kill(
        "bin/tap-pennylane",
        lambda: bool(pipeline.tables()) and sandbox.stats["requests"].get(requests, 0) > 0,
    )
    assert code == 1
    sandbox.clear_faults()
    done = pipeline.sync()
    assert done.returncode == 0, done.stdout
    file = tmp_path / "pennylane.dump"
    done = _launch(pipeline.url, "backup", str(file))
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = {table: pipeline.query(ROWS.format(table)) for table in pipeline.tables()}
    sandbox.change("customer_invoices", create=3, update=2, delete=1)
    lost = pipeline.run()  # the restored database must catch up on this
    assert lost.returncode == 0, lost.stdout

    restored = replace(pipeline, url=pipeline.url.replace("@/test_", "@/restored_"))
    name = str(conninfo_to_dict(restored.url)["dbname"])
    call("createdb", f"--maintenance-db={pipeline.url}", name)
    done = _launch(restored.url, "restore", str(file))
    assert done.returncode == 0, done.stderr
    assert {table: restored.query(ROWS.format(table)) for table in restored.tables()} == rows
    done = restored.sync()
    assert done.returncode == 0, done.stdout
    log = restored.query(
        "SELECT DISTINCT ON (stream) stream, mode FROM pennylane.sync_log "
        "WHERE stream IN ('customer_invoices', 'ledger_entry_lines') "
        "ORDER BY stream, started_at DESC"
    )
    assert {row["mode"] for row in log} == {"changelog"}
    assert len(log) == 2
    for table in ("customer_invoices", "ledger_entry_lines"):
        ids = f"SELECT id, _sdc_deleted_at IS NULL AS lives FROM pennylane.{table} ORDER BY id"  # noqa: S608
        assert restored.query(ids) == pipeline.query(ids), table
        listed = sorted(item["id"] for item in sandbox.listed(f"/{table}"))
        assert sorted(row["id"] for row in restored.live(table)) == listed, table
    reads = "has_table_privilege('pennylane_reader', '{}', 'SELECT')"
    (rights,) = restored.query(
        f"SELECT {reads.format('pennylane_marts.general_ledger')} AS marts, "
        f"{reads.format('pennylane.ledger_entry_lines')} AS raw"
    )
    assert rights == {"marts": True, "raw": False}


def test_a_restore_replaces_all_or_nothing_and_asks_before(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    file = tmp_path / "pennylane.dump"
    nothing = _launch(pipeline.url, "backup", str(file))
    assert nothing.returncode == 1
    assert "There is nothing to back up" in nothing.stderr
    assert not file.exists()
    with psycopg.connect(pipeline.url, autocommit=True) as connection:
        connection.execute("create table pennylane.customers (id bigint)")
        connection.execute("insert into pennylane.customers values (1), (2)")
        assert _launch(pipeline.url, "backup", str(file)).returncode == 0
        connection.execute("insert into pennylane.customers values (3)")

        asked = _launch(pipeline.url, "restore", str(file))
        assert asked.returncode == 1
        assert "This replaces 3 rows, and the bookmarks, in database " in asked.stderr
        assert "there is no terminal to ask at" in asked.stderr

        connection.execute("create view public.own as select id from pennylane.customers")
        refused = _launch(pipeline.url, "restore", str(file), "--yes")
        assert refused.returncode == 1
        assert "would be lost: own." in refused.stderr
        connection.execute("drop view public.own")

        cut = tmp_path / "cut.dump"
        cut.write_bytes(file.read_bytes()[:-40])
        broken = _launch(pipeline.url, "restore", str(cut), "--yes")
        assert broken.returncode == 1
        assert "pg_restore failed, and the database is as it was" in broken.stderr
        assert connection.execute("select count(*) from pennylane.customers").fetchone() == (3,)

        done = _launch(pipeline.url, "restore", str(file), "--yes")
        assert done.returncode == 0, done.stderr
        assert connection.execute("select count(*) from pennylane.customers").fetchone() == (2,)


def test_several_companies_are_backed_up_together(pipeline: Pipeline, tmp_path: Path) -> None:
    project, file = tmp_path / "project", tmp_path / "pennylane.dump"
    project.mkdir()
    (project / "meltano.yml").symlink_to(ROOT / "meltano.yml")
    (project / "companies.yml").write_text("one: {token: A}\ntwo: {token: B, schema: theirs}\n")
    with psycopg.connect(pipeline.url, autocommit=True) as connection:
        for schema in ("pennylane_one", "theirs"):
            connection.execute(f"create schema {schema}")
            connection.execute(f"create table {schema}.customers as select 1 as id")
        connection.execute("create table meltano.state (state_id text)")
        name = "tap-pennylane-to-target-postgres"
        for state in (f"prod:{name}", f"prod:{name}:one"):
            connection.execute("insert into meltano.state values (%s)", [state])
        done = _launch(pipeline.url, "backup", str(file), project=project)
        assert done.returncode == 0, done.stderr
        connection.execute("drop schema pennylane_one cascade")
        connection.execute("insert into theirs.customers values (2)")
        asked = _launch(pipeline.url, "restore", str(file), project=project)
        assert "This replaces 2 rows, and the bookmarks" in asked.stderr
        done = _launch(pipeline.url, "restore", str(file), "--yes", project=project)
        assert done.returncode == 0, done.stderr
        assert "Restored: 2 rows" in done.stdout
        rows = connection.execute("select id from theirs.customers").fetchall()
        assert rows == connection.execute("select id from pennylane_one.customers").fetchall()
        states = connection.execute("select state_id from meltano.state order by 1").fetchall()
        assert states == [(f"dev:{name}",), (f"dev:{name}:one",)]


def _launch(url: str, *arguments: str, project: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pennylane_launcher", *arguments],
        cwd=project,
        env=meltano.environment(url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

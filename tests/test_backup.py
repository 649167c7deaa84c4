"""A backup: what docs/operations.md has people do, and the runs after it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

from pennylane_launcher import embedded
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from pathlib import Path

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Pipeline

PLAIN = ["--no-owner", "--no-privileges"]


def test_a_restored_backup_goes_on_from_its_bookmarks(
    pipeline: Pipeline, sandbox: Sandbox, tmp_path: Path
) -> None:
    # The first load is cut off behind the invoices: its run failed, with some bookmarks confirmed.
    sandbox.fault("/ledger_entries", "latency", seconds=30)
    requests = "/ledger_entries"
    code = pipeline.run_and_kill(
        "bin/tap-pennylane",
        lambda: bool(pipeline.tables()) and sandbox.stats["requests"].get(requests, 0) > 0,
    )
    assert code == 1
    sandbox.heal()
    done = pipeline.sync()
    assert done.returncode == 0, done.stdout
    file = str(tmp_path / "pennylane.dump")
    schemas = ["--schema=pennylane*", "--schema=meltano"]
    _call("pg_dump", *PLAIN, "--format=custom", *schemas, f"--file={file}", pipeline.url)
    sandbox.change("customer_invoices", create=3, update=2, delete=1)
    lost = pipeline.run()  # the restored one must do this again
    assert lost.returncode == 0, lost.stdout

    restored = replace(pipeline, url=pipeline.url.replace("@/test_", "@/restored_"))
    name = str(conninfo_to_dict(restored.url)["dbname"])
    _call("createdb", f"--maintenance-db={pipeline.url}", name)
    _call("pg_restore", *PLAIN, "--exit-on-error", f"--dbname={restored.url}", file)
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


def _call(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [embedded.program(program), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

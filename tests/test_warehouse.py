"""What people query: the views that dbt builds, their tests, and the record of runs."""

from __future__ import annotations

import importlib.util
import json
import runpy
import subprocess
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pennylane_launcher import meltano
from pennylane_launcher.postgres import embedded
from pennylane_sandbox.pytest_plugin import running
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

    from pipelines import Pipeline

PROJECT = Path(__file__).parents[1]
DBT = PROJECT / "transform" / "dbt"
STREAMS = (
    TapPennylane(config={"api": "firm"}, validate_config=False).streams
    | TapPennylane(validate_config=False).streams
)
MARTS = {
    path.stem
    for folder in ("controls", "given", "history", "marts", "portfolio", "statements")
    for path in (DBT / "models" / folder).glob("*.sql")
}
LOGS = ("etl_logs", "sync_companies", "sync_metadata")
FAST = {"TAP_PENNYLANE_REQUESTS_PER_WINDOW": "100000"}


def views(pipeline: Pipeline, schema: str) -> set[str]:
    rows = pipeline.query(f"SELECT viewname FROM pg_views WHERE schemaname = '{schema}'")  # noqa: S608
    return {row["viewname"] for row in rows}


def log(pipeline: Pipeline) -> list[dict[str, dict[str, Any]]]:
    """The runs in order, each with its rows by table."""
    runs: dict[str, dict[str, dict[str, Any]]] = {}
    for row in pipeline.query("SELECT * FROM pennylane.etl_logs ORDER BY execution_date"):
        runs.setdefault(row["id"].split(":")[0], {})[row["table_name"]] = row
    return list(runs.values())


def run_with_a_killed_target(pipeline: Pipeline) -> None:
    """A full read whose target dies while the bank transactions are read."""
    pipeline.sandbox.fault("/transactions", "latency", seconds=8)
    before = pipeline.sandbox.stats["total"]
    environment = meltano.environment(
        pipeline.url, api_url=pipeline.sandbox.url, token=pipeline.sandbox.token
    )
    command = meltano.command("run", "--full-refresh", "sync", env_file=Path("/dev/null"))
    with subprocess.Popen(
        command,
        cwd=pipeline.project,
        env=environment | FAST,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        kill = ["pkill", "-KILL", "-s", str(process.pid), "-f", "bin/target-postgres"]
        while (
            pipeline.sandbox.stats["total"] < before + 30
            or subprocess.run(kill, check=False).returncode
        ):
            assert process.poll() is None
            time.sleep(0.1)
        pipeline.sandbox.clear_faults()
        assert process.wait(timeout=120) == 1


@pytest.fixture(scope="module")
def warehouse(pipeline_of: Callable[[Sandbox], Pipeline]) -> Iterator[Pipeline]:
    """A sync, a run whose target is killed, and a load without models."""
    with running("--size", "2000", "--rate-limit", "none") as sandbox:
        pipeline = pipeline_of(sandbox)
        sandbox.change("webhook_subscriptions", delete=4)  # a table without a row
        done = pipeline.sync()
        assert done.returncode == 0, done.stdout
        sandbox.change("customers", update=3, delete=1, create=2)
        run_with_a_killed_target(pipeline)
        done = pipeline.run()
        assert done.returncode == 0, done.stdout
        yield pipeline


def test_generated_models_are_in_step_with_the_tap() -> None:
    path = DBT / "scripts" / "generate_staging.py"
    spec = importlib.util.spec_from_file_location("generate_staging", path)
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.stale() == [], "run transform/dbt/scripts/generate_staging.py"


def test_the_diagrams_are_in_step_with_the_models() -> None:
    script = runpy.run_path(str(DBT / "scripts" / "generate_erd.py"))
    page = script["PAGE"].read_text(encoding="utf-8")
    assert script["filled"](page) == page, "run transform/dbt/scripts/generate_erd.py"
    for line in (
        "ledger_entries |o--o{ ledger_entry_lines : ledger_entry_id",
        "customer_invoices ||--o{ customer_invoice_lines : customer_invoice_id",
        "products |o--o{ customer_invoice_lines : product_id",
        "ledger_entry_lines ||--o| general_ledger : ledger_entry_line_id",
    ):
        assert f"    {line}\n" in page


def test_every_model_is_a_view_with_comments(warehouse: Pipeline) -> None:
    assert views(warehouse, "pennylane_live") == STREAMS.keys()
    assert views(warehouse, "pennylane_marts") == MARTS
    assert views(warehouse, "pennylane") == set(LOGS)
    silent = warehouse.query(
        "SELECT attrelid::regclass, attname "
        "FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE relkind = 'v' AND attnum > 0 AND relnamespace::regnamespace::text IN "
        "('pennylane', 'pennylane_live', 'pennylane_marts') "
        "AND col_description(attrelid, attnum) IS NULL"
    )
    assert silent == []


def test_live_views_hold_what_pennylane_holds(warehouse: Pipeline) -> None:
    for name in ("customers", "ledger_entry_lines", "transactions"):
        found = {row["id"] for row in warehouse.query(f"SELECT id FROM pennylane_live.{name}")}  # noqa: S608
        assert found == {item["id"] for item in warehouse.sandbox.state(name)}
    gone = warehouse.query("SELECT id FROM pennylane.customers WHERE _sdc_deleted_at IS NOT NULL")
    assert len(gone) == 1


def test_each_run_is_told_right(warehouse: Pipeline) -> None:
    first, killed, last = log(warehouse)
    assert first.keys() == killed.keys() == warehouse.tables() - {"sync_log"}
    assert {row["status"] for row in first.values()} == {"success"}
    assert {row["status"] for row in last.values()} == {"success"}
    failed = {name for name, row in killed.items() if row["status"] == "failed"}
    assert {"transactions", "trial_balance", "customers"} <= failed
    assert all(killed[name]["error_message"].startswith("The run failed") for name in failed)
    for row in (*first.values(), *last.values()):
        assert row["records_extracted"] == row["records_loaded"], row
        assert row["execution_time_seconds"] >= 0
    assert first["ledger_entry_lines"]["records_loaded"] == 2000


def test_the_two_queries_answer(warehouse: Pipeline) -> None:
    failures = warehouse.query(
        "SELECT table_name, AVG(execution_time_seconds) avg_time, COUNT(*) executions, "
        "SUM(CASE WHEN status='failed' THEN 1 ELSE 0 END) failures "
        "FROM pennylane.etl_logs GROUP BY table_name;"
    )
    transactions = next(row for row in failures if row["table_name"] == "transactions")
    assert (transactions["executions"], transactions["failures"]) == (3, 1)
    metadata = warehouse.query("SELECT * FROM pennylane.sync_metadata;")
    assert {row["table_name"] for row in metadata} == warehouse.tables() - {"sync_log"}
    totals = {row["table_name"]: row["total_records"] for row in metadata}
    assert totals["webhook_subscriptions"] == 0
    last = log(warehouse)[-1]
    for row in metadata:
        assert row["total_records"] == len(warehouse.live(row["table_name"]))
        if row["table_name"] in last:
            assert row["last_sync_date"] >= last[row["table_name"]]["execution_date"]


def test_a_failed_stream_is_no_success(warehouse: Pipeline) -> None:
    before = {
        row["table_name"]: row["last_sync_date"]
        for row in warehouse.query("SELECT * FROM pennylane.sync_metadata")
    }
    warehouse.sandbox.change("suppliers", update=2)
    warehouse.sandbox.fault("/suppliers", "status", status=403)
    assert warehouse.run().returncode == 1
    warehouse.sandbox.clear_faults()
    run = log(warehouse)[-1]
    assert run["suppliers"]["status"] == "failed"
    assert "/suppliers" in run["suppliers"]["error_message"]
    assert {row["status"] for name, row in run.items() if name != "suppliers"} == {"success"}
    after = {
        row["table_name"]: row["last_sync_date"]
        for row in warehouse.query("SELECT * FROM pennylane.sync_metadata")
    }
    assert after["suppliers"] == before["suppliers"]
    assert after["customers"] > before["customers"]
    assert warehouse.run().returncode == 0


def test_a_run_that_does_not_reach_the_database_is_no_success(warehouse: Pipeline) -> None:
    successes = "SELECT table_name, last_sync_date, total_records FROM pennylane.sync_metadata"
    before, metadata = log(warehouse), warehouse.query(successes)
    warehouse.sandbox.change("suppliers", update=1)
    lost = warehouse.run(TARGET_POSTGRES_SQLALCHEMY_URL="postgresql+exact://x@127.0.0.1:9/lost")
    assert lost.returncode == 1
    *others, run = log(warehouse)
    assert others == before
    assert {row["status"] for row in run.values()} == {"failed"}
    assert run.keys() >= {"suppliers", "ledger_entry_lines"}
    assert warehouse.query(successes) == metadata
    assert warehouse.run().returncode == 0


def test_a_run_that_meltano_lost_is_a_failure(warehouse: Pipeline) -> None:
    with psycopg.connect(warehouse.url) as connection:
        connection.execute(
            "INSERT INTO meltano.runs"
            " (job_name, state, started_at, last_heartbeat_at, payload, run_id)"
            " SELECT job_name, 'RUNNING', now() at time zone 'utc' - interval '1 hour',"
            " now() at time zone 'utc' - interval '50 minutes', '{}', gen_random_uuid()"
            " FROM meltano.runs LIMIT 1"
        )
        rows = connection.execute(
            "SELECT status, error_message FROM pennylane.etl_logs "
            "WHERE execution_date < now() at time zone 'utc' - interval '50 minutes'"
        ).fetchall()
        connection.rollback()
    assert {row[0] for row in rows} == {"failed"}
    assert {row[1] for row in rows} == {"The run was killed: Meltano heard no more of it"}


def test_the_marts_add_up(warehouse: Pipeline) -> None:
    (sums,) = warehouse.query(
        "SELECT (SELECT sum(result) FROM pennylane_marts.monthly_profit_and_loss) AS result, "
        "(SELECT -sum(balance_before_closing) FROM pennylane_marts.trial_balance "
        "WHERE account_number ~ '^[67]') AS balance, "
        "(SELECT sum(remaining_amount) FROM pennylane_marts.invoices_receivable) AS receivable, "
        "(SELECT sum(not_due + overdue_1_30 + overdue_31_60 + overdue_61_90 + overdue_over_90 "
        "+ credit_notes) FROM pennylane_marts.invoices_receivable) AS aged, "
        "(SELECT sum(vat_due + settled) FROM pennylane_marts.vat_summary) AS vat, "
        "(SELECT -sum(balance) FROM pennylane_marts.general_ledger WHERE is_counted "
        "AND account_number LIKE '445%' AND NOT is_carried_forward) AS vat_accounts, "
        "(SELECT count(*) FROM pennylane_marts.bank_movements) AS movements"
    )
    assert sums["result"] == sums["balance"] != 0
    assert (
        sums["receivable"]
        == sums["aged"]
        == sum(
            Decimal(invoice["remaining_amount_with_tax"])
            for invoice in warehouse.sandbox.state("customer_invoices")
            if not invoice["draft"]
        )
    )
    assert sums["vat"] == sums["vat_accounts"] != 0
    assert sums["movements"] == len(warehouse.sandbox.state("transactions"))


def test_the_reader_sees_the_views_and_nothing_else(warehouse: Pipeline) -> None:
    allowed = [f"pennylane_live.{name}" for name in STREAMS]
    allowed += [f"pennylane_marts.{name}" for name in MARTS] + [
        f"pennylane.{name}" for name in LOGS
    ]
    allowed += [
        f"pennylane_logs.{name}"
        for name in (
            "trial_balance_differences",
            "pennylane_uncounted_rows",
            "pennylane_run_totals",
        )
    ]
    with psycopg.connect(warehouse.url, autocommit=True) as connection:
        connection.execute("SET ROLE pennylane_reader")
        for name in allowed:
            connection.execute(f"SELECT * FROM {name} LIMIT 1".encode())  # noqa: S608
        connection.execute("SELECT status, error FROM pennylane_logs.pennylane_sync_runs")
        for refused in (
            "pennylane.customers",
            "pennylane_logs.pennylane_sync_runs",
            "meltano.runs",
            "meltano.state",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM {refused}".encode())  # noqa: S608
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE pennylane_marts.mine ()")


def test_a_cent_changed_by_hand_is_found_and_its_account_named(warehouse: Pipeline) -> None:
    with psycopg.connect(warehouse.url) as connection:
        found = connection.execute(
            "UPDATE pennylane.ledger_entry_lines SET debit = debit + 0.01 "
            "WHERE id = (SELECT min(id) FROM pennylane.ledger_entry_lines WHERE debit > 0) "
            "RETURNING ledger_account_number, debit"
        ).fetchone()
    assert found
    done = warehouse.dbt("test", "--select", "trial_balance_agrees")
    assert done.returncode == 1
    assert done.stdout.count(f"Account {found[0]}, ") == 1


def test_rows_of_a_list_live_until_the_next_marker(warehouse: Pipeline) -> None:
    with psycopg.connect(warehouse.url) as connection:
        connection.execute(
            "CREATE TABLE public.lists (invoice_id bigint, id bigint, amount numeric, "
            "_sdc_extracted_at timestamp, _sdc_batched_at timestamp, _sdc_deleted_at timestamp)"
        )
        connection.execute(
            "INSERT INTO public.lists VALUES "
            "(1, 10, 1.10, '2026-01-01', now(), null), "  # before the marker: deleted
            "(1, 11, 1.20, '2026-01-03', now(), null), "
            "(1, 0, null, '2026-01-02', now(), '2026-01-02'), "
            "(2, 10, 1.30, '2026-01-01', now(), null), "  # no marker
            "(2, 11, 1.40, '2026-01-01', now(), '2026-01-02')"
        )
    relation = "api.Relation.create(database=target.database, schema='public', identifier='lists')"
    columns = (
        "{'invoice_id': ['bigint', 'invoice_id'], 'id': ['bigint', 'line_id'], 'x': ['text', 'x']}"
    )
    marker = "part=['invoice_id'], marker='id = 0'"
    query = f"{{{{ pennylane_live_rows({relation}, {columns}, {marker}) }}}}"
    done = warehouse.dbt("show", "--output", "json", "--limit", "9", "--inline", query)
    assert done.returncode == 0, done.stdout
    shown = json.loads(done.stdout[done.stdout.index("{\n") : done.stdout.rindex("}") + 1])["show"]
    assert {(row["invoice_id"], row["line_id"], row["x"]) for row in shown} == {
        (1, 11, None),
        (2, 10, None),
    }


def test_documentation_is_written_without_the_internet(warehouse: Pipeline, tmp_path: Path) -> None:
    done = warehouse.meltano("invoke", "dbt:docs", DBT_TARGET_PATH=str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "Aged balance of customers" in (tmp_path / "static_index.html").read_text(
        encoding="utf-8"
    )


def test_few_streams_a_poor_role_and_a_system_database_elsewhere(
    sandbox: Sandbox, pipeline_of: Callable[[Sandbox], Pipeline], tmp_path: Path
) -> None:
    """Missing tables are empty; missing rights are reported, and the build continues."""
    with embedded.server(tmp_path / ".embedded", keep=False) as server:
        with psycopg.connect(server.url("books"), autocommit=True) as connection:
            connection.execute("CREATE ROLE poor LOGIN")
            connection.execute("GRANT CREATE ON DATABASE books TO poor")
        url = server.url("books").replace("postgres@", "poor@")
        pipeline = replace(pipeline_of(sandbox), url=url)
        variables = {
            "MELTANO_DATABASE_URI": f"sqlite:///{tmp_path}/meltano.db",
            "TAP_PENNYLANE__SELECT": json.dumps(
                ["ledger_accounts.*", "!ledger_accounts.label", "sync_log.*"]
            ),
        }
        done = pipeline.sync(**variables)
        assert done.returncode == 0, done.stdout
        assert done.stdout.count("have an administrator run `create role pennylane_reader`") == 1
        assert views(pipeline, "pennylane_live") == STREAMS.keys()
        assert pipeline.query("SELECT * FROM pennylane_marts.fec") == []
        (accounts,) = pipeline.query(
            "SELECT count(*), count(account_number) AS numbers, count(account_label) AS labels "
            "FROM pennylane_live.ledger_accounts"
        )
        assert accounts["count"] == accounts["numbers"] == len(sandbox.state("ledger_accounts"))
        assert accounts["labels"] == 0
        (run,) = log(pipeline)
        assert {name: row["status"] for name, row in run.items()} == {"ledger_accounts": "success"}

        variables["TAP_PENNYLANE__SELECT"] = json.dumps(
            ["ledger_accounts.*", "ledger_entries.*", "quotes.*", "sync_log.*"]
        )
        done = pipeline.run(**variables)
        assert done.returncode == 0, done.stdout
        entries, quotes = "stg_pennylane__ledger_entries", "stg_pennylane__quotes"
        done = pipeline.dbt("run", "--select", entries, quotes, **variables)
        assert done.returncode == 0, done.stdout
        # Without their lines, no entry is taken for gone.
        found = pipeline.query("SELECT id FROM pennylane_live.ledger_entries")
        assert len(found) == len(sandbox.state("ledger_entries"))
        found = pipeline.query("SELECT id, quote_label, amount FROM pennylane_live.quotes")
        assert len(found) == len(sandbox.state("quotes"))

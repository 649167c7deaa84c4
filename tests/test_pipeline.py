"""The rows that are loaded into PostgreSQL, and what happens to them when a run fails."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from pennylane_sandbox.pytest_plugin import running
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pennylane_sandbox.pytest_plugin import Sandbox

    from pipelines import Pipeline

STREAMS = {
    name: stream
    for name, stream in TapPennylane(validate_config=False).streams.items()
    if stream.selected_by_default
}
COLLECTIONS = STREAMS.keys() - {"sync_log"}
NO_PLAIN_LISTS = {
    "company",
    "company_features",
    "customer_invoice_lines",
    "pro_account_mandates",
    "trial_balance",
}
PLAIN_LISTS = sorted(COLLECTIONS - NO_PLAIN_LISTS)


def assert_same_ids(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """Every table has exactly the rows that the API lists."""
    for name in PLAIN_LISTS:
        wanted = sorted(item["id"] for item in sandbox.listed(STREAMS[name].path))
        rows = pipeline.live_entries() if name == "ledger_entries" else pipeline.live(name)
        assert sorted(row["id"] for row in rows) == wanted, name
    mandates = sandbox.listed("/pro_account/mandates")
    assert {row["customer_id"] for row in pipeline.live("pro_account_mandates")} == {
        mandate["customer"]["id"] for mandate in mandates
    }


def test_every_collection_lands_exactly(pipeline: Pipeline, sandbox: Sandbox) -> None:
    done = pipeline.run()
    assert done.returncode == 0, done.stdout
    assert pipeline.sandbox.token not in done.stdout
    assert pipeline.tables() == STREAMS.keys()
    assert_same_ids(pipeline, sandbox)
    assert {row["name"]: row["enabled"] for row in pipeline.live("company_features")} == (
        sandbox.get("/company/features")
    )
    assert [row["company_id"] for row in pipeline.live("company")] == [
        sandbox.get("/me")["company"]["id"]
    ]

    lines = {row["id"]: row for row in pipeline.live("ledger_entry_lines")}
    for item in sandbox.listed("/ledger_entry_lines"):
        item["amounts"] = (Decimal(item["debit"]), Decimal(item["credit"]))
        item["references"] = (item["ledger_entry"]["id"], item["ledger_account"]["number"])
        categories = [{"id": c["id"], "weight": c["weight"]} for c in item["categories"]]
        sandbox_line = (item["amounts"], item["references"], categories, item["date"])
        row = lines[item["id"]]
        assert sandbox_line == (
            (row["debit"], row["credit"]),
            (row["ledger_entry_id"], row["ledger_account_number"]),
            row["categories"],
            row["date"].isoformat(),
        )

    totals = pipeline.query(
        "SELECT sum(debit) AS debits, sum(credit) AS credits FROM pennylane.ledger_entry_lines"
    )[0]
    balance = pipeline.query(
        "SELECT sum(debits) AS debits, sum(credits) AS credits FROM pennylane.trial_balance"
    )[0]
    assert totals["debits"] == totals["credits"] > 0
    assert totals == balance

    types = {
        (row["table_name"], row["column_name"]): row["data_type"]
        for row in pipeline.query(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = 'pennylane' AND left(column_name, 1) <> '_'"
        )
        if row["table_name"] in STREAMS
    }
    declared = [column for one in STREAMS.values() for column in one.schema["properties"]]
    assert len(types) == sum(not column.startswith("_") for column in declared)
    expected = {"integer": "bigint", "number": "numeric", "boolean": "boolean", "array": "jsonb"}
    formats = {"date": "date", "date-time": "timestamp without time zone", None: "text"}
    for (table, column), found in types.items():
        definition = STREAMS[table].schema["properties"][column]
        kind = [definition["type"], *definition["type"]][isinstance(definition["type"], list)]
        assert found == expected.get(kind, formats[definition.get("format")]), (table, column)

    invoice = sandbox.listed("/customer_invoices")[0]
    updated = pipeline.query(
        'SELECT to_char(updated_at, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\') AS moment '  # noqa: S608
        f"FROM pennylane.customer_invoices WHERE id = {invoice['id']}"
    )
    assert updated == [{"moment": invoice["updated_at"]}]


@pytest.fixture
def company() -> Iterator[Sandbox]:
    """A separate one, because another test's recent changes would show."""
    with running("--size", "600", "--rate-limit", "none") as sandbox:
        yield sandbox


def test_a_second_run_doubles_nothing_and_marks_what_is_gone(
    pipeline_of: Callable[[Sandbox], Pipeline], company: Sandbox
) -> None:
    pipeline = pipeline_of(company)
    assert pipeline.run().returncode == 0
    before = pipeline.query("SELECT id, amount FROM pennylane.customer_invoices ORDER BY id")
    gone = company.change("customer_invoices", delete=1, create=1)
    second = pipeline.run()
    assert second.returncode == 0, second.stdout
    assert_same_ids(pipeline, company)
    marked = pipeline.query(
        "SELECT id FROM pennylane.customer_invoices WHERE _sdc_deleted_at IS NOT NULL"
    )
    assert [row["id"] for row in marked] == gone["deleted"]
    assert len(pipeline.query("SELECT id FROM pennylane.customer_invoices")) == len(before) + 1

    refreshed = pipeline.run("--full-refresh")
    assert refreshed.returncode == 0, refreshed.stdout
    assert_same_ids(pipeline, company)
    modes = pipeline.query(
        "SELECT run_id, array_agg(DISTINCT mode ORDER BY mode) AS modes, min(started_at) "
        "FROM pennylane.sync_log WHERE stream = 'customer_invoices' GROUP BY run_id ORDER BY 3"
    )
    assert [row["modes"] for row in modes] == [["scan"], ["changelog"], ["scan"]]


def test_a_run_that_fails_half_way_deletes_nothing_and_the_next_one_repairs(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    assert pipeline.run().returncode == 0
    lines = {row["id"] for row in pipeline.live("ledger_entry_lines")}
    sandbox.change("ledger_entries", create=3)
    sandbox.fault("/ledger_entry_lines", "drop", skip=4)
    failed = pipeline.run("--full-refresh")
    assert failed.returncode == 1
    assert "Stream 'ledger_entry_lines' failed" in failed.stdout
    assert lines <= {row["id"] for row in pipeline.live("ledger_entry_lines")}
    assert not pipeline.query(
        "SELECT id FROM pennylane.ledger_entry_lines WHERE _sdc_deleted_at IS NOT NULL"
    )
    entries = {item["id"] for item in sandbox.listed("/ledger_entries")}
    assert {row["id"] for row in pipeline.live("ledger_entries")} == entries
    sandbox.clear_faults()
    sandbox.change("ledger_entries", create=2, delete=2)
    # Meltano merged the earlier bookmark with that of the failed read. No table fits that, so the
    # plain run refuses, and the first step of `sync` makes the stream be read completely.
    refused = pipeline.run()
    assert refused.returncode == 1
    assert "Stream 'ledger_entry_lines' cannot continue from its bookmark" in refused.stdout
    assert pipeline.meltano("run", "bookmarks:check").returncode == 0
    again = pipeline.run()
    assert again.returncode == 0, again.stdout
    assert pipeline.run().returncode == 0  # what changed after the interrupted read began
    assert_same_ids(pipeline, sandbox)
    log = pipeline.query(
        "SELECT mode, status FROM pennylane.sync_log WHERE stream = 'ledger_entry_lines' "
        "ORDER BY started_at"
    )
    assert [tuple(row.values()) for row in log] == [
        ("scan", "success"),
        ("scan", "failed"),
        ("scan", "success"),
        ("changelog", "success"),
    ]


def test_a_missing_scope_costs_its_stream_alone(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.add_token("not-suppliers", without=["suppliers"])
    done = pipeline.run(TAP_PENNYLANE_API_TOKEN="not-suppliers")  # noqa: S106 - the sandbox's
    assert done.returncode == 1
    sentence = next(line for line in done.stdout.splitlines() if "'suppliers' failed" in line)
    assert "suppliers:readonly" in sentence
    assert not pipeline.live("suppliers")
    assert len(pipeline.live("customers")) == len(sandbox.listed("/customers"))
    assert len(pipeline.live("transactions")) == len(sandbox.listed("/transactions"))


def test_a_refused_token_is_one_sentence_and_nothing_else_is_tried(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    done = pipeline.run(TAP_PENNYLANE_API_TOKEN="refused-token")  # noqa: S106 - nobody's
    assert done.returncode == 1
    assert done.stdout.count("Pennylane refuses the token (401)") == 1
    assert "refused-token" not in done.stdout
    assert sandbox.stats["total"] == 1


def test_what_no_database_can_hold_does_not_break_a_load(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    product = sandbox.listed("/products")[0]
    category = {"id": 1, "weight": "0.33333333333333333\0"}
    odd = [
        {**product, "id": 1, "label": "a\0b", "price": "12345678901234567890.123456789"},
        {**product, "id": 2, "label": "\u202e¡\U0001f4b6!", "price": "0.10"},
    ]
    page = {"items": odd, "has_more": False, "next_cursor": None}
    sandbox.fault("/products", "body", body=json.dumps(page))
    transaction = {**sandbox.listed("/transactions")[0], "id": 3, "categories": [category]}
    page = {"items": [transaction], "has_more": False, "next_cursor": None}
    sandbox.fault("/transactions", "body", body=json.dumps(page))
    done = pipeline.run()
    assert done.returncode == 0, done.stdout
    rows = pipeline.query("SELECT label, price::text FROM pennylane.products ORDER BY id")
    assert rows == [
        {"label": "a\ufffdb", "price": "12345678901234567890.123456789"},
        {"label": "\u202e¡\U0001f4b6!", "price": "0.10"},
    ]
    (row,) = pipeline.live("transactions")
    assert row["categories"] == [{"id": 1, "weight": "0.33333333333333333\ufffd"}]


def test_another_target_takes_the_same_output(
    pipeline: Pipeline, sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = {"TARGET_JSONL_DESTINATION_PATH": str(tmp_path)}
    assert pipeline.tap_into("target-jsonl", **folder).returncode == 0
    gone = sandbox.change("products", delete=1, update=2)
    done = pipeline.tap_into("target-jsonl", **folder)
    assert done.returncode == 0, done.stdout
    rows = {}
    for line in (tmp_path / "products.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rows[row["id"]] = row
    live = {id_ for id_, row in rows.items() if not row["_sdc_deleted_at"]}
    assert live == {item["id"] for item in sandbox.listed("/products")}
    held = {name for name, value in rows[gone["deleted"][0]].items() if value is not None}
    assert held == {"id", "_sdc_deleted_at"}


def test_about_works_as_it_stands(pipeline: Pipeline) -> None:
    done = pipeline.meltano("invoke", "tap-pennylane", "--about")
    assert done.returncode == 0, done.stdout
    assert "TAP_PENNYLANE_API_TOKEN" in done.stdout


def test_a_bad_setting_is_one_sentence(pipeline: Pipeline) -> None:
    """Other ones: tap-pennylane/tests/test_settings.py."""
    done = pipeline.run(TAP_PENNYLANE_PAGE_SIZE="abc")
    assert done.returncode == 1
    assert done.stdout.count("Setting 'page_size' can't be") == 1
    assert "Traceback" not in done.stdout
    assert pipeline.tables() == set()

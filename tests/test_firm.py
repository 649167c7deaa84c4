"""An accounting firm's companies in one warehouse: the views speak of each company by itself."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import openpyxl
import psycopg
import pytest
from pennylane_launcher import meltano
from pennylane_launcher.monitoring import health
from pennylane_sandbox.pytest_plugin import FIRM_TOKEN, running
from playwright.sync_api import expect

import metrics_site
from dashboard_site import FITS, PATIENCE, number, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pennylane_sandbox.pytest_plugin import Sandbox
    from playwright.sync_api import Browser

    from pipelines import Pipeline

FIRM = {"TAP_PENNYLANE_API": "firm"}
LISTS = {
    "customer_invoices": "customer_invoices",
    "dms_files": "dms/files",
    "dms_folders": "dms/folders",
    "journals": "journals",
    "ledger_entries": "ledger_entries",
    "ledger_entry_lines": "ledger_entry_lines",
    "suppliers": "suppliers",
}
"""Some views, and what the sandbox calls their collections."""
BALANCES = """
SELECT company_id, period_start, account_number, debits FROM pennylane_live.trial_balance
"""
FIGURES = """
SELECT
    company.company_id,
    coalesce(result.result, 0) AS result,
    coalesce(result.previous_result, 0) AS previous_result,
    coalesce(result.turnover, 0) AS turnover,
    coalesce(result.previous_turnover, 0) AS previous_turnover,
    bank.cash,
    balance.cash AS balance_sheet,
    balance.previous_cash,
    coalesce(aged.overdue, 0) AS overdue_receivables,
    coalesce(finding.errors, 0) AS errors,
    coalesce(finding.others, 0) AS others
FROM pennylane_live.companies AS company
LEFT JOIN (
    SELECT company_id, sum(result) AS result, sum(previous_result) AS previous_result,
        sum(result) FILTER (WHERE line IN ('goods_sold', 'production_sold')) AS turnover,
        sum(previous_result) FILTER (WHERE line IN ('goods_sold', 'production_sold'))
            AS previous_turnover
    FROM pennylane_marts.income_statement_by_month
    WHERE now() BETWEEN fiscal_year_start AND fiscal_year_end + 1 AND month <= now()
    GROUP BY 1
) AS result USING (company_id)
LEFT JOIN (
    SELECT company_id, sum(ledger_balance) AS cash
    FROM (
        SELECT DISTINCT ON (company_id, bank_account_id) company_id, ledger_balance
        FROM pennylane_marts.cash_position ORDER BY company_id, bank_account_id, date DESC
    ) AS latest
    GROUP BY 1
) AS bank USING (company_id)
LEFT JOIN (
    SELECT company_id,
        sum(net) FILTER (WHERE date_trunc('month', as_of) = date_trunc('month', now())) AS cash,
        sum(net) FILTER (
            WHERE date_trunc('month', as_of) = date_trunc('month', now() - interval '1 year')
        ) AS previous_cash
    FROM pennylane_marts.balance_sheet WHERE line = 'cash' GROUP BY 1
) AS balance USING (company_id)
LEFT JOIN (
    SELECT company_id,
        sum(overdue_1_30 + overdue_31_60 + overdue_61_90 + overdue_over_90) AS overdue
    FROM pennylane_marts.aged_receivables GROUP BY 1
) AS aged USING (company_id)
LEFT JOIN (
    SELECT company_id, count(*) FILTER (WHERE severity = 'error') AS errors,
        count(*) FILTER (WHERE severity <> 'error') AS others
    FROM pennylane_marts.controls GROUP BY 1
) AS finding USING (company_id)
ORDER BY 1
"""
"""What the statements of the fiscal year at hand say; the ledger's accounts are the banks' here."""
PORTFOLIO = """
SELECT company_id, result, previous_result, turnover, previous_turnover, cash,
    cash AS balance_sheet, previous_cash, overdue_receivables, errors, warnings + infos AS others
FROM pennylane_marts.portfolio ORDER BY 1
"""
VIEWS = """
SELECT table_schema || '.' || table_name AS name FROM information_schema.columns
WHERE column_name = 'company_id' AND table_schema IN ('pennylane_live', 'pennylane_marts')
"""


@pytest.fixture(scope="module")
def firm() -> Iterator[Sandbox]:
    with running("--companies", "3", "--size", "300", "--rate-limit", "none") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def pipeline(pipeline_of: Callable[[Sandbox], Pipeline], firm: Sandbox) -> Pipeline:
    made = pipeline_of(replace(firm, token=FIRM_TOKEN))
    done = made.sync(**FIRM)
    assert done.returncode == 0, done.stdout
    return made


def test_the_views_have_the_rows_of_each_company(pipeline: Pipeline, firm: Sandbox) -> None:
    companies = {one["id"]: one["name"] for one in firm.companies}
    for view, collection in LISTS.items():
        rows = pipeline.query(
            f"SELECT company_id, company_name, count(*) FROM pennylane_live.{view} GROUP BY 1, 2"  # noqa: S608
        )
        assert {row["company_id"]: row["company_name"] for row in rows} == companies, view
        for row in rows:
            assert row["count"] == len(firm.of(row["company_id"]).state(collection)), view


def test_balances_are_those_of_each_company(pipeline: Pipeline, firm: Sandbox) -> None:
    rows = pipeline.query(
        "SELECT company_id, period_start, account_number, sum(debits) AS debits,"
        " sum(credits) AS credits FROM pennylane_marts.trial_balance_computed GROUP BY 1, 2, 3"
    )
    found = {
        (row["company_id"], str(row["period_start"]), row["account_number"]): (
            row["debits"],
            row["credits"],
        )
        for row in rows
    }
    wanted = {
        (company, row["period_start"], row["number"]): (
            Decimal(row["debits"]),
            Decimal(row["credits"]),
        )
        for company in (one["id"] for one in firm.companies)
        for row in firm.of(company).rows("/trial_balance")
    }
    assert found == wanted


def test_no_view_has_a_row_of_an_unknown_company(pipeline: Pipeline, firm: Sandbox) -> None:
    companies = {one["id"]: one["name"] for one in firm.companies}
    views = pipeline.query(VIEWS)
    assert len(views) > 60
    for view in (row["name"] for row in views if row["name"] != "pennylane_live.sync_log"):
        found = pipeline.query(f"SELECT DISTINCT company_id, company_name FROM {view}")  # noqa: S608
        assert {(row["company_id"], row["company_name"]) for row in found} <= set(
            companies.items()
        ), view


def test_a_session_can_look_at_one_company(pipeline: Pipeline, firm: Sandbox) -> None:
    chosen = firm.companies[1]["id"]
    views = [row["name"] for row in pipeline.query(VIEWS)]
    count = "SELECT company_id, count(*) FROM {} WHERE company_id = {} GROUP BY 1"
    with psycopg.connect(pipeline.url) as connection:
        wanted = {
            view: connection.execute(count.format(view, chosen).encode()).fetchall()
            for view in views
        }
        connection.execute(f"SET pennylane.company = {chosen}".encode())
        found = {
            view: connection.execute(
                f"SELECT company_id, count(*) FROM {view} GROUP BY 1".encode()  # noqa: S608
            ).fetchall()
            for view in views
        }
    assert found == wanted
    assert len([view for view, rows in found.items() if rows]) > 30


def test_the_portfolio_has_the_figures_of_the_statements(pipeline: Pipeline) -> None:
    rows = pipeline.query(PORTFOLIO)
    assert rows == pipeline.query(FIGURES)
    assert all(row["result"] and row["turnover"] and row["cash"] for row in rows)
    assert any(row["overdue_receivables"] for row in rows)


def test_what_is_gone_in_one_company_stays_in_the_others(pipeline: Pipeline, firm: Sandbox) -> None:
    one, *others = (firm.of(company["id"]) for company in firm.companies)
    before = {row["id"] for row in one.state("customer_invoices")}
    one.change("ledger_entries", create=2, update=1, delete=1)
    one.change("customer_invoices", delete=2, silent=True)
    firm.control("POST", "clock", advance_seconds=300)  # fiscal years are read again by then
    verified = dict.fromkeys(("customer_invoices", "ledger_entries", "ledger_entry_lines"), 0)
    done = pipeline.run(**FIRM, TAP_PENNYLANE_VERIFY_DAYS=json.dumps(verified))
    assert done.returncode == 0, done.stdout
    for company in (one, *others):
        for view in verified:
            rows = pipeline.query(
                f"SELECT id FROM pennylane_live.{view} WHERE company_id = {company.company_id}"  # noqa: S608
            )
            assert {row["id"] for row in rows} == {row["id"] for row in company.state(view)}, view
        rows = pipeline.query(BALANCES)
        assert {
            (str(row["period_start"]), row["account_number"]): row["debits"]
            for row in rows
            if row["company_id"] == company.company_id
        } == {
            (row["period_start"], row["number"]): Decimal(row["debits"])
            for row in company.rows("/trial_balance")
        }
    parts = pipeline.query(
        "SELECT DISTINCT company_id FROM pennylane.trial_balance"
        " WHERE number = '' AND period_start > '2000-01-01'"
    )
    assert [row["company_id"] for row in parts] == [one.company_id]
    gone = before - {row["id"] for row in one.state("customer_invoices")}
    assert len(gone) == 2
    # No event told of them, and the audit trail knows of them.
    deleted = pipeline.query(
        "SELECT company_id, row_key FROM pennylane_marts.changes"
        " WHERE table_name = 'customer_invoices' AND change = 'deleted'"
    )
    assert {(row["company_id"], int(row["row_key"])) for row in deleted} == {
        (one.company_id, identity) for identity in gone
    }


def test_the_portfolio_is_computed_again_after_books_have_changed(pipeline: Pipeline) -> None:
    pipeline.execute(
        "UPDATE pennylane.ledger_entry_lines SET debit = debit + 1000,"
        " _sdc_sync_started_at = 1000 * extract(epoch FROM now())::bigint"
        " WHERE (company_id, id) = (SELECT company_id, id FROM pennylane.ledger_entry_lines"
        " WHERE ledger_account_number LIKE '6%' AND _sdc_deleted_at IS NULL"
        " ORDER BY company_id DESC, id DESC LIMIT 1)"
    )
    assert pipeline.query(PORTFOLIO) != pipeline.query(FIGURES)
    computed = []
    for _ in range(2):
        done = pipeline.meltano("run", "views:build", **FIRM)
        assert done.returncode == 0, done.stdout
        assert "Building the views" not in done.stdout
        computed += pipeline.query("SELECT max(figures_at) AS at FROM pennylane_marts.portfolio")
    rows = pipeline.query(PORTFOLIO)
    assert rows == pipeline.query(FIGURES)
    assert any(row["errors"] for row in rows)
    assert computed[0] == computed[1]  # nothing was loaded in between


def test_each_company_says_how_its_last_run_ended(pipeline: Pipeline, firm: Sandbox) -> None:
    refused, hidden, read = (one["id"] for one in firm.companies)
    names = {one["id"]: one["name"] for one in firm.companies}
    firm.allow(refused, "refused")
    firm.allow(hidden, "hidden")
    done = pipeline.sync(**FIRM)
    firm.allow(refused, "open")
    firm.allow(hidden, "open")
    assert done.returncode != 0
    found = pipeline.query("SELECT * FROM pennylane.sync_companies")
    rows = {row["company_id"]: row for row in found}
    assert {company: row["last_status"] for company, row in rows.items()} == {
        refused: "failed",
        hidden: "gone",
        read: "success",
    }
    assert {company: row["company_name"] for company, row in rows.items()} == names
    assert f"Pennylane refuses company '{names[refused]}'" in rows[refused]["last_error"]
    assert "ledger_entry_lines" in rows[refused]["failed_tables"]
    assert rows[read]["last_error"] is None
    assert rows[refused]["last_sync_date"] < rows[read]["last_sync_date"]


def test_what_is_wrong_is_told_by_company(pipeline: Pipeline, firm: Sandbox) -> None:
    settings = {"TARGET_POSTGRES_SQLALCHEMY_URL": meltano.sqlalchemy(pipeline.url)}
    settings["HEALTH_MAX_AGE_HOURS"] = "0.01"
    pipeline.execute(  # the one that was read is the one that is old, as if no run had followed
        "UPDATE pennylane.sync_log SET started_at = started_at - interval '1 hour'"
        " WHERE status = 'success'"
    )
    refused, hidden, read = (f"{one['name']} ({one['id']})" for one in firm.companies)
    found = {each.kind: each for each in health.check(pipeline.project, settings).problems}
    assert not {"run", "failed"} & found.keys()
    assert found["stale"].members.keys() == {"companies"}  # the firm's list
    assert str(found["company_failed"]).startswith(
        f"The last run failed for {refused}: Pennylane refuses it: "
    )
    assert sorted(found["company_stale"].members) == sorted([refused, read])
    assert str(found["company_stale"]).startswith("2 companies were not read completely for more")
    assert str(found["company_gone"]) == (
        "1 company was taken off the firm's list or out of the settings, but not the warehouse:"
        f" {hidden}."
    )
    # The books that were changed above.
    assert f"fiscal year {firm.companies[2]['name']}, 20" in str(found["reconciliation"])


def test_the_record_of_runs_names_the_companies_that_failed(
    pipeline: Pipeline, firm: Sandbox
) -> None:
    rows = pipeline.query("SELECT * FROM pennylane.etl_logs ORDER BY execution_date")
    assert len({row["id"] for row in rows}) == len(rows)
    first = next(row for row in rows if row["table_name"] == "journals")
    assert first["records_extracted"] == sum(
        len(firm.of(one["id"]).state("journals")) for one in firm.companies
    )
    failed = [row for row in rows if row["status"] == "failed"]
    refused = firm.companies[0]["name"]
    assert {row["run_id"] for row in failed} == {rows[-1]["run_id"]}
    assert all(refused in row["error_message"] for row in failed)


def test_a_firm_s_metrics_are_few(pipeline: Pipeline, firm: Sandbox) -> None:
    done = subprocess.run(
        metrics_site.command("--once"),
        cwd=pipeline.project,
        env=metrics_site.variables(pipeline.url),
        capture_output=True,
        text=True,
        check=True,
    )
    found = metrics_site.parsed(done.stdout)
    per_company = {
        line.partition("{")[0]
        for line in done.stdout.splitlines()
        if any(f'company_id="{one["id"]}"' in line for one in firm.companies)
    }
    assert per_company == {"pennylane_company_age_seconds", "pennylane_company_last_run_success"}
    refused, hidden, read = (one["name"] for one in firm.companies)
    assert found["pennylane_company_last_run_success"] == {refused: 0, read: 1}
    assert hidden not in found["pennylane_company_age_seconds"]
    assert found["pennylane_companies"] == {"success": 1, "failed": 1, "gone": 1, "never": 0}
    (row,) = pipeline.query(
        "SELECT sum(requests) AS n FROM pennylane.sync_log WHERE stream = 'ledger_entry_lines'"
    )
    assert found["pennylane_requests_total"]["ledger_entry_lines"] == row["n"]
    assert found["pennylane_problems"]["company_failed"] == 1
    assert "company_gone" not in found["pennylane_open_incidents"]


def test_the_dashboard_begins_with_all_companies(
    pipeline: Pipeline, firm: Sandbox, browser: Browser, tmp_path: Path
) -> None:
    found = pipeline.query("SELECT * FROM pennylane_marts.portfolio ORDER BY result DESC")
    with served(pipeline, browser) as site:
        page = site.open("", lang="fr")
        expect(page.locator("h1")).to_have_text("Portefeuille")
        rows = site.rows("portfolio")
        # What the last test has done: one company is refused, another is gone.
        failed, *_ = rows
        refused, hidden, _ = (one["name"] for one in firm.companies)
        assert (failed[0], failed[1]) == (refused, "échec")
        assert {row[0]: row[1] for row in rows[1:]}[hidden] == "partie"
        assert "3 sociétés ; 1 en échec, 0 non lues" in page.locator("main").inner_text()
        wrong = page.locator("table[data-name=portfolio] tbody tr .wrong").all_inner_texts()
        assert "échec" in wrong
        assert "partie" not in wrong
        assert {row[0]: tuple(map(number, row[3:6])) for row in rows} == {
            row["company_name"]: (
                row["result"],
                row["cash"],
                row["overdue_receivables"],
            )
            for row in found
        }
        assert site.faults() == []
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function(FITS, timeout=PATIENCE)

        by_result = page.get_by_role("link", name="Résultat", exact=True)
        site.follow(by_result.last)
        site.follow(page.get_by_role("link", name="Résultat ▲"))
        assert "sort=-result" in page.url
        assert [row[0] for row in site.rows("portfolio")] == [row["company_name"] for row in found]
        with page.expect_download() as started:
            page.get_by_role("button", name="XLSX").click()
        started.value.save_as(tmp_path / "portfolio.xlsx")
        (sheet,) = openpyxl.load_workbook(tmp_path / "portfolio.xlsx").worksheets
        assert [row[3].value for row in sheet.iter_rows(min_row=2)] == [
            pytest.approx(float(row["result"])) for row in found
        ]

        best = found[0]
        name = best["company_name"]
        page = site.open("", lang="en", search=name[2:].upper())
        expect(page.locator("h1")).to_have_text("Portfolio")
        assert [row[0] for row in site.rows("portfolio")] == [name]
        site.follow(page.get_by_role("link", name=name))
        expect(page.locator("h1")).to_have_text("Overview")
        assert f"company={best['company_id']}" in page.url
        tiles = page.locator(".tile .figure").all_inner_texts()
        assert [number(tile) for tile in tiles[:4]] == [
            best["turnover"],
            best["result"],
            best["cash"],
            best["overdue_receivables"],
        ]
        site.follow(page.get_by_role("link", name="Portfolio"))
        site.open("", sort="nothing")
        assert "unknown" in site.sentence() or "inconnue" in site.sentence()
        assert site.complaints == []


def test_the_keyboard_alone_chooses_a_company(pipeline: Pipeline, browser: Browser) -> None:
    first, second, third = pipeline.query(
        "SELECT * FROM pennylane_marts.portfolio ORDER BY company_name"
    )
    with served(pipeline, browser) as site:
        page = site.open("", lang="en")
        site.tab_to("link", first["company_name"])
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Overview")
        site.drawn()

        def chosen(company: dict[str, Any]) -> None:
            """The page and its address are about a company."""
            page.wait_for_url(f"**company={company['company_id']}**")
            site.drawn()
            assert "year=" not in page.url
            expect(page.get_by_role("combobox", name="Company")).to_be_visible()
            assert [
                number(tile) for tile in page.locator(".tile .figure").all_inner_texts()[:3]
            ] == [company["turnover"], company["result"], company["cash"]]

        # By arrows, and by its name; another page keeps it.
        site.tab_to("combobox", "Company")
        for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Enter"):
            page.keyboard.press(key)
        chosen(third)
        site.tab_to("combobox", "Company")
        page.keyboard.type(second["company_name"])
        page.keyboard.press("Enter")
        chosen(second)
        site.tab_to("link", "VAT")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("VAT")
        assert f"company={second['company_id']}" in page.url
        assert site.complaints == []


def test_a_company_that_left_leaves_nothing_behind(pipeline: Pipeline, firm: Sandbox) -> None:
    left, *others = (str(one["id"]) for one in firm.companies)
    pipeline.execute(
        "CREATE SCHEMA pennylane_access;"  # noqa: S608
        "CREATE TABLE pennylane_access.grants (reader text, company_id bigint);"
        f"INSERT INTO pennylane_access.grants VALUES ('alice', {left}), ('alice', {others[0]})"
    )
    assert {"meltano.state", "pennylane.sync_log", "pennylane.companies"} < {
        *pipeline.mentions(left)
    }
    before = {table: _rows(pipeline, table, left) for table in ("ledger_entry_lines", "journals")}

    done = pipeline.launch("remove-company", "1", "--yes")
    assert "No table has a row of a company with the id 1." in done.stdout
    done = pipeline.launch("remove-company", left)
    assert "pennylane.ledger_entry_lines: " in done.stdout
    assert f"make remove-company COMPANY={left} ARGS=--yes" in done.stdout
    assert pipeline.mentions(left)  # nobody said yes

    done = pipeline.launch("remove-company", left, "--yes")
    assert done.returncode == 0, done.stdout
    assert f"rows of company {left} in " in done.stdout
    assert pipeline.mentions(left) == []
    assert {table: _rows(pipeline, table, left) for table in before} == before
    grants = pipeline.query("SELECT company_id FROM pennylane_access.grants")
    assert [str(row["company_id"]) for row in grants] == others[:1]

    # The next run goes on from the bookmarks of the others, and loads no row again.
    excluded = {"TAP_PENNYLANE_EXCLUDE_COMPANY_IDS": f"[{left}]"}
    steps = ("bookmarks:check", "tap-pennylane", "snake-case", "target-postgres")
    done = pipeline.meltano("run", *steps, **FIRM, **excluded)
    assert done.returncode == 0, done.stdout
    assert "read completely again" not in done.stdout
    assert pipeline.mentions(left) == []
    assert _rows(pipeline, "ledger_entry_lines", left) == before["ledger_entry_lines"]


def _rows(pipeline: Pipeline, table: str, but: str) -> list[dict[str, Any]]:
    """A table's rows of the other companies, with what the target wrote into them."""
    where = f"company_id <> {but} ORDER BY 1, 2"
    return pipeline.query(f"SELECT * FROM pennylane.{table} WHERE {where}")  # noqa: S608

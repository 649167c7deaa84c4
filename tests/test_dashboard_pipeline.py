"""The dashboard's page about the pipeline: what it shows, and that a run is seen while it is on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
from playwright.sync_api import expect

from dashboard_site import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from pipelines import Pipeline

REASON = "the network <b>broke</b>"
BEGIN = """
    INSERT INTO meltano.runs (job_name, run_id, state, started_at, last_heartbeat_at,
        ended_at, payload, payload_flags, trigger)
    SELECT job_name, gen_random_uuid(), 'RUNNING', moment, moment, NULL, '{}', 0, ''
    FROM meltano.runs, (SELECT clock_timestamp() AT TIME ZONE 'utc' AS moment) AS now
    WHERE job_name LIKE '%tap-pennylane%'
"""
FAIL = f"""
    UPDATE meltano.runs SET state = 'FAIL', ended_at = clock_timestamp() AT TIME ZONE 'utc',
        payload = '{{"error": "{REASON}"}}'
    WHERE state = 'RUNNING'
"""  # noqa: S608 - constant
ONE_CENT = """;
    UPDATE pennylane.ledger_entry_lines SET debit = debit + 0.01
    WHERE id = (SELECT max(id) FROM pennylane.ledger_entry_lines WHERE debit > 0)
"""


def cells(page: Page, name: str) -> list[list[str]]:
    """The cells of a table."""
    found: list[list[str]] = page.locator(f"table[data-name={name}]").evaluate(
        "table => [...table.querySelectorAll('tbody tr')]"
        ".map(row => [...row.children].map(cell => cell.innerText.trim()))"
    )
    return found


def allow(pipeline: Pipeline, is_allowed: str) -> None:
    """Let PostgreSQL accept connections to the database, or not."""
    (name,) = re.findall(r"@/(\w+)", pipeline.url)
    maintenance = pipeline.url.replace(f"@/{name}", "@/template1")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {is_allowed}".encode())


def test_the_page_shows_what_the_views_know_and_each_run_while_it_is_on(
    books: Pipeline, browser: Browser
) -> None:
    pipeline = books.copy()
    with served(pipeline, browser, "en-US") as site:
        page = site.open("pipeline")
        latest = page.locator("[data-name=latest]")
        expect(latest).to_contain_text("succeeded")
        rows = {row[0]: row[3] for row in cells(page, "tables")}
        assert rows == {
            row["table_name"]: f"{row['total_records']:,}"
            for row in pipeline.query("SELECT * FROM pennylane.sync_metadata")
        }
        (run,) = cells(page, "runs")
        (sums,) = pipeline.query("""
            SELECT sum(records_loaded) AS rows,
                (SELECT sum(requests) FROM pennylane.sync_log) AS requests
            FROM pennylane.etl_logs
        """)
        assert run[1] == "succeeded"
        assert run[3:5] == [f"{sums['rows']:,}", str(sums["requests"])]
        assert page.get_by_text("No difference: the lines add up").is_visible()
        assert page.get_by_text("No problem: every table was read").is_visible()

        # Without reloading: the database goes away and comes back, a run begins, and fails.
        allow(pipeline, "false")
        expect(page.get_by_text("The database does not answer.")).to_be_visible()
        allow(pipeline, "true")
        expect(latest).to_contain_text("succeeded")
        pipeline.execute(BEGIN)
        expect(latest).to_contain_text("running")
        expect(page.get_by_text("A run is in progress.")).to_be_visible()
        expect(page.locator("table[data-name=runs] tbody tr")).to_have_count(2)
        pipeline.execute(FAIL + ONE_CENT)
        expect(latest).to_contain_text("failed")
        expect(page.get_by_test_id("stAlertContentError")).to_contain_text("The latest run failed")
        assert REASON in page.get_by_test_id("stCode").inner_text()
        expect(page.locator("table[data-name=problems] tbody tr")).to_have_count(1)
        (problem,) = cells(page, "problems")
        assert problem[0] == "The last read failed"
        assert set(problem[1].split(", ")) == rows.keys()
        assert REASON in problem[3]
        (found,) = pipeline.query("SELECT * FROM pennylane_logs.trial_balance_differences")
        (difference,) = cells(page, "reconciliation")
        assert difference[2:5] == [
            found["account_number"],
            f"€{found['debits']:,.2f}",
            f"€{found['reported_debits']:,.2f}",
        ]

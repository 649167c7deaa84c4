"""How long each mart takes to answer a query for a month or a year, and how much CPU it takes.

    .venv/bin/python benchmarks/marts.py --size 1000000      # loads first: a few minutes
    .venv/bin/python benchmarks/marts.py --loaded --plans    # queries again, and shows the plans

Loads the sandbox's company, without a rate limit, into a separate database on the embedded
PostgreSQL with `meltano run sync`; then queries it, best of three. CPU-seconds are those of the
session and of its parallel workers: they vary less than times if other programs are running.
`--bare` measures again without the indexes.
"""

import argparse
import subprocess
from pathlib import Path

import psutil
import psycopg
from pennylane_launcher import meltano
from pennylane_launcher.postgres import embedded
from pennylane_sandbox.pytest_plugin import running
from psycopg import sql

PROJECT = Path(__file__).parents[1]
MONTH = "between '2025-03-01' and '2025-03-31'"
QUESTIONS = {
    "general_ledger": f"select * from pennylane_marts.general_ledger where date {MONTH}",
    "general_ledger_by_category": f"""
        select category_label, sum(balance) from pennylane_marts.general_ledger_by_category
        where date {MONTH} group by category_label""",
    "trial_balance": """
        select * from pennylane_marts.trial_balance where period_start = '2025-01-01'""",
    "opening_balances": """
        select * from pennylane_marts.opening_balances where period_start = '2025-01-01'""",
    "trial_balance_computed": """
        select * from pennylane_marts.trial_balance_computed where period_start = '2025-01-01'""",
    "invoices_receivable": f"""
        select customer_name, sum(remaining_amount) from pennylane_marts.invoices_receivable
        where due_date {MONTH} group by customer_name""",
    "invoices_payable": f"""
        select supplier_name, sum(remaining_amount) from pennylane_marts.invoices_payable
        where due_date {MONTH} group by supplier_name""",
    "bank_movements": f"""
        select invoice_matching, count(*), sum(amount) from pennylane_marts.bank_movements
        where date {MONTH} group by invoice_matching""",
    "bank_reconciliation": """
        select * from pennylane_marts.bank_reconciliation where month = '2025-03-01'""",
    "open_items_bridge": "select * from pennylane_marts.open_items_bridge",
    "vat_summary": "select * from pennylane_marts.vat_summary where month = '2025-03-01'",
    "monthly_profit_and_loss": """
        select * from pennylane_marts.monthly_profit_and_loss where month = '2025-03-01'""",
    "fec": f'select * from pennylane_marts.fec where "EcritureDate" {MONTH}',
    "fec_file": """
        select * from pennylane_marts.fec_file
        where "EcritureDate" between '20250301' and '20250331'""",
    "balance_sheet": "select * from pennylane_marts.balance_sheet where as_of = '2025-12-31'",
    "balance_sheet of all months": """
        select * from pennylane_marts.balance_sheet where fiscal_year_start = '2025-01-01'""",
    "income_statement": """
        select * from pennylane_marts.income_statement where fiscal_year_start = '2025-01-01'""",
    "income_statement_by_month": """
        select * from pennylane_marts.income_statement_by_month where month = '2025-03-01'""",
    "intermediate_balances": """
        select * from pennylane_marts.intermediate_balances
        where fiscal_year_start = '2025-01-01'""",
    "analytical_income_statement": """
        select * from pennylane_marts.analytical_income_statement
        where fiscal_year_start = '2025-01-01'""",
    "account_statement": f"""
        select * from pennylane_marts.account_statement
        where account_number = '512100' and date {MONTH}""",
    "aged_receivables": "select * from pennylane_marts.aged_receivables",
    "aged_payables": "select * from pennylane_marts.aged_payables",
    "payment_delays": "select * from pennylane_marts.payment_delays where as_of = '2025-12-31'",
    "customer_summary": "select * from pennylane_marts.customer_summary",
    "sales_by_line": f"select * from pennylane_marts.sales_by_line where date {MONTH}",
    "cash_position": f"select * from pennylane_marts.cash_position where date {MONTH}",
    "cash_by_month": "select * from pennylane_marts.cash_by_month",
    "cash_flow": "select * from pennylane_marts.cash_flow where month = '2025-03-01'",
    "cash_forecast": "select * from pennylane_marts.cash_forecast",
    "supplier_summary": "select * from pennylane_marts.supplier_summary",
    "vat_return": "select * from pennylane_marts.vat_return where month = '2025-03-01'",
    "vat_by_invoice of a month": """
        select kind, vat_rate, substance, sum(base), sum(tax)
        from pennylane_marts.vat_by_invoice_between('2025-03-01', '2025-03-31') group by 1, 2, 3""",
    "vat_by_invoice": "select count(*), sum(tax) from pennylane_marts.vat_by_invoice",
    "controls": "select * from pennylane_marts.controls",
    "changes": "select * from pennylane_marts.changes",
    "changes_after_closing": "select * from pennylane_marts.changes_after_closing",
    "all entries": "select count(*) from pennylane_live.ledger_entries",
    "entries of a month": f"""
        select * from pennylane_live.ledger_entries where date {MONTH}""",
    "an entry": """
        select * from pennylane_live.ledger_entries where id = (
            select max(ledger_entry_id) from pennylane_live.ledger_entry_lines)""",
    "lines of an account": """
        select * from pennylane_marts.general_ledger where account_number = '706000'
        order by date desc limit 100""",
    "lines of an entry": """
        select * from pennylane_marts.general_ledger where ledger_entry_id = (
            select max(id) from pennylane_live.ledger_entries)""",
    "invoices of a month": f"""
        select * from pennylane_live.customer_invoices where date {MONTH}""",
    "invoices of a customer": """
        select * from pennylane_live.customer_invoices where customer_id = (
            select max(id) from pennylane_live.customers)""",
    "etl_logs": "select * from pennylane.etl_logs",
    "sync_metadata": "select * from pennylane.sync_metadata",
}


DATABASE = "marts_benchmark"


def books(server: embedded.Server, size: int | None) -> str:
    """Return the URL of the database with the books.

    Args:
        server: which has it.
        size: ledger entry lines of the company to load; None for what was loaded before.
    """
    if size is None:
        return server.url(DATABASE)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        # Old bookmarks would leave out other books.
        connection.execute(f"drop database if exists {DATABASE} with (force)".encode())
    url = server.url(DATABASE)
    load(url, size)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")
    return url


def load(url: str, size: int) -> None:
    """Load a company with this number of ledger entry lines, and build the views."""
    with running("--size", str(size), "--rate-limit", "none") as sandbox:
        environment = meltano.environment(url, api_url=sandbox.url, token=sandbox.token)
        subprocess.run(
            meltano.command(
                "--log-config",
                "/dev/null",
                "--log-level",
                "warning",
                "run",
                "sync",
                env_file=Path("/dev/null"),
            ),
            cwd=PROJECT,
            env=environment | {"TAP_PENNYLANE_REQUESTS_PER_WINDOW": "100000"},
            check=True,
        )


def ask(connection: psycopg.Connection, question: str) -> tuple[float, float, str]:
    """Return the seconds of the best of three runs, its CPU-seconds, and its plan."""
    found = []
    session = psutil.Process(connection.info.backend_pid)
    server = session.parent()
    for _ in range(3):
        before = used(session, server)
        rows = connection.execute(f"explain (analyze, costs off, timing off) {question}".encode())
        plan = "\n".join(row[0] for row in rows)
        milliseconds = float(plan.rsplit("Execution Time: ", 1)[1].split()[0])
        found.append((milliseconds / 1000, used(session, server) - before, plan))
    return min(found)


def used(session: psutil.Process, server: psutil.Process | None) -> float:
    """The CPU-seconds of a session so far, and of the server's processes that have ended."""
    own = session.cpu_times()
    ended = server.cpu_times() if server else None
    workers = ended.children_user + ended.children_system if ended else 0.0
    return own.user + own.system + workers


def main() -> None:
    """Load, query, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="ledger entry lines")
    parser.add_argument("--loaded", action="store_true", help="query what was loaded before")
    parser.add_argument("--plans", action="store_true", help="show the plan of each query")
    parser.add_argument("--bare", action="store_true", help="measure without the indexes, too")
    given = parser.parse_args()
    with embedded.server(PROJECT / ".embedded") as server:
        url = books(server, None if given.loaded else given.size)
        with psycopg.connect(url) as connection:
            print("| Query | seconds | CPU-seconds |\n|---|---|---|")
            for name, question in QUESTIONS.items():
                seconds, cpu, plan = ask(connection, question)
                print(f"| {name} | {seconds:.2f} | {cpu:.2f} |", flush=True)
                if given.plans:
                    print(plan)
            if given.bare:
                without(connection)


def without(connection: psycopg.Connection) -> None:
    """Print the seconds without the indexes, which come back with the end of the transaction."""
    indexes = connection.execute(
        "select indexname from pg_indexes "
        "where schemaname = 'pennylane' and indexname ~ '_(live|dead|written)$'"
    ).fetchall()
    for (index,) in indexes:
        connection.execute(sql.SQL("drop index {}").format(sql.Identifier("pennylane", index)))
    print("\n| Query | seconds without indexes |\n|---|---|")
    for name, question in QUESTIONS.items():
        print(f"| {name} | {ask(connection, question)[0]:.2f} |", flush=True)
    connection.rollback()


if __name__ == "__main__":
    main()

"""Open items, cash, VAT and sales, compared with figures computed from the API's answers."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drafts import Draft
    from pipelines import Pipeline

NOTHING = Decimal(0)
DAYS = ("2024-12-31", "2025-06-15", "2025-12-31", "2040-01-01")
CASH = ("51", "53", "54", "58")
NOT_ISSUED = {"draft", "proforma", "shipping_order", "purchasing_order"}
Item = dict[str, Any]


class Api:
    """The API's answers, and what an accountant computes from them."""

    def __init__(self, books: Pipeline) -> None:
        self.state = books.sandbox.state

    @cached_property
    def lines(self) -> list[Item]:
        """The ledger's lines; `repeated` marks opening balances of accounts with earlier lines."""
        journals = {row["id"]: row["code"] for row in self.state("journals")}
        first: dict[str, str] = {}
        found = []
        for line in sorted(self.state("ledger_entry_lines"), key=lambda line: line["date"]):
            number = line["ledger_account"]["number"]
            first.setdefault(number, line["date"])
            carried = journals[line["journal"]["id"]] == "AN"
            found.append(
                {
                    "id": line["id"],
                    "entry": line["ledger_entry"]["id"],
                    "date": line["date"],
                    "number": number,
                    "amount": Decimal(line["debit"]) - Decimal(line["credit"]),
                    "lettered": line["lettered_ledger_entry_lines"]["ids"],
                    "categories": line["categories"],
                    "carried": carried,
                    "repeated": carried and line["date"] > first[number],
                }
            )
        return found

    def year(self, day: str) -> Item:
        """The fiscal year of a day."""
        years = self.state("fiscal_years")
        return next(year for year in years if year["start"] <= day <= year["finish"])

    def by_entry(self) -> dict[int, list[Item]]:
        """The lines of each entry."""
        found = defaultdict(list)
        for line in self.lines:
            found[line["entry"]].append(line)
        return found

    def open_items(self, accounts: str, day: str) -> dict[int, Decimal]:
        """What is left of lettered groups and single lines, by the smallest id of each."""
        found: dict[int, Decimal] = defaultdict(Decimal)
        for line in self.lines:
            if line["number"].startswith(accounts) and line["date"] <= day and not line["repeated"]:
                found[min([line["id"], *line["lettered"]])] += line["amount"]
        return {item: amount for item, amount in found.items() if amount}

    @cached_property
    def invoices(self) -> list[Item]:
        """The issued customer invoices and credit notes."""
        return [
            row
            for row in self.state("customer_invoices")
            if not row["draft"]
            and row["status"] not in NOT_ISSUED
            and not row["status"].startswith("estimate")
        ]

    @cached_property
    def purchases(self) -> list[Item]:
        """The suppliers' invoices."""
        rows = self.state("supplier_invoices")
        return [row for row in rows if row["accounting_status"] != "draft"]


@pytest.fixture(scope="module")
def api(books: Pipeline) -> Api:
    return Api(books)


def added(rows: Iterable[Item], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), NOTHING)


@pytest.mark.parametrize(
    ("view", "accounts", "sign"), [("aged_receivables", "411", 1), ("aged_payables", "401", -1)]
)
def test_the_aged_balance_follows_the_lettering(
    draft: Draft, api: Api, view: str, accounts: str, sign: int
) -> None:
    number = {line["id"]: line["number"] for line in api.lines}
    lettered = {line["id"]: line["lettered"] for line in api.lines}
    for day in DAYS:
        rows = draft.ask(f"SELECT * FROM {view}_on('{day}')")  # noqa: S608
        expected = api.open_items(accounts, day)
        ids = [
            min([row["ledger_entry_line_id"], *lettered[row["ledger_entry_line_id"]]])
            for row in rows
        ]
        left = [sign * row["remaining_amount"] for row in rows]
        assert dict(zip(ids, left, strict=True)) == expected, day
        for row in rows:
            assert row["account_number"] == number[row["ledger_entry_line_id"]]
            late = max((date.fromisoformat(day) - row["due_date"]).days, 0)
            assert row["days_overdue"] == late
            columns = [f"overdue_{age}" for age in ("1_30", "31_60", "61_90", "over_90")]
            columns = ["not_due", *columns, "credits"]
            place = min(-(-late // 30), 4) if row["remaining_amount"] > 0 else 5
            shown = {name: row[name] for name in columns if row[name]}
            assert shown == {columns[place]: row["remaining_amount"]}
    today = draft.ask(f"SELECT sum(remaining_amount) AS owed FROM {view}")  # noqa: S608
    assert today[0]["owed"] == sign * sum(api.open_items(accounts, "2040-01-01").values())


def test_a_payment_settles_an_invoice_on_its_day(draft: Draft) -> None:
    draft.add("journals", id=1, code="AN", label="À-nouveaux")
    draft.add("journals", id=3, code="OD", label="Opérations diverses")
    draft.add("fiscal_years", id=1, start="2029-02-01", finish="2030-01-31", status="closed")
    draft.add("fiscal_years", id=2, start="2030-02-01", finish="2031-01-31", status="open")
    draft.enter(1, "2030-01-10", 3, ("411990", "100"), ("706900", "-100"))
    draft.enter(2, "2030-03-01", 3, ("512900", "100"), ("411990", "-100"))
    draft.enter(3, "2030-01-20", 3, ("706900", "30"), ("411990", "-30"))
    draft.enter(4, "2030-02-01", 1, ("411990", "70"), ("101900", "-70"))  # repeats both
    draft.connection.execute(
        "UPDATE pennylane.ledger_entry_lines SET lettered_ledger_entry_lines_ids = %s "
        "WHERE id IN (100, 201)",
        [Jsonb([100, 201])],
    )
    draft.connection.execute(
        "UPDATE pennylane.ledger_entries SET due_date = '2030-02-09' WHERE id = 1"
    )

    def shown(day: str) -> list[tuple[Any, ...]]:
        rows = draft.ask(f"SELECT * FROM aged_receivables_on('{day}') ORDER BY amount")  # noqa: S608
        names = ("amount", "remaining_amount", "days_overdue", "overdue_1_30", "credits")
        mine = [row for row in rows if row["account_number"] == "411990"]
        return [tuple(row[name] for name in names) for row in mine]

    assert shown("2030-01-15") == [(100, 100, 0, 0, 0)]
    assert shown("2030-02-28") == [(-30, -30, 39, 0, -30), (100, 100, 19, 100, 0)]
    assert shown("2030-03-01") == [(-30, -30, 40, 0, -30)]
    statement = draft.ask(
        "SELECT date::text, running_balance, lettering_code, counterpart_accounts "
        "FROM account_statement WHERE account_number = '411990' ORDER BY date"
    )
    assert [tuple(row.values()) for row in statement] == [
        ("2030-01-10", 100, "L100", "706900"),
        ("2030-01-20", 70, None, "706900"),
        ("2030-03-01", -30, "L100", "512900"),
    ]


def test_the_cash_position_is_that_of_bank_and_ledger(draft: Draft, api: Api) -> None:
    movements = api.state("transactions")
    for account in api.state("bank_accounts"):
        rows = draft.ask(
            f"SELECT * FROM cash_position WHERE bank_account_id = {account['id']} ORDER BY date"  # noqa: S608
        )
        mine = [row for row in movements if row["bank_account"]["id"] == account["id"]]
        assert bool(rows) == bool(mine)
        for row in rows[:: max(len(rows) // 7, 1)] + rows[-1:]:
            day = row["date"].isoformat()
            later = added((each for each in mine if each["date"] > day), "amount")
            assert row["bank_balance"] == Decimal(account["balance"]) - later
            booked = (
                line["amount"]
                for line in api.lines
                if line["number"] == row["account_number"]
                and line["date"] <= day
                and not line["repeated"]
            )
            assert row["ledger_balance"] == sum(booked, NOTHING)
            assert row["difference"] == row["bank_balance"] - row["ledger_balance"]
            today = [Decimal(each["amount"]) for each in mine if each["date"] == day]
            assert row["money_in"] == sum((each for each in today if each > 0), NOTHING)
            assert row["money_out"] == -sum((each for each in today if each < 0), NOTHING)


def test_the_flows_are_the_change_of_cash(draft: Draft, api: Api) -> None:
    changes: dict[str, Decimal] = defaultdict(Decimal)
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for entry in api.by_entry().values():
        cash = [line for line in entry if line["number"].startswith(CASH)]
        if cash and not any(line["carried"] for line in entry):
            changes[entry[0]["date"][:7]] += added(cash, "amount")
            others = [line for line in entry if line["number"].startswith("411")]
            paid[entry[0]["date"][:7]] -= added(others, "amount")
    rows = draft.ask("SELECT * FROM cash_flow")
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        found[row["month"].isoformat()[:7]] += row["amount"]
        assert row["amount"] == row["money_in"] - row["money_out"]
        if row["flow"] == "customers":
            assert row["amount"] == paid[row["month"].isoformat()[:7]]
    assert found == {month: change for month, change in changes.items() if month in found}
    assert all(change == 0 for month, change in changes.items() if month not in found)


def test_the_forecast_follows_the_due_dates(draft: Draft, api: Api) -> None:
    day = "2025-06-15"
    rows = draft.ask(f"SELECT * FROM cash_forecast_on('{day}') ORDER BY week")  # noqa: S608
    assert [row["week"] for row in rows] == list(range(1, 14))
    assert rows[0]["week_start"].isoformat() == "2025-06-09"
    held = added(api.state("bank_accounts"), "balance")
    held -= added((row for row in api.state("transactions") if row["date"] > day), "amount")
    entries = {row["id"]: row for row in api.state("ledger_entries")}
    by_id = {line["id"]: line for line in api.lines}
    due: dict[str, dict[int, Decimal]] = {"411": defaultdict(Decimal), "401": defaultdict(Decimal)}
    for accounts, weeks in due.items():
        for item, left in api.open_items(accounts, day).items():
            lines = [
                by_id[each]
                for each in {item, *by_id[item]["lettered"]}
                if by_id[each]["date"] <= day and (by_id[each]["amount"] > 0) == (left > 0)
            ]
            line = min(lines, key=lambda line: (line["date"], line["id"]))
            until = date.fromisoformat(entries[line["entry"]]["due_date"] or line["date"])
            weeks[max((until - date(2025, 6, 9)).days // 7, 0)] += left
    for row in rows:
        assert row["opening_balance"] == held
        assert row["receipts"] == due["411"][row["week"] - 1]
        assert row["payments"] == -due["401"][row["week"] - 1]
        held += row["receipts"] - row["payments"]
        assert row["closing_balance"] == held
        assert row["week_end"] - row["week_start"] == timedelta(days=6)
    assert len(draft.ask("SELECT * FROM cash_forecast")) == 13


@pytest.mark.parametrize("party", ["customer", "supplier"])
def test_the_summaries_add_up_to_the_invoices(draft: Draft, api: Api, party: str) -> None:
    invoices = {"customer": api.invoices, "supplier": api.purchases}[party]
    expected: dict[int | None, list[Item]] = defaultdict(list)
    for row in invoices:
        expected[(row[party] or {"id": None})["id"]].append(row)
    rows = draft.ask(f"SELECT * FROM {party}_summary")  # noqa: S608
    assert {row[f"{party}_id"] for row in rows} == expected.keys()
    for row in rows:
        mine = expected[row[f"{party}_id"]]
        assert row["amount"] == added(mine, "amount")
        assert row["amount_before_tax"] == row["amount"] - added(mine, "tax")
        assert row["invoices"] + row["credit_notes"] == len(mine)
        left = [
            Decimal(each["remaining_amount_with_tax"] or 0) for each in mine if not each["paid"]
        ]
        assert row["open_amount"] == sum((each for each in left if each > 0), NOTHING)
        assert row["open_credits"] == sum((each for each in left if each < 0), NOTHING)
        days = [date.fromisoformat(each["date"]) for each in mine if each["date"]]
        assert row["first_date"] == min(days, default=None)


def test_an_invoice_without_a_customer_keeps_the_name_in_its_label(draft: Draft) -> None:
    more = {"amount": "120", "tax": "20", "paid": False, "date": "2026-01-31", "draft": False}
    for number, label in enumerate(("Facture Café - Bar - F-1", "Divers"), 1):
        draft.add(
            "customer_invoices",
            id=number,
            label=label,
            status="late",
            currency="EUR",
            remaining_amount_with_tax="120",
            **more,
        )
    rows = draft.ask(
        "SELECT customer_name, overdue_amount, amount_before_tax FROM customer_summary "
        "WHERE customer_id IS NULL AND customer_name IN ('Café - Bar', 'Divers') ORDER BY 1"
    )
    assert [tuple(row.values()) for row in rows] == [("Café - Bar", 120, 100), ("Divers", 120, 100)]


def test_the_delays_are_the_balances_against_a_years_invoices(draft: Draft, api: Api) -> None:
    (row,) = draft.ask("SELECT * FROM payment_delays WHERE as_of = '2025-12-31'")
    sales = [each for each in api.invoices if (each["date"] or "")[:4] == "2025"]
    bought = [each for each in api.purchases if (each["date"] or "")[:4] == "2025"]
    owed = sum(api.open_items("411", "2025-12-31").values())
    owing = -sum(api.open_items("401", "2025-12-31").values())
    assert (row["receivables"], row["sales_12_months"]) == (owed, added(sales, "amount"))
    assert (row["payables"], row["purchases_12_months"]) == (owing, added(bought, "amount"))
    delay = (365 * owed / added(sales, "amount")).quantize(Decimal("0.1"))
    assert row["days_sales_outstanding"] == delay


def test_sales_are_the_lines_of_the_invoices(draft: Draft, api: Api, books: Pipeline) -> None:
    issued = {row["id"]: row for row in api.invoices}
    rows = draft.ask("SELECT * FROM sales_by_line")
    assert {row["customer_invoice_id"] for row in rows} == issued.keys()
    found: dict[int, Decimal] = defaultdict(Decimal)
    for row in rows:
        found[row["customer_invoice_id"]] += row["amount"]
        assert row["amount_before_tax"] + row["tax"] == row["amount"]
    assert found == {number: Decimal(row["amount"]) for number, row in issued.items()}
    products = {row["id"]: row["label"] for row in books.sandbox.state("products")}
    for row in rows:
        assert row["product_label"] == products.get(row["product_id"])


def settles(entry: list[Item]) -> bool:
    """Whether an entry settles a VAT return."""
    numbers = [line["number"] for line in entry]
    return any(number.startswith(("4455", "44567")) for number in numbers) and not any(
        number.startswith(("40", "41", "6", "7")) and not number.startswith(("658", "758"))
        for number in numbers
    )


def vat_kind(line: Item, *, is_settled: bool) -> str:
    """What a line on an account 445 says in a VAT return."""
    if line["number"].startswith("44551"):
        return "declared" if line["amount"] < 0 else "paid"
    kinds = {"4457": "collected", "44562": "deductible_on_assets", "44566": "deductible"}
    found = [kind for prefix, kind in kinds.items() if line["number"].startswith(prefix)]
    return found[0] if found and not is_settled else ""


def test_the_vat_return_sets_settlements_aside(draft: Draft, api: Api) -> None:
    expected: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in api.by_entry().values():
        for line in entry:
            kind = vat_kind(line, is_settled=settles(entry))
            if kind and not line["carried"]:
                sign = 1 if kind.startswith("deductible") else -1
                expected[line["date"][:7], kind] += sign * line["amount"]
    rows = draft.ask("SELECT * FROM vat_return")
    ledger = {
        (row["month"].isoformat()[:7], row["kind"]): row["tax"]
        for row in rows
        if row["source"] == "ledger"
    }
    assert ledger == expected
    documents: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        if (row["source"], row["kind"]) == ("documents", "collected"):
            documents[row["month"].isoformat()[:7]] += row["tax"]
            if row["percentage"] and row["base"]:
                # Each line is rounded.
                assert abs(row["base"] * row["percentage"] / 100 - row["tax"]) < 1, row
    taxes: dict[str, Decimal] = defaultdict(Decimal)
    for invoice in api.invoices:
        if invoice["date"]:
            taxes[invoice["date"][:7]] += Decimal(invoice["tax"])
    # A month in which only what was invoiced before falls due has no tax of its own.
    assert {month: tax for month, tax in documents.items() if tax} == {
        month: tax for month, tax in taxes.items() if tax
    }


def test_every_axis_adds_up_to_the_books(draft: Draft, api: Api) -> None:
    results = draft.ask(
        "SELECT fiscal_year_start, sum(result) AS result FROM income_statement GROUP BY 1"
    )
    axes = draft.ask(
        "SELECT fiscal_year_start, category_group_label, sum(result) AS result "
        "FROM analytical_income_statement GROUP BY 1, 2"
    )
    assert len(axes) == 3 * len(results)
    by_year = {row["fiscal_year_start"]: row["result"] for row in results}
    assert all(row["result"] == by_year[row["fiscal_year_start"]] for row in axes)
    shares: dict[int, Decimal] = defaultdict(Decimal)
    year = api.year("2025-08-01")
    for line in api.lines:
        if line["number"][0] in "67" and year["start"] <= line["date"] <= year["finish"]:
            for share in line["categories"]:
                shares[share["id"]] -= line["amount"] * Decimal(share["weight"])
    rows = draft.ask(
        "SELECT category_id, sum(result) AS result FROM analytical_income_statement "  # noqa: S608
        f"WHERE fiscal_year_start = '{year['start']}' AND category_id <> 0 GROUP BY 1"
    )
    assert {row["category_id"]: row["result"] for row in rows} == shares


def test_the_running_balance_ends_at_the_balance(draft: Draft, api: Api) -> None:
    for number in ("512100", "401000", "706000"):
        rows = draft.ask(
            f"SELECT * FROM account_statement WHERE account_number = '{number}' "  # noqa: S608
            "ORDER BY date, ledger_entry_line_id"
        )
        last = rows[-1]["date"].isoformat() if rows else ""
        first = api.year(last)["start"] if last and number[0] in "67" else ""
        expected = (
            line["amount"]
            for line in api.lines
            if line["number"] == number and line["date"] >= first and not line["repeated"]
        )
        assert not rows or rows[-1]["running_balance"] == sum(expected, NOTHING)

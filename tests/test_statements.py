"""The statements, compared with figures computed from the API's answers, and by hand."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from drafts import Draft
    from pipelines import Pipeline

SEEDS = Path(__file__).parents[1] / "transform" / "dbt" / "seeds"
NOTHING = Decimal(0)
Amounts = dict[str, Decimal]


class Ledger:
    """An independent reading of the ledger, from the API's answers and without SQL."""

    def __init__(self, books: Pipeline) -> None:
        self.sandbox = books.sandbox
        self.years = sorted(self.sandbox.state("fiscal_years"), key=lambda year: year["start"])

    @cached_property
    def lines(self) -> list[tuple[str, str, Decimal, bool]]:
        """Day, account and amount of each line but those of closing entries; whether carried."""
        journals = {row["id"]: row["code"] for row in self.sandbox.state("journals")}
        entries = defaultdict(list)
        for line in self.sandbox.state("ledger_entry_lines"):
            amount = Decimal(line["debit"]) - Decimal(line["credit"])
            number = line["ledger_account"]["number"]
            carried = journals[line["journal"]["id"]] == "AN"
            entries[line["ledger_entry"]["id"]].append((line["date"], number, amount, carried))
        return [
            line
            for entry in entries.values()
            if not (
                any(line[1].startswith("12") for line in entry)
                and any(line[1][0] in "67" for line in entry)
            )
            for line in entry
        ]

    def movements(self, first: str, last: str) -> Amounts:
        """Debit minus credit of each account in a period."""
        found: Amounts = defaultdict(Decimal)
        for day, number, amount, _ in self.lines:
            if first <= day <= last:
                found[number] += amount
        return found

    def balances(self, as_of: str) -> Amounts:
        """The balances on a day, with the result of former years in 12 and of this one in 6-7."""
        start = max(year["start"] for year in self.years if year["start"] <= as_of)
        opened = {day for day, _, _, carried in self.lines if carried}
        known = [year["start"] for year in self.years if year["start"] in opened]
        first = max((day for day in known if day <= start), default="")
        found: Amounts = defaultdict(Decimal)
        for day, number, amount, _ in self.lines:
            if first <= day <= as_of:
                is_result = number[0] in "67"
                found[("12" if day < start else "6-7") if is_result else number] += amount
        return found


@pytest.fixture(scope="module")
def ledger(books: Pipeline) -> Ledger:
    return Ledger(books)


def total(amounts: Amounts, *prefixes: str, without: tuple[str, ...] = ()) -> Decimal:
    """What the accounts contribute to the result: credit minus debit."""
    return -sum(
        (
            amount
            for number, amount in amounts.items()
            if number.startswith(prefixes) and not number.startswith(without or ("none",))
        ),
        NOTHING,
    )


def balances_of(amounts: Amounts) -> Amounts:
    """The soldes intermédiaires de gestion as a textbook has them, of the règlement ANC 2022-06."""
    margin = total(amounts, "707", "7097", "607", "6037", "6087", "6097")
    production = total(amounts, "70", "71", "72", without=("707", "7097"))
    bought = total(amounts, "60", "61", "62", without=("607", "6037", "6087", "6097"))
    value_added = margin + production + bought
    surplus = value_added + total(amounts, "74", "63", "64", without=("747",))
    others = total(amounts, "747", "75", "65", "681", "78", "791", without=("755", "655", "786"))
    operating = surplus + others
    current = operating + total(amounts, "755", "655", "76", "66", "786", "686")
    exceptional = total(amounts, "77", "67", "787", "687")
    net = total(amounts, "6", "7")
    no_cash = ("68", "78", "675", "775", "657", "757", "747", "777", "6671", "7671")
    return {
        "commercial_margin": margin,
        "production": production,
        "value_added": value_added,
        "gross_operating_surplus": surplus,
        "operating_result": operating,
        "current_result": current,
        "exceptional_result": exceptional,
        "net_result": net,
        "self_financing": net - total(amounts, *no_cash),
    }


# How an accountant reads the accounts of these books: in debit, and in credit.
LINES = {
    "10": ("capital", "capital"),
    "1061": ("legal_reserve", "legal_reserve"),
    "11": ("retained_earnings", "retained_earnings"),
    "12": ("prior_result", "prior_result"),
    "164": ("bank_loans", "bank_loans"),
    "2183": ("other_tangibles", "other_tangibles"),
    "28183": ("other_tangibles", "other_tangibles"),
    "401": ("other_receivables", "trade_payables"),
    "404": ("other_receivables", "fixed_asset_payables"),
    "408": ("other_receivables", "trade_payables"),
    "411": ("trade_receivables", "other_liabilities"),
    "42": ("other_receivables", "tax_social"),
    "43": ("other_receivables", "tax_social"),
    "44": ("other_receivables", "tax_social"),
    "455": ("other_receivables", "other_borrowings"),
    "467": ("other_receivables", "other_liabilities"),
    "471": ("other_receivables", "other_liabilities"),
    "512": ("cash", "bank_loans"),
    "53": ("cash", "cash"),
    "580": ("cash", "cash"),
    "6-7": ("result", "result"),
}


def statement(balances: Amounts) -> Amounts:
    """The lines of the balance sheet, assets in debit and liabilities in credit, without zeros."""
    found: Amounts = defaultdict(Decimal)
    for number, balance in balances.items():
        sides = LINES[max((key for key in LINES if number.startswith(key)), key=len)]
        found[sides[balance < 0]] += balance
    return {line: amount for line, amount in found.items() if amount}


def shown(rows: Iterable[dict[str, Any]], column: str = "net") -> Amounts:
    """The same of the view's rows."""
    signs = {"assets": 1, "liabilities": -1}
    return {row["line"]: signs[row["side"]] * row[column] for row in rows if row[column]}


def found_in(draft: Draft, view: str, **values: str) -> list[dict[str, Any]]:
    """The rows of a view with these values."""
    query = sql.SQL("SELECT * FROM {} WHERE {}").format(
        sql.Identifier(view),
        sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
            for name, value in values.items()
        ),
    )
    return draft.connection.execute(query).fetchall()


def ends(years: list[dict[str, Any]]) -> dict[str, str | None]:
    """Days on which to look at a balance sheet, each with the end of the year before."""
    found: dict[str, str | None] = {}
    before = None
    for year in years:
        for days in (0, 130):
            day = date.fromisoformat(year["start"]) + timedelta(days=days)
            month = (day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
            found[month.isoformat()] = before
        found[year["finish"]] = before
        before = year["finish"]
    return found


def test_the_balance_sheet_is_that_of_the_ledger(draft: Draft, ledger: Ledger) -> None:
    days = ends(ledger.years)
    assert len(days) == 3 * len(ledger.years)
    for day, before in days.items():
        rows = found_in(draft, "balance_sheet", as_of=day)
        assert shown(rows) == statement(ledger.balances(day)), day
        former = statement(ledger.balances(before)) if before else {}
        assert shown(rows, "previous_net") == former, day
        assert sum(shown(rows).values()) == 0
        assert all(
            row["gross"] - row["depreciation"] == row["net"]
            for row in rows
            if row["side"] == "assets"
        )
        assert all(row["label_fr"] and row["label_en"] for row in rows)


def test_the_cash_of_every_month_is_that_of_the_ledger(draft: Draft, ledger: Ledger) -> None:
    rows = draft.ask("SELECT as_of, cash FROM cash_by_month ORDER BY as_of")
    day = date.fromisoformat(ledger.years[0]["start"])
    for row in rows:
        end = row["as_of"]
        assert (end + timedelta(days=1)).day == 1
        assert day <= end < day + timedelta(days=31)  # no month is missing
        assert row["cash"] == statement(ledger.balances(end.isoformat())).get("cash", 0), end
        day = end + timedelta(days=1)
    assert day == date.fromisoformat(ledger.years[-1]["finish"]) + timedelta(days=1)


def test_an_overdrawn_bank_account_is_no_cash(draft: Draft) -> None:
    draft.add("fiscal_years", id=1, start="2030-01-15", finish="2031-01-14", status="open")
    draft.add("journals", id=1, code="AN", label="À-nouveaux")
    draft.add("journals", id=2, code="BQ", label="Banque")
    draft.enter(1, "2030-01-15", 1, ("512900", "-10"), ("101900", "10"))
    draft.enter(2, "2030-01-20", 2, ("512900", "-90"), ("519000", "-7"), ("530900", "97"))
    draft.enter(3, "2030-03-01", 2, ("512900", "150"), ("530900", "-90"), ("606900", "-60"))
    rows = draft.ask("SELECT as_of::text, cash FROM cash_by_month WHERE as_of >= '2030-01-01'")
    found = {row["as_of"]: row["cash"] for row in rows}
    assert len(found) == 12
    assert [found["2030-01-31"], found["2030-02-28"], found["2030-12-31"]] == [97, 97, 57]
    for day, cash in found.items():
        assert sheet(draft, day).get("cash", "0") == str(cash)


def test_the_balance_sheet_leads_to_its_accounts(draft: Draft, ledger: Ledger) -> None:
    last = ledger.years[-1]["finish"]
    rows = found_in(draft, "balance_sheet_by_account", as_of=last)
    signs = {"assets": 1, "liabilities": -1}
    found: Amounts = defaultdict(Decimal)
    for row in (row for row in rows if row["net"]):
        number = "12" if row["line"] == "prior_result" else row["account_number"]
        found[number] += signs[row["side"]] * row["net"]
    expected: Amounts = defaultdict(Decimal)
    for number, amount in ledger.balances(last).items():
        expected["12" if number.startswith("12") else number] += amount
    assert found == {number: amount for number, amount in expected.items() if amount}


def test_the_income_statement_is_that_of_the_ledger(draft: Draft, ledger: Ledger) -> None:
    former: Amounts = {}
    for year in ledger.years:
        rows = found_in(draft, "income_statement", fiscal_year_start=year["start"])
        assert rows
        expected = {
            number: -amount
            for number, amount in ledger.movements(year["start"], year["finish"]).items()
            if number[0] in "67" and amount
        }
        for column, results in (("result", expected), ("previous_result", former)):
            found = {row["account_number"]: row[column] for row in rows if row[column]}
            assert found == results
        former = expected
        for row in rows:
            sign = {"income": 1, "expenses": -1}[row["side"]]
            assert row["amount"] == sign * row["result"]
            assert row["side"] == ("income" if row["account_number"][0] == "7" else "expenses")


def test_the_months_add_up_to_the_year(draft: Draft, ledger: Ledger) -> None:
    rows = draft.ask(
        "SELECT month::text, sum(result) AS result, sum(previous_result) AS previous "
        "FROM income_statement_by_month GROUP BY month ORDER BY month"
    )
    months = {row["month"][:7]: row for row in rows}
    assert len(months) > 24
    for month, row in months.items():
        expected = total(ledger.movements(f"{month}-01", f"{month}-31"), "6", "7")
        assert row["result"] == expected
        former = f"{int(month[:4]) - 1}{month[4:]}"
        assert row["previous"] == total(ledger.movements(f"{former}-01", f"{former}-31"), "6", "7")
    margins = draft.ask(
        "SELECT month::text, amount FROM intermediate_balances_by_month "
        "WHERE balance = 'commercial_margin'"
    )
    assert {row["month"][:7] for row in margins} == months.keys()
    for row in margins:
        month = row["month"][:7]
        balances = balances_of(ledger.movements(f"{month}-01", f"{month}-31"))
        assert row["amount"] == balances["commercial_margin"]


def test_the_intermediate_balances_are_those_of_a_textbook(draft: Draft, ledger: Ledger) -> None:
    former: Amounts = {}
    for year in ledger.years:
        rows = found_in(draft, "intermediate_balances", fiscal_year_start=year["start"])
        rows.sort(key=lambda row: row["position"])
        expected = balances_of(ledger.movements(year["start"], year["finish"]))
        assert {row["balance"]: row["amount"] for row in rows} == expected
        assert list(expected) == [row["balance"] for row in rows]
        assert {row["balance"]: row["previous_amount"] for row in rows} == {
            balance: former.get(balance, 0) for balance in expected
        }
        former = expected


def test_the_result_is_that_of_pennylanes_own_trial_balance(
    draft: Draft, books: Pipeline, ledger: Ledger
) -> None:
    balance = books.sandbox.rows("/trial_balance")
    for year in ledger.years:
        reported = sum(
            Decimal(row["credits"]) - Decimal(row["debits"])
            for row in balance
            if row["period_start"] == year["start"] and row["number"][0] in "67"
        )
        closed = sum(
            Decimal(row["credits"]) - Decimal(row["debits"])
            for row in balance
            if row["period_start"] == year["start"] and row["number"].startswith("12")
        )
        (found,) = found_in(draft, "balance_sheet", line="result", as_of=year["finish"])
        # Once a year is closed, its result is in 12.
        assert found["net"] == (reported or closed)


def post_years(draft: Draft) -> None:
    """A closed year of 18 months, a year that nobody opened, a month in no year, a short year."""
    years = [
        ("2030-07-01", "2031-12-31"),
        ("2032-01-01", "2032-12-31"),
        ("2033-02-01", "2033-12-31"),
    ]
    for number, (start, end) in enumerate(years, 1):
        draft.add("fiscal_years", id=number, start=start, finish=end, status="open")
    draft.add("journals", id=1, code="AN", label="À-nouveaux")
    draft.add("journals", id=3, code="OD", label="Opérations diverses")
    draft.enter(1, "2030-07-01", 1, ("512900", "1000"), ("101900", "-1000"))
    draft.enter(2, "2030-08-10", 3, ("411900", "600"), ("707900", "-500"), ("445719", "-100"))
    draft.enter(3, "2031-06-01", 3, ("607900", "200"), ("445669", "40"), ("401900", "-240"))
    draft.enter(4, "2031-12-15", 3, ("218390", "300"), ("512900", "-300"))
    draft.enter(5, "2031-12-15", 3, ("681129", "50.01"), ("281839", "-50.01"))
    draft.enter(
        6,
        "2031-12-31",
        3,
        *(("707900", "500"), ("607900", "-200"), ("681129", "-50.01"), ("120900", "-249.99")),
    )
    draft.enter(7, "2032-01-10", 3, ("512900", "600"), ("411900", "-600"))
    draft.enter(8, "2032-03-05", 3, ("606900", "10"), ("512900", "-10"))
    draft.enter(9, "2033-01-15", 3, ("606900", "7"), ("512900", "-7"))
    draft.enter(10, "2033-02-02", 3, ("606900", "1"), ("512900", "-1"))


def sheet(draft: Draft, as_of: str, column: str = "net") -> dict[str, str]:
    rows = found_in(draft, "balance_sheet", as_of=as_of)
    assert sum(shown(rows, column).values()) == 0
    return {row["line"]: str(row[column]) for row in rows if row[column]}


def test_years_that_are_no_calendar_years(draft: Draft) -> None:
    post_years(draft)
    first = {
        "other_tangibles": "249.99",
        "trade_receivables": "600",
        "other_receivables": "40",
        "cash": "700",
        "capital": "1000",
        "result": "249.99",
        "trade_payables": "240",
        "tax_social": "100",
    }
    assert sheet(draft, "2031-12-31") == first
    (asset,) = draft.ask(
        "SELECT gross, depreciation FROM balance_sheet "
        "WHERE as_of = '2031-12-31' AND line = 'other_tangibles'"
    )
    assert (asset["gross"], asset["depreciation"]) == (300, Decimal("50.01"))
    assert sheet(draft, "2030-08-31") == {
        "trade_receivables": "600",
        "cash": "1000",
        "capital": "1000",
        "result": "500",
        "tax_social": "100",
    }
    second = first | {"cash": "1290", "result": "-10", "prior_result": "249.99"}
    del second["trade_receivables"]
    assert sheet(draft, "2032-12-31") == second
    assert sheet(draft, "2032-12-31", "previous_net") == first
    # The line of January 2033 is in no year: it moved the bank, and belongs to no year's result.
    third = second | {"cash": "1282", "result": "-1", "prior_result": "232.99"}
    assert sheet(draft, "2033-12-31") == third
    assert sheet(draft, "2033-12-31", "previous_net") == second
    results = draft.ask(
        "SELECT fiscal_year_start::text AS start, amount, previous_amount "
        "FROM intermediate_balances WHERE balance = 'net_result' "
        "AND fiscal_year_start > '2032-01-01'::date - 1"
    )
    assert {row["start"]: (row["amount"], row["previous_amount"]) for row in results} == {
        "2032-01-01": (-10, Decimal("249.99")),
        "2033-02-01": (-1, -10),
    }
    months = draft.ask(
        "SELECT month::text, amount, previous_amount FROM income_statement_by_month "
        "WHERE month > '2030-01-01' AND account_number = '606900' ORDER BY month"
    )
    assert [tuple(row.values()) for row in months] == [
        ("2032-03-01", 10, 0),
        ("2033-02-01", 1, 0),
        ("2033-03-01", 0, 10),
    ]


def test_opening_balances_are_not_counted_twice(draft: Draft) -> None:
    post_years(draft)
    before = sheet(draft, "2033-12-31")
    carried = [("512900", "1283"), ("218390", "300"), ("281839", "-50.01"), ("445669", "40")]
    carried += [("101900", "-1000"), ("120900", "-232.99"), ("401900", "-240"), ("445719", "-100")]
    draft.enter(11, "2033-02-01", 1, *carried)
    assert sheet(draft, "2033-12-31") == before
    # A line that is dated too early no longer changes a year whose opening balances are posted.
    draft.enter(12, "2032-12-30", 3, ("606900", "5"), ("512900", "-5"))
    assert sheet(draft, "2033-12-31") == before
    assert sheet(draft, "2032-12-31")["cash"] == "1285"


def test_the_chart_in_force_decides(draft: Draft) -> None:
    """A disposal and a transferred expense, in a year of either règlement."""
    draft.add("journals", id=3, code="OD", label="Opérations diverses")
    expected = {
        "2024": {
            "675000": "exceptional_disposal_costs",
            "775000": "exceptional_disposal_proceeds",
            "791000": "expense_transfers",
        },
        "2025": {
            "675000": "disposal_costs",
            "775000": "disposal_proceeds",
            "791000": "other_operating_income",
        },
    }
    for number, year in enumerate(expected, 1):
        draft.enter(
            number,
            f"{year}-06-30",
            3,
            *(("675000", "80"), ("775000", "-100"), ("791000", "-30"), ("467000", "50")),
        )
    for year, lines in expected.items():
        rows = [
            row
            for row in found_in(draft, "income_statement", fiscal_year_start=f"{year}-01-01")
            if row["account_number"] in lines
        ]
        assert {row["account_number"]: row["line"] for row in rows} == lines
        assert sorted(row["amount"] for row in rows) == [30, 80, 100]
    exceptional = draft.ask(
        "SELECT amount FROM intermediate_balances WHERE balance = 'exceptional_result' "
        "AND fiscal_year_start <= '2025-01-01' ORDER BY fiscal_year_start"
    )
    assert [row["amount"] for row in exceptional] == [20, 0]


def test_accounts_outside_the_chart_are_shown(draft: Draft) -> None:
    before = sheet(draft, "2026-12-31")
    draft.add("journals", id=3, code="OD", label="Opérations diverses")
    draft.enter(1, "2026-01-05", 3, ("801000", "12.34"), ("XYZ", "-2.34"), ("512100", "-10"))
    after = sheet(draft, "2026-12-31")
    new = {line: after[line] for line in after if line not in before}
    assert new == {"unmapped_assets": "12.34", "unmapped_liabilities": "2.34"}


def rules(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"pennylane_statement_{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("year", ["1999-01-01", "2024-12-31", "2025-01-01", "2060-01-01"])
def test_every_account_is_in_one_line(year: str) -> None:
    def in_force(row: dict[str, str]) -> bool:
        return (row["valid_from"] or "0") <= year <= (row["valid_until"] or "9")

    lines = {(row["statement"], row["line"]): row for row in rules("lines") if in_force(row)}
    assert len(lines) == sum(map(in_force, rules("lines")))
    known = defaultdict(list)
    for rule in filter(in_force, rules("accounts")):
        known[rule["account_prefix"]].append(rule)
    by_sign: dict[str, Callable[[dict[str, str]], bool]] = {
        "debit": lambda rule: rule["balance"] in {"", "debit"},
        "credit": lambda rule: rule["balance"] in {"", "credit"},
    }
    used = set()
    for number in range(10_000, 80_000):
        account = str(number)
        place = max(
            (account[:digits] for digits in range(1, 6) if account[:digits] in known), key=len
        )
        statement = "income_statement" if account[0] in "67" else "balance_sheet"
        for sign, applies in by_sign.items():
            (rule,) = filter(applies, known[place])
            line = lines[statement, rule["line"]]
            used.add((statement, rule["line"]))
            if statement == "balance_sheet":
                assert (rule["part"] != "") == (line["side"] == "assets"), account
                assert sign or rule["part"]
            else:
                assert line["intermediate_balance"]
                assert line["in_self_financing"] in {"yes", "no"}
    computed = {"result", "unmapped_assets", "unmapped_liabilities"}
    assert {line for _, line in lines.keys() - used} == computed

"""The books are those that an accountant would sign: opened, declared, paid and closed."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

Json = dict[str, Any]
ZERO = Decimal(0)


class Ledger:
    """The lines of a sandbox, with what their entries say."""

    def __init__(self, sandbox: Any) -> None:
        self.sandbox = sandbox
        codes = {one["id"]: one["code"] for one in sandbox.state("journals")}
        self.entries = {one["id"]: one for one in sandbox.state("ledger_entries")}
        self.lines: list[Json] = sandbox.state("ledger_entry_lines")
        for line in self.lines:
            line["amount"] = Decimal(line["debit"]) - Decimal(line["credit"])
            line["number"] = line["ledger_account"]["number"]
            line["opens"] = codes[line["journal"]["id"]] == "AN"

    def sums(self, start: str, end: str, *, opening: bool = False) -> dict[str, Decimal]:
        """The balances of accounts in a period: the movements, or what was carried forward."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for line in self.lines:
            if start <= line["date"] <= end and line["opens"] == opening:
                sums[line["number"]] += line["amount"]
        return {number: amount for number, amount in sums.items() if amount}

    def years(self) -> list[Json]:
        """The fiscal years, in order."""
        return sorted(self.sandbox.state("fiscal_years"), key=lambda year: str(year["start"]))


def _owed(sandbox: Any) -> dict[str, Decimal]:
    """What remains of the invoices, by the account of their customer or supplier."""
    accounts = {one["id"]: one["number"] for one in sandbox.state("ledger_accounts")}
    entries: dict[int, str] = {}
    for line in sandbox.state("ledger_entry_lines"):
        number = accounts[line["ledger_account"]["id"]]
        if number.startswith(("401", "411")):
            entries[line["ledger_entry"]["id"]] = number
    owed: dict[str, Decimal] = defaultdict(Decimal)
    for kind, sign in (("customer", 1), ("supplier", -1)):
        for invoice in sandbox.state(f"{kind}_invoices"):
            if not invoice.get("draft"):
                number = entries[invoice["ledger_entry"]["id"]]
                owed[number] += sign * Decimal(invoice["remaining_amount_with_tax"])
    return {number: amount for number, amount in owed.items() if amount}


def _check_openings(ledger: Ledger) -> None:
    """Each year opens with the balances at the end of the one before, and with its result."""
    opened: dict[str, Decimal] = {}
    for year, following in zip(ledger.years(), ledger.years()[1:], strict=False):
        closing: dict[str, Decimal] = defaultdict(Decimal, opened)
        for number, amount in ledger.sums(year["start"], year["finish"]).items():
            closing[number] += amount
        result = sum((closing[one] for one in list(closing) if one[0] in "67"), ZERO)
        expected = {one: amount for one, amount in closing.items() if one[0] in "12345" and amount}
        opened = ledger.sums(following["start"], following["start"], opening=True)
        assert opened
        assert {one: amount for one, amount in opened.items() if one[:2] != "12"} == {
            one: amount for one, amount in expected.items() if one[:2] != "12"
        }
        carried = sum((amount for one, amount in expected.items() if one[:2] == "12"), ZERO)
        assert sum((amount for one, amount in opened.items() if one[:2] == "12"), ZERO) == (
            carried + result
        )


def _check_documents(ledger: Ledger) -> None:
    """The bank's balances, and what customers and suppliers owe, are those of the ledger."""
    sums = ledger.sums("2000-01-01", "2040-01-01")
    for account in ledger.sandbox.state("bank_accounts"):
        number = next(
            one["number"]
            for one in ledger.sandbox.state("ledger_accounts")
            if one["id"] == account["ledger_account"]["id"]
        )
        assert sums.get(number, ZERO) == Decimal(account["balance"])
    parties = {one: amount for one, amount in sums.items() if one.startswith(("401", "411"))}
    assert parties == _owed(ledger.sandbox)


@pytest.fixture(scope="module")
def ledger(sandbox: Any) -> Ledger:
    return Ledger(sandbox)


def test_each_year_opens_with_the_balances_of_the_one_before(ledger: Ledger) -> None:
    _check_openings(ledger)
    assert {line["number"][0] for line in ledger.lines if line["opens"]} <= set("12345")


def test_the_bank_and_the_open_invoices_agree_with_the_ledger(ledger: Ledger) -> None:
    _check_documents(ledger)


def test_vat_returns_settle_what_was_collected_less_what_is_deductible(ledger: Ledger) -> None:
    taxes: dict[str, Decimal] = defaultdict(Decimal)
    settled: dict[str, Decimal] = defaultdict(Decimal)
    paid = declared = ZERO
    for line in ledger.lines:
        label = ledger.entries[line["ledger_entry"]["id"]]["label"] or ""
        if not line["opens"] and line["number"] in {"445710", "445660", "445620"}:
            to = settled if label.startswith("Déclaration") else taxes
            to[line["date"][:7]] += line["amount"]
        if line["number"] == "445510" and not line["opens"]:
            declared += min(line["amount"], ZERO)
            paid += max(line["amount"], ZERO)
    assert len(settled) == 29  # each month but the last, whose return is not due yet
    assert all(amount == -taxes[month] for month, amount in settled.items())
    assert paid == -declared > 0
    bought = ledger.sandbox.state("supplier_invoices")
    documents = sum((Decimal(one["tax"]) for one in bought), ZERO)
    documents -= sum(
        Decimal(one["tax"]) for one in ledger.sandbox.state("customer_invoices") if not one["draft"]
    )
    assert documents == sum(taxes.values())


def test_nobody_owes_anything_for_long_and_the_bank_is_never_overdrawn(ledger: Ledger) -> None:
    open_items = [
        line
        for line in ledger.lines
        if line["number"].startswith(("401", "411"))
        and not line["opens"]
        and not line["lettered_ledger_entry_lines"]["ids"]
    ]
    assert open_items
    assert min(line["date"] for line in open_items) > "2026-04-01"
    held = ZERO
    for line in sorted(ledger.lines, key=lambda one: (one["date"], -one["amount"])):
        if line["number"] == "512100" and not line["opens"]:
            held += line["amount"]
            assert held >= 0, line["date"]
    for number, amount in ledger.sums("2000-01-01", "2040-01-01").items():
        if number.startswith(("401", "471", "411", "580")):
            assert amount * (-1 if number[0:3] == "401" else 1) > 0, number


def test_numbers_of_invoices_have_no_gap_and_drafts_none(ledger: Ledger) -> None:
    series: dict[str, list[int]] = defaultdict(list)
    for invoice in ledger.sandbox.state("customer_invoices"):
        prefix, _, number = invoice["invoice_number"].rpartition("-")
        assert invoice["draft"] == (prefix == "BROUILLON")
        if not invoice["draft"]:
            series[prefix].append(int(number))
    assert len(series) > 3
    assert all(sorted(found) == list(range(1, len(found) + 1)) for found in series.values())


def test_a_draft_enters_the_ledger_when_it_is_edited(changing: Any) -> None:
    draft = next(one for one in changing.state("customer_invoices") if one["draft"])
    changing.change("customer_invoices", update=[draft["id"]])
    issued = changing.get(f"/customer_invoices/{draft['id']}").json()
    assert (issued["draft"], issued["invoice_number"][:2]) == (False, "F-")
    entry = changing.get(f"/ledger_entries/{issued['ledger_entry']['id']}").json()
    assert entry["status"] == "complete"
    owed = entry["ledger_entry_lines"][0]
    assert Decimal(owed["debit"]) == Decimal(issued["amount"]) > Decimal(draft["amount"])


def test_an_empty_company_answers_everything(start: Callable[..., Any]) -> None:
    sandbox = start("--size", "0", "--rate-limit", "none")
    for resource in ("ledger_entry_lines", "ledger_entries", "customers", "transactions"):
        assert sandbox.items(f"/{resource}") == []
    period = {"period_start": "2025-01-01", "period_end": "2025-12-31"}
    assert sandbox.items("/trial_balance", **period) == []
    assert {one["balance"] for one in sandbox.state("bank_accounts")} == {"0.0"}
    assert len(sandbox.state("fiscal_years")) == 3
    answer = sandbox.session.post(
        f"{sandbox.base}/sandbox/changes", json={"resource": "customer_invoices", "create": 1}
    )
    assert answer.status_code == 400
    assert sandbox.change("customers", create=1)["created"]
    assert sandbox.change("customer_invoices", create=1)["created"]


def _cases(start: Callable[..., Any], *cases: str) -> Ledger:
    options = [option for case in cases for option in ("--case", case)]
    ledger = Ledger(start("--size", "600", "--rate-limit", "none", *options))
    assert len(ledger.lines) == 600
    entries: dict[int, Decimal] = defaultdict(Decimal)
    for line in ledger.lines:
        entries[line["ledger_entry"]["id"]] += line["amount"]
    assert set(entries.values()) == {ZERO}
    _check_documents(ledger)
    return ledger


@pytest.mark.parametrize("until", ["2026-11-26", "2027-01-03", "2028-02-29"])
def test_books_go_up_to_the_day_that_was_asked_for(start: Callable[..., Any], until: str) -> None:
    options = ("--size", "2000", "--rate-limit", "none", "--until", until)
    ledger = Ledger(start(*options))
    year = int(until[:4])
    assert [one["start"] for one in ledger.years()] == [
        f"{each}-01-01" for each in (year - 2, year - 1, year)
    ]
    days = sorted(line["date"] for line in ledger.lines)
    assert (days[0], days[-1][:7]) == (f"{year - 2}-01-01", until[:7])
    assert days[-1] <= until
    _check_documents(ledger)
    _check_openings(ledger)
    for invoices in ("customer_invoices", "supplier_invoices"):
        open_days = [
            (date.fromisoformat(until) - date.fromisoformat(one["deadline"])).days
            for one in ledger.sandbox.state(invoices)
            if one["deadline"] and Decimal(one["remaining_amount_with_tax"]) > 0
        ]
        ages = {min(max(0, days + 29) // 30, 4) for days in open_days}
        assert ages == {0, 1, 2, 3, 4}, invoices  # not due, 1 to 30 days overdue, ..., over 90
    same = ("id", "date", "number", "amount", "label")
    again = Ledger(start(*options))
    for one, other in zip(again.lines, ledger.lines, strict=True):
        assert {key: one[key] for key in same} == {key: other[key] for key in same}


def test_years_from_july_with_many_credit_notes(start: Callable[..., Any]) -> None:
    ledger = _cases(start, "july_years", "credit_notes")
    assert [year["start"][5:] for year in ledger.years()] == ["07-01"] * 3
    _check_openings(ledger)
    notes = [one for one in ledger.sandbox.state("customer_invoices") if one["credited_invoice"]]
    assert len(notes) > 5
    assert all(Decimal(one["remaining_amount_with_tax"]) < 0 for one in notes)


def test_a_long_year_and_foreign_currency(start: Callable[..., Any]) -> None:
    ledger = _cases(start, "long_year", "foreign_currency", "reversed_entry")
    assert (ledger.years()[0]["start"], ledger.years()[0]["finish"]) == ("2024-01-01", "2025-06-30")
    _check_openings(ledger)
    sums = ledger.sums("2000-01-01", "2040-01-01")
    assert sums["666000"] > 0 > sums["766000"]
    assert sums.get("467000", ZERO) == 0
    assert sum(line["number"] == "467000" for line in ledger.lines) == 2


def test_lines_outside_every_year_and_years_that_were_not_opened(start: Callable[..., Any]) -> None:
    ledger = _cases(start, "missing_year", "no_opening")
    assert max(line["date"] for line in ledger.lines) > ledger.years()[-1]["finish"]
    assert not any(line["opens"] for line in ledger.lines)


def test_closing_entries_leave_no_balance_in_expenses_and_income(start: Callable[..., Any]) -> None:
    ledger = _cases(start, "closing_entries")
    sums = ledger.sums("2024-01-01", "2024-12-31")
    assert [number for number in sums if number[0] in "67"] == []
    assert any(number.startswith("12") for number in sums)
    _check_openings(ledger)

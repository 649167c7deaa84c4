"""What the marts mean by VAT, opening, open and counted: by the API's figures and by hand."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from drafts import Draft
    from pipelines import Pipeline

Line = tuple[str, str, Decimal]
"""Day, account, and debit minus credit."""
OPENINGS = "AN", "OUV"


class Ledger:
    """The ledger as the API answers it, without drafts."""

    def __init__(self, books: Pipeline) -> None:
        sandbox = books.sandbox
        self.years = sorted(sandbox.state("fiscal_years"), key=lambda year: year["start"])
        journals = {row["id"]: row["code"] for row in sandbox.state("journals")}
        drafts = {row["id"] for row in sandbox.state("ledger_entries") if row["status"] == "draft"}
        self.entries: dict[int, list[Line]] = defaultdict(list)
        self.openings: set[int] = set()
        for line in sandbox.state("ledger_entry_lines"):
            entry = line["ledger_entry"]["id"]
            if entry not in drafts:
                amount = Decimal(line["debit"]) - Decimal(line["credit"])
                self.entries[entry].append((line["date"], line["ledger_account"]["number"], amount))
            if journals[line["journal"]["id"]] in OPENINGS:
                self.openings.add(entry)

    def operations(self) -> list[Line]:
        """The lines but those of openings and of VAT returns and their payments."""
        found = []
        for number, lines in self.entries.items():
            accounts = {account for _, account, _ in lines}
            settles = any(
                account.startswith(("4455", "44567")) for account in accounts
            ) and not any(
                account.startswith(("40", "41", "6", "7"))
                and not account.startswith(("658", "758"))
                for account in accounts
            )
            if not settles and number not in self.openings:
                found += lines
        return found

    def opened(self, before: str = "9") -> str:
        """The first day of the last year with posted openings."""
        days = {self.entries[entry][0][0] for entry in self.openings}
        return max((day for day in days if day < before), default="")

    def balances(self, last: str, *, first: str = "", openings: bool = True) -> dict[str, Decimal]:
        """Debit minus credit of each account in a period; with closing entries left out."""
        found: dict[str, Decimal] = defaultdict(Decimal)
        for number, lines in self.entries.items():
            closes = {account[0] for _, account, _ in lines} & {"6", "7"} and any(
                account.startswith("12") for _, account, _ in lines
            )
            if not closes and (openings or number not in self.openings):
                for day, account, amount in lines:
                    if first <= day <= last:
                        found[account] += amount
        return found


@pytest.fixture(scope="module")
def ledger(books: Pipeline) -> Ledger:
    return Ledger(books)


def rows(draft: Draft, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in draft.ask(query)]


def test_vat_is_what_operations_collect_and_deduct(
    books: Pipeline, ledger: Ledger, draft: Draft
) -> None:
    expected: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for day, account, amount in ledger.operations():
        if account.startswith("445"):
            expected[day[:7], account] -= amount
    found = {
        (row["month"], row["account_number"]): row["vat_due"]
        for row in draft.ask(
            "SELECT to_char(month, 'YYYY-MM') AS month, account_number, vat_due FROM vat_summary"
        )
    }
    assert {key: due for key, due in found.items() if due} == {
        key: due for key, due in expected.items() if due
    }
    invoiced = sum(
        Decimal(invoice["tax"])
        for invoice in books.sandbox.state("customer_invoices")
        if not invoice["draft"]
    )
    (sums,) = draft.ask(
        "SELECT sum(collected) AS collected, min(collected) AS least, sum(deductible) AS deductible"
        " FROM vat_summary"
    )
    assert sums["collected"] == invoiced > 0
    assert sums["deductible"] == sum(
        amount for _, account, amount in ledger.operations() if account.startswith("4456")
    )


def test_the_return_of_a_month_is_no_vat_of_it(draft: Draft) -> None:
    draft.add("journals", id=1, code="OD", label="Opérations diverses")
    draft.enter(1, "2040-03-10", 1, ("411009", "120"), ("706900", "-100"), ("445719", "-20"))
    draft.enter(2, "2040-03-11", 1, ("411009", "-12"), ("706900", "10"), ("445719", "2"))
    draft.enter(3, "2040-03-12", 1, ("606900", "30"), ("445669", "6"), ("401009", "-36"))
    # A return with a difference of rounding, its payment, and a return that leaves a credit.
    returned = ("445719", "50"), ("445669", "-9"), ("445519", "-40.60"), ("758000", "-0.40")
    draft.enter(4, "2040-03-15", 1, *returned)
    draft.enter(5, "2040-03-20", 1, ("445519", "40.60"), ("512900", "-40.60"))
    draft.enter(6, "2040-03-21", 1, ("445719", "1"), ("445669", "-3"), ("445679", "2"))
    # An invoice with VAT to pay at once has a supplier: it is an operation.
    draft.enter(
        7, "2040-03-22", 1, ("606900", "5"), ("401009", "-5"), ("445669", "1"), ("445219", "-1")
    )
    assert rows(
        draft,
        "SELECT account_number, collected, deductible, vat_due, settled FROM vat_summary"
        " WHERE month = '2040-03-01' ORDER BY 1",
    ) == [
        ("445219", 0, 0, 1, 0),
        ("445519", 0, 0, 0, 0),
        ("445669", 0, 7, -7, 12),
        ("445679", 0, 0, 0, -2),
        ("445719", 18, 0, 18, -51),
    ]


def carried(draft: Draft) -> dict[str, tuple[Any, bool]]:
    """The sum of the lines that repeat nothing, and whether any does, by account."""
    return {
        row["account_number"]: (row["balance"], row["repeats"])
        for row in draft.ask(
            "SELECT account_number, bool_or(is_carried_forward) AS repeats,"
            " coalesce(sum(balance) FILTER (WHERE NOT is_carried_forward), 0) AS balance"
            " FROM general_ledger WHERE account_number LIKE '___909' GROUP BY 1"
        )
    }


def agree_on_what_is_repeated(draft: Draft) -> bool:
    """Whether the lines and the trial balance say the same, which each finds in its own way."""
    of_lines = rows(
        draft,
        "SELECT DISTINCT company_id, date, account_number FROM general_ledger"
        " WHERE is_carried_forward",
    )
    of_balances = rows(
        draft,
        "SELECT company_id, period_start, account_number FROM opening_balances WHERE is_repeated",
    )
    return bool(of_lines) and set(of_lines) == set(of_balances)


@pytest.mark.parametrize("code", ["AN", "OUV", "BO", "ANOU"])
def test_an_opening_after_a_mis_dated_line_is_kept(draft: Draft, code: str) -> None:
    """The year before is not in the ledger: one line of it repeats nothing."""
    draft.add("journals", id=1, code=code, label="Journal")
    draft.add("fiscal_years", id=1, start="2029-01-01", finish="2029-12-31", status="closed")
    draft.add("fiscal_years", id=2, start="2030-01-01", finish="2030-12-31", status="open")
    draft.enter(1, "2029-12-30", 2, ("512909", "-5"), ("606909", "5"))
    draft.enter(
        2, "2030-01-01", 1, ("512909", "100000"), ("101909", "-60000"), ("164909", "-40000")
    )
    found = carried(draft)
    assert found["512909"] == (99995, False)
    assert found["101909"] == (-60000, False)
    assert agree_on_what_is_repeated(draft)


def opened(draft: Draft, code: str, *, late: str = "0") -> None:
    """Two years; the second one opens with the balances of the first, before a late entry."""
    draft.add("journals", id=1, code=code, label="Journal")
    draft.add("fiscal_years", id=1, start="2029-01-01", finish="2029-12-31", status="closed")
    draft.add("fiscal_years", id=2, start="2030-01-01", finish="2030-12-31", status="open")
    draft.enter(1, "2029-05-05", 2, ("512909", "100"), ("101909", "-70"), ("164909", "-30"))
    draft.enter(2, "2029-06-06", 2, ("512909", "50"), ("706909", "-50"))
    if late != "0":
        draft.enter(3, "2029-12-31", 2, ("606909", late), ("512909", f"-{late}"))
    opening = ("512909", "150"), ("101909", "-70"), ("164909", "-30"), ("120909", "-50")
    draft.enter(4, "2030-01-01", 1, *opening)
    draft.enter(5, "2030-01-01", 2, ("512909", "-150"), ("467909", "150"))  # a payment of that day
    draft.enter(6, "2030-02-02", 2, ("512909", "8"), ("706909", "-8"))


@pytest.mark.parametrize("code", ["RAN", "ZZ"])
def test_an_opening_repeats_the_year_before(draft: Draft, code: str) -> None:
    """In a journal for openings, or in any other if most accounts agree."""
    opened(draft, code)
    found = carried(draft)
    assert found["512909"] == (8, True)
    assert found["101909"] == (-70, True)
    assert found["467909"] == (150, False)
    # No entry closed the year into its result: the opening is the first to state it.
    assert found["120909"] == (-50, False)
    assert agree_on_what_is_repeated(draft)
    differences = (
        "SELECT account_number, posted, carried FROM opening_balances WHERE period_start ="
        " '2030-01-01' AND account_number LIKE '___909' AND posted <> carried"
        " AND account_number NOT LIKE '12%'"
    )
    assert rows(draft, differences) == []


def test_a_balance_that_changed_after_it_was_carried_forward_counts_once(draft: Draft) -> None:
    opened(draft, "AN", late="4")
    assert carried(draft)["512909"] == (4, True)
    assert agree_on_what_is_repeated(draft)
    assert rows(
        draft,
        "SELECT posted, carried, opening FROM opening_balances"
        " WHERE period_start = '2030-01-01' AND account_number = '512909'",
    ) == [(150, 146, 150)]


def opening_of(ledger: Ledger, start: str) -> tuple[dict[str, Decimal], bool]:
    """The opening balances of a year, and whether they are posted."""
    posted = [
        entry for entry in ledger.openings if any(day == start for day, *_ in ledger.entries[entry])
    ]
    opening: dict[str, Decimal] = defaultdict(Decimal)
    for entry in posted:
        for _, account, amount in ledger.entries[entry]:
            opening[account] += amount
    former = [each for each in ledger.years if ledger.opened(start) <= each["start"] < start]
    for each in [] if posted else former:
        before = ledger.balances(each["finish"], first=each["start"])
        result = sum(
            (amount for account, amount in before.items() if account[0] in "67"), Decimal(0)
        )
        for account, amount in before.items():
            if account[0] < "6":
                opening[account] += amount
        opening["129" if result > 0 else "120"] += result
    return opening, bool(posted)


def test_the_trial_balance_opens_with_what_the_years_before_left(
    ledger: Ledger, draft: Draft
) -> None:
    for year in ledger.years:
        start, end = year["start"], year["finish"]
        opening, is_posted = opening_of(ledger, start)
        moved = ledger.balances(end, first=start, openings=False)
        found = draft.ask(
            "SELECT account_number, opening, balance_before_closing AS closing, balance"  # noqa: S608
            f" FROM trial_balance WHERE period_start = '{start}'"
        )
        assert sum(row["opening"] for row in found) == 0
        assert sum(row["balance"] for row in found) == 0
        for row in found:
            account = row["account_number"]
            key = account[:3] if account.startswith("12") and not is_posted else account
            assert row["opening"] == opening[key], (start, account)
            assert row["closing"] == opening[key] + moved[account], (start, account)
        assert {account for account, amount in opening.items() if amount} <= {
            key for row in found for key in (row["account_number"], row["account_number"][:3])
        }


def test_the_trial_balance_of_a_period_begins_where_the_year_is(
    ledger: Ledger, draft: Draft
) -> None:
    """A year but its first and last months; and one that touches two years, by year."""
    for year in ledger.years:
        start, end = (date.fromisoformat(year[name]) for name in ("start", "finish"))
        first, last = start + timedelta(days=40), end - timedelta(days=40)
        opening, is_posted = opening_of(ledger, year["start"])
        until = ledger.balances(str(first - timedelta(days=1)), first=year["start"], openings=False)
        moved = ledger.balances(str(last), first=str(first), openings=False)
        found = draft.ask(f"SELECT * FROM trial_balance_between('{first}', '{last}')")  # noqa: S608
        assert {(row["period_start"], row["period_end"]) for row in found} == {(first, last)}
        assert sum(row["opening"] for row in found) == 0
        assert sum(row["balance"] for row in found) == 0
        for row in found:
            account = row["account_number"]
            key = account[:3] if account.startswith("12") and not is_posted else account
            assert row["opening"] == opening[key] + until[account], (first, account)
            assert row["debits"] - row["credits"] == moved[account], (first, account)
            assert row["balance"] == opening[key] + until[account] + moved[account]
        missing = moved.keys() - {row["account_number"] for row in found}
        assert not missing, (first, missing)
    whole = "account_number, opening, debits, credits, closing_debits, closing_credits, balance"
    first, last = ledger.years[0]["start"], ledger.years[-1]["finish"]
    of_years = f"SELECT period_start, {whole} FROM trial_balance ORDER BY 1, 2"  # noqa: S608
    found = draft.ask(of_years)
    assert {row["period_start"] for row in found} == {
        date.fromisoformat(year["start"]) for year in ledger.years
    }
    of_period = of_years.replace("trial_balance", f"trial_balance_between('{first}', '{last}')")
    assert [row for row in found if has_figures(row)] == [
        row for row in draft.ask(of_period) if has_figures(row)
    ]


def has_figures(row: dict[str, Any]) -> bool:
    """Whether an account has a balance, or moved."""
    return any(row[name] for name in ("opening", "debits", "credits", "balance"))


def test_the_trial_balance_says_what_the_bank_says(books: Pipeline, draft: Draft) -> None:
    """Whether or not the openings are posted."""
    accounts = {row["id"]: row["number"] for row in books.sandbox.state("ledger_accounts")}
    last = max(year["start"] for year in books.sandbox.state("fiscal_years"))
    for bank in books.sandbox.state("bank_accounts"):
        found = draft.ask(
            f"SELECT balance FROM trial_balance WHERE period_start = '{last}'"  # noqa: S608
            f" AND account_number = '{accounts[bank['ledger_account']['id']]}'"
        )
        assert sum((row["balance"] for row in found), Decimal(0)) == Decimal(bank["balance"])
    assert rows(draft, "SELECT DISTINCT unexplained FROM bank_reconciliation") == [(0,)]


def test_before_and_after_the_entries_that_close_a_year(draft: Draft) -> None:
    opened(draft, "AN")
    draft.enter(7, "2030-12-31", 2, ("706909", "8"), ("120909", "-8"))
    assert rows(
        draft,
        "SELECT account_number, opening, debits, credits, balance_before_closing, balance"
        " FROM trial_balance WHERE period_start = '2030-01-01' AND account_number LIKE '___909'"
        " ORDER BY 1",
    ) == [
        ("101909", -70, 0, 0, -70, -70),
        ("120909", -50, 0, 0, -50, -58),
        ("164909", -30, 0, 0, -30, -30),
        ("467909", 0, 150, 0, 150, 150),
        ("512909", 150, 8, 150, 8, 8),
        ("706909", 0, 0, 8, -8, 0),
    ]


def test_old_invoices_are_owed_although_they_are_archived(draft: Draft) -> None:
    before = {"sum": Decimal(0)} | draft.ask(
        "SELECT sum(remaining_amount) FROM invoices_receivable"
    )[0]
    invoice = {"amount": "100", "currency": "EUR", "paid": False, "draft": False}
    invoice |= {"date": "2020-01-31", "status": "archived"}
    label = "Facture Établissements Noël - Fils - F-2020-00012"
    draft.add("customer_invoices", id=1, remaining_amount_with_tax="40", label=label, **invoice)
    draft.add(
        "customer_invoices",
        id=2,
        remaining_amount_with_tax="-30",
        **invoice | {"status": "credit_note", "label": "Avoir Zoé & Cie - A-7 (label généré)"},
    )
    found = draft.ask(
        "SELECT customer_name, age, is_archived, overdue_over_90, credit_notes"
        " FROM invoices_receivable WHERE customer_invoice_id < 10 ORDER BY customer_invoice_id"
    )
    assert [tuple(row.values()) for row in found] == [
        ("Établissements Noël - Fils", "> 90", True, 40, 0),
        ("Zoé & Cie", "credit note", False, 0, -30),
    ]
    (after,) = draft.ask("SELECT sum(remaining_amount) FROM invoices_receivable")
    assert after["sum"] - (before["sum"] or 0) == 10


BRIDGE = "SELECT step, amount FROM open_items_bridge WHERE side = '{}' AND step <> 'advances'"


def test_the_open_invoices_are_the_accounts_411_and_401(
    books: Pipeline, ledger: Ledger, draft: Draft
) -> None:
    invoices = books.sandbox.state("customer_invoices")
    open_ones = [
        (Decimal(invoice["remaining_amount_with_tax"]), invoice["archived_at"])
        for invoice in invoices
        if not invoice["draft"] and not invoice["paid"]
    ]
    steps = dict(rows(draft, BRIDGE.format("customers")))
    assert steps["open invoices"] == sum(rest for rest, old in open_ones if rest > 0 and not old)
    assert steps.get("archived invoices", 0) == sum(
        rest for rest, old in open_ones if rest > 0 and old
    )
    assert steps.get("credit notes", 0) == sum(rest for rest, _ in open_ones if rest < 0)
    for side, account, sign in (("customers", "411", 1), ("suppliers", "401", -1)):
        steps = dict(rows(draft, BRIDGE.format(side)))
        total = steps.pop("ledger")
        assert total == sum(steps.values())
        assert steps["unmatched payments"] == steps["entries unlike their invoices"] == 0
        balances = ledger.balances("9", first=ledger.opened())
        expected = sum(amount for number, amount in balances.items() if number.startswith(account))
        assert total == sign * expected + steps.get("drafts", 0)


def test_each_step_from_open_invoices_to_the_ledger(draft: Draft) -> None:
    before = {side: dict(rows(draft, BRIDGE.format(side))) for side in ("customers", "suppliers")}
    draft.add("journals", id=1, code="OD", label="Opérations diverses")
    invoice = {"currency": "EUR", "date": "2026-01-31", "status": "late", "draft": False}
    draft.enter(1, "2026-01-31", 1, ("411009", "100"), ("706900", "-100"))
    part = {"amount": "100", "remaining_amount_with_tax": "60", "paid": False}
    draft.add("customer_invoices", id=1, ledger_entry_id=1, **part, **invoice)
    draft.enter(2, "2026-02-05", 1, ("512900", "40"), ("411009", "-40"))  # its payment
    draft.enter(3, "2026-02-06", 1, ("512900", "7"), ("411009", "-7"))  # one of no invoice
    draft.enter(4, "2026-02-07", 1, ("411009", "9"), ("706900", "-9"), status="draft")
    draft.add(
        "customer_invoices",
        id=2,
        ledger_entry_id=4,
        amount="9",
        remaining_amount_with_tax="9",
        **invoice | {"draft": True, "status": "draft"},
    )
    draft.enter(5, "2026-02-08", 1, ("411009", "3"), ("467000", "-3"))
    draft.enter(6, "2026-02-09", 1, ("512900", "11"), ("419109", "-11"))
    draft.enter(7, "2026-02-10", 1, ("606900", "20"), ("401009", "-20"))
    owed = {"amount": "21", "remaining_amount_with_tax": "21", "paid": False}
    draft.add(
        "supplier_invoices",
        id=1,
        ledger_entry_id=7,
        date="2026-02-10",
        accounting_status="complete",
        payment_status="to_be_paid",
        **owed,
    )
    expected = {
        "customers": {
            "open invoices": 60,
            "unmatched payments": -7,
            "drafts": 9,
            "other entries": 3,
            "ledger": 65,
        },
        "suppliers": {"open invoices": 21, "entries unlike their invoices": -1, "ledger": 20},
    }
    for side, steps in expected.items():
        after = dict(rows(draft, BRIDGE.format(side)))
        changed = {step: amount - before[side].get(step, 0) for step, amount in after.items()}
        assert {step: amount for step, amount in changed.items() if amount} == steps
    advances = (
        "SELECT account_number, amount FROM open_items_bridge WHERE account_number = '419109'"
    )
    assert rows(draft, advances) == [("419109", -11)]


def test_drafts_do_not_count_and_are_shown(draft: Draft) -> None:
    draft.add("journals", id=1, code="OD", label="Opérations diverses")
    draft.add("fiscal_years", id=1, start="2040-07-01", finish="2041-06-30", status="open")
    draft.enter(1, "2040-07-05", 1, ("411009", "110"), ("706900", "-100"), ("445719", "-10"))
    lines = ("411009", "12"), ("706900", "-11"), ("445719", "-1")
    draft.enter(2, "2040-07-06", 1, *lines, status="draft")
    results = (
        "SELECT fiscal_year, result, left_out FROM monthly_profit_and_loss"
        " WHERE month = '2040-07-01'"
    )
    assert rows(draft, results) == [("2040-07 to 2041-06", 100, 11)]
    vat = "SELECT collected FROM vat_summary WHERE month = '2040-07-01'"
    assert rows(draft, vat) == [(10,)]
    ledger = (
        "SELECT entry_status, is_counted, sum(balance) FROM {} WHERE account_number = '706900'"
        " AND date > '2040-01-01' GROUP BY 1, 2 ORDER BY 2"
    )
    counted = [("draft", False, -11), ("complete", True, -100)]
    assert rows(draft, ledger.format("general_ledger")) == counted
    # As Pennylane counts, so does the reconciliation.
    period = "FROM {} WHERE period_start = '2040-07-01' AND account_number = '706900'"
    assert rows(draft, "SELECT balance " + period.format("trial_balance_computed")) == [(-111,)]
    assert rows(draft, "SELECT balance " + period.format("trial_balance")) == [(-100,)]


def test_the_settings_say_what_counts_and_what_opens(books: Pipeline) -> None:
    pipeline = books.copy()
    pipeline.execute(
        "INSERT INTO pennylane.journals (id, code, label) VALUES (1, 'X9', 'Divers');"
        "INSERT INTO pennylane.fiscal_years (id, start, finish)"
        " VALUES (1, '2040-01-01', '2040-12-31');"
        "INSERT INTO pennylane.ledger_entries (id, date, journal_id, status) VALUES"
        " (1, '2040-01-01', 1, null), (2, '2040-02-02', 1, 'draft');"
        "INSERT INTO pennylane.ledger_entry_lines (id, date, journal_id, ledger_entry_id,"
        " ledger_account_number, debit, credit, categories, lettered_ledger_entry_lines_ids) VALUES"
        " (1, '2040-01-01', 1, 1, '512900', 5, 0, '[]', '[]'),"
        " (2, '2040-01-01', 1, 1, '101900', 0, 5, '[]', '[]'),"
        " (3, '2040-02-02', 1, 2, '706900', 0, 7, '[]', '[]')"
    )
    asked = (
        "SELECT (SELECT count(*) FROM pennylane_marts.opening_entries WHERE ledger_entry_id = 1)"
        " AS openings, (SELECT sum(result) FROM pennylane_marts.monthly_profit_and_loss"
        " WHERE month = '2040-02-01') AS result"
    )
    assert pipeline.query(asked) == [{"openings": 0, "result": 0}]
    (company,) = pipeline.query("SELECT company_id FROM pennylane.company")
    states = (
        "SELECT array_agg(DISTINCT state) FILTER (WHERE kind = 'collected') AS sales,"
        " bool_or(state = 'paid') AS is_awaited FROM pennylane_marts.vat_by_invoice"
    )
    done = pipeline.dbt(
        "run",
        "--select",
        "opening_entries",
        "monthly_profit_and_loss",
        "vat_by_invoice",
        DBT_PENNYLANE_OPENING_JOURNALS="Y1, X9",
        DBT_PENNYLANE_LEFT_OUT_STATUSES="none",
        DBT_PENNYLANE_VAT_ON_SERVICES=f"1, {company['company_id']}",
    )
    assert done.returncode == 0, done.stdout
    assert pipeline.query(asked) == [{"openings": 1, "result": 7}]
    # This company opted for the debits; its suppliers did not.
    assert pipeline.query(states) == [{"sales": ["invoiced"], "is_awaited": True}]


def test_every_axis_adds_up_to_the_books(draft: Draft) -> None:
    (books,) = rows(
        draft,
        "SELECT sum(debit) AS debits, sum(credit) AS credits,"
        " sum(credit - debit) FILTER (WHERE account_number LIKE '70%') AS sales"
        " FROM ledger_entry_lines",
    )
    axes = rows(
        draft,
        "SELECT sum(debit) AS debits, sum(credit) AS credits,"
        " -sum(balance) FILTER (WHERE account_number LIKE '70%') AS sales"
        " FROM general_ledger_by_category GROUP BY category_group_id",
    )
    assert len(axes) > 1
    assert set(axes) == {books}
    names = rows(
        draft,
        "SELECT DISTINCT category_label FROM general_ledger_by_category WHERE category_id IS NULL",
    )
    assert names == [("Non affecté",)]
    # Without any axis, the books are one.
    draft.connection.execute(b"UPDATE pennylane.category_groups SET _sdc_deleted_at = now()")
    (alone,) = rows(
        draft, "SELECT sum(debit) AS a, sum(credit) AS b FROM general_ledger_by_category"
    )
    assert alone == books[:2]


def test_the_bank_and_the_ledger_are_compared_by_day_and_amount(draft: Draft) -> None:
    draft.add("ledger_accounts", id=1, number="512909", label="Banque")
    draft.add(
        "bank_accounts", id=1, name="Banque", currency="EUR", balance="70", ledger_account_id=1
    )
    draft.add("journals", id=1, code="BQ", label="Banque")
    for number, (day, amount) in enumerate(
        (("2040-01-05", "100"), ("2040-01-06", "-4"), ("2040-02-07", "-26"))
    ):
        draft.add("transactions", id=number, bank_account_id=1, date=day, amount=amount)
    draft.enter(1, "2040-01-05", 1, ("512909", "100"), ("411009", "-100"))
    draft.enter(2, "2040-01-06", 1, ("512909", "-4"), ("627000", "4"))  # a fee: it has no invoice
    draft.enter(3, "2040-02-08", 1, ("512909", "-1"), ("627000", "1"))  # in the ledger alone
    months = (
        "SELECT month::text, bank_balance, ledger_balance, difference, not_in_ledger, not_in_bank,"
        " unexplained FROM bank_reconciliation WHERE bank_account_id = 1 ORDER BY 1"
    )
    assert rows(draft, months) == [
        ("2040-01-01", 96, 96, 0, 0, 0, 0),
        ("2040-02-01", 70, 95, -25, -26, -1, 0),
    ]
    draft.connection.execute(b"UPDATE pennylane.bank_accounts SET currency = 'USD' WHERE id = 1")
    assert {row[1] for row in rows(draft, months)} == {None}


def test_a_balance_is_that_of_the_year_for_income_and_of_all_years_for_the_rest(
    draft: Draft,
) -> None:
    """As the measure Balance in docs/power-bi.md has it."""
    opened(draft, "AN")
    draft.enter(7, "2030-12-31", 2, ("706909", "8"), ("120909", "-8"))
    for account, expected in (("706909", -8), ("512909", 8), ("101909", -70)):
        assert rows(
            draft,
            "SELECT sum(balance) FROM general_ledger WHERE is_counted AND CASE"  # noqa: S608
            " WHEN account_class IN ('6', '7')"
            " THEN fiscal_year_start = '2030-01-01' AND NOT is_closing"
            " ELSE NOT is_carried_forward END"
            f" AND account_number = '{account}'",
        ) == [(expected,)]


def test_shares_of_a_line_that_changed_are_those_of_its_axis(draft: Draft) -> None:
    first, second = draft.ask(
        "SELECT DISTINCT ON (category_group_id) id, category_group_id FROM categories"
        " ORDER BY category_group_id LIMIT 2"
    )
    draft.enter(1, "2040-01-01", 1, ("606900", "10"), ("512900", "-10"))
    shares = [{"id": first["id"], "weight": "0.4"}, {"id": second["id"], "weight": "1"}]
    draft.connection.execute(
        "UPDATE pennylane.ledger_entry_lines SET categories = %s WHERE id = 100", [Jsonb(shares)]
    )
    found = rows(
        draft,
        "SELECT category_group_id, category_id, balance FROM general_ledger_by_category"
        " WHERE ledger_entry_line_id = 100",
    )
    groups = draft.ask("SELECT id FROM category_groups")
    others = {row["id"] for row in groups} - {
        first["category_group_id"],
        second["category_group_id"],
    }
    assert set(found) == {
        (first["category_group_id"], first["id"], 4),
        (first["category_group_id"], None, 6),
        (second["category_group_id"], second["id"], 10),
        *((other, None, 10) for other in others),
    }

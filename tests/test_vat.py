"""When the VAT of invoices falls due, compared with what the API's answers say, and by hand."""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drafts import Draft
    from pipelines import Pipeline

Item = dict[str, Any]
NOTHING = Decimal(0)
CENT = Decimal("0.01")
NOT_ISSUED = {"draft", "proforma", "shipping_order", "purchasing_order"}
GOODS = "701", "702", "703", "707", "601", "602", "606", "607", "21", "22", "23"
SERVICES = "704", "705", "706", "708", "604", "61", "62", "651", "20"
RATES = {"FR_200": "0.2", "FR_100": "0.1", "FR_55": "0.055", "FR_21": "0.021", "FR_85": "0.085"}
ACCOUNTS = {"customer": ("411",), "supplier": ("401", "404")}
Part = tuple[str, str, str]
"""Kind, rate, and goods or services."""
Step = tuple[str, str | None]
"""How it was settled, and when it falls due."""


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def settled_with(lines: list[Item], line: Item) -> list[tuple[Item, Decimal]]:
    """The lines that settle one of those that are lettered together, the oldest ones first."""
    lines = sorted(lines, key=lambda each: (each["date"], each["id"]))
    owed = [[each, abs(each["amount"])] for each in lines if each["amount"] > 0]
    paid = [[each, abs(each["amount"])] for each in lines if each["amount"] < 0]
    found = []
    while owed and paid:
        amount = min(owed[0][1], paid[0][1])
        if line is owed[0][0]:
            found.append((paid[0][0], amount))
        elif line is paid[0][0]:
            found.append((owed[0][0], amount))
        for side in (owed, paid):
            side[0][1] -= amount
            if not side[0][1]:
                side.pop(0)
    return found


class Books:
    """The invoices and the ledger as the API answers them."""

    def __init__(self, books: Pipeline) -> None:
        state = books.sandbox.state
        self.lines: dict[int, Item] = {}
        self.entries: dict[int, list[Item]] = defaultdict(list)
        for line in state("ledger_entry_lines"):
            found = {
                "id": line["id"],
                "entry": line["ledger_entry"]["id"],
                "date": line["date"],
                "number": line["ledger_account"]["number"],
                "amount": Decimal(line["debit"]) - Decimal(line["credit"]),
                "lettered": line["lettered_ledger_entry_lines"]["ids"],
            }
            self.lines[line["id"]] = found
            self.entries[found["entry"]].append(found)
        self.invoices = [
            ("customer", row)
            for row in state("customer_invoices")
            if row["date"] and not row["draft"] and row["status"] not in NOT_ISSUED
        ]
        self.invoices += [
            ("supplier", row)
            for row in state("supplier_invoices")
            if row["date"] and row["accounting_status"] != "draft"
        ]
        self.credit_notes = {
            row["ledger_entry"]["id"] for _, row in self.invoices if Decimal(row["amount"]) < 0
        }
        self.sold: dict[int, list[Item]] = defaultdict(list)
        for line in books.sandbox.rows("/customer_invoices/{customer_invoice_id}/invoice_lines"):
            self.sold[line["customer_invoice_id"]].append(line)

    def supplied(self, invoice: Item) -> tuple[str, bool]:
        """Goods or services by the accounts of an invoice's entry, and whether it is an asset."""
        known = [
            line["number"]
            for line in self.entries[invoice["ledger_entry"]["id"]]
            if line["number"].startswith((*GOODS, *SERVICES))
        ]
        for substance, numbers in (("goods", GOODS), ("services", SERVICES)):
            if known and all(number.startswith(numbers) for number in known):
                return substance, all(number[0] == "2" for number in known)
        return "unknown", bool(known) and all(number[0] == "2" for number in known)

    def parts(self, party: str, invoice: Item) -> dict[Part, tuple[Decimal, Decimal]]:
        """Base and tax of an invoice."""
        substance, is_asset = self.supplied(invoice)
        tax = Decimal(invoice["tax"])
        base = Decimal(invoice["amount"]) - tax
        if party == "supplier":
            kind = "deductible_on_assets" if is_asset else "deductible"
            fit = (
                code for code, rate in RATES.items() if abs(tax - base * Decimal(rate)) <= 5 * CENT
            )
            return {(kind, next(fit, "mixed") if tax else "", substance): (base, tax)}
        found: dict[Part, tuple[Decimal, Decimal]] = defaultdict(lambda: (NOTHING, NOTHING))
        for line in self.sold[invoice["id"]]:
            part = ("collected", line["vat_rate"], line["substance"] or substance)
            base, tax = found[part]
            more = Decimal(line["tax"])
            found[part] = (base + Decimal(line["amount"]) - more, tax + more)
        return found

    def steps(self, party: str, invoice: Item) -> list[tuple[Step, Decimal]]:
        """How much of an invoice is settled, and since when."""
        sign = 1 if party == "customer" else -1
        days: dict[str, Decimal] = defaultdict(Decimal)
        for line in self.entries[invoice["ledger_entry"]["id"]]:
            if line["number"].startswith(ACCOUNTS[party]) and line["lettered"]:
                group = [self.lines[number] for number in {line["id"], *line["lettered"]}]
                for other, amount in settled_with(group, line):
                    is_credit = {line["entry"], other["entry"]} & self.credit_notes
                    day = max(other["date"], line["date"]) if is_credit else other["date"]
                    days[day] += amount if line["amount"] > 0 else -amount
        found: list[tuple[Step, Decimal]] = []
        whole = abs(Decimal(invoice["amount"]))
        way = 1 if Decimal(invoice["amount"]) > 0 else -1
        so_far = NOTHING
        for day, amount in sorted(days.items()):
            so_far += sign * way * amount
            found.append((("paid", day), so_far))
        left = NOTHING if invoice["paid"] else abs(Decimal(invoice["remaining_amount_with_tax"]))
        found.append((("paid_undated", None), max(so_far, whole - left)))
        found.append((("open", None), whole))
        return found

    def due(self) -> Iterable[tuple[str, int, Part, Step, Decimal, Decimal]]:
        """Base and tax by invoice, part and step."""
        for party, invoice in self.invoices:
            whole = abs(Decimal(invoice["amount"]))
            for part, (base, tax) in self.parts(party, invoice).items():
                if part[2] != "services" or not whole:
                    yield party, invoice["id"], part, ("invoiced", invoice["date"]), base, tax
                    continue
                before = NOTHING
                for step, upto in self.steps(party, invoice):
                    if upto != before:
                        amounts = (
                            rounded(sum_ * upto / whole) - rounded(sum_ * before / whole)
                            for sum_ in (base, tax)
                        )
                        yield party, invoice["id"], part, step, *amounts
                    before = upto


@pytest.fixture(scope="module")
def api(books: Pipeline) -> Books:
    return Books(books)


def test_vat_on_services_falls_due_when_they_are_paid(draft: Draft, api: Books) -> None:
    expected = {
        (party, number, *part, *step): (base, tax)
        for party, number, part, step, base, tax in api.due()
    }
    found = {
        (
            "customer" if row["customer_invoice_id"] else "supplier",
            row["customer_invoice_id"] or row["supplier_invoice_id"],
            row["kind"],
            row["vat_rate"],
            row["substance"],
            row["state"],
            row["due_on"] and row["due_on"].isoformat(),
        ): (row["base"], row["tax"])
        for row in draft.ask("SELECT * FROM vat_by_invoice")
    }
    assert found == expected
    assert {key[5] for key in found} >= {"invoiced", "paid", "paid_undated", "open"}
    taxes: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for (party, number, *_), (_, tax) in found.items():
        taxes[party, number] += tax
    assert taxes == {
        (party, invoice["id"]): Decimal(invoice["tax"]) for party, invoice in api.invoices
    }


def test_the_return_has_what_was_invoiced_by_rate(draft: Draft, api: Books) -> None:
    expected: dict[tuple[str, ...], list[Decimal]] = defaultdict(lambda: [NOTHING] * 2)
    for party, invoice in api.invoices:
        for part, amounts in api.parts(party, invoice).items():
            sums = expected[invoice["date"][:7], *part]
            sums[:] = (before + amount for before, amount in zip(sums, amounts, strict=True))
    rows = draft.ask("SELECT * FROM vat_return WHERE source = 'documents'")
    found = {
        (row["month"].isoformat()[:7], row["kind"], row["vat_rate"], row["substance"]): [
            row["base"],
            row["tax"],
        ]
        for row in rows
    }
    assert found == expected
    for row in rows:
        code = re.fullmatch(r"FR_(\d+)", row["vat_rate"])
        assert not code or row["percentage"] == Decimal(code[1]) / 10


@pytest.mark.parametrize(
    ("first", "last"),
    [("2025-03-01", "2025-03-31"), ("2024-01-01", "2024-12-31"), ("2025-06-16", "2025-06-30")],
)
def test_a_period_has_what_falls_due_in_it(draft: Draft, first: str, last: str) -> None:
    everything = draft.ask(
        "SELECT * FROM vat_by_invoice "  # noqa: S608
        f"WHERE due_on BETWEEN '{first}' AND '{last}'"
    )
    period = draft.ask(f"SELECT * FROM vat_by_invoice_between('{first}', '{last}')")  # noqa: S608
    assert period
    assert sorted(map(str, period)) == sorted(map(str, everything))


def letter(draft: Draft, *lines: int) -> None:
    draft.connection.execute(
        "UPDATE pennylane.ledger_entry_lines SET lettered_ledger_entry_lines_ids = %s"
        " WHERE id = ANY(%s)",
        [Jsonb(lines), list(lines)],
    )


def invoice(draft: Draft, number: int, day: str, amount: str, *lines: tuple[str, str, str]) -> None:
    """Issue an invoice: lines with base, rate in percent, and what is supplied."""
    draft.add(
        "customer_invoices",
        id=number,
        ledger_entry_id=number,
        invoice_number=f"F-{number}",
        date=day,
        amount=amount,
        remaining_amount_with_tax=amount,
        draft=False,
        paid=False,
        status="late",
    )
    tax = NOTHING
    for place, (base, rate, substance) in enumerate(lines):
        part = rounded(Decimal(base) * Decimal(rate) / 100)
        tax += part
        draft.add(
            "customer_invoice_lines",
            id=number * 100 + place,
            customer_invoice_id=number,
            vat_rate=f"FR_{Decimal(rate) * 10:.0f}",
            substance=substance or None,
            amount=Decimal(base) + part,
            tax=part,
        )
    draft.connection.execute(
        "UPDATE pennylane.customer_invoices SET tax = %s WHERE id = %s", [tax, number]
    )
    sales, owed = Decimal(amount) - tax, Decimal(amount)
    draft.enter(number, day, 1, ("411009", amount), ("706900", f"{-sales}"), ("445719", f"{-tax}"))
    assert owed == sales + tax


DUE = """
    SELECT invoice_number, vat_rate, substance, state, due_on::text, base, tax FROM vat_by_invoice
    WHERE customer_invoice_id < 100 ORDER BY 1, 2, 3, due_on, state
"""


def due(draft: Draft) -> list[tuple[Any, ...]]:
    return [
        tuple(str(value) if isinstance(value, Decimal) else value for value in row.values())
        for row in draft.ask(DUE)
    ]


def test_payments_in_parts_are_shared_to_the_cent(draft: Draft) -> None:
    services, other = ("100", "20", "services"), ("50.01", "5.5", "services")
    invoice(draft, 1, "2040-01-31", "272.76", services, other, ("100", "0", "goods"))
    for number, (day, amount) in enumerate(
        (("2040-02-01", "90.92"), ("2040-02-01", "0.01"), ("2040-03-05", "100"))
    ):
        draft.enter(2 + number, day, 1, ("512900", amount), ("411009", f"-{amount}"))
    letter(draft, 100, 201, 301, 401)
    rows = due(draft)
    assert rows == [
        ("F-1", "FR_0", "goods", "invoiced", "2040-01-31", "100.00", "0.00"),
        ("F-1", "FR_200", "services", "paid", "2040-02-01", "33.34", "6.67"),
        ("F-1", "FR_200", "services", "paid", "2040-03-05", "36.66", "7.33"),
        ("F-1", "FR_200", "services", "open", None, "30.00", "6.00"),
        ("F-1", "FR_55", "services", "paid", "2040-02-01", "16.67", "0.92"),
        ("F-1", "FR_55", "services", "paid", "2040-03-05", "18.34", "1.00"),
        ("F-1", "FR_55", "services", "open", None, "15.00", "0.83"),
    ]
    period = "SELECT sum(tax) AS tax FROM vat_by_invoice_between('2040-0{}-01', '2040-0{}-28')"
    for month, tax in ((2, "7.59"), (3, "8.33"), (4, None)):
        (row,) = draft.ask(period.format(month, month))
        assert row["tax"] == (tax and Decimal(tax))
    (row,) = draft.ask("SELECT sum(tax) AS tax FROM vat_return WHERE month = '2040-01-01'")
    assert row["tax"] == 2 * Decimal("22.75")  # by the invoices, and by the ledger


def test_what_takes_an_invoice_off_its_account_without_a_payment(draft: Draft) -> None:
    """A credit note, a loss, a bill; and invoices that are paid early, or without lettering."""
    for number in (1, 3, 5, 7, 9):
        invoice(draft, number, f"2040-0{number}-10", "120", ("100", "20", ""))
    invoice(draft, 2, "2040-04-02", "-120", ("-100", "20", ""))
    letter(draft, 100, 200)
    draft.enter(4, "2040-12-31", 1, ("654000", "60"), ("411009", "-60"))
    draft.enter(6, "2040-05-31", 1, ("413000", "120"), ("411009", "-120"))
    draft.enter(8, "2040-06-30", 1, ("512900", "120"), ("411009", "-120"))
    letter(draft, 300, 401)
    letter(draft, 500, 601)
    letter(draft, 700, 801)
    draft.connection.execute(
        b"UPDATE pennylane.customer_invoices SET remaining_amount_with_tax = 30 WHERE id = 9"
    )
    assert [(row[0], *row[3:]) for row in due(draft)] == [
        ("F-1", "paid", "2040-04-02", "100.00", "20.00"),
        ("F-2", "paid", "2040-04-02", "-100.00", "-20.00"),
        ("F-3", "not_paid", None, "50.00", "10.00"),
        ("F-3", "open", None, "50.00", "10.00"),
        ("F-5", "not_paid", None, "100.00", "20.00"),
        ("F-7", "paid", "2040-06-30", "100.00", "20.00"),
        ("F-9", "open", None, "25.00", "5.00"),
        ("F-9", "paid_undated", None, "75.00", "15.00"),
    ]

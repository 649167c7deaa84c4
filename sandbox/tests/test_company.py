"""The company is the same for the same seed, and its books are coherent."""

import json
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from pennylane_sandbox.company.build import build

Json = dict[str, Any]


def _balance(lines: list[Json]) -> dict[int, Decimal]:
    sums: dict[int, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line["ledger_entry"]["id"]] += Decimal(line["debit"]) - Decimal(line["credit"])
    return sums


@pytest.mark.parametrize("size", [100, 101, 2003])
def test_the_size_is_the_number_of_lines_and_every_list_has_rows(
    start: Callable[..., Any], size: int
) -> None:
    sandbox = start("--size", str(size), "--rate-limit", "none")
    assert sandbox.control("GET", "health")["size"] == size
    assert len(sandbox.state("ledger_entry_lines")) == size
    for resource in RESOURCES:
        assert sandbox.state(resource), resource
    lines = [len(sandbox.state(f"customer_invoices/{one['id']}/invoice_lines"))
             for one in sandbox.state("customer_invoices")]  # fmt: skip
    assert max(lines) > 100
    assert sum(count > 20 for count in lines) >= 2


RESOURCES = (
    "bank_accounts", "bank_establishments", "billing_subscriptions", "categories",
    "category_groups", "commercial_documents", "customer_invoice_templates", "customer_invoices",
    "customers", "fiscal_years", "gocardless_mandates", "journals", "ledger_accounts",
    "ledger_entries", "ledger_entry_lines", "pa_registrations", "pro_account/mandate_migrations",
    "pro_account/mandates", "products", "purchase_requests", "quotes", "sepa_mandates",
    "supplier_invoices", "suppliers", "transactions", "webhook_subscriptions",
)  # fmt: skip


def test_the_books_are_what_they_were(sandbox: Any) -> None:
    """Whoever changes the books on purpose changes this digest, and figures in the docs."""
    digest = sha256()
    for resource in (*RESOURCES, "numberings"):
        text = json.dumps(sandbox.state(resource)).replace(sandbox.base, "")
        digest.update(text.encode())
    assert digest.hexdigest()[:16] == "cdf764260104442f"


@pytest.mark.parametrize("seed", [100_967, 100_973])
def test_a_single_missing_line_is_made_from_another(seed: int) -> None:
    books = build(seed, 500)
    assert len(books.ledger_entry_lines) == 500
    assert not any(sum(line.cents for line in entry.lines) for entry in books.ledger_entries)


def test_the_same_changes_give_the_same_rows(start: Callable[..., Any]) -> None:
    def changes(seed: int) -> list[Any]:
        sandbox = start("--seed", str(seed), "--size", "300", "--rate-limit", "none")
        return [
            sandbox.change(resource, create=3, update=2, delete=1)
            for resource in ("customer_invoices", "transactions", "ledger_entries", "customers")
        ]

    assert changes(1) == changes(1) != changes(2)


def test_the_content_depends_on_the_seed_alone(start: Callable[..., Any]) -> None:
    def content() -> list[Any]:
        sandbox = start("--seed", "5", "--size", "400", "--rate-limit", "none")
        text = [str(sandbox.state(one)).replace(sandbox.base, "") for one in RESOURCES]
        text += [str(sandbox.state("trial_balance?period_start=2024-01-01&period_end=2026-12-31"))]
        one = sandbox.state("customer_invoices")[3]["id"]
        return [
            *text,
            str(sandbox.state(f"customer_invoices/{one}/invoice_lines")).replace(sandbox.base, ""),
        ]

    assert content() == content()


def test_entries_balance_and_the_trial_balance_agrees(sandbox: Any) -> None:
    lines = sandbox.state("ledger_entry_lines")
    sums = _balance(lines)
    assert set(sums.values()) == {Decimal(0)}
    entries = sandbox.state("ledger_entries")
    assert set(sums) == {one["id"] for one in entries if one["status"] != "draft"}
    assert {one["status"] for one in entries} > {"draft"}
    for start, end in (("2024-01-01", "2026-12-31"), ("2025-03-01", "2025-03-31")):
        for auxiliary in ("true", "false"):
            debits: dict[str, Decimal] = defaultdict(Decimal)
            for line in lines:
                if start <= line["date"] <= end:
                    number = line["ledger_account"]["number"]
                    if auxiliary == "false" and number[:3] in {"401", "411"}:
                        number = number[:3]
                    debits[number] += Decimal(line["debit"]) - Decimal(line["credit"])
            rows = sandbox.items(
                "/trial_balance", period_start=start, period_end=end, is_auxiliary=auxiliary
            )
            assert [row["number"] for row in rows] == sorted(
                debits, key=lambda number: number.ljust(8, "0")
            )
            assert {
                row["number"]: Decimal(row["debits"]) - Decimal(row["credits"]) for row in rows
            } == debits


def test_invoices_agree_with_the_ledger_and_the_bank(sandbox: Any) -> None:
    lines: dict[int, list[Json]] = defaultdict(list)
    for line in sandbox.state("ledger_entry_lines"):
        lines[line["ledger_entry"]["id"]].append(line)
    transactions = {one["id"]: one for one in sandbox.state("transactions")}
    entries = {one["id"]: one for one in sandbox.state("ledger_entries")}
    paid = 0
    for kind, general, sign in (("customer", "411", 1), ("supplier", "401", -1)):
        for invoice in sandbox.state(f"{kind}_invoices"):
            own = lines[invoice["ledger_entry"]["id"]]
            if invoice.get("draft"):
                assert own == []
                continue
            assert entries[invoice["ledger_entry"]["id"]]["date"] == invoice["date"]
            owed = [one for one in own if one["ledger_account"]["number"].startswith(general)]
            amount = Decimal(owed[0]["debit"]) - Decimal(owed[0]["credit"])
            assert amount * sign == Decimal(invoice["amount"])
            vat = sum(
                Decimal(one["debit"]) - Decimal(one["credit"])
                for one in own
                if one["ledger_account"]["number"].startswith("445")
            )
            assert -vat * sign == Decimal(invoice["tax"])
            matched = sandbox.state(f"{kind}_invoices/{invoice['id']}/matched_transactions")
            settled = sum(abs(Decimal(transactions[one["id"]]["amount"])) for one in matched)
            remaining = abs(Decimal(invoice["remaining_amount_with_tax"]))
            assert settled + remaining == abs(Decimal(invoice["amount"]))
            assert invoice["paid"] == (remaining == 0)
            ids = owed[0]["lettered_ledger_entry_lines"]["ids"]
            assert bool(ids) == invoice["paid"]
            if ids:
                assert owed[0]["id"] in ids
                paid += 1
    assert paid > 50


def test_invoice_lines_add_up_to_their_invoice(sandbox: Any) -> None:
    for invoice in sandbox.state("customer_invoices"):
        lines = sandbox.state(f"customer_invoices/{invoice['id']}/invoice_lines")
        for name in (
            "amount",
            "tax",
            "currency_amount",
            "currency_tax",
            "currency_amount_before_tax",
        ):
            assert sum(Decimal(line[name]) for line in lines) == Decimal(invoice[name])


def test_bank_balances_are_the_sums_of_their_transactions(sandbox: Any) -> None:
    sums: dict[int, Decimal] = defaultdict(Decimal)
    for transaction in sandbox.state("transactions"):
        sums[transaction["bank_account"]["id"]] += Decimal(transaction["amount"])
    for account in sandbox.state("bank_accounts"):
        assert Decimal(account["balance"]) == sums[account["id"]]


def test_values_are_as_awkward_as_real_ones(sandbox: Any) -> None:
    invoices = sandbox.state("customer_invoices")
    assert {one["currency"] for one in invoices} > {"EUR"}
    assert all(
        (Decimal(one["currency_amount"]) * Decimal(one["exchange_rate"])).quantize(Decimal("0.01"))
        - Decimal(one["amount"]) in {Decimal("0.00"), Decimal("0.01"), Decimal("-0.01")}
        for one in invoices
    )  # fmt: skip
    assert all(one["special_mention"] is None for one in invoices)
    assert any(one["credited_invoice"] for one in invoices)
    assert any(one["draft"] for one in invoices)
    assert {one["analytical_code"] for one in sandbox.state("categories")} == {None}
    assert max(one["id"] for one in sandbox.state("transactions")) > 2**31
    lines = sandbox.state("ledger_entry_lines")
    by_creation = sorted(lines, key=lambda one: one["created_at"])
    assert [one["id"] for one in by_creation] != sorted(one["id"] for one in lines)
    rates = {one["vat_rate"] for one in sandbox.state("ledger_accounts")}
    assert {"any", "exempt", "FR_200", "FR_15_385", "extracom", "crossborder"} <= rates
    assert any(not one["name"].isascii() for one in sandbox.state("customers"))
    assert {one["customer_type"] for one in sandbox.state("customers")} == {"company", "individual"}
    assert {one["status"] for one in sandbox.state("fiscal_years")} == {"open", "closed"}

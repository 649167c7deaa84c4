"""Changes on request, and the changelogs that report them."""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

Json = dict[str, Any]
LOGGED = (
    "customer_invoices", "supplier_invoices", "customers", "suppliers", "products", "quotes",
    "transactions", "ledger_entry_lines",
)  # fmt: skip
OTHERS = (
    "ledger_entries", "categories", "category_groups", "journals", "ledger_accounts",
    "bank_accounts", "commercial_documents", "billing_subscriptions", "purchase_requests",
    "sepa_mandates", "gocardless_mandates", "pro_account/mandates", "webhook_subscriptions",
)  # fmt: skip


def _key(resource: str, item: Json) -> int:
    key: int = item["customer"]["id"] if resource == "pro_account/mandates" else item["id"]
    return key


def _check_books(sandbox: Any) -> None:
    sums: dict[int, Decimal] = defaultdict(Decimal)
    numbers: dict[str, Decimal] = defaultdict(Decimal)
    for line in sandbox.state("ledger_entry_lines"):
        amount = Decimal(line["debit"]) - Decimal(line["credit"])
        sums[line["ledger_entry"]["id"]] += amount
        numbers[line["ledger_account"]["number"]] += amount
    assert set(sums.values()) == {Decimal(0)}
    entries = sandbox.state("ledger_entries")
    assert set(sums) == {one["id"] for one in entries if one["status"] != "draft"}
    period = "period_start=2000-01-01&period_end=2030-12-31&is_auxiliary=true"
    balance = {
        row["number"]: Decimal(row["debits"]) - Decimal(row["credits"])
        for row in sandbox.state(f"trial_balance?{period}")
    }
    assert balance == numbers


@pytest.mark.parametrize("resource", [*LOGGED, *OTHERS])
def test_rows_are_created_updated_deleted_and_recreated(changing: Any, resource: str) -> None:
    _check_books(changing)  # the sandbox keeps the sums that it has been asked for
    before = {_key(resource, one): one for one in changing.state(resource)}
    done = changing.change(resource, create=3, update=2)
    deleted = changing.change(resource, delete=1)["deleted"]
    after = {_key(resource, one): one for one in changing.state(resource)}
    assert len(done["created"]) == 3
    assert set(after) == (set(before) | set(done["created"])) - set(deleted)
    for one in set(done["updated"]) - set(deleted):
        assert after[one] != before[one]
        if "updated_at" in before[one]:
            assert after[one]["updated_at"] > before[one]["updated_at"]
    if resource != "ledger_entry_lines":
        again = changing.change(resource, recreate=deleted)
        assert again["created"] == deleted
        assert {_key(resource, one) for one in changing.state(resource)} == set(after) | set(
            deleted
        )
    _check_books(changing)


@pytest.mark.parametrize("resource", LOGGED)
def test_a_changelog_tells_every_difference_in_order(changing: Any, resource: str) -> None:
    before = {one["id"]: one for one in changing.state(resource)}
    since = changing.control("GET", "health")["now"]
    for _ in range(3):
        changing.change(resource, create=2, update=3, delete=1)
    changing.change("customer_invoices", create=1, update=1, delete=1)
    changing.change("transactions", create=3, delete=1)
    after = {one["id"]: one for one in changing.state(resource)}
    first = changing.get(f"/changelogs/{resource}", limit=5, start_date=since).json()
    events = first["items"]
    cursor = first["next_cursor"]
    while cursor:
        page = changing.get(f"/changelogs/{resource}", limit=5, cursor=cursor).json()
        events += page["items"]
        cursor = page["next_cursor"]
    instants = [one["processed_at"] for one in events]
    assert instants == sorted(set(instants))
    last = {one["id"]: one["operation"] for one in events}
    for one in set(before) | set(after):
        if one not in after:
            assert last[one] == "delete"
        elif one not in before:
            assert one in last
            assert last[one] in {"insert", "update"}
        elif before[one] != after[one]:
            assert last[one] == "update"
    whole = changing.items(f"/changelogs/{resource}", limit=1000)
    assert whole[-len(events) :] == events


@pytest.mark.parametrize("resource", LOGGED)
def test_a_silent_change_changes_rows_but_no_changelog(changing: Any, resource: str) -> None:
    before = {one["id"]: one for one in changing.state(resource)}
    since = changing.control("GET", "health")["now"]
    silent = changing.change(resource, create=2, update=2, delete=1, silent=True)
    after = {one["id"]: one for one in changing.state(resource)}
    assert set(after) == (set(before) | set(silent["created"])) - set(silent["deleted"])
    assert changing.get(f"/changelogs/{resource}", start_date=since).json()["items"] == []
    loud = changing.change(resource, create=1)
    events = changing.get(f"/changelogs/{resource}", start_date=since).json()["items"]
    assert set(loud["created"]) <= {one["id"] for one in events}


def _events(sandbox: Any, since: str, resource: str = "ledger_entry_lines") -> dict[str, set[int]]:
    """The ids in a changelog, by operation."""
    found: dict[str, set[int]] = defaultdict(set)
    for event in sandbox.items(f"/changelogs/{resource}", limit=1000, start_date=since):
        found[event["operation"]].add(event["id"])
    return found


def _lines(sandbox: Any) -> dict[int, Json]:
    return {one["id"]: one for one in sandbox.state("ledger_entry_lines")}


def _of_entry(lines: dict[int, Json], entry: int) -> set[int]:
    return {one for one, line in lines.items() if line["ledger_entry"]["id"] == entry}


def test_an_edited_entry_may_get_other_lines(changing: Any) -> None:
    every = [one["id"] for one in changing.state("ledger_entries")]
    before, since = _lines(changing), changing.control("GET", "health")["now"]
    _check_books(changing)
    changing.change("ledger_entries", rewrite=every)
    after, events = _lines(changing), _events(changing, since)
    assert not set(before) & set(after)
    assert events["delete"] == set(before)
    assert events["insert"] == set(after)
    assert {one["id"] for one in changing.state("ledger_entries")} == set(every)
    assert all(one["date"] for one in changing.state("ledger_entries"))
    sizes = [len(_of_entry(after, one)) - len(_of_entry(before, one)) for one in every]
    assert set(sizes) == {-1, 0, 1}
    assert not any(one["lettered_ledger_entry_lines"]["ids"] for one in after.values())
    for resource in ("customer_invoices", "transactions"):
        changing.change(resource, update=3, delete=1)
    _check_books(changing)


def test_lines_that_vanish_leave_no_event_of_their_own(changing: Any) -> None:
    changing.change("ledger_entry_lines", create=6)
    before, since = _lines(changing), changing.control("GET", "health")["now"]
    (gone,) = changing.change("ledger_entry_lines", vanish=1)["deleted"]
    after, events = _lines(changing), _events(changing, since)
    assert set(before) - set(after) == {gone}
    entry = _of_entry(after, before[gone]["ledger_entry"]["id"])
    assert not events["delete"]
    assert events["update"] & entry
    _check_books(changing)
    answer = changing.session.post(
        f"{changing.base}/sandbox/changes", json={"resource": "customers", "vanish": 1}
    )
    assert answer.status_code == 400


def test_entries_that_vanish_leave_no_event(changing: Any) -> None:
    before, since = _lines(changing), changing.control("GET", "health")["now"]
    gone = changing.change("ledger_entries", vanish=3)["deleted"]
    after = _lines(changing)
    assert set(after) == set(before).difference(*(_of_entry(before, one) for one in gone))
    for resource in ("ledger_entry_lines", "ledger_entries_categories"):
        assert not _events(changing, since, resource)["delete"]
    assert changing.get(f"/ledger_entries/{gone[0]}").status_code == 404
    _check_books(changing)


def test_a_deleted_entry_has_delete_events_of_its_lines(changing: Any) -> None:
    before, since = _lines(changing), changing.control("GET", "health")["now"]
    gone = changing.change("ledger_entries", delete=3)["deleted"]
    wanted = set().union(*(_of_entry(before, one) for one in gone))
    assert _events(changing, since)["delete"] == wanted
    assert not wanted & set(_lines(changing))
    _check_books(changing)


LISTS = {
    "customers": ("categories", "contacts"),
    "suppliers": ("categories",),
    "customer_invoices": ("categories", "invoice_lines"),
    "supplier_invoices": ("categories", "invoice_lines"),
    "quotes": ("invoice_lines",),
    "transactions": ("categories",),
    "ledger_entry_lines": ("categories",),
}


@pytest.mark.parametrize("resource", LISTS)
def test_the_lists_below_a_row_change_in_silence(changing: Any, resource: str) -> None:
    def lists(row: int) -> list[Any]:
        return [changing.items(f"/{resource}/{row}/{name}") for name in LISTS[resource]]

    row = changing.state(resource)[0]
    before, since = lists(row["id"]), changing.control("GET", "health")["now"]
    changing.change(resource, relist=[row["id"]], silent=True)
    between = lists(row["id"])
    assert all(one != other for one, other in zip(before, between, strict=True))
    shown = changing.get(f"/{resource}/{row['id']}").json()
    assert {**shown, "categories": None} == {**row, "categories": None}
    assert not _events(changing, since, resource)
    changing.change(resource, relist=[row["id"]])
    assert all(one != other for one, other in zip(between, lists(row["id"]), strict=True))
    events = _events(changing, since, resource)
    # A line's categories have a changelog of their own.
    assert events["update"] == (set() if resource == "ledger_entry_lines" else {row["id"]})


def test_silence_covers_every_changelog(changing: Any) -> None:
    since = changing.control("GET", "health")["now"]
    for resource in LOGGED:
        changing.change(resource, create=2, update=2, delete=1, silent=True)
    changing.change("ledger_entries", create=1, update=20, rewrite=5, relist=5, silent=True)
    changing.change("ledger_entries", delete=1, vanish=1, silent=True)
    changing.change("ledger_entry_lines", relist=20, silent=True)
    for resource in (*LOGGED, "ledger_entries_categories", "ledger_entry_lines_categories"):
        assert not _events(changing, since, resource)
    _check_books(changing)


def test_an_invoice_gets_its_date_with_its_entry(changing: Any) -> None:
    changing.change("supplier_invoices", create=23)
    undated = next(one for one in changing.state("supplier_invoices") if not one["date"])
    since = changing.control("GET", "health")["now"]
    changing.change("ledger_entries", update=[undated["ledger_entry"]["id"]])
    assert changing.get(f"/supplier_invoices/{undated['id']}").json()["date"]
    assert _events(changing, since, "supplier_invoices")["update"] == {undated["id"]}


def test_category_links_have_events_of_their_own(changing: Any) -> None:
    since = changing.control("GET", "health")["now"]
    before = {one["id"]: one for one in changing.state("ledger_entry_lines")}
    changing.change("ledger_entry_lines", update=60)
    after = {one["id"]: one for one in changing.state("ledger_entry_lines")}
    events = changing.get(
        "/changelogs/ledger_entry_lines_categories", start_date=since, limit=1000
    ).json()["items"]
    shown = {one["ledger_entry_line"]["id"] for one in events}

    def categories(line: Json) -> set[int]:
        return {one["id"] for one in line["categories"]}

    assert shown == {one for one in after if categories(after[one]) != categories(before[one])}
    assert {one["operation"] for one in events} == {"insert", "delete"}
    assert all(
        one["ledger_entry"]["id"] == after[one["ledger_entry_line"]["id"]]["ledger_entry"]["id"]
        for one in events
    )
    every = [one["id"] for one in changing.state("ledger_entries")]
    for _ in range(2):
        changing.change("ledger_entries", update=every)
    entries = changing.get(
        "/changelogs/ledger_entries_categories", start_date=since, limit=1000
    ).json()["items"]
    assert {one["operation"] for one in entries} == {"insert", "delete"}
    deleted = [one["id"] for one in after.values() if one["categories"]][:3]
    changing.change("ledger_entry_lines", delete=deleted)
    events = changing.items("/changelogs/ledger_entry_lines_categories", limit=1000)
    assert events[-1]["ledger_entry_line"] is None


def test_changing_an_invoice_touches_its_lines_in_the_ledger(changing: Any) -> None:
    unpaid = next(
        one
        for one in changing.state("customer_invoices")
        if one["remaining_amount_with_tax"] == one["amount"] and not one["credited_invoice"]
    )
    since = changing.control("GET", "health")["now"]
    changing.change("customer_invoices", update=[unpaid["id"]])
    lines = [
        one
        for one in changing.state("ledger_entry_lines")
        if one["ledger_entry"]["id"] == unpaid["ledger_entry"]["id"]
    ]
    events = changing.get("/changelogs/ledger_entry_lines", start_date=since).json()["items"]
    changed = {one["id"] for one in lines if one["updated_at"] > since}
    assert len(changed) >= 2  # the customer's, and the sale's
    assert sorted(one["id"] for one in events) == sorted(changed)
    after = changing.get(f"/customer_invoices/{unpaid['id']}").json()
    assert Decimal(after["amount"]) > Decimal(unpaid["amount"])
    entry = unpaid["ledger_entry"]["id"]
    changing.change("ledger_entries", delete=[entry])
    assert changing.get(f"/ledger_entries/{entry}").status_code == 404
    assert changing.get(f"/customer_invoices/{unpaid['id']}").status_code == 404
    changing.change("customer_invoices", recreate=[unpaid["id"]])
    assert changing.get(f"/ledger_entries/{entry}").status_code == 200
    _check_books(changing)


def test_events_at_the_same_instant(changing: Any) -> None:
    since = changing.control("GET", "health")["now"]
    changing.change("customers", update=4, create=2, at_same_instant=True)
    events = changing.get("/changelogs/customers", start_date=since).json()["items"]
    assert len(events) == 6
    (instant,) = {one["processed_at"] for one in events}
    included = changing.get("/changelogs/customers", start_date=instant, limit=4).json()
    assert included["items"] == events[:4]
    rest = changing.get("/changelogs/customers", cursor=included["next_cursor"]).json()
    assert rest["items"] == events[4:]


def test_changes_are_kept_four_weeks(start: Callable[..., Any]) -> None:
    sandbox = start("--size", "100", "--rate-limit", "none")
    assert sandbox.items("/changelogs/customers") == []
    then = sandbox.control("GET", "health")["now"]
    sandbox.change("customers", create=1)
    sandbox.control("POST", "clock", {"advance_seconds": 27 * 86_400})
    sandbox.change("customers", create=2)
    assert len(sandbox.items("/changelogs/customers")) == 3
    assert sandbox.get("/changelogs/customers", start_date=then).status_code == 200
    sandbox.control("POST", "clock", {"advance_seconds": 86_400 + 60})
    assert sandbox.get("/changelogs/customers", start_date=then).status_code == 422
    assert len(sandbox.items("/changelogs/customers")) == 2


def test_wrong_starts_are_refused(changing: Any) -> None:
    path = "/changelogs/customers"
    changing.change("customers", create=3)
    for wrong in ("yesterday", "2026-01-01", "2026-01-01T00:00:00", ""):
        assert changing.get(path, start_date=wrong).status_code == 400
    now = changing.control("GET", "health")["now"]
    cursor = changing.get(path, limit=1).json()["next_cursor"]
    assert changing.get(path, limit=1, cursor=cursor).status_code == 200
    assert changing.get(path, start_date=now, cursor=cursor).status_code == 400
    assert changing.get(path, start_date=now).json()["items"] == []
    assert changing.get(path, start_date=now.replace("Z", "+00:00")).status_code == 200


def test_orders_that_cannot_be_carried_out_say_why(changing: Any) -> None:
    for wrong in (
        {"resource": "nonsense", "create": 1},
        {"resource": "customers", "update": [1]},
        {"resource": "customers", "recreate": [1]},
        {"resource": "fiscal_years", "create": 1},
        {"resource": "customers", "modify": 1},
        {"create": 1},
    ):
        answer = changing.session.post(f"{changing.base}/sandbox/changes", json=wrong)
        assert answer.status_code == 400
        assert "error" in answer.json()


def test_rows_drawn_for_deletion_are_those_nobody_refers_to(start: Callable[..., Any]) -> None:
    sandbox = start("--size", "2000", "--rate-limit", "none")
    for resource in ("customers", "suppliers", "quotes", "customer_invoices", "products"):
        gone = {str(one) for one in sandbox.change(resource, delete=5)["deleted"]}
        assert len(gone) == 5
        for other in ("customer_invoices", "quotes", "transactions", "purchase_requests"):
            text = str(sandbox.state(other))
            assert not [one for one in gone if one in text], (resource, other)

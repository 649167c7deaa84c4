"""Pages: their order, limits and cursors, and changes between them."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("path", "sorts"),
    [
        ("/customers", ["id", "-id"]),
        ("/ledger_entry_lines", ["id", "-id", "date", "-date"]),
        ("/customer_invoices", ["id", "date", "-date"]),
        ("/fiscal_years", ["start", "-start"]),
        ("/transactions", ["-id"]),
    ],
)
def test_pages_are_the_whole_list_in_order(sandbox: Any, path: str, sorts: list[str]) -> None:
    state = {one["id"] for one in sandbox.state(path.strip("/"))}
    for sort in sorts:
        items = sandbox.items(path, sort=sort)
        field = sort.lstrip("-")
        keys = [(one[field] or "", one["id"]) for one in items]
        assert keys == sorted(keys, reverse=sort.startswith("-"))
        assert {one["id"] for one in items} == state
        assert len(items) == len(state)


def test_default_order_is_newest_id_first_and_default_limit_20(sandbox: Any) -> None:
    page = sandbox.get("/ledger_entry_lines").json()
    ids = [one["id"] for one in page["items"]]
    assert len(ids) == 20
    assert ids == sorted(ids, reverse=True)
    assert page["has_more"] is True


def test_limits(sandbox: Any) -> None:
    assert sandbox.get("/customers", limit=100).status_code == 200
    answer = sandbox.get("/customers", limit=101)
    assert (answer.status_code, answer.json()["code"]) == (400, "MoreThanMaximum")
    assert sandbox.get("/ledger_accounts", limit=1000).status_code == 200
    assert sandbox.get("/ledger_accounts", limit=1001).status_code == 400
    assert sandbox.get("/changelogs/customers", limit=1000).status_code == 200


def test_a_cursor_carries_neither_filter_nor_sort(sandbox: Any) -> None:
    only = [{"field": "customer_type", "operator": "eq", "value": "individual"}]
    first = sandbox.get("/customers", limit=5, filter=only).json()
    cursor = first["next_cursor"]
    with_filter = sandbox.get("/customers", limit=50, filter=only, cursor=cursor).json()
    without = sandbox.get("/customers", limit=50, cursor=cursor).json()
    assert {one["customer_type"] for one in with_filter["items"]} == {"individual"}
    assert {one["customer_type"] for one in without["items"]} == {"individual", "company"}
    last = first["items"][-1]["id"]
    assert all(one["id"] < last for one in without["items"])
    ascending = sandbox.get("/customers", limit=50, sort="id", cursor=cursor).json()
    assert all(one["id"] > last for one in ascending["items"])


def test_foreign_and_old_cursors_are_refused(changing: Any) -> None:
    cursor = changing.get("/customers", limit=1).json()["next_cursor"]
    assert changing.get("/customers", cursor=cursor).status_code == 200
    assert changing.get("/suppliers", cursor=cursor).status_code == 400
    assert changing.get("/customers", cursor="abc").status_code == 400
    assert changing.get("/customers", cursor="é").status_code == 400
    assert changing.get("/customers", cursor=cursor[:-4] + "AAA=").status_code == 400
    changing.control("POST", "clock", {"advance_seconds": 3600})
    assert changing.get("/customers", cursor=cursor).status_code == 400


@pytest.mark.parametrize("sort", ["id", "-id", "date", "-date"])
def test_rows_that_come_and_go_between_pages_shift_no_others(changing: Any, sort: str) -> None:
    path = "/customer_invoices"
    before = {one["id"] for one in changing.state("customer_invoices")}
    seen: list[int] = []
    deleted: set[int] = set()
    params: dict[str, Any] = {"limit": 7, "sort": sort}
    while True:
        page = changing.get(path, **params).json()
        seen += [one["id"] for one in page["items"]]
        if not page["has_more"]:
            break
        params["cursor"] = page["next_cursor"]
        # Even the row at the cursor's position may be deleted.
        last = [seen[-1]] if len(seen) < 20 else 0
        deleted |= set(changing.change("customer_invoices", create=1, delete=last)["deleted"])
    assert len(deleted) == 2
    assert len(seen) == len(set(seen))
    assert before - deleted <= set(seen)


FROM, UNTIL = ("gteq", "2025-03-01"), ("lt", "2026-02-01")


@pytest.mark.parametrize(
    ("resource", "sorts"),
    [
        ("ledger_entries", ["id", "-id", "date", "-date"]),
        ("ledger_entry_lines", ["id", "-id", "date", "-date"]),
        ("customer_invoices", ["id", "-id", "date", "-date"]),
        ("supplier_invoices", ["id", "-id", "date", "-date"]),
        ("transactions", ["id", "-id"]),
    ],
)
def test_orders_and_ranges_stay_right_when_rows_change(
    changing: Any, resource: str, sorts: list[str]
) -> None:
    for step in range(3):
        rows = {one["id"]: one["date"] or "" for one in changing.state(resource)}
        low, high = sorted(rows)[len(rows) // 5], sorted(rows)[-len(rows) // 5]
        for sort in sorts:
            for dates in ([], [FROM], [UNTIL], [FROM, UNTIL]):
                for ids in ([], [("gt", low), ("lteq", high)]):
                    if ids and resource == "transactions":
                        continue
                    found = _sought(changing, resource, sort, {"date": dates, "id": ids})
                    wanted = [
                        one
                        for one, day in rows.items()
                        if (not ids or low < one <= high)
                        and (not dates or day)
                        and (FROM not in dates or day >= FROM[1])
                        and (UNTIL not in dates or day < UNTIL[1])
                    ]
                    by_date = sort.endswith("date")
                    wanted.sort(
                        key=lambda one: (rows[one] if by_date else "", one),
                        reverse=sort.startswith("-"),
                    )
                    assert found == wanted, (step, sort, dates, ids)
        changing.change(resource, create=5, update=[*rows][::3])
        changing.change(resource, delete=4)


def _sought(
    sandbox: Any, resource: str, sort: str, conditions: dict[str, list[tuple[str, Any]]]
) -> list[int]:
    """The ids that a list has, in its order, read in small pages."""
    clauses = [
        {"field": field, "operator": operator, "value": value}
        for field, these in conditions.items()
        for operator, value in these
    ]
    query = {"filter": clauses} if clauses else {}
    return [one["id"] for one in sandbox.items(f"/{resource}", sort=sort, limit=23, **query)]


def test_extra_keys_are_on_four_lists_only(sandbox: Any) -> None:
    for path in ("/journals", "/ledger_accounts", "/ledger_entries", "/fiscal_years"):
        page = sandbox.get(path).json()
        assert page["total_items"] is None
        assert {"current_page", "per_page", "total_pages"} <= set(page)
    assert "total_items" not in sandbox.get("/customers").json()


WIDE = [{"field": "date", "operator": "gteq", "value": "2000-01-01"}]


@pytest.mark.parametrize("resource", ["ledger_entries", "customer_invoices", "supplier_invoices"])
def test_a_list_holds_everything_and_a_date_filter_leaves_the_undated_out(
    sandbox: Any, resource: str
) -> None:
    state = {one["id"]: one["date"] for one in sandbox.state(resource)}
    assert {one and one[:4] for one in state.values()} == {None, "2024", "2025", "2026"}
    assert {one["id"] for one in sandbox.items(f"/{resource}")} == set(state)
    dated = {one for one, day in state.items() if day}
    for sort in ("id", "-date"):
        found = sandbox.items(f"/{resource}", filter=WIDE, sort=sort)
        assert {one["id"] for one in found} == dated
    for operator in ("lt", "not_eq"):
        late = [{"field": "date", "operator": operator, "value": "2030-01-01"}]
        for sort in ("id", "date"):
            found = sandbox.items(f"/{resource}", filter=late, sort=sort)
            assert {one["id"] for one in found} == dated
    assert sandbox.items(f"/{resource}", sort="date")[0]["date"] is None
    assert sandbox.items(f"/{resource}", sort="-date")[-1]["date"] is None


def test_lines_always_have_a_date_and_drafts_are_listed(sandbox: Any) -> None:
    assert all(one["date"] for one in sandbox.state("ledger_entry_lines"))
    assert "draft" in {one["status"] for one in sandbox.items("/ledger_entries")}
    assert len(sandbox.items("/ledger_entry_lines", filter=WIDE)) == 2000


def test_an_undated_record_gets_its_date_when_it_is_edited(start: Any) -> None:
    changing = start("--rate-limit", "none")
    for resource in ("ledger_entries", "customer_invoices", "supplier_invoices"):
        undated = next(one for one in changing.state(resource) if one["date"] is None)
        changing.change(resource, update=[undated["id"]])
        assert changing.get(f"/{resource}/{undated['id']}").json()["date"]


def test_closed_years_are_left_out_on_demand_unless_dates_are_asked_for(start: Any) -> None:
    sandbox = start("--rate-limit", "none", "--hide-closed-years")
    state = sandbox.state("ledger_entries")
    plain = sandbox.items("/ledger_entries")
    assert {one["date"] and one["date"][:4] for one in plain} == {None, "2025", "2026"}
    assert len(plain) == sum((one["date"] or "2025") >= "2025" for one in state)
    dated = [one["id"] for one in state if one["date"]]
    assert len(sandbox.items("/ledger_entries", filter=WIDE)) == len(dated)
    by_id = [{"field": "id", "operator": "in", "value": dated[:80]}]
    assert all(one["date"] >= "2025" for one in sandbox.items("/ledger_entries", filter=by_id))
    assert len(sandbox.items("/ledger_entries", filter=[*by_id, *WIDE])) == 80
    assert len(sandbox.items("/ledger_entry_lines")) == 2000


def test_included_lines_come_20_at_most_with_the_address_of_the_rest(sandbox: Any) -> None:
    long = 0
    for page in sandbox.pages("/customer_invoices", limit=50, include="invoice_lines"):
        lines = page["included"]["invoice_lines"]
        assert set(lines) == {str(one["id"]) for one in page["items"]}
        for invoice_id, part in lines.items():
            whole = sandbox.items(f"/customer_invoices/{invoice_id}/invoice_lines")
            assert part["has_more"] == (len(whole) > 20)
            assert part["items"] == whole[:20]
            if part["has_more"]:
                long += 1
                headers = {"Authorization": "Bearer sandbox-token"}
                answer = sandbox.session.get(part["next_url"] + "&limit=100", headers=headers)
                assert answer.json()["items"] == whole[20:120]
    assert long == 2
    assert sandbox.get("/customer_invoices", include="customers").status_code == 400


def test_a_contact_comes_by_itself_below_its_own_customer(sandbox: Any) -> None:
    customers = [one["id"] for one in sandbox.state("customers")]
    lists = {one: sandbox.items(f"/customers/{one}/contacts") for one in customers[:30]}
    owner, contacts = next((one, found) for one, found in lists.items() if found)
    other = next(one for one in customers if one != owner)
    for contact in contacts:
        path = f"/customers/{owner}/contacts/{contact['id']}"
        assert sandbox.get(path).json() == contact
        assert sandbox.get(path.replace(str(owner), str(other), 1)).status_code == 404
    assert sandbox.get(f"/customers/{owner}/contacts/1").status_code == 404
    assert sandbox.get(f"/customers/1/contacts/{contacts[0]['id']}").status_code == 404


def test_the_lists_of_values_of_september_are_shown(sandbox: Any) -> None:
    assert "es_ES" in {one["billing_language"] for one in sandbox.state("customers")}
    assert "lost" in {one["status"] for one in sandbox.state("pa_registrations")}


def test_links_can_be_followed(sandbox: Any) -> None:
    headers = {"Authorization": "Bearer sandbox-token"}
    invoice = sandbox.get("/customer_invoices", limit=1).json()["items"][0]
    customer = sandbox.get("/customers", limit=1).json()["items"][0]
    for name in ("mandates", "pro_account_mandates", "contacts"):
        url = customer[name]["url"]
        assert sandbox.session.get(url, headers=headers, timeout=10).status_code == 200
    for name in ("customer", "invoice_lines", "payments", "matched_transactions", "appendices"):
        url = invoice[name]["url"]
        assert url.startswith(sandbox.base)
        assert sandbox.session.get(url, headers=headers, timeout=10).status_code == 200

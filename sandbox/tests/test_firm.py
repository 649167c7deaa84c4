"""A firm: its companies, its tokens, and how its API differs from that of a company."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from pennylane_sandbox.company.profile import of_a_client
from pennylane_sandbox.pytest_plugin import running

Json = dict[str, Any]
WIDE = [{"field": "date", "operator": "gteq", "value": "2000-01-01"}]
YEAR = {"period_start": "2025-01-01", "period_end": "2025-12-31"}
LISTS = (
    "bank_accounts", "categories", "category_groups", "customer_invoices", "customers",
    "dms/files", "dms/folders", "fiscal_years", "journals", "ledger_accounts", "ledger_entries",
    "ledger_entry_lines", "supplier_invoices", "suppliers", "transactions",
)  # fmt: skip
CHANGELOGS = ("customer_invoices", "dms_files", "ledger_entry_lines", "supplier_invoices")
NUMBERED = ("fiscal_years",)


@pytest.fixture(scope="module")
def firm(module_start: Callable[..., Any]) -> Any:
    """A firm that tests only read from."""
    return module_start("--companies", "3", "--size", "300", "--rate-limit", "none")


@pytest.fixture(scope="module")
def changing_firm(module_start: Callable[..., Any]) -> Any:
    """A firm that tests change."""
    return module_start("--companies", "3", "--size", "300", "--rate-limit", "none")


def _ids(sandbox: Any) -> list[int]:
    return [one["id"] for one in sandbox.control("GET", "companies")["items"]]


def _content(company: Any) -> list[str]:
    """Everything that a company's lists show, independent of the address."""
    states = [company.state(one) for one in LISTS]
    states.append(company.state("trial_balance?period_start=2024-01-01&period_end=2026-12-31"))
    return [json.dumps(one).replace(company.base, "") for one in states]


def test_small_pages_of_either_kind_are_the_whole_list(firm: Any) -> None:
    for company in (firm.of(one) for one in _ids(firm)[:2]):
        for name in LISTS:
            key = "per_page" if name in NUMBERED else "limit"
            more = {"filter": WIDE} if name == "ledger_entries" else {}
            items = company.items(f"/{name}", **{key: 2 if name in NUMBERED else 7}, **more)
            assert items == company.state(name), name
        whole = company.items("/trial_balance", per_page=1000, **YEAR)
        assert len(whole) > 20
        assert company.items("/trial_balance", per_page=7, **YEAR) == whole
        assert {json.dumps(one) for one in whole} == {
            json.dumps(one)
            for one in company.state("trial_balance?period_start=2025-01-01&period_end=2025-12-31")
        }


def test_numbered_pages_say_how_many_there_are(firm: Any) -> None:
    page = firm.firm.get("/companies", per_page=2, page=2).json()
    numbers = {key: page[key] for key in page if key != "items"}
    assert numbers == {"total_pages": 2, "current_page": 2, "total_items": 3, "per_page": 2}
    assert [one["id"] for one in page["items"]] == _ids(firm)[2:]
    assert firm.firm.get("/companies", per_page=2, page=3).json()["items"] == []
    assert firm.firm.get("/companies").json()["per_page"] == 20
    company = firm.of(_ids(firm)[0])
    assert company.get("/trial_balance", **YEAR).json()["per_page"] == 500
    assert company.get("/fiscal_years", limit=2).status_code == 400
    assert company.get("/fiscal_years", per_page=101).status_code == 400
    assert company.get("/ledger_accounts", limit=101).status_code == 400


def test_companies_differ_and_ids_overlap(firm: Any) -> None:
    companies = firm.firm.get("/companies").json()["items"]
    for name in ("id", "name", "siren", "client_code", "external_id"):
        assert len({one[name] for one in companies}) == 3, name
    first, second, third = (_content(firm.of(one)) for one in _ids(firm))
    assert not set(first) & set(second)
    assert not set(second) & set(third)
    ids = [{row["id"] for row in firm.of(one).state("ledger_entry_lines")} for one in _ids(firm)]
    assert ids[0] & ids[1]
    assert {len(firm.of(one).state("ledger_entry_lines")) for one in _ids(firm)} == {300}


def test_sirens_are_valid_and_unique() -> None:
    sirens = [of_a_client(1, place).siren for place in range(1, 1001)]
    assert len(set(sirens)) == 1000
    for siren in sirens:
        digits = [int(one) for one in siren]
        doubled = [digit * (1 + place % 2) for place, digit in enumerate(digits)]
        assert sum(one // 10 + one % 10 for one in doubled) % 10 == 0
        assert len(digits) == 9


def test_a_company_depends_on_the_seed_and_its_place_alone(
    firm: Any, start: Callable[..., Any]
) -> None:
    larger = start("--companies", "5", "--size", "300", "--rate-limit", "none")
    assert _ids(larger)[:3] == _ids(firm)
    for one in reversed(_ids(firm)):
        assert _content(larger.of(one)) == _content(firm.of(one))
    assert (
        firm.firm.get("/companies").json()["items"]
        == [one["items"][0] for one in larger.firm.pages("/companies", per_page=1)][:3]
    )
    other = start("--companies", "3", "--size", "300", "--seed", "2", "--rate-limit", "none")
    assert not set(_ids(other)) & set(_ids(firm))
    assert not set(_content(other.of(_ids(other)[1]))) & set(_content(firm.of(_ids(firm)[1])))


def test_the_first_company_is_that_of_a_sandbox_without_a_firm(
    firm: Any, start: Callable[..., Any]
) -> None:
    alone = start("--size", "300", "--rate-limit", "none")
    sizes = alone.control("GET", "sizes")
    assert "dms_files" not in sizes
    for name in sizes:
        text = json.dumps(alone.state(name)).replace(alone.base, firm.base)
        assert text == json.dumps(firm.state(name)), name
    answer = alone.get("/companies")
    assert answer.status_code == 404
    assert alone.of(1).get("/journals").status_code == 404
    answer = alone.session.get(f"{alone.base}/sandbox/companies", timeout=10)
    assert (answer.status_code, "--companies" in answer.text) == (400, True)


def test_each_token_sees_its_own(firm: Any) -> None:
    first, second, _ = firm.firm.get("/companies").json()["items"]
    for seen, company in (
        (firm, first),
        (firm.alone(first["id"]), first),
        (firm.alone(second["id"]), second),
    ):
        me = seen.get("/me").json()["company"]
        assert (me["id"], me["name"], me["reg_no"]) == (
            company["id"],
            company["name"],
            company["siren"],
        )
        lines = seen.items("/ledger_entry_lines")
        assert [one["id"] for one in lines] == [
            one["id"] for one in firm.of(company["id"]).items("/ledger_entry_lines")
        ]
    assert firm.get("/me", token="sandbox-firm-token").status_code == 401
    assert firm.of(first["id"]).get("/journals", token="sandbox-token").status_code == 401
    assert firm.get("/me", token="sandbox-token-1").status_code == 401
    cursor = firm.of(first["id"]).get("/ledger_entry_lines").json()["next_cursor"]
    assert firm.of(second["id"]).get("/ledger_entry_lines", cursor=cursor).status_code == 400


def test_more_tokens_of_either_kind(changing_firm: Any) -> None:
    _, second, _ = _ids(changing_firm)
    grant = {"scopes": ["journals:readonly"]}
    changing_firm.control("POST", "tokens", {"token": "one", "company": second} | grant)
    changing_firm.control("POST", "tokens", {"token": "all", "firm": True} | grant)
    assert changing_firm.get("/me", token="one").json()["company"]["id"] == second
    assert changing_firm.of(second).get("/journals", token="all").status_code == 200
    refused = changing_firm.firm.get("/companies", token="all")
    assert (refused.status_code, "companies:readonly" in refused.text) == (403, True)


def test_a_firms_token_has_one_limit_for_all_companies(start: Callable[..., Any]) -> None:
    sandbox = start("--companies", "3", "--size", "100", "--rate-limit", "4/60")
    companies = [sandbox.of(one) for one in _ids(sandbox)]
    answers = [companies[place % 3].get("/journals") for place in range(6)]
    assert [one.status_code for one in answers] == [200] * 4 + [429] * 2
    assert answers[0].headers["ratelimit-limit"] == "4"
    for one in _ids(sandbox):
        alone = [sandbox.alone(one).get("/journals").status_code for _ in range(5)]
        assert alone == [200] * 4 + [429]
    sandbox.control("POST", "clock", {"advance_seconds": 61})
    assert companies[0].get("/journals").status_code == 200


def test_the_limits_of_the_two_apis_differ_unless_told(start: Callable[..., Any]) -> None:
    sandbox = start("--companies", "1", "--size", "100")
    company = sandbox.of(_ids(sandbox)[0])
    assert sandbox.get("/journals").headers["ratelimit-limit"] == "25"
    assert company.get("/journals").headers["ratelimit-limit"] == "5"
    wanted = {"rate_limit": "none", "firm_rate_limit": "2/60", "latency_ms": 0}
    sandbox.control("POST", "limits", wanted)
    assert "ratelimit-limit" not in sandbox.get("/journals").headers
    assert company.get("/journals").headers["ratelimit-limit"] == "2"


def test_a_company_can_refuse_vanish_and_appear(start: Callable[..., Any]) -> None:
    sandbox = start("--companies", "3", "--size", "100", "--rate-limit", "none")
    first, second, third = _ids(sandbox)

    def listed() -> list[int]:
        return [one["id"] for one in sandbox.firm.get("/companies").json()["items"]]

    sandbox.control("POST", "companies", {"id": second, "access": "refused"})
    assert listed() == [first, second, third]
    assert sandbox.firm.get(f"/companies/{second}").status_code == 200
    assert sandbox.of(second).get("/journals").status_code == 403
    assert sandbox.alone(second).get("/journals").status_code == 200
    sandbox.control("POST", "companies", {"id": second, "access": "hidden"})
    assert listed() == [first, third]
    assert sandbox.firm.get(f"/companies/{second}").status_code == 404
    assert sandbox.of(second).get("/journals").status_code == 404
    assert sandbox.of(third).get("/journals").status_code == 200
    (new,) = sandbox.control("POST", "companies", {"create": 1})["created"]
    assert listed() == [first, third, new]
    assert len(sandbox.of(new).items("/ledger_entry_lines")) == 100
    assert sandbox.alone(new).get("/me").json()["company"]["id"] == new
    sandbox.control("POST", "companies", {"id": second, "access": "open"})
    assert listed() == [first, second, third, new]
    assert sandbox.of(second).get("/journals").status_code == 200
    for wrong in ({"id": second, "access": "ajar"}, {"id": 7, "access": "open"}):
        url = f"{sandbox.base}/sandbox/companies"
        assert sandbox.session.post(url, json=wrong, timeout=10).status_code == 400


def test_changes_faults_and_statistics_are_of_one_company(changing_firm: Any) -> None:
    first, second, third = (changing_firm.of(one) for one in _ids(changing_firm))
    before = _content(first), _content(second), _content(third)
    done = [
        second.change(resource, create=2, update=3, delete=1)
        for resource in ("customer_invoices", "supplier_invoices", "ledger_entries", "dms_files")
    ]
    assert all(len(one["created"]) == 2 for one in done)
    assert _content(first) == before[0]
    assert _content(third) == before[2]
    assert _content(second) != before[1]
    for name in CHANGELOGS:
        ids = {one["id"] for one in second.items(f"/changelogs/{name}")}
        assert ids, name
        assert first.items(f"/changelogs/{name}") == []
    second.own("POST", "faults", {"path": "/customers", "kind": "status", "status": 503})
    assert first.get("/customers").status_code == 200
    assert second.get("/customers").status_code == 503
    assert second.get("/customers").status_code == 200
    every = {"path": "/companies/*/journals", "kind": "status", "times": 2}
    changing_firm.control("POST", "faults", every)
    assert [one.get("/journals").status_code for one in (first, second, third)] == [503, 503, 200]
    for one in (first, second, third):
        one.own("DELETE", "stats")
    changing_firm.control("DELETE", "stats")
    for _ in range(3):
        second.get("/suppliers", limit=5)
    first.get("/suppliers", limit=5)
    assert second.own("GET", "stats")["requests"] == {"/suppliers": 3}
    assert second.own("GET", "stats")["rows"] == {"/suppliers": 15}
    assert third.own("GET", "stats")["total"] == 0
    requests = changing_firm.control("GET", "stats")["requests"]
    assert requests == {"/companies/{id}/suppliers": 4}


def test_what_the_firm_sees_and_the_company_sees_is_the_same_company(changing_firm: Any) -> None:
    _, _, third = _ids(changing_firm)
    seen, alone = changing_firm.of(third), changing_firm.alone(third)
    made = seen.change("customers", create=1)["created"]
    made += alone.change("customers", create=1)["created"]
    by_id = [{"field": "id", "operator": "in", "value": made}]
    for one in (seen, alone):
        assert {row["id"] for row in one.items("/customers", filter=by_id)} == set(made)
    events = alone.items("/changelogs/customers")
    assert [one["id"] for one in events] == made


def test_entries_of_closed_years_come_only_with_a_date_filter(firm: Any) -> None:
    company = firm.of(_ids(firm)[1])
    state = company.state("ledger_entries")
    closed = {one["id"] for one in state if one["date"] < "2025-01-01"}
    plain = {one["id"] for one in company.items("/ledger_entries")}
    assert closed
    assert plain == {one["id"] for one in state} - closed
    by_id = [{"field": "id", "operator": "in", "value": sorted(closed)[:5]}]
    assert company.items("/ledger_entries", filter=by_id) == []
    assert len(company.items("/ledger_entries", filter=[*by_id, *WIDE])) == 5
    for sort in ("date", "-date"):
        days = [one["date"] for one in company.items("/ledger_entries", filter=WIDE, sort=sort)]
        assert days == sorted(days, reverse=sort == "-date")
        assert len(days) == len(state)


def test_every_entry_has_a_date_at_the_firm(changing_firm: Any) -> None:
    first = _ids(changing_firm)[0]
    undated = {
        one["id"]
        for one in changing_firm.alone(first).state("ledger_entries")
        if one["date"] is None
    }
    assert undated
    company = changing_firm.of(first)
    found = company.items("/ledger_entries", filter=WIDE)
    assert undated <= {one["id"] for one in found}
    one = min(undated)
    company.change("ledger_entries", update=[one])
    created = company.change("ledger_entries", create=5, delete=1)
    ids = [entry["id"] for entry in company.items("/ledger_entries", filter=WIDE, sort="-date")]
    assert set(ids) == {entry["id"] for entry in company.state("ledger_entries")}
    assert set(created["created"]) <= set(ids)
    assert not set(created["deleted"]) & set(ids)


def test_lines_can_be_asked_for_by_their_entry(firm: Any) -> None:
    company = firm.of(_ids(firm)[2])
    lines = company.state("ledger_entry_lines")
    entries = sorted({one["ledger_entry"]["id"] for one in lines})[:3]
    wanted = [{"field": "ledger_entry_id", "operator": "in", "value": entries}]
    found = company.items("/ledger_entry_lines", filter=wanted)
    assert found == [one for one in lines if one["ledger_entry"]["id"] in entries]
    answer = company.session.get(
        found[0]["ledger_entry"]["url"],
        headers={"Authorization": "Bearer sandbox-firm-token"},
        timeout=10,
    )
    assert answer.json()["id"] == found[0]["ledger_entry"]["id"]


def test_documents_are_filed_in_folders(changing_firm: Any) -> None:
    company = changing_firm.of(_ids(changing_firm)[1])
    folders = {one["id"]: one for one in company.state("dms/folders")}
    files = company.state("dms/files")
    assert len(files) > 20
    for one in (*files, *folders.values()):
        parent = one["parent_folder"]
        above = folders[parent["id"]]["path"] if parent else ""
        assert one["path"] == f"{above}/{one['name']}"
    year = next(one for one in folders.values() if one["name"] == "Exercice 2025")
    below = [one["id"] for one in files if one["path"].startswith(year["path"])]
    assert below
    seen = len(company.items("/changelogs/dms_files"))
    company.change("dms_folders", update=[year["id"]])
    moved = company.items("/changelogs/dms_files")[seen:]
    assert {(one["id"], one["operation"]) for one in moved} == {(one, "update") for one in below}
    by_id = [{"field": "id", "operator": "in", "value": below}]
    assert all(
        one["path"].startswith(f"{year['path']} — révision")
        for one in company.items("/dms/files", filter=by_id)
    )
    url = f"{company.base}/sandbox/companies/{company.company_id}/changes"
    wanted = {"resource": "dms_folders", "delete": [year["id"]]}
    assert company.session.post(url, json=wanted, timeout=10).status_code == 400
    new = company.change("dms_folders", create=1)["created"]
    assert company.change("dms_folders", delete=new)["deleted"] == new


def test_an_export_is_of_its_own_company(firm: Any) -> None:
    links = {}
    for company in (firm.of(one) for one in _ids(firm)[:2]):
        ordered = company.post("/exports/fecs", YEAR)
        assert ordered.status_code == 201
        path = f"/exports/fecs/{ordered.json()['id']}"
        company.get(path)
        links[company.company_id] = company.get(path).json()["file_url"]
    for one, link in links.items():
        rows = [line.split("\t") for line in firm.session.get(link, timeout=10).text.splitlines()]
        lines = [
            line for line in firm.of(one).state("ledger_entry_lines") if "2025" in line["date"]
        ]
        debit = sum(Decimal(row[11].replace(",", ".")) for row in rows[1:])
        assert len(rows) - 1 == len(lines)
        assert debit == sum(Decimal(line["debit"]) for line in lines)
        swapped = link.replace(str(one), "1")
        assert firm.session.get(swapped, timeout=10).status_code == 403
    assert firm.of(_ids(firm)[0]).post("/exports/general_ledgers", YEAR).status_code == 404


def test_books_are_made_when_they_are_read(start: Callable[..., Any]) -> None:
    sandbox = start("--companies", "3", "--size", "100", "--rate-limit", "none")

    def loaded() -> list[bool]:
        return [one["loaded"] for one in sandbox.control("GET", "companies")["items"]]

    sandbox.firm.get("/companies")
    assert loaded() == [True, False, False]
    sandbox.of(_ids(sandbox)[2]).get("/journals")
    assert loaded() == [True, False, True]
    assert sandbox.control("GET", "health")["companies"] == 3


def test_the_pytest_plugin_knows_firms() -> None:
    with running("--companies", "2", "--size", "100", "--rate-limit", "none") as sandbox:
        first, second = (one["id"] for one in sandbox.firm.rows("/companies"))
        company, alone = sandbox.of(second), sandbox.alone(second)
        made = company.change("customers", create=1)["created"][0]
        for seen in (company, alone):
            assert made in {row["id"] for row in seen.state("customers")}
            assert len(seen.rows("/ledger_entry_lines")) == 100
            assert seen.sizes["ledger_entry_lines"] == 100
        assert made not in {row["id"] for row in sandbox.of(first).state("customers")}
        for year in company.listed("/fiscal_years", per_page=1):
            period = {"period_start": year["start"], "period_end": year["finish"]}
            rows = company.listed("/trial_balance", **period, is_auxiliary="true", per_page=3)
            shown = [
                one
                for one in company.rows("/trial_balance")
                if one["period_start"] == year["start"]
            ]
            assert [one["number"] for one in rows] == [one["number"] for one in shown]
        alone.fault("/journals", "status", times=None, status=500)
        assert sandbox.of(first).get("/journals")["items"]
        alone.clear_faults()
        assert alone.get("/journals")["items"]
        sandbox.allow(second, "hidden")
        new = sandbox.take_on(2)
        assert [one["id"] for one in sandbox.firm.listed("/companies", per_page=1)] == [first, *new]
        assert {one["id"]: one["access"] for one in sandbox.companies}[second] == "hidden"
        assert company.stats["requests"]["/journals"] == 1

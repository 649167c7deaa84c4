"""Tokens, scopes, the rate limit, and the clock."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any


def test_a_token_must_be_known(sandbox: Any) -> None:
    for token in (None, "unknown"):
        answer = sandbox.get("/me", token=token)
        assert answer.status_code == 401
        assert answer.json()["status"] == 401
    assert sandbox.get("/nowhere").status_code == 404
    assert sandbox.get("/customers/abc").status_code == 404
    assert sandbox.post("/customers", {}).status_code == 405


def test_scopes_open_their_own_lists_only(sandbox: Any) -> None:
    sandbox.control("POST", "tokens", {"token": "reader", "scopes": ["customers:readonly"]})
    sandbox.control("POST", "tokens", {"token": "most", "without": ["ledger_entries"]})
    assert sandbox.get("/customers", token="reader").status_code == 200
    assert sandbox.get("/me", token="reader").json()["scopes"] == ["customers:readonly"]
    refused = sandbox.get("/suppliers", token="reader")
    assert refused.status_code == 403
    assert "suppliers:readonly" in refused.json()["error"]
    assert sandbox.get("/suppliers", token="most").status_code == 200
    for path in ("/ledger_entries", "/ledger_entry_lines", "/changelogs/ledger_entry_lines"):
        answer = sandbox.get(path, token="most")
        assert answer.status_code == 403
        assert "ledger_entries:readonly" in answer.json()["error"]


def test_the_rate_limit_lets_so_many_through_in_a_window(start: Callable[..., Any]) -> None:
    sandbox = start("--size", "100", "--rate-limit", "25/30")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: sandbox.get("/journals"), range(40)))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(429)) == (25, 15)
    remaining = {int(one.headers["ratelimit-remaining"]) for one in answers}
    assert remaining == set(range(25))
    refused = next(one for one in answers if one.status_code == 429)
    wait = int(refused.headers["retry-after"])
    assert 1 <= wait <= 30
    assert refused.headers["content-type"].startswith("text/plain")
    assert refused.text == f"Rate limit exceeded. Please retry in {wait} seconds."
    assert refused.headers["ratelimit-limit"] == "25"
    date = parsedate_to_datetime(refused.headers["date"]).timestamp()
    assert 0 <= int(refused.headers["ratelimit-reset"]) - date <= 31
    sandbox.control("POST", "tokens", {"token": "other"})
    assert sandbox.get("/journals", token="other").status_code == 200
    stats = sandbox.control("GET", "stats")
    assert stats["statuses"] == {"200": 26, "429": 15}
    assert (stats["rate_limited"], stats["busiest_window"], stats["total"]) == (15, 40, 41)
    sandbox.control("POST", "clock", {"advance_seconds": wait})
    sandbox.control("POST", "clock", {"advance_seconds": 30})
    assert sandbox.get("/journals").status_code == 200


def test_limit_and_latency_can_be_changed(start: Callable[..., Any]) -> None:
    sandbox = start("--size", "100", "--rate-limit", "none")
    for _ in range(2):
        assert sandbox.get("/journals").status_code == 200
    sandbox.control("POST", "limits", {"rate_limit": "1/60", "latency_ms": 200})
    slow = sandbox.get("/journals")
    assert slow.elapsed.total_seconds() >= 0.2
    assert [slow.status_code, sandbox.get("/journals").status_code] == [200, 429]
    sandbox.control("POST", "limits", {"rate_limit": "1/60", "latency_ms": 0})
    assert sandbox.get("/journals").status_code == 200
    wrong = {"rate_limit": "many", "latency_ms": 0}
    assert sandbox.session.post(f"{sandbox.base}/sandbox/limits", json=wrong).status_code == 400
    sizes = sandbox.control("GET", "sizes")
    assert (sizes["ledger_entry_lines"], sizes["journals"]) == (
        100,
        len(sandbox.state("journals")),
    )


def test_the_limit_counts_refusals_of_other_kinds_too(start: Callable[..., Any]) -> None:
    sandbox = start("--size", "100", "--rate-limit", "2/60")
    assert sandbox.get("/customers/1").status_code == 404
    assert sandbox.get("/customers", limit=0).status_code == 400
    assert sandbox.get("/customers").status_code == 429
    assert sandbox.control("GET", "health")["status"] == "ok"


def test_without_a_limit_there_are_no_limit_headers(sandbox: Any) -> None:
    assert "ratelimit-limit" not in sandbox.get("/journals").headers


def test_the_date_header_tells_the_sandboxs_time(start: Callable[..., Any]) -> None:
    sandbox = start("--size", "100")
    before = parsedate_to_datetime(sandbox.get("/me").headers["date"])
    now = sandbox.control("POST", "clock", {"advance_seconds": 86_400})["now"]
    after = parsedate_to_datetime(sandbox.get("/me").headers["date"])
    assert 86_400 <= (after - before).total_seconds() < 86_460
    assert now[:10] == after.date().isoformat()
    assert sandbox.control("GET", "health")["now"] >= now


def test_statistics_name_paths_by_their_shape(start: Callable[..., Any]) -> None:
    sandbox = start("--size", "100", "--rate-limit", "none")
    invoice = sandbox.get("/customer_invoices", limit=3, sort="id").json()["items"][0]["id"]
    sandbox.get(f"/customer_invoices/{invoice}")
    sandbox.get(f"/customer_invoices/{invoice}/invoice_lines")
    sandbox.get("/exports/fecs/7")
    sandbox.get("/customers/8")
    stats = sandbox.control("GET", "stats")
    assert stats["requests"] == {
        "/customer_invoices": 1,
        "/customer_invoices/{id}": 1,
        "/customer_invoices/{id}/invoice_lines": 1,
        "/exports/fecs/{id}": 1,
        "/customers/{id}": 1,
    }
    assert stats["statuses"] == {"200": 3, "404": 2}
    assert stats["rows"]["/customer_invoices"] == 3
    assert stats["last_query"]["/customer_invoices"] == {"limit": "3", "sort": "id"}
    assert stats["total"] == 5
    assert sandbox.control("DELETE", "stats")["total"] == 0

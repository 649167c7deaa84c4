"""Faults on request."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests


@pytest.fixture(scope="module")
def sandbox(module_start: Callable[..., Any]) -> Any:
    return module_start("--size", "100", "--rate-limit", "none")


@pytest.fixture(autouse=True)
def _calm(sandbox: Any) -> Iterator[None]:
    yield
    sandbox.control("DELETE", "faults")
    sandbox.control("DELETE", "stats")


def _order(sandbox: Any, **fault: Any) -> None:
    sandbox.control("POST", "faults", {"path": "/customers", **fault})


def test_a_status_so_many_times_after_some_went_well(sandbox: Any) -> None:
    _order(sandbox, kind="status", status=503, times=2, skip=1)
    statuses = [sandbox.get("/customers").status_code for _ in range(5)]
    assert statuses == [200, 503, 503, 200, 200]
    assert sandbox.get("/suppliers").status_code == 200


def test_faults_by_pattern_and_for_good(sandbox: Any) -> None:
    _order(sandbox, path="/customer*", kind="status", status=500, times=None)
    for _ in range(3):
        assert sandbox.get("/customers").status_code == 500
        assert sandbox.get("/customer_invoices/1/payments").status_code == 500
    assert sandbox.get("/journals").status_code == 200
    assert len(sandbox.control("GET", "faults")["faults"]) == 1
    assert sandbox.control("DELETE", "faults")["faults"] == []
    assert sandbox.get("/customers").status_code == 200


def test_a_dropped_connection(sandbox: Any) -> None:
    _order(sandbox, kind="drop")
    with pytest.raises(requests.ConnectionError):
        sandbox.get("/customers")
    assert sandbox.get("/customers").status_code == 200


def test_a_truncated_body(sandbox: Any) -> None:
    _order(sandbox, kind="truncate")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        sandbox.get("/customers")
    assert sandbox.get("/customers").status_code == 200


def test_a_gateways_page(sandbox: Any) -> None:
    _order(sandbox, path="*", kind="html")
    answer = sandbox.get("/journals")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")


def test_a_rate_limit_out_of_the_blue(sandbox: Any) -> None:
    _order(sandbox, kind="rate_limit", seconds=3)
    answer = sandbox.get("/customers")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert "3 seconds" in answer.text
    stats = sandbox.control("GET", "stats")
    assert (stats["statuses"], stats["rate_limited"]) == ({"429": 1}, 0)


def test_a_body_that_is_no_json(sandbox: Any) -> None:
    _order(sandbox, kind="body", body='{"items":[{"id":')
    answer = sandbox.get("/customers")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.text == '{"items":[{"id":'


def test_latency_holds_only_its_own_request_back(sandbox: Any) -> None:
    _order(sandbox, kind="latency", seconds=5)
    with pytest.raises(requests.ReadTimeout):
        requests.get(
            f"{sandbox.base}/api/external/v2/customers",
            headers={"Authorization": "Bearer sandbox-token"},
            timeout=0.3,
        )
    assert sandbox.get("/customers").status_code == 200


def test_requests_that_are_held_back_are_answered_when_the_faults_are_cleared(sandbox: Any) -> None:
    _order(sandbox, kind="latency", seconds=60)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(sandbox.get, "/customers")
        while not sandbox.control("GET", "stats")["requests"]:
            time.sleep(0.01)
        sandbox.control("DELETE", "faults")
        assert answer.result(timeout=20).status_code == 200


def test_wrong_orders_are_refused(sandbox: Any) -> None:
    for wrong in ({"path": "*"}, {"path": "*", "kind": "nonsense"}, {"kind": "drop"}, {"x": 1}):
        answer = sandbox.session.post(f"{sandbox.base}/sandbox/faults", json=wrong)
        assert answer.status_code == 400
        assert "error" in answer.json()


def _file(sandbox: Any) -> str:
    period = {"period_start": "2024-01-01", "period_end": "2026-12-31"}
    path = f"/exports/fecs/{sandbox.post('/exports/fecs', period).json()['id']}"
    sandbox.get(path)
    url: str = sandbox.get(path).json()["file_url"]
    return url


def test_the_files_of_exports(sandbox: Any) -> None:
    url = _file(sandbox)
    whole = requests.get(url, timeout=10)
    assert int(whole.headers["content-length"]) == len(whole.content)
    for options, status in (
        ({"kind": "status", "status": 404}, 404),
        ({"kind": "rate_limit", "seconds": 3}, 429),
        ({"kind": "body", "body": "nothing"}, 200),
        ({"kind": "latency", "seconds": 0}, 200),
    ):
        _order(sandbox, path="/files/*", **options)
        assert requests.get(url, timeout=10).status_code == status
    _order(sandbox, path="/files/*", kind="drop")
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=10)
    _order(sandbox, path="/files/*", kind="truncate")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(url, timeout=10)
    assert requests.get(url, timeout=10).content == whole.content

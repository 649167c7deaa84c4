"""Anomalies are changes like others: they are made on request, and the changelogs report them."""

from typing import Any


def test_every_anomaly_is_reported_by_a_changelog(start: Any) -> None:
    changing = start("--size", "1000", "--rate-limit", "none")
    kinds = changing.control("GET", "anomalies")["kinds"]
    assert len(kinds) >= 20
    resources = ("ledger_entry_lines", "customer_invoices", "supplier_invoices", "transactions")
    seen = 0
    for kind in kinds:
        assert changing.control("POST", "anomalies", {"kinds": [kind]}) == {"made": [kind]}
        events = sum(len(changing.items(f"/changelogs/{one}", limit=1000)) for one in resources)
        assert events > seen, kind
        seen = events


def test_an_unknown_anomaly_is_refused(changing: Any) -> None:
    body = {"kinds": ["attachment_missing", "gnomes"]}
    answer = changing.session.post(f"{changing.base}/sandbox/anomalies", json=body)
    assert answer.status_code == 400
    assert "unknown anomalies: gnomes" in answer.json()["error"]

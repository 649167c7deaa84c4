"""METRIC lines report what was sent, and how each stream ended."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Run


def test_failed_and_included_streams_have_true_metrics(run_tap: Callable[..., Run]) -> None:
    with running("--size", "200", "--rate-limit", "none") as sandbox:
        sandbox.fault("/quotes", "status", status=503)
        run = run_tap(
            streams=["customer_invoices", "customer_invoice_lines", "quotes"],
            api_token=sandbox.token,
            api_url=sandbox.url,
            requests_per_window=1_000_000,
            max_retries=0,
        )
    assert run.exit_code == 1
    counted: dict[str, int] = {}
    status: dict[str, Any] = {}
    for text in re.findall(r"METRIC: (\{.*\})", run.log):
        point = json.loads(text)
        stream = point["tags"].get("stream")
        if point["metric"] == "record_count":
            counted[stream] = counted.get(stream, 0) + point["value"]
        elif point["metric"] == "sync_duration":
            status[stream] = point["tags"]["status"]
    assert counted == {
        "customer_invoices": len(run.records["customer_invoices"]),
        "customer_invoice_lines": len(run.records["customer_invoice_lines"]),
        "quotes": 0,
    }
    assert counted["customer_invoice_lines"] > 0
    assert status == {
        "customer_invoices": "succeeded",
        "customer_invoice_lines": "succeeded",
        "quotes": "failed",
    }

"""The METRIC lines from which a progress display is made."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tap_pennylane.api.limiter import Limiter

if TYPE_CHECKING:
    from collections.abc import Callable

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Run


def test_every_request_is_counted_with_the_share_of_the_budget_in_use(
    run_tap: Callable[..., Run], sandbox: Sandbox
) -> None:
    done = run_tap(
        streams=["customers", "journals"],
        api_token=sandbox.token,
        api_url=sandbox.url,
        requests_per_window=100,
    )
    assert done.exit_code == 0, done.log
    points = [json.loads(text) for text in re.findall(r"METRIC: ({.*})", done.log)]
    requests = [point for point in points if point["metric"] == "http_request_count"]
    assert sum(point["value"] for point in requests) == sum(sandbox.stats["requests"].values())
    assert all(0 < point["tags"]["rate_limit_used"] <= 1 for point in requests)


def test_the_share_is_of_what_is_not_free_again() -> None:
    now = 0.0
    budget = Limiter(10, 5.0, clock=lambda: now)
    assert budget.share_in_use() == 0
    for _ in range(4):
        slot = budget.acquire()
    budget.release(slot)
    assert budget.share_in_use() == 0.4
    now = 20.0
    assert budget.share_in_use() == 0.3

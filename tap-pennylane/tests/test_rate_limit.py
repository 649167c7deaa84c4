"""A complete load under Pennylane's real rate limit takes about a minute, and never exceeds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Run


def test_a_load_of_20000_lines_never_exceeds_the_limit(run_tap: Callable[..., Run]) -> None:
    with running("--size", "20000", "--rate-limit", "25/5") as sandbox:
        run = run_tap(api_token=sandbox.token, api_url=sandbox.url)
        assert run.exit_code == 0, run.log
        stats = sandbox.stats
        lines = {line["id"] for line in sandbox.state("ledger_entry_lines")}
    assert stats["rate_limited"] == 0
    assert stats["busiest_window"] <= 25
    assert stats["total"] > 300
    assert len(lines) >= 20_000
    assert {record["id"] for record in run.records["ledger_entry_lines"]} == lines


def test_a_run_heeds_what_the_one_before_used(
    run_tap: Callable[..., Run],
) -> None:
    with running("--size", "200", "--rate-limit", "25/5") as sandbox:
        for _ in range(2):
            run = run_tap(api_token=sandbox.token, api_url=sandbox.url)
            assert run.exit_code == 0, run.log
        assert sandbox.stats["rate_limited"] == 0
        assert sandbox.stats["busiest_window"] <= 25

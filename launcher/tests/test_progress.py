"""What is shown of a run's log."""

import json
from pathlib import Path
from typing import Any

import pytest
from pennylane_launcher.running.progress import Progress
from pennylane_launcher.settings.redaction import Secrets


def line(event: str, *, level: str = "info", **fields: Any) -> str:
    return json.dumps({"event": event, "level": level, **fields}) + "\n"


def from_tap(event: str, **fields: Any) -> str:
    return line(
        event, name="tap-pennylane", stdio="stderr", producer=True, plugin_logger="tap", **fields
    )


def metric(kind: str, value: int, *, stream: str = "customers") -> str:
    info = {"metric": kind, "value": value, "tags": {"stream": stream}}
    return from_tap("METRIC", metric_info=info)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (line("Environment 'dev' is active"), None),
        (line("Block run completed", level="error"), None),
        (
            line("Block run completed", block_type="ExtractLoadBlocks", success=True),
            "loaded; bringing the views up to date",
        ),
        (line("FAIL 1 key", name="dbt", stdio="stderr"), "dbt: FAIL 1 key"),
        (line("Building …", name="views", stdio="stdout"), "views: Building …"),
        (line("Extractor failed", level="error"), None),
        (line("No such job", level="error"), "meltano: No such job"),
        (from_tap("Reading again from the start"), "tap-pennylane: Reading again from the start"),
        (from_tap("Beginning sync of 'customers' in full_table mode"), None),
        (from_tap("Skipping deselected stream 'fec'."), None),
        (
            line(
                "Reader 'mapper-snake-case' completed processing 9 lines of input", stdio="stderr"
            ),
            None,
        ),
        (line("Inserting", name="target-postgres", stdio="stderr", plugin_logger="target"), None),
        (
            line("KeyError: 'id'", name="target-postgres", stdio="stderr"),
            "target-postgres: KeyError: 'id'",
        ),
        (
            line("Stream `custmers` was not found in the catalog", level="warning"),
            "meltano: Stream `custmers` was not found in the catalog",
        ),
        (line("Stream `quote_appendices` was not found in the catalog", level="warning"), None),
        ("Traceback (most recent call last):\n", "Traceback (most recent call last):"),
        ("\n", None),
        ("[1]\n", "[1]"),
    ],
)
def test_what_is_shown(given: str, shown: str | None) -> None:
    assert Progress(str).feed(given) == shown


def test_secrets_are_never_shown() -> None:
    progress = Progress(Secrets(Path(), {"API_TOKEN": "s3cret"}).hide)
    assert progress.feed(line("bad token s3cret", level="error")) == "meltano: bad token ***"
    assert progress.feed("s3cret\n") == "***"


def test_it_counts_what_the_tap_reports() -> None:
    progress = Progress(str)
    assert str(progress) == "starting"
    for given in (
        from_tap("Beginning sync of 'customers' in full_table mode"),
        from_tap(
            "METRIC",
            metric_info={
                "metric": "http_request_count",
                "value": 3,
                "tags": {"rate_limit_used": 0.12},
            },
        ),
        metric("record_count", 1200),
        metric("record_count", 34),
        metric("record_count", 5, stream="journals"),
        metric("record_count", 0, stream="quotes"),
        line("METRIC", stdio="stderr", metric_info={"metric": "record_count", "value": 9}),
    ):
        assert progress.feed(given) is None
    assert str(progress) == "loading customers · 1,239 rows · 3 requests · 12 % of the rate limit"
    progress.feed(line("Block run completed", block_type="ExtractLoadBlocks", success=True))
    assert str(progress) == "bringing the views up to date"
    progress.test()
    assert str(progress) == "testing the books"


def test_a_step_that_cannot_start_is_a_reason() -> None:
    progress = Progress(str)
    cause = "Cannot start plugin: Executable 'x' could not be found"
    assert progress.feed(line("Block run completed", level="error", err=cause)) is None
    assert str(progress.reasons) == cause
    progress.feed(line("Block run completed", level="error", err="Extractor failed"))
    assert str(progress.reasons) == cause


def test_what_is_sent_last_is_not_what_takes_long() -> None:
    progress = Progress(str)
    progress.feed(from_tap("Beginning sync of 'sync_log' in log_based mode"))
    assert str(progress) == "writing to PostgreSQL"

"""How a stream's end is logged: one line with all facts, never the token."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from singer_sdk.logging import StructuredFormatter
from tap_pennylane.redaction import Redaction, forms
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    import pytest

TOKEN = "a-secret-token-of-nobody"  # noqa: S105


def test_each_stream_ends_with_a_line_of_facts(caplog: pytest.LogCaptureFixture) -> None:
    tap = TapPennylane(config={"api_token": TOKEN})
    with caplog.at_level(logging.INFO), tap.run.log.entry("customers") as entry:
        entry.mode, entry.records = "scan", 7
        entry.fail(f"the answer is {TOKEN}")
    record = caplog.records[-1]
    assert record.getMessage() == (
        "Ended 'customers': failed (scan), 7 records, 0 deletions, 0 requests, 0.0 s of waiting"
    )
    extra = json.loads(StructuredFormatter().format(record))["extra"]
    assert extra["seconds"] >= 0
    assert {name: extra[name] for name in ("stream", "status", "records", "requests", "error")} == {
        "stream": "customers",
        "status": "failed",
        "records": 7,
        "requests": 0,
        "error": "the answer is [secret]",
    }
    (row,) = tap.run.log.rows()
    assert row["error"] == "the answer is [secret]"
    assert row["run_id"] == extra["sync_log_run_id"]


def test_a_field_beside_the_message_is_redacted_too() -> None:
    record = logging.makeLogRecord({"msg": "told", "cause": f"by {TOKEN}", "count": 3})
    assert Redaction(TOKEN).filter(record)
    assert vars(record)["cause"] == "by [secret]"
    assert vars(record)["count"] == 3


def test_a_secret_is_hidden_however_it_is_written() -> None:
    secret = "to\"ken\\with/every+thing'&é"  # noqa: S105 - of nobody
    written = (secret, json.dumps(secret), repr(secret), quote(secret), quote(secret, safe=""))
    for text in written:
        record = logging.makeLogRecord({"msg": f"<{text}>"})
        for form in sorted(forms(secret), key=len, reverse=True):
            Redaction(form).filter(record)
        assert record.getMessage().strip("<>\"'") == "[secret]"

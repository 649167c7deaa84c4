"""Whatever the API returns: other streams are complete, errors have a cause, tokens stay secret."""

from __future__ import annotations

import io
import json
import logging
from contextlib import redirect_stdout
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    import pytest
    from pennylane_sandbox.pytest_plugin import Sandbox

SCHEMA = TapPennylane(validate_config=False).streams["customers"].schema["properties"]

odd_text = st.text(max_size=12) | st.sampled_from(
    ["\0", "a\0b", "\\u0000", "\u202e", "é" * 5, "\U0001d518", "sandbox-token", "1e999", "NaN", ""]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**30, 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | odd_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_text, inner, max_size=3),
    max_leaves=6,
)
items = st.dictionaries(st.sampled_from([*SCHEMA, "billing_address", "new"]) | odd_text, values)
pages = st.fixed_dictionaries(
    {},
    optional={
        "items": st.lists(items | values, max_size=4) | values,
        "has_more": st.booleans() | values,
        "next_cursor": st.none() | values,
    },
)
raw = st.sampled_from(
    [
        "",
        "{",
        "[]",
        "null",
        "<html>no</html>",
        '"sandbox-token"',
        '{"items": [{"id": 1e400}]}',
        '{"items": [{"id": 1, "name": "\\ud800 \\u0000"}], "has_more": false}',
        "[" * 5000,
    ]
)
answers = raw | (pages | values).map(json.dumps)


def synced(sandbox: Sandbox) -> tuple[TapPennylane, list[dict[str, Any]]]:
    """Read customers and journals; return the messages."""
    config = {
        "api_token": sandbox.token,
        "api_url": sandbox.url,
        "requests_per_window": 1_000_000,
        "max_retries": 0,
    }
    tap = TapPennylane(config=config)
    for name, stream in tap.streams.items():
        stream.selected = name in {"customers", "journals"}
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with redirect_stdout(output):
        tap.sync_all()
    output.seek(0)
    return tap, [json.loads(line, parse_float=Decimal) for line in output]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(answer=answers)
def test_garbage_never_harms_a_neighbour(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    sandbox.clear_faults()
    sandbox.fault("/customers", "body", body=answer)
    caplog.clear()
    caplog.set_level(logging.WARNING)
    tap, messages = synced(sandbox)

    journals = [m["record"] for m in messages if m.get("stream") == "journals" and "record" in m]
    assert journals == sandbox.state("journals")[::-1]
    customers = [m["record"] for m in messages if m.get("stream") == "customers" and "record" in m]
    assert all(
        isinstance(record["id"], int) and record.keys() == SCHEMA.keys() for record in customers
    )
    ended = {m["stream"] for m in messages if m["type"] == "ACTIVATE_VERSION"}
    assert ended == {"customers", "journals"} - tap.run.failures.keys()
    assert "\\u0000" not in json.dumps(customers, default=str)
    assert sandbox.token not in caplog.text
    # A stack trace is for our own bugs; garbage must lead to an error in one sentence.
    assert not [record for record in caplog.records if record.exc_info]

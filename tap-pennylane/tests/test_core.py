"""The SDK's standard tests of a tap, against the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import running
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG: dict[str, Any] = {
    "api_token": "sandbox-token",
    "requests_per_window": 1000,
    "all_streams": True,
    "api_url": "http://127.0.0.1",  # replaced below by the running sandbox's
}


@pytest.fixture(scope="class", autouse=True)
def _where_the_sandbox_is() -> Iterator[None]:
    # Every record has requests of its own: few lines are enough.
    with running("--size", "300", "--rate-limit", "none") as sandbox:
        CONFIG["api_url"] = sandbox.url
        yield


def everything() -> dict[str, Any]:
    """A catalog that selects all streams, including those that are off by default."""
    catalog: dict[str, Any] = TapPennylane(validate_config=False).catalog_dict
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if not metadata["breadcrumb"]:
                metadata["metadata"]["selected"] = True
    return catalog


TestTapPennylane = get_tap_test_class(
    TapPennylane,
    config=CONFIG,
    suite_config=SuiteConfig(max_records_limit=None),
    catalog=everything(),
)

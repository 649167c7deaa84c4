"""The SDK's standard tests of a tap, against the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from pennylane_sandbox.pytest_plugin import Sandbox

CONFIG: dict[str, Any] = {
    "api_token": "sandbox-token",
    "requests_per_window": 1000,
    "all_streams": True,
    "api_url": "http://127.0.0.1",  # replaced below by the running sandbox's
}


@pytest.fixture(scope="class", autouse=True)
def _where_the_sandbox_is(_unlimited_sandbox: Sandbox) -> None:
    CONFIG["api_url"] = _unlimited_sandbox.url


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

"""The entire pipeline into each version of PostgreSQL that the README names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pennylane_launcher.postgres import embedded
    from pennylane_sandbox.pytest_plugin import Sandbox

    from pipelines import Pipeline

ROOT = Path(__file__).parents[1]
VERSIONS = ["15", "17", "18"]  # all other tests run on 16, the embedded one


@pytest.mark.parametrize("version", VERSIONS)
def test_a_load_and_a_change(
    version: str,
    postgres_of: Callable[[str], embedded.Server],
    pipeline: Pipeline,
    sandbox: Sandbox,
) -> None:
    pipeline = replace(pipeline, url=postgres_of(version).url("books"))
    (row,) = pipeline.query("SELECT current_setting('server_version') AS version")
    assert row["version"].split(".")[0] == version
    first = pipeline.sync()
    assert first.returncode == 0, first.stdout
    sandbox.change("customer_invoices", create=2, update=1, delete=1)
    second = pipeline.run()
    assert second.returncode == 0, second.stdout
    listed = sorted(item["id"] for item in sandbox.listed("/customer_invoices"))
    assert sorted(row["id"] for row in pipeline.live("customer_invoices")) == listed


@pytest.mark.parametrize("page", ["README.md", ".env.example"])
def test_the_pages_name_the_versions(page: str) -> None:
    assert "PostgreSQL 15, 16, 17 or 18" in (ROOT / page).read_text(encoding="utf-8")

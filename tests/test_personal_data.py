"""The list of personal columns is complete, and the docs show it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import yaml

DBT = Path(__file__).parents[1] / "transform" / "dbt"
SCRIPT = DBT / "scripts" / "generate_personal_data.py"


def test_the_page_shows_the_list() -> None:
    script = runpy.run_path(str(SCRIPT))
    text = script["PAGE"].read_text(encoding="utf-8")
    assert script["filled"](text) == text, f"run {SCRIPT.name}"
    assert "| `customer_contacts` | `first_name`, `last_name`, `role`, `email`," in text


def test_a_column_that_sounds_personal_must_be_in_a_list(tmp_path: Path) -> None:
    script = runpy.run_path(str(SCRIPT))
    listed = yaml.safe_load((DBT / "personal_data.yml").read_text(encoding="utf-8"))
    listed["columns"]["customers"].remove("emails")
    (tmp_path / "personal_data.yml").write_text(yaml.safe_dump(listed), encoding="utf-8")
    script["listed"].__globals__["PROJECT"] = tmp_path
    with pytest.raises(SystemExit, match=r"whether these are personal: customers\.emails$"):
        script["listed"]()


def test_a_column_that_is_gone_must_not_stay_in_a_list(tmp_path: Path) -> None:
    script = runpy.run_path(str(SCRIPT))
    listed = yaml.safe_load((DBT / "personal_data.yml").read_text(encoding="utf-8"))
    listed["texts"]["customers"] = ["nickname"]
    (tmp_path / "personal_data.yml").write_text(yaml.safe_dump(listed), encoding="utf-8")
    script["listed"].__globals__["PROJECT"] = tmp_path
    with pytest.raises(SystemExit, match=r"no stream has: customers\.nickname$"):
        script["listed"]()

"""Meltano's definition of the tap equals the output of `--about`, in each file that contains it."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

PACKAGE = Path(__file__).parents[1]
KINDS = {"array": "array", "boolean": "boolean", "object": "object", "string": "string"}


def printed(*options: str) -> dict[str, Any]:
    program = Path(sys.executable).with_name("tap-pennylane")
    done = subprocess.run([program, *options], capture_output=True, check=True)
    return dict(json.loads(done.stdout))


def standing_in(place: str) -> dict[str, Any]:
    if place == "definition":
        return dict(yaml.safe_load((PACKAGE / "meltano-plugin.yml").read_text(encoding="utf-8")))
    if place == "snippet":
        page = (PACKAGE / "README.md").read_text(encoding="utf-8")
        (text,) = re.findall(r"```yaml\n(plugins:\n.*?)```", page, re.DOTALL)
    else:
        text = (PACKAGE.parent / "meltano.yml").read_text(encoding="utf-8")
    (plugin,) = yaml.safe_load(text)["plugins"]["extractors"]
    return dict(plugin)


def test_the_definition_is_written_anew_after_each_change() -> None:
    script = runpy.run_path(str(PACKAGE / "scripts" / "generate_plugin.py"))
    for path, text in script["written"]().items():
        assert path.read_text(encoding="utf-8") == text, f"run generate_plugin.py: {path.name}"


@pytest.mark.parametrize("place", ["definition", "snippet", "project"])
def test_it_says_what_about_says(place: str) -> None:
    about = printed("--about", "--format=json")
    plugin = standing_in(place)
    assert plugin["name"] == plugin["executable"] == about["name"]
    assert plugin["namespace"] == "tap_pennylane"  # so that variables begin with TAP_PENNYLANE_
    assert set(plugin["capabilities"]) == set(about["capabilities"]) >= {"structured-logging"}
    assert plugin["settings_group_validation"] == [
        ["api_token"],
        ["client_id", "client_secret", "credentials_file"],
        ["client_id", "client_secret", "credentials_url"],
    ]

    settings = {setting["name"]: setting for setting in plugin["settings"]}
    assert settings.keys() == about["settings"]["properties"].keys() >= {"api_url", "stream_maps"}
    for name, said in about["settings"]["properties"].items():
        setting = settings[name]
        assert setting["label"] == said["title"]
        assert setting["description"] == said["description"]
        assert setting.get("sensitive", False) == said.get("secret", False)
        # A default that names the version, or depends on the API, is not written down.
        if name not in {"requests_per_window", "user_agent", "window_seconds"}:
            assert setting.get("value") == said.get("default")
        (kind,) = set(said["type"]) - {"null"}
        assert setting["kind"] == (
            "date_iso8601" if said.get("format") == "date" else KINDS.get(kind, "string")
        )
    assert [name for name, one in settings.items() if one.get("sensitive")] == [
        "api_token",
        "client_secret",
        "credentials_url",
    ]
    assert settings["start_date"]["kind"] == "date_iso8601"


@pytest.mark.parametrize("place", ["definition", "snippet", "project"])
def test_it_selects_what_the_tap_would_by_itself(place: str) -> None:
    by_default = {
        stream["stream"]: entry["metadata"].get("selected-by-default", True)
        for stream in printed("--discover")["streams"]
        for entry in stream["metadata"]
        if not entry["breadcrumb"]
    }
    everything, *left_out = standing_in(place)["select"]
    assert everything == "*.*"
    assert set(left_out) == {f"!{name}.*" for name, chosen in by_default.items() if not chosen}
    assert "!customer_contacts.*" in left_out
    assert 25 < sum(by_default.values()) < 40

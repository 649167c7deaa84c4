"""The command line's input: each unusable file, setting or selection is reported in a sentence."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import running
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Run

STREAMS = TapPennylane(validate_config=False).streams
COSTLY = sorted(name for name, stream in STREAMS.items() if not stream.selected_by_default)


@pytest.fixture(scope="module")
def company() -> Iterator[Sandbox]:
    with running("--size", "200", "--rate-limit", "none") as sandbox:
        yield sandbox


@pytest.fixture
def settings(company: Sandbox) -> dict[str, Any]:
    return {"api_token": company.token, "api_url": company.url, "requests_per_window": 1_000_000}


@pytest.fixture
def tap(tmp_path: Path, settings: dict[str, Any]) -> Callable[..., tuple[int, str, str]]:
    """Run the tap on these files; return its exit code, messages and errors."""

    def run(**files: str) -> tuple[int, str, str]:
        arguments = []
        for kind, text in {"config": json.dumps(settings), **files}.items():
            (tmp_path / kind).write_text(text, "utf-8")
            arguments += [f"--{kind}", str(tmp_path / kind)]
        command = [sys.executable, "-m", "tap_pennylane", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
        said = [line for line in done.stderr.splitlines() if "INFO" not in line]
        return done.returncode, done.stdout, "\n".join(said)

    return run


def catalog(*streams: str, columns: dict[str, bool] | None = None) -> dict[str, Any]:
    """A catalog that selects these streams and, of them, these columns."""
    found: dict[str, Any] = TapPennylane(validate_config=False).catalog_dict
    for entry in found["streams"]:
        for one in entry["metadata"]:
            if not one["breadcrumb"]:
                one["metadata"]["selected"] = entry["tap_stream_id"] in streams
            elif columns is not None:
                one["metadata"]["selected"] = columns.get(one["breadcrumb"][-1], False)
    return found


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        ("config", "{", r"not valid JSON \(line 1\); correct it"),
        ("config", "[]", r"not a JSON object"),
        ("config", "", r"it is empty"),
        ("state", "not json", r"not valid JSON \(line 1\); keep only the last line of a target's"),
        ("state", "", r"it is empty; omit it for a first load"),
        ("state", '{"bookmark": {}}', r"it contains no bookmarks; use the state that a run"),
        ("state", '{"bookmarks": {"customers": 5}}', r"it contains no bookmarks"),
        ("state", '{"type": "STATE"}', r"it contains no bookmarks"),
        ("catalog", "{}", r"it is not a catalog; create one"),
        ("catalog", '{"streams": [{}]}', r"it is not a catalog"),
        ("catalog", '{"streams": 5}', r"it is not a catalog"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tap: Callable[..., tuple[int, str, str]], kind: str, text: str, sentence: str
) -> None:
    exit_code, messages, said = tap(**{kind: text})
    assert exit_code == 78
    assert not messages
    assert re.search(rf"The {kind} file '.*{kind}' can't be used: .*{sentence}.*\.$", said), said
    assert said.count("\n") == 0


@pytest.mark.parametrize("kind", ["config", "state", "catalog"])
def test_a_file_that_is_not_there_is_named(tap: Callable[..., Any], kind: str) -> None:
    command = [sys.executable, "-m", "tap_pennylane", f"--{kind}", "nowhere.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert f"The {kind} file 'nowhere.json' can't be used: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr
    assert tap is not None


@pytest.mark.parametrize("wrap", ["singer_state", "STATE"])
def test_a_state_may_come_as_it_is_kept_elsewhere(
    run_tap: Callable[..., Run], settings: dict[str, Any], wrap: str
) -> None:
    streams = ["suppliers", "sync_log"]
    state = run_tap(streams=streams, **settings).state
    kept = {"type": "STATE", "value": state} if wrap == "STATE" else {wrap: state}
    second = run_tap(streams=streams, state=kept, **settings)
    assert second.log_rows["suppliers"]["mode"] == "changelog"


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"start_dat": "2025-01-01"}, "There is no setting 'start_dat': rename it to 'start_date'"),
        ({"API-TOKEN": "x"}, "There is no setting 'API-TOKEN': rename it to 'api_token'"),
        ({"stream_map": {}}, "There is no setting 'stream_map': rename it to 'stream_maps'"),
        ({"stream_maps": "{customers"}, "Setting 'stream_maps' can't be '{customers'"),
        ({"stream_maps": {"custommers": {}}}, "'custommers' (did you mean 'customers'?), which"),
        ({"stream_maps": {"customers": 5}}, "Setting 'stream_maps' can't be"),
        ({"flattening_enabled": "maybe"}, "Setting 'flattening_enabled' can't be 'maybe'"),
        ({"all_streams": "maybe"}, "Setting 'all_streams' can't be 'maybe'"),
        ({"batch_config": {}}, "Setting 'batch_config' can't be used: a BATCH message would"),
    ],
)
def test_a_setting_that_cannot_be_meant_stops_the_run(
    tap: Callable[..., Any], settings: dict[str, Any], setting: dict[str, Any], sentence: str
) -> None:
    exit_code, messages, said = tap(config=json.dumps({**settings, **setting}))
    assert exit_code == 78
    assert not messages
    assert said.count(sentence) == 1, said
    assert said.count("CRITICAL") == 1


def test_a_setting_of_somebody_else_is_said_and_ignored(
    run_tap: Callable[..., Run], settings: dict[str, Any]
) -> None:
    run = run_tap(streams=["journals"], **settings, of_another_program=1)
    assert run.exit_code == 0, run.log
    assert "Unknown settings, which are ignored: of_another_program" in run.log


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (catalog(), "No stream is selected: check that each pattern in `select`"),
        (catalog("sync_log"), "No stream is selected"),
        (catalog("customers", columns={}), "'customers' has no column selected besides those"),
    ],
    ids=["nothing", "only the record of runs", "no column"],
)
def test_a_selection_that_nobody_can_mean_stops_the_run(
    tap: Callable[..., Any], given: dict[str, Any], sentence: str
) -> None:
    exit_code, messages, said = tap(catalog=json.dumps(given))
    assert exit_code == 78
    assert not messages
    assert said.count(sentence) == 1, said


def test_the_key_alone_may_be_meant(
    run_tap: Callable[..., Run], settings: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "ids.json"
    path.write_text(json.dumps(catalog("customers", columns={"id": True})), "utf-8")
    run = run_tap("--catalog", str(path), **settings)
    assert run.exit_code == 0, run.log
    assert run.records["customers"][0].keys() == {"id", "_sdc_deleted_at"}


def test_a_stream_of_the_catalog_that_does_not_exist_is_named(tap: Callable[..., Any]) -> None:
    given = catalog("customers")
    (entry,) = [one for one in given["streams"] if one["tap_stream_id"] == "customers"]
    mistyped = {**entry, "tap_stream_id": "custommers", "stream": "custommers"}
    exit_code, messages, said = tap(catalog=json.dumps({"streams": [entry, mistyped]}))
    assert exit_code == 78
    assert not messages
    assert "selects the stream 'custommers' (did you mean 'customers'?), which does not" in said


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"replication_method": "INCREMENTAL", "replication_key": "updated_at"}, "'updated_at'"),
        ({"replication_method": "INCREMENTAL"}, "None"),
        ({"key_properties": ["name"]}, "makes name its key"),
    ],
)
def test_a_catalog_that_asks_for_another_key_fails_that_stream_alone(
    run_tap: Callable[..., Run],
    settings: dict[str, Any],
    tmp_path: Path,
    change: dict[str, Any],
    sentence: str,
) -> None:
    given = catalog("customers", "suppliers", "sync_log")
    for entry in given["streams"]:
        if entry["tap_stream_id"] == "customers":
            entry.update(change)
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(given), "utf-8")
    run = run_tap("--catalog", str(path), **settings)
    assert run.exit_code == 1
    assert "Traceback" not in run.log
    assert re.search(rf"Stream 'customers' failed: the catalog .*{sentence}", run.log)
    assert run.log_rows["suppliers"]["status"] == "success"
    assert not run.records["customers"]


def test_costly_streams_are_read_only_if_asked_for_by_name(
    run_tap: Callable[..., Run], settings: dict[str, Any], company: Sandbox
) -> None:
    company.control("DELETE", "stats")
    everything = run_tap(streams=list(STREAMS), **settings)
    assert everything.exit_code == 0, everything.log
    assert everything.log.count("as by `*.*`: none of them is read") == 1
    assert everything.log_rows.keys() == STREAMS.keys() - {*COSTLY, "sync_log"}
    spared = company.stats["total"]

    with_exclusions = run_tap(streams=[one for one in STREAMS if one != "fec"], **settings)
    assert with_exclusions.log_rows.keys() == everything.log_rows.keys()

    company.control("DELETE", "stats")
    assert run_tap(**settings).exit_code == 0
    assert spared == company.stats["total"], "as many requests as without a catalog"

    named = run_tap(streams=["customer_contacts", "sync_log"], **settings)
    assert named.exit_code == 0, named.log
    assert named.records["customer_contacts"]
    assert "none of them is read" not in named.log

    meant = run_tap(streams=list(STREAMS), all_streams=True, **settings)
    assert meant.exit_code == 0, meant.log
    assert meant.log_rows.keys() == STREAMS.keys() - {"sync_log"}

"""The catalog: any change to a schema is visible in review."""

from __future__ import annotations

import json
import os
import re
import runpy
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tap_pennylane import schemas
from tap_pennylane.schemas import schema_file
from tap_pennylane.streams import STREAMS
from tap_pennylane.streams.child import ChildStream
from tap_pennylane.streams.exports import ExportStream
from tap_pennylane.streams.scopes import scope
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

NAMES = sorted(TapPennylane(validate_config=False).streams)


@pytest.mark.parametrize("name", NAMES)
def test_catalog_entry(name: str, snapshot: SnapshotAssertion) -> None:
    stream = TapPennylane(validate_config=False).streams[name]
    columns = {
        column: (definition["type"], definition.get("format") or definition.get("items"))
        for column, definition in stream.schema["properties"].items()
    }
    assert {"keys": list(stream.primary_keys), "columns": columns} == snapshot


@pytest.mark.parametrize("name", NAMES)
def test_the_catalog_says_what_streams_and_columns_are(name: str) -> None:
    script = Path(__file__).parents[1] / "scripts" / "generate_schemas.py"
    described = runpy.run_path(str(script))["described"]
    stream = TapPennylane(validate_config=False).streams[name]
    assert described(stream, schema_file(name)) == schema_file(name), "run generate_schemas.py"
    entry = stream._singer_catalog_entry.to_dict()["schema"]  # noqa: SLF001 - what is discovered
    assert entry["description"] == (stream.__doc__ or "").splitlines()[0]
    assert all(definition["description"] for definition in entry["properties"].values())


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_flat_and_fit_for_a_database(name: str) -> None:
    stream = TapPennylane(validate_config=False).streams[name]
    for column, definition in stream.schema["properties"].items():
        assert column == column.lower()
        assert len(column) <= 63
        assert not column.endswith(("invoice_lines", "payments"))
        assert "object" not in definition["type"]
        assert set(definition) <= {"type", "format", "items", "description"}
        assert ("array" in definition["type"]) == ("items" in definition)
        assert "type" in definition.get("items", {"type": "of no list"})  # Parquet needs one
        assert definition["description"].endswith(".")
        assert ("null" in definition["type"]) == (column not in stream.primary_keys)


def test_every_stream_has_a_line_of_doc_and_one_schema_file() -> None:
    assert all(stream.__doc__ for stream in STREAMS)
    children = [stream for stream in STREAMS if issubclass(stream, ChildStream)]
    exports = [stream for stream in STREAMS if issubclass(stream, ExportStream)]
    assert len(exports) == 3
    assert (
        len(STREAMS) - len(children) - len(exports) == 30
    )  # every top-level list of the Company API, /me and /company/features
    assert len(children) == 26  # every list below them except two whose rows are in another stream
    present = {path.name for path in files(schemas).iterdir() if path.name.endswith(".json")}
    assert present == {f"{name}.json" for name in NAMES}


def test_schemas_are_what_the_api_document_says() -> None:
    directory = os.environ.get("PENNYLANE_OPENAPI_DIR")
    if not directory:
        pytest.skip("PENNYLANE_OPENAPI_DIR does not say where Pennylane's OpenAPI documents are")
    script = Path(__file__).parents[1] / "scripts" / "generate_schemas.py"
    generated = runpy.run_path(str(script))["generate"](Path(directory))
    committed = {name: (files(schemas) / name).read_text(encoding="utf-8") for name in generated}
    assert generated == committed


def test_the_tables_of_the_readmes_are_the_taps_own() -> None:
    script = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "generate_docs.py"))
    for page in script["PAGES"]:
        text = page.read_text(encoding="utf-8")
        assert "`customer_invoices`" in text
        assert "generated -->" in text
        assert script["filled"](text) == text, f"run generate_docs.py: {page.name} is out of date"


def test_the_scope_of_every_stream_is_what_the_api_document_says() -> None:
    directory = os.environ.get("PENNYLANE_OPENAPI_DIR")
    if not directory:
        pytest.skip("PENNYLANE_OPENAPI_DIR does not say where Pennylane's OpenAPI documents are")
    document = json.loads((Path(directory) / "company_v2.json").read_text(encoding="utf-8"))
    for stream in STREAMS:
        methods = document["paths"].get(f"/api/external/v2{stream.path}")
        if methods is None:  # newer than the document
            continue
        (security,) = (methods.get("get") or methods["post"]).get("security", [{}])
        allowed = security.get("oauth2", [])
        wanted = scope(stream.path)
        assert wanted in allowed if allowed else wanted is None, stream.path
        assert wanted is None or not wanted.endswith(":all")


def test_the_table_of_scopes_has_every_stream() -> None:
    script = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "generate_docs.py"))
    told = set(re.findall(r"`(\w+)`", script["scopes"]()))
    need_none = {vars(stream)["name"] for stream in STREAMS if scope(stream.path) is None}
    assert {"company", "webhook_subscriptions"} <= need_none
    assert told == set(NAMES) - need_none - {"sync_log"}

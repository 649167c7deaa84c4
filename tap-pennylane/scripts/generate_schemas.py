"""Generate the streams' flat schemas from Pennylane's OpenAPI documents.

    PENNYLANE_OPENAPI_DIR=… python tap-pennylane/scripts/generate_schemas.py

Only names, types and formats are taken from them. The glossary of the views describes the columns
in our own words, and each stream's class describes the stream. The types are a promise to
warehouses, which cannot change a column's type: review the catalog snapshot's changes before you
commit them.
"""

from __future__ import annotations

import json
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from tap_pennylane import companies, schemas
from tap_pennylane.api.pagination import INCLUDED
from tap_pennylane.record import DELETED_AT, OMITTED, PATH
from tap_pennylane.run import API, FIRM_API
from tap_pennylane.schemas import firm, schema_file
from tap_pennylane.streams.company import CompanyFeatures
from tap_pennylane.streams.exports import ExportStream
from tap_pennylane.streams.firm import COMPANY_ID, FirmSyncLog
from tap_pennylane.streams.sync_log import SyncLog
from tap_pennylane.tap import TapPennylane

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tap_pennylane.streams.base import PennylaneStream

DECIMALS = re.compile(
    r"(^|_)(amount|balance|tax|fee|price|debits?|credits?|exchange_rate|quantity|weight|value)"
    r"(_with_tax|_without_tax|_before_tax)?$"
)
"""Names of texts that hold decimal numbers. `vat_rate` does not: it is a code."""

NO_DECIMALS = frozenset({"transaction_reference_provider_field_value", "value"})

COPIES = {
    "categories": ("id", "weight"),
    "lettered_ledger_entry_lines": ("id",),
    "matched_transactions": ("id",),
}
"""Lists of records that have their own collection, and the fields that only the list has."""

NULLABLE_TIME = {"type": ["string", "null"], "format": "date-time"}

ADDED = {"trial_balance": {"asked_at": NULLABLE_TIME}}
"""Columns that the tap itself adds; the API does not have them."""

OWN = frozenset(
    name
    for name, stream in TapPennylane(validate_config=False, setup_mapper=False).streams.items()
    if isinstance(stream, SyncLog | ExportStream | CompanyFeatures)
)
"""Streams without a model in the API: their schemas are written by hand."""

GLOSSARY = Path(__file__).parents[2] / "transform" / "dbt" / "scripts" / "glossary.yml"
"""The descriptions of every column, for tables and views."""

ADDITIONS = Path(__file__).parents[2] / "openapi" / "september_2026.json"
"""What the API has gained since then but the document lacks: `openapi/README.md`."""

LONGEST_NAME = 63
"""The longest name of a column in PostgreSQL."""


class Document:
    """An OpenAPI document."""

    def __init__(self, path: Path, prefix: str) -> None:
        """Read the document at `path`, whose paths begin with `prefix`."""
        self._document = json.loads(path.read_text(encoding="utf-8"))
        self._prefix = prefix

    def add_newer(self) -> None:
        """Add what the Company API has gained since the document was written."""
        self._add(json.loads(ADDITIONS.read_text(encoding="utf-8")))

    def _add(self, additions: dict[str, Any]) -> None:
        """Add fields and operations; filters do not affect schemas."""
        for path, operation in additions["operations"].items():
            record = operation["item"]
            page = {"type": "object", "properties": {"items": {"type": "array", "items": record}}}
            is_list = "items" in self._answer(operation["like"])["properties"]
            response = {"content": {"application/json": {"schema": page if is_list else record}}}
            self._document["paths"][self._prefix + path] = {"get": {"responses": {"200": response}}}
        for addition in additions["fields"]:
            for path in addition["of"]:
                answer = self._answer(path)
                if addition.get("in", [])[:1] == ["included"]:
                    continue  # in a list that has its own path
                found: Any = answer["properties"].get("items", {"items": answer})["items"]
                for name in addition.get("in", ()):
                    found = found["properties"][name]
                found["properties"] |= addition["add"]

    def operation(self, path: str) -> dict[str, Any]:
        """The GET operation of a path below the API's prefix."""
        operation: dict[str, Any] = self._document["paths"][self._prefix + path]["get"]
        return operation

    def item(self, path: str) -> dict[str, Any]:
        """The schema of one record in a list, or of the single object that a path returns."""
        answer = self._answer(path)
        items = answer["properties"].get("items")
        return self.merged(items["items"]) if items else answer

    def _answer(self, path: str) -> dict[str, Any]:
        content = self.operation(path)["responses"]["200"]["content"]["application/json"]
        return self.merged(content["schema"])

    def merged(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A schema with references resolved and all its variants merged."""
        while "$ref" in schema:
            node = self._document
            for key in schema["$ref"].removeprefix("#/").split("/"):
                node = node[key]
            schema = node
        variants = [
            self.merged(variant)
            for keyword in ("allOf", "oneOf", "anyOf")
            for variant in schema.get(keyword, [])
        ]
        result = {**schema}
        for variant in variants:
            properties = {**result.get("properties", {})}
            for name, definition in variant.get("properties", {}).items():
                known = properties.get(name)
                both = {"anyOf": [known, definition]}
                properties[name] = both if known not in (None, definition) else definition
            result = {**variant, **result, "properties": properties}
        return result


class Column(NamedTuple):
    """A flat property: its name, its path in the response, and its type."""

    name: str
    path: tuple[str, ...]
    type: dict[str, Any]
    deprecated: bool = False
    is_link: bool = False


def columns(
    document: Document, schema: dict[str, Any], path: tuple[str, ...] = ()
) -> Iterator[Column]:
    """The flat properties of an object, and its links."""
    for key, raw in schema["properties"].items():
        definition = document.merged(raw)
        here = (*path, key)
        name = "_".join(part for part in here if part != "items")
        nested = definition.get("properties")
        if (nested and nested.keys() == {"url"}) or (key == "url" and path):
            yield Column(name, here, {}, is_link=True)
        elif nested:
            yield from columns(document, definition, here)
        else:
            deprecated = definition.get("deprecated", False)
            kind = column_type(name, definition)
            if definition.get("type") == "array":
                kind["items"] = item_type(document, key, definition["items"])
            yield Column(name, here, kind, deprecated)


def item_type(document: Document, key: str, raw: dict[str, Any]) -> dict[str, Any]:
    """The items of a list, as the API has them, because a list is stored as it arrives.

    For a category, a record keeps only the link's own fields, id and weight. A copied label would
    go stale: when a category is renamed, no changelog names the lines that carry it.
    """
    definition = document.merged(raw)
    types: dict[str, Any] = {"type": [*kinds(document, raw), "null"]}
    if "array" in types["type"]:  # of texts: no list in the API is deeper
        types["items"] = {"type": ["string", "null"]}
    if not (fields := definition.get("properties")):
        return types
    names = ["id", "weight"] if key == "categories" else [name for name in fields if name != "url"]
    return {
        **types,
        "properties": {name: item_type(document, name, fields[name]) for name in names},
    }


def kinds(document: Document, raw: dict[str, Any]) -> list[str]:
    """The types that a value may have in any of its variants."""
    merged = document.merged(raw)
    variants = [one for word in ("oneOf", "anyOf") for one in merged.get(word, [])] or [merged]
    return sorted({document.merged(one).get("type", "string") for one in variants} - {"null"})


def column_type(name: str, definition: dict[str, Any]) -> dict[str, Any]:
    """A property's type in the warehouse; all but keys are nullable."""
    kind = definition.get("type", "string")
    if kind != "string":
        return {"type": [kind, "null"]}
    if definition.get("format") in {"date", "date-time"}:
        return {"type": ["string", "null"], "format": definition["format"]}
    if DECIMALS.search(name) and name not in NO_DECIMALS:
        return {"type": ["number", "null"]}
    return {"type": ["string", "null"]}


def kept_of_a_copy(path: str, item: dict[str, Any]) -> Collection[str]:
    """The fields that are kept of records copied from another collection; empty means all.

    A copy goes stale: when a category is renamed, no changelog names what carries it.
    """
    if path.count("/") == 1:
        return ()
    if item["properties"].keys() == {"id", "type", "url"}:
        return ("id", "type")
    return COPIES.get(path.rpartition("/")[2], ())


def of_tombstones(stream: PennylaneStream) -> dict[str, dict[str, Any]]:
    """The property that marks a deletion, for a stream that learns of individual deletions."""
    return {DELETED_AT: NULLABLE_TIME} if stream.changelogs or stream.replaces_parts else {}


def flat_schema(document: Document, stream: PennylaneStream) -> dict[str, Any]:
    """The schema of a stream, its keys first."""
    properties: dict[str, dict[str, Any]] = {}
    for parameter in document.operation(stream.path).get("parameters", []):
        if parameter["name"] in stream.primary_keys:
            properties[parameter["name"]] = column_type(parameter["name"], parameter["schema"])
    found: dict[str, Column] = {}
    omitted: list[list[str]] = [[INCLUDED]] if stream.include else []
    item = document.item(stream.path)
    kept = kept_of_a_copy(stream.path, item)
    for column in columns(document, item):
        if column.is_link or (kept and column.name not in kept):
            omitted.append(list(column.path))
            continue
        twin = found.get(column.name)
        if twin and not twin.deprecated:
            msg = f"{stream.name}.{column.name} is at {twin.path} and at {column.path}"
            raise ValueError(msg)
        if twin:
            omitted.append(list(twin.path))
        if len(column.name) > LONGEST_NAME:
            msg = f"{stream.name}.{column.name} is longer than {LONGEST_NAME} characters"
            raise ValueError(msg)
        found[column.name] = column
    for name, column in found.items():
        source = {} if column.path == (name,) else {PATH: list(column.path)}
        properties[name] = {**column.type, **source}
    for key in stream.primary_keys:
        properties[key] = {**properties[key], "type": properties[key]["type"][0]}
    ordered = {key: properties.pop(key) for key in stream.primary_keys} | properties
    ordered |= ADDED.get(stream.name, {}) | of_tombstones(stream)
    return {"type": "object", "properties": ordered, OMITTED: omitted}


def glossary() -> dict[str, str]:
    """The descriptions of columns, by name or by stream and name."""
    meanings: dict[str, str] = yaml.safe_load(GLOSSARY.read_text(encoding="utf-8"))["columns"]
    return meanings


def unexplained(schemas: Mapping[str, dict[str, Any]]) -> list[str]:
    """The columns that lack a description in the glossary."""
    known = glossary().keys()
    return [
        f"{stream}.{column}"
        for stream, schema in schemas.items()
        for column in schema["properties"]
        if not known & {column, f"{stream}.{column}"}
    ]


def described(stream: PennylaneStream | SyncLog, schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with the descriptions of the stream and its columns."""
    meanings = glossary() | {COMPANY_ID: "Id of the company in Pennylane"}
    properties = {
        column: {
            **definition,
            "description": f"{meanings.get(f'{stream.name}.{column}') or meanings[column]}.",
        }
        for column, definition in schema["properties"].items()
    }
    doc = (type(stream).__doc__ or "").splitlines()[0]
    return {**schema, "description": doc, "properties": properties}


def as_text(schema: dict[str, Any]) -> str:
    """A schema file's text: one line per property, so that differences are easy to read."""
    lines = [
        f"    {json.dumps(name)}: {json.dumps(definition)}"
        for name, definition in schema["properties"].items()
    ]
    properties = ",\n".join(lines)
    omitted = f',\n  "{OMITTED}": {json.dumps(schema[OMITTED])}' if OMITTED in schema else ""
    return (
        f'{{\n  "type": "object",\n  "description": {json.dumps(schema["description"])},\n'
        f'  "properties": {{\n{properties}\n  }}{omitted}\n}}\n'
    )


def generate(directory: Path) -> dict[str, str]:
    """The text of every schema file, by file name, from the documents in `directory`.

    Raises:
        SystemExit: The glossary lacks columns; names them.
    """
    document = Document(directory / "company_v2.json", API)
    document.add_newer()
    streams = TapPennylane(validate_config=False, setup_mapper=False).streams
    plain = {
        name: schema_file(name) if name in OWN else flat_schema(document, stream)
        for name, stream in streams.items()
    }
    refuse_unexplained(plain)
    return {
        f"{name}.json": as_text(described(stream, plain[name])) for name, stream in streams.items()
    }


def generate_for_firms(directory: Path) -> dict[str, str]:
    """The text of every schema file of the Firm API, by file name.

    Raises:
        SystemExit: The glossary lacks columns; names them.
    """
    path = directory / "firm_v1.json"
    of_firm, of_company = (
        Document(path, prefix) for prefix in (FIRM_API, FIRM_API + companies.PATH + "/{company_id}")
    )
    tap = TapPennylane(config={"api": "firm"}, validate_config=False, setup_mapper=False)
    of_both = TapPennylane(validate_config=False, setup_mapper=False).streams
    earlier = {name: schema_file(name)["properties"] for name in of_both}
    plain: dict[str, dict[str, Any]] = {}
    for name, stream in tap.streams.items():
        if name in OWN:
            found = schema_file(name)
            key = {COMPANY_ID: {"type": "integer"}}
            found["properties"] = key | found["properties"]
        else:
            document = of_firm if stream.path == companies.PATH else of_company
            found = with_types_of(earlier.get(name, {}), flat_schema(document, stream))
        if not isinstance(stream, FirmSyncLog):
            found["properties"] |= {DELETED_AT: NULLABLE_TIME}
        plain[name] = found
    refuse_unexplained(plain)
    return {
        f"{name}.json": as_text(described(stream, plain[name]))
        for name, stream in tap.streams.items()
    }


def with_types_of(known: Mapping[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose columns have the types of the Company API, where that has them too.

    The views of both are the same, and one document is vaguer than the other here and there.
    """
    kinds = ("type", "format", "items")
    properties = {
        column: {
            **{key: one for key, one in known.get(column, definition).items() if key in kinds},
            **{key: one for key, one in definition.items() if key not in kinds},
        }
        for column, definition in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def refuse_unexplained(plain: Mapping[str, dict[str, Any]]) -> None:
    """Refuse schemas with columns that the glossary does not describe.

    Raises:
        SystemExit: There are some; names them.
    """
    if missing := unexplained(plain):
        message = f"{GLOSSARY} lacks a description of: {', '.join(missing)}"
        raise SystemExit(message)


def main() -> None:
    """Replace the schema files."""
    directory = Path(os.environ["PENNYLANE_OPENAPI_DIR"])
    for package, texts in ((schemas, generate(directory)), (firm, generate_for_firms(directory))):
        target = Path(str(files(package)))
        for stale in {path.name for path in target.glob("*.json")} - texts.keys():
            (target / stale).unlink()
        for name, text in texts.items():
            (target / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

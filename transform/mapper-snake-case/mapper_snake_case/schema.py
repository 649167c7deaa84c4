"""Reading and renaming JSON Schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.schema import resolve_schema_references

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def own_copy(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a copy that may be changed: no references, and no shared parts."""
    if _refers(schema):
        schema = resolve_schema_references(schema)
    copy: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(schema))
    return copy


def _refers(schema: object) -> bool:
    """Whether it contains a `$ref`."""
    if isinstance(schema, dict):
        return "$ref" in schema or any(map(_refers, schema.values()))
    return isinstance(schema, list) and any(map(_refers, schema))


def is_nullable(definitions: Iterable[dict[str, Any]]) -> bool:
    """Whether values may be null according to all definitions."""
    return all(may_be(branches(definition), "null") for definition in definitions)


def allow_null(definitions: Iterable[dict[str, Any]]) -> None:
    """Allow null in definitions that name their types."""
    for definition in definitions:
        if types(definition) and not is_nullable([definition]):
            definition["type"] = [*types(definition), "null"]


def branches(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema itself, and its branches that describe the same value."""
    yield schema
    beside = [schema[word] for word in ("if", "then", "else") if word in schema]
    for word in ("anyOf", "oneOf", "allOf"):
        beside += schema.get(word, ())
    for shape in [*beside, *schema.get("dependentSchemas", {}).values()]:
        if isinstance(shape, dict):
            yield from branches(shape)


def types(schema: dict[str, Any]) -> list[str]:
    """The types that a schema itself names."""
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def may_be(shapes: Iterable[dict[str, Any]], kind: str) -> bool:
    """Whether values may be of a type."""
    named = {name for shape in shapes for name in types(shape)}
    return not named or kind in named


def declared(shapes: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The properties of all shapes, with all their definitions."""
    found: dict[str, list[dict[str, Any]]] = {}
    for shape in shapes:
        for name, definition in shape.get("properties", {}).items():
            # `true` and `false` are schemas, too.
            found.setdefault(name, []).extend([definition] if isinstance(definition, dict) else [])
    return found


def described(shapes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The shapes' definitions of keys that they do not name: these are data, such as codes."""
    found = []
    for shape in shapes:
        rest = shape.get("additionalProperties")
        found += [*shape.get("patternProperties", {}).values(), rest]
    return [definition for definition in found if definition and isinstance(definition, dict)]


def items(shapes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The shapes' definitions of a list's items."""
    found = []
    for shape in shapes:
        for word in ("items", "prefixItems"):
            given = shape.get(word, [])
            found += given if isinstance(given, list) else [given]
    return [definition for definition in found if isinstance(definition, dict)]


def rename(shapes: Iterable[dict[str, Any]], names: dict[str, str]) -> None:
    """Rename the properties in all shapes of the same object."""
    for shape in shapes:
        for word in ("properties", "dependentRequired", "dependentSchemas"):
            if word in shape:
                shape[word] = {names.get(name, name): value for name, value in shape[word].items()}
        if "required" in shape:
            shape["required"] = [names.get(name, name) for name in shape["required"]]
        for name, others in shape.get("dependentRequired", {}).items():
            shape["dependentRequired"][name] = [names.get(other, other) for other in others]

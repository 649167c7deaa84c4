"""Reading and renaming JSON Schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.schema import resolve_schema_references

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def own_copy(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that may be changed: no references, and no part of it in two places."""
    if _refers(schema):
        schema = resolve_schema_references(schema)
    copy: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(schema))
    return copy


def _refers(schema: object) -> bool:
    """Whether there is a `$ref` in it."""
    if isinstance(schema, dict):
        return "$ref" in schema or any(map(_refers, schema.values()))
    return isinstance(schema, list) and any(map(_refers, schema))


def is_nullable(definitions: Iterable[dict[str, Any]]) -> bool:
    """Whether values may be null, as far as all of the definitions say."""
    return all(may_be(branches(definition), "null") for definition in definitions)


def allow_null(definitions: Iterable[dict[str, Any]]) -> None:
    """Let values be null, where a definition names its types."""
    for definition in definitions:
        if types(definition) and not is_nullable([definition]):
            definition["type"] = [*types(definition), "null"]


def branches(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema itself, and all that it says beside of the same value."""
    yield schema
    beside = [schema[word] for word in ("if", "then", "else") if word in schema]
    for word in ("anyOf", "oneOf", "allOf"):
        beside += schema.get(word, ())
    for shape in [*beside, *schema.get("dependentSchemas", {}).values()]:
        if isinstance(shape, dict):
            yield from branches(shape)


def types(schema: dict[str, Any]) -> list[str]:
    """The types that a schema names itself."""
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def may_be(shapes: Iterable[dict[str, Any]], kind: str) -> bool:
    """Whether values may be of a type."""
    named = {name for shape in shapes for name in types(shape)}
    return not named or kind in named


def declared(shapes: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The properties that any of the shapes names, and all that they say of each."""
    found: dict[str, list[dict[str, Any]]] = {}
    for shape in shapes:
        for name, definition in shape.get("properties", {}).items():
            # `true` and `false` are schemas, too.
            found.setdefault(name, []).extend([definition] if isinstance(definition, dict) else [])
    return found


def described(shapes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the shapes say of keys that they don't name: these are data, like a list's codes."""
    found = []
    for shape in shapes:
        rest = shape.get("additionalProperties")
        found += [*shape.get("patternProperties", {}).values(), rest]
    return [definition for definition in found if definition and isinstance(definition, dict)]


def items(shapes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the shapes say of a list's items."""
    found = []
    for shape in shapes:
        for word in ("items", "prefixItems"):
            given = shape.get(word, [])
            found += given if isinstance(given, list) else [given]
    return [definition for definition in found if isinstance(definition, dict)]


def rename(shapes: Iterable[dict[str, Any]], names: dict[str, str]) -> None:
    """Rename what shapes of the same object say of its properties."""
    for shape in shapes:
        for word in ("properties", "dependentRequired", "dependentSchemas"):
            if word in shape:
                shape[word] = {names.get(name, name): value for name, value in shape[word].items()}
        if "required" in shape:
            shape["required"] = [names.get(name, name) for name in shape["required"]]
        for name, others in shape.get("dependentRequired", {}).items():
            shape["dependentRequired"][name] = [names.get(other, other) for other in others]

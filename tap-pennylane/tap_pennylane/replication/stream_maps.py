"""The user's stream maps (https://sdk.meltano.com/en/latest/stream_maps.html), by stream.

The SDK evaluates them. Here is what it lacks: a map that can't work fails its own stream alone, and
a deletion passes by the expressions, which would fail on its nulls.
"""

from __future__ import annotations

import ast
import json
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import (
    MAPPER_ELSE_OPTION,
    MAPPER_KEY_PROPERTIES_OPTION,
    MAPPER_SOURCE_OPTION,
    NULL_STRING,
    CustomStreamMap,
    PluginMapper,
    RemoveRecordTransform,
)
from typing_extensions import override

from tap_pennylane.errors import PennylaneError
from tap_pennylane.record import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from singer_sdk.mapper import StreamMap


class StreamMapper(PluginMapper):
    """All stream maps of a run."""

    refusals: dict[str, str]
    """Streams whose maps can't work, and why."""

    @override
    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.refusals = {}
        super().__init__(*arguments, **options)

    @override
    def register_raw_stream_schema(
        self, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        """Prepare the maps of a stream; what tells a deletion stays in each of its schemas."""
        given = self.stream_maps_dict
        keys = [key for key in key_properties or () if key in schema["properties"]]
        self.stream_maps_dict = {name: _with_keys(value, keys) for name, value in given.items()}
        try:
            super().register_raw_stream_schema(stream_name, schema, key_properties)
        except Exception as error:  # noqa: BLE001 - whatever a definition makes the SDK raise
            self.refusals[stream_name] = (
                f"the setting 'stream_maps' can't be used for it: {str(error).rstrip('.')}"
            )
            removed = RemoveRecordTransform(stream_name, schema, None, None)
            self.stream_maps[stream_name] = [removed]
        finally:
            self.stream_maps_dict = given
        if DELETED_AT in schema["properties"]:
            for stream_map in self.stream_maps[stream_name]:
                columns = stream_map.transformed_schema["properties"]
                columns[DELETED_AT] = schema["properties"][DELETED_AT]

    def definitions(self, stream: str) -> list[dict[str, Any]]:
        """What the user wrote for each of a stream's maps, in their order; nothing is empty.

        The first map keeps the stream, the others are its copies under another name.
        """
        first: dict[str, Any] = {}
        copies = []
        for name, value in self.stream_maps_dict.items():
            definition = value if isinstance(value, dict) else {}
            source = definition.get(MAPPER_SOURCE_OPTION)
            if fnmatch(stream, source or name):
                copies += [definition] if source else []
                first = first if source else definition
        return [first, *copies]

    def fingerprint(self, stream: str) -> str:
        """What the records of a stream are made by; empty where they are sent as they are."""
        maps = self.stream_maps[stream]
        if not any(isinstance(one, CustomStreamMap | RemoveRecordTransform) for one in maps):
            return ""
        kinds = [type(one).__name__ for one in maps]
        return json.dumps([kinds, self.definitions(stream), self.map_config], sort_keys=True)


def _with_keys(definition: Any, keys: Sequence[str]) -> Any:  # noqa: ANN401 - any JSON
    """A definition whose `__else__` spares the key: the SDK says so, but then misses it."""
    if not isinstance(definition, dict) or MAPPER_ELSE_OPTION not in definition:
        return definition
    kept = definition.get(MAPPER_KEY_PROPERTIES_OPTION, keys) or ()
    return {**{key: key for key in kept if key in keys}, **definition}


def mapped_tombstone(
    stream_map: StreamMap, definition: Mapping[str, Any], tombstone: Mapping[str, Any]
) -> dict[str, Any]:
    """A deletion as a stream map's target knows it: the mapped key, and since when.

    Args:
        stream_map: The map.
        definition: What the user wrote for it.
        tombstone: The key and the time, everything else null.

    Raises:
        PennylaneError: The mapped key does not follow from the stream's own.
    """
    columns = stream_map.transformed_schema["properties"]
    keys = stream_map.transformed_key_properties or stream_map.raw_key_properties or ()
    values = {key: _key(stream_map, definition, tombstone, key) for key in keys if key in columns}
    if not values or None in values.values():
        lost = ", ".join(f"'{key}'" for key in keys)
        known = ", ".join(f"'{key}'" for key in stream_map.raw_key_properties or ())
        msg = (
            f"the setting 'stream_maps' makes {lost} its key, but of a deleted record only {known} "
            f"is known: keep {known} in its `__key_properties__`"
        )
        raise PennylaneError(msg)
    return {**dict.fromkeys(columns), **values, DELETED_AT: tombstone[DELETED_AT]}


def _key(
    stream_map: StreamMap, definition: Mapping[str, Any], tombstone: Mapping[str, Any], key: str
) -> Any:  # noqa: ANN401 - of any type
    expression = definition.get(key)
    if not isinstance(stream_map, CustomStreamMap) or expression in {None, NULL_STRING}:
        return tombstone.get(key)
    try:
        return _evaluated(stream_map, expression, tombstone, key)
    except Exception:  # noqa: BLE001 - an expression may raise anything, and says nothing then
        return None


def broken_expression(
    stream_map: StreamMap, definition: Mapping[str, Any], record: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """The expressions that fail on a record: where they stand, the text, the kind of error.

    The error's own words may hold values of the record, which are nobody's business.
    """
    if not isinstance(stream_map, CustomStreamMap):
        return
    for name, expression in definition.items():
        is_filter = name == "__filter__"
        if isinstance(expression, str) and (is_filter or not name.startswith("__")):
            try:
                _evaluated(stream_map, expression, record, None if is_filter else name)
            except Exception as error:  # noqa: BLE001 - an expression may raise anything
                yield name, expression, type(error.__cause__ or error).__name__


def _evaluated(
    stream_map: CustomStreamMap, expression: str, record: Mapping[str, Any], name: str | None
) -> Any:  # noqa: ANN401 - of any type
    if expression == NULL_STRING:
        return None
    parsed: Any = ast.parse(expression).body[0]
    return stream_map._eval(expression, parsed, dict(record), name)  # noqa: SLF001 - no public one

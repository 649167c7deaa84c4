"""The user's stream maps (https://sdk.meltano.com/en/latest/stream_maps.html), by stream.

The SDK evaluates them. This file adds what the SDK lacks: a map that can't work fails only its own
stream, and tombstones bypass the expressions, which would fail on their nulls.
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
    """The streams whose maps can't work, and why."""

    @override
    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.refusals = {}
        super().__init__(*arguments, **options)

    @override
    def register_raw_stream_schema(
        self, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        """Prepare a stream's maps; each mapped schema keeps the deletion column."""
        given = self.stream_maps_dict
        keys = [key for key in key_properties or () if key in schema["properties"]]
        self.stream_maps_dict = {name: _with_keys(value, keys) for name, value in given.items()}
        try:
            super().register_raw_stream_schema(stream_name, schema, key_properties)
        except Exception as error:  # noqa: BLE001 - a definition may make the SDK raise anything
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
        """Return the user's definition of each of a stream's maps, in order; {} if there is none.

        The first map is the stream's own; the others make copies under other names.
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
        """Return a text that identifies a stream's maps; empty if they change nothing."""
        maps = self.stream_maps[stream]
        if not any(isinstance(one, CustomStreamMap | RemoveRecordTransform) for one in maps):
            return ""
        kinds = [type(one).__name__ for one in maps]
        return json.dumps([kinds, self.definitions(stream), self.map_config], sort_keys=True)


def _with_keys(definition: Any, keys: Sequence[str]) -> Any:  # noqa: ANN401 - any JSON
    """Return a definition that keeps the key in spite of `__else__`.

    The SDK's documentation promises that, but its code then misses the key.
    """
    if not isinstance(definition, dict) or MAPPER_ELSE_OPTION not in definition:
        return definition
    kept = definition.get(MAPPER_KEY_PROPERTIES_OPTION, keys) or ()
    return {**{key: key for key in kept if key in keys}, **definition}


def mapped_tombstone(
    stream_map: StreamMap, definition: Mapping[str, Any], tombstone: Mapping[str, Any]
) -> dict[str, Any]:
    """Map a tombstone: return the mapped key and the time of the deletion, all else null.

    Args:
        stream_map: The map.
        definition: The user's definition of it.
        tombstone: The stream's key and the time, all else null.

    Raises:
        PennylaneError: The mapped key cannot be derived from the stream's key.
    """
    columns = stream_map.transformed_schema["properties"]
    keys = stream_map.transformed_key_properties or stream_map.raw_key_properties or ()
    values = {key: _key(stream_map, definition, tombstone, key) for key in keys if key in columns}
    if not values or None in values.values():
        lost = ", ".join(f"'{key}'" for key in keys)
        known = ", ".join(f"'{key}'" for key in stream_map.raw_key_properties or ())
        msg = (
            f"the setting 'stream_maps' makes {lost} the key, but a deleted record has only "
            f"{known}: keep {known} in `__key_properties__`"
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
    except Exception:  # noqa: BLE001 - an expression may raise anything; then the key is unknown
        return None


def broken_expression(
    stream_map: StreamMap, definition: Mapping[str, Any], record: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Yield the expressions that fail on a record: column, expression, type of error.

    The error's message is omitted, because it may contain private values of the record.
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

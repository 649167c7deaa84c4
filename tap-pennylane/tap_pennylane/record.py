"""Converts an item of an API response to a flat record that fits the stream's schema."""

from __future__ import annotations

import logging
import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_pennylane.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Conversion = Callable[[Any], Any]

LOGGER = logging.getLogger("tap-pennylane.record")

PATH = "x-path"
"""The private schema keyword with a property's path in the response."""

_INT64 = range(-(2**63), 2**63)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


DELETED_AT = "_sdc_deleted_at"
"""The column with the time at which a record was found to be deleted. It is null in every live
record, so that a record that reappears is live again."""

OMITTED = "x-omitted"
"""The private schema keyword that lists the response's omitted fields: links."""


LABELS = "x-labels"
"""The private schema keyword that lists a property's other names in export files."""

PRIVATE = (PATH, LABELS)
"""The private keywords of a property, which catalogs omit."""


class _Node:
    """An object of the response: its values, its nested objects, and its known fields."""

    __slots__ = ("known", "nested", "path", "values")

    def __init__(self, path: str = "") -> None:
        self.path = path
        self.values: dict[str, tuple[str, Conversion]] = {}
        self.nested: dict[str, _Node] = {}
        self.known: set[str] = set()

    def at(self, path: Sequence[str]) -> _Node:
        """Return the node of a nested object, created if necessary."""
        node = self
        for key in path:
            node.known.add(key)
            node = node.nested.setdefault(key, _Node(f"{node.path}{key}."))
        return node


class RecordReader:
    """Converts the items of one stream to records; compiled from the stream's schema."""

    def __init__(
        self,
        schema: Mapping[str, Any],
        keys: Sequence[str],
        name: str | None = None,
        constants: Mapping[str, Any] | None = None,
    ) -> None:
        """Compile a reader.

        Args:
            schema: The content of a schema file.
            keys: The properties that identify a record, and so are never null.
            name: The stream's name, for a warning about unknown fields; None for no warning.
            constants: The columns that have the same value in every record.
        """
        self.keys = tuple(keys)
        self._name = name
        constants = constants or {}
        self._empty = {**dict.fromkeys(schema["properties"]), **constants}
        self._root = _Node()
        self.unknown: set[str] = set()
        """Fields that the API returned but the schema lacks, as `parent.field`."""
        for column, definition in schema["properties"].items():
            if column in constants:
                continue
            *parents, key = definition.get(PATH, [column])
            node = self._root.at(parents)
            node.values[key] = (column, _conversion(definition))
            node.known.add(key)
        for *parents, key in schema.get(OMITTED, []):
            self._root.at(parents).known.add(key)

    def tombstone(self, keys: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
        """Return the tombstone of a deleted record.

        Args:
            keys: The key columns and their values.
            moment: When the record was found to be deleted.

        Returns:
            A record with every property of the schema, null except for key and time.
        """
        return {**self._empty, **keys, DELETED_AT: moment.isoformat()}

    def read(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Convert one item.

        Args:
            item: An object of an API response.

        Returns:
            A record with every property of the schema, null where the item has no value.

        Raises:
            RecordError: A value does not fit its type, or a key is missing.
        """
        record = self._empty.copy()
        self._fill(record, self._root, item, item)
        for key in self.keys:
            if record[key] is None:
                complaint = self._complaint(item, key, "missing", "it identifies the record")
                raise RecordError(complaint)
        if self.unknown and self._name:
            self._mention_unknown_fields(self._name)
        return record

    def _mention_unknown_fields(self, name: str) -> None:
        self._name = None  # warn only once
        LOGGER.warning(
            "'%s' has fields that this version does not know and leaves out: %s",
            name,
            ", ".join(sorted(self.unknown)),
        )

    def _fill(
        self,
        record: dict[str, Any],
        node: _Node,
        found: Mapping[str, Any],
        item: Mapping[str, Any],
    ) -> None:
        for key, (name, convert) in node.values.items():
            value = found.get(key)
            if value is not None:
                try:
                    record[name] = convert(value)
                except (ValueError, TypeError, OverflowError, InvalidOperation) as error:
                    complaint = self._complaint(item, name, _kind(value), str(error))
                    raise RecordError(complaint) from error
        for key, child in node.nested.items():
            value = found.get(key)
            if isinstance(value, dict):
                self._fill(record, child, value, item)
            elif value is not None:
                raise RecordError(self._complaint(item, key, _kind(value), "expected an object"))
        if not found.keys() <= node.known:
            self.unknown |= {f"{node.path}{key}" for key in found.keys() - node.known}

    def _complaint(self, item: Mapping[str, Any], name: str, found: str, reason: str) -> str:
        known = {key: item[key] for key in ("id", *self.keys) if _is_plain(item.get(key))}
        which = ", ".join(f"{key} {value}" for key, value in known.items())
        return f"{which or 'a record without an id'}: the field '{name}' is {found}: {reason}"


def _conversion(definition: Mapping[str, Any]) -> Conversion:
    types = definition["type"]
    kind = types if isinstance(types, str) else next(name for name in types if name != "null")
    if kept := definition.get("items", {}).get("properties"):
        return partial(_objects, {name: _may_be_number(one) for name, one in kept.items()})
    if kind == "string":
        return _STRINGS.get(definition.get("format", ""), _text)
    return _CONVERSIONS[kind]


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    msg = "expected a string"
    raise TypeError(msg)


def _integer(value: object) -> int:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        msg = "expected an integer"
        raise TypeError(msg)
    if value not in _INT64:
        msg = "expected a 64-bit integer"
        raise OverflowError(msg)
    return value


def _decimal(value: object) -> Decimal | None:
    """Convert to an exact number; the API's pattern for amounts allows "", meaning no amount."""
    if value == "":
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        if number.is_finite() and abs(number.adjusted()) < 1000:  # noqa: PLR2004 - 10^1000
            return number
    msg = "expected a decimal number"
    raise ValueError(msg)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    msg = "expected true or false"
    raise TypeError(msg)


def _date(value: object) -> str:
    if not (isinstance(value, str) and _DATE.fullmatch(value)):
        msg = "expected a date, YYYY-MM-DD"
        raise ValueError(msg)
    date.fromisoformat(value)
    return value


def _moment(value: object) -> str:
    """Convert a date-time to UTC, for warehouse columns without a time zone."""
    if not (isinstance(value, str) and _DATE.match(value)):
        msg = "expected an RFC 3339 date-time"
        raise ValueError(msg)
    moment = datetime.fromisoformat(value)
    if value.endswith("Z"):
        return value
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _array(value: object) -> list[Any]:
    if isinstance(value, list):
        return value
    msg = "expected a list"
    raise TypeError(msg)


def _objects(names: Mapping[str, bool], value: object) -> list[dict[str, Any]]:
    """Keep these members of each object; numbers become strings if the schema allows no number."""
    try:
        return [
            {
                name: item.get(name) if may_be_number else _without_numbers(item.get(name))
                for name, may_be_number in names.items()
            }
            for item in _array(value)
        ]
    except AttributeError as error:
        msg = "expected a list of objects"
        raise TypeError(msg) from error


def _may_be_number(definition: Mapping[str, Any]) -> bool:
    return not {"integer", "number"}.isdisjoint(definition["type"])


def _without_numbers(value: object) -> object:
    if isinstance(value, list):
        return [_without_numbers(one) for one in value]
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return str(value) if is_number else value


_STRINGS: dict[str, Conversion] = {"date": _date, "date-time": _moment}
_CONVERSIONS: dict[str, Conversion] = {
    "array": _array,
    "boolean": _boolean,
    "integer": _integer,
    "number": _decimal,
}


def _kind(value: object) -> str:
    """Name a value's JSON type, for errors: the value itself may be private."""
    names = {str: "a string", bool: "a boolean", list: "a list", dict: "an object", int: "a number"}
    return names.get(type(value), "a number")


def _is_plain(value: object) -> bool:
    """Return whether a key's value may be shown: a number or a date; other text may be private."""
    return isinstance(value, int) or (isinstance(value, str) and bool(_DATE.fullmatch(value)))

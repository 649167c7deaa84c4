"""target-postgres with less work a row: the same settings, the same tables.

Each override names what it saves; whatever it does not know it leaves to what it overrides.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from datetime import date, datetime, time
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import decoder
from singer_sdk.helpers._typing import get_datelike_property_type
from singer_sdk.io_base import SingerReader
from sqlalchemy.dialects.postgresql import JSONB
from target_postgres.connector import PostgresConnector
from target_postgres.sinks import PostgresSink
from target_postgres.target import TargetPostgres
from typing_extensions import override

if TYPE_CHECKING:
    from singer_sdk.helpers.conform import DatetimeErrorTreatmentEnum
    from singer_sdk.sql.connector import JSONSchemaToSQL
    from sqlalchemy import Column, Connection

_encode = msgspec.json.Encoder(decimal_format="number").encode
_PARSERS = {
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
    "time": time.fromisoformat,
}


class ExactReader(SingerReader):
    """Reads messages by msgspec: numbers with a fraction or an exponent are decimals here, too."""

    @override
    def deserialize_json(self, line: str) -> dict[str, Any]:
        try:
            message: dict[str, Any] = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeError):  # NaN, half a surrogate pair, no JSON at all
            return super().deserialize_json(line)
        return message


class ExactConnector(PostgresConnector):
    """Writes JSON columns by msgspec; every list is one."""

    @cached_property
    @override
    def jsonschema_to_sql(self) -> JSONSchemaToSQL:
        """The types of columns; a list is JSONB, also where the SCHEMA says of what.

        target-postgres would make an array of it, and fail on a column that is JSONB already
        because an earlier SCHEMA did not say so.
        """
        types: JSONSchemaToSQL = super().jsonschema_to_sql
        types.register_type_handler("array", JSONB)
        return types

    @override
    def serialize_json(self, obj: object) -> str:
        if isinstance(obj, dict | list):
            with suppress(TypeError, ValueError):
                text = _encode(obj).decode()
                if "null" not in text:  # which may stand for NaN: the SDK refuses it
                    return text
        # Not `super()`: psycopg takes a function with a closure for a leak, and says so.
        return PostgresConnector.serialize_json(self, obj)  # type: ignore[no-any-return]


class ExactSink(PostgresSink):
    """Finds out once a stream, not once a value, what a column needs."""

    connector_class = ExactConnector

    @override
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._names = self.schema["properties"].keys()
        self._moments = [
            (name, _PARSERS[kind])
            for name, definition in self.schema["properties"].items()
            if (kind := get_datelike_property_type(definition))
        ]

    @override
    def _parse_timestamps_in_record(
        self, record: dict[str, Any], schema: dict[str, Any], treatment: DatetimeErrorTreatmentEnum
    ) -> None:
        """Parse the columns known to hold dates; the SDK asks every column's schema, every time."""
        odd = {}
        if not record.keys() <= self._names:
            odd = {name: value for name, value in record.items() if name not in self._names}
        for name, parse in self._moments:
            if (value := record.get(name)) is not None:
                try:
                    record[name] = parse(value)
                except ValueError:
                    odd[name] = value
        if odd:  # undeclared, or no date: the SDK warns or refuses
            super()._parse_timestamps_in_record(odd, schema, treatment)
            record.update(odd)

    @override
    def _do_copy(
        self,
        connection: Connection,
        copy_statement: str,
        columns: list[Column[Any]],
        data_to_copy: list[dict[str, Any]],
    ) -> None:
        """Convert the columns that need it; target-postgres asks for every value."""
        converters = [
            (position, convert)
            for position, column in enumerate(columns)
            if (convert := column.type.bind_processor(connection.dialect))
        ]
        with connection.connection.cursor().copy(copy_statement) as copy:
            for record in data_to_copy:
                row = list(record.values())
                for position, convert in converters:
                    row[position] = convert(row[position])
                copy.write_row(row)


class ExactTarget(TargetPostgres):
    """target-postgres, with these parts."""

    message_reader_class = ExactReader
    default_sink_class = ExactSink


def main() -> None:
    """Run it on the command line."""
    # A batch is many small objects, all of them in use: no garbage to look for in the midst of it.
    gc.set_threshold(100_000)
    ExactTarget.cli()

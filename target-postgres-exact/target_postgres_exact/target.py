"""target-postgres with less work per row, and a record of what it delivered.

Each override says what it saves or adds, and leaves special cases to the code that it overrides.
"""

from __future__ import annotations

import gc
import json
import sys
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, cast

import msgspec
import psycopg
import sqlalchemy as sa
from singer_sdk.contrib.msgspec import decoder
from singer_sdk.helpers._typing import get_datelike_property_type
from singer_sdk.io_base import SingerReader
from target_postgres.sinks import PostgresSink
from target_postgres.target import TargetPostgres
from typing_extensions import override

from target_postgres_exact import locks, turns
from target_postgres_exact.connector import ExactConnector
from target_postgres_exact.errors import LoadError, explained
from target_postgres_exact.ledger import Ledger

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from singer_sdk.helpers.conform import DatetimeErrorTreatmentEnum
    from sqlalchemy import Column, Connection

PROGRAM = "target-postgres-exact"
DELETED_AT = "_sdc_deleted_at"
"""Not null in a tombstone: the time since which a record has been gone."""

_PARSERS = {
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
    "time": time.fromisoformat,
}


class ExactReader(SingerReader):
    """Reads messages with msgspec: numbers with a fraction or an exponent become decimals.

    It knows when no message is being processed: only then may a signal end the process.
    """

    def __init__(self) -> None:
        """Start without any message."""
        super().__init__()
        self.is_waiting = True
        self.before_waiting: Callable[[], None] = _nothing
        """Called when a message was processed, before the next one is waited for."""

    @override
    def process_lines(
        self, file_input: IO[str] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        lines = self._watched(file_input or self.default_input)
        return super().process_lines(cast("IO[str]", lines), callbacks)

    def _watched(self, lines: IO[str]) -> Iterator[str]:
        self.is_waiting = True
        self.before_waiting()
        for line in lines:
            self.is_waiting = False
            yield line
            self.is_waiting = True
            self.before_waiting()
        self.is_waiting = False

    @override
    def deserialize_json(self, line: str) -> dict[str, Any]:
        try:
            message: dict[str, Any] = decoder.decode(line)
        except (
            msgspec.DecodeError,
            UnicodeError,
        ):  # NaN, half a surrogate pair, or not JSON at all
            return self._otherwise(line)
        return message

    def _otherwise(self, line: str) -> dict[str, Any]:
        """Read what only Python can read; the SDK would print a line that is not JSON."""
        try:
            message: dict[str, Any] = json.loads(line, parse_float=Decimal)
        except ValueError as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            place = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
            msg = f"The tap sent a line that cannot be read as JSON ({reason}{place})."
            raise LoadError(msg) from None
        return message


class ExactSink(PostgresSink):
    """Determines once per stream, not once per value, what a column needs."""

    connector_class = ExactConnector

    @override
    def __init__(self, target: ExactTarget, *args: Any, **options: Any) -> None:
        super().__init__(target, *args, **options)
        self._target = target
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
        """Parse the columns known to hold dates; the SDK checks every column's schema each time."""
        odd = {}
        if not record.keys() <= self._names:
            odd = {name: value for name, value in record.items() if name not in self._names}
        for name, parse in self._moments:
            if (value := record.get(name)) is not None:
                try:
                    record[name] = parse(value)
                except (ValueError, TypeError):
                    odd[name] = value
        if odd:  # undeclared, or not a date: the SDK warns or refuses
            try:
                super()._parse_timestamps_in_record(odd, schema, treatment)
            except (ValueError, TypeError):
                columns = ", ".join(sorted(odd.keys() & {name for name, _ in self._moments}))
                msg = (
                    f"Table '{self.table_name}', column '{columns}': a value is not a date or time."
                )
                raise LoadError(msg) from None
            record.update(odd)

    @override
    def setup(self) -> None:
        """Prepare the table, after checking that it holds what its bookmark says."""
        with self._explaining():
            self._target.deliveries.check(self)
            if self.schema_name and self.connector.is_ready(
                self.schema_name, self.table_name, self.schema["properties"]
            ):
                self.append_only = not self.key_properties
                return
            locks.patiently(super().setup, self._holder, self.table_name)

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        with self._explaining():
            self._target.check_turn()
            super().process_batch(context)
        self._target.deliveries.changed(self)

    @override
    def upsert(
        self,
        from_table: sa.Table,
        to_table: sa.Table,
        schema: dict[str, Any],
        join_keys: Sequence[str],
        connection: Connection,
    ) -> int | None:
        """Merge a batch into the table: a tombstone leaves the contents of its row as they were.

        Updating before inserting spares the rows that are new an update.
        """
        if self.append_only:
            super().upsert(from_table, to_table, schema, join_keys, connection)
            return None
        match = sa.and_(*(from_table.c[key] == to_table.c[key] for key in join_keys))
        update = sa.update(to_table).where(match)
        columns = {to_table.c[name]: from_table.c[name] for name in self.schema["properties"]}
        if (deleted_at := from_table.c.get(DELETED_AT)) is None:
            connection.execute(update.values(columns))
        else:
            about_the_row = {to: new for to, new in columns.items() if to.name.startswith("_sdc_")}
            connection.execute(update.where(deleted_at.is_(None)).values(columns))
            connection.execute(update.where(deleted_at.is_not(None)).values(about_the_row))
        new = sa.select(from_table).select_from(from_table.outerjoin(to_table, match))
        missing = sa.and_(*(to_table.c[key].is_(None) for key in join_keys))
        connection.execute(to_table.insert().from_select(list(from_table.c), new.where(missing)))
        return None

    @override
    def activate_version(self, new_version: int) -> None:
        with self._explaining():
            self._target.check_turn()
            super().activate_version(new_version)
        self._target.deliveries.changed(self, new_version)

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Report what PostgreSQL refuses without quoting the row."""
        try:
            yield
        except Exception as error:
            if locks.is_timeout(error):
                raise locks.blocked(self.table_name, self._holder()) from None
            if sentence := explained(error, self.table_name):
                raise sentence from None
            raise

    def _holder(self) -> str:
        with self.connector._connect() as connection:  # noqa: SLF001
            return locks.holder(connection, self.schema_name or "public", self.table_name)

    @override
    def _do_copy(
        self,
        connection: Connection,
        copy_statement: str,
        columns: list[Column[Any]],
        data_to_copy: list[dict[str, Any]],
    ) -> None:
        """Convert only the columns that need it; target-postgres checks every value."""
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
    """target-postgres, with these parts.

    It is the only one that loads into its schema for as long as it lives, and a signal ends it
    between two messages: in the middle of a batch, the SDK would confirm a state whose rows are
    not in the tables yet.
    """

    message_reader_class = ExactReader
    default_sink_class = ExactSink
    _MAX_RECORD_AGE_IN_MINUTES = 1.0
    """A kill may cost what was read since the last state that was confirmed."""

    def __init__(self, **options: Any) -> None:
        """Start without deliveries.

        Args:
            options: the SDK's own options.
        """
        super().__init__(**options)
        self.deliveries = Ledger(self)
        self._turn: psycopg.Connection | None = None
        self._signum: int | None = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others from loading into the schema for the duration of the block.

        Raises:
            LoadError: another process is loading into it.
        """
        schema = self.config.get("default_target_schema") or ""
        borrowed = self.target_connector.create_engine().raw_connection()
        connection: psycopg.Connection = cast("psycopg.Connection", borrowed.driver_connection)
        borrowed.detach()  # the pool would keep the session, and with it the turn
        with connection:
            connection.autocommit = True
            turns.introduce(connection, PROGRAM)
            if holder := turns.take(connection, turns.LOAD, schema):
                raise occupied(schema, holder)
            self._turn = connection
            yield

    def check_turn(self) -> None:
        """Check that nobody else can have begun to load.

        Raises:
            psycopg.OperationalError: the session that holds the turn was lost.
        """
        if self._turn is not None:
            self._turn.execute("select")

    @override
    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        super()._process_state_message(message_dict)
        self.deliveries.begin(message_dict["value"], is_first=not self.mapper.stream_maps)

    @override
    def _write_state_message(self, state: dict[str, Any]) -> None:
        """Confirm a state, after recording its deliveries beside the tables."""
        self.check_turn()
        self.deliveries.remember(state, self._sinks_active)
        super()._write_state_message(state)

    @override
    def process_endofpipe(self) -> None:
        self._end_turn()
        super().process_endofpipe()
        self.deliveries.end()

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Write what was read, and end; not before the current message is processed."""
        del frame
        if self._signum is not None:
            return
        self._signum = signum
        if self.message_reader.is_waiting:
            self._stop()

    def _stop(self) -> None:
        if self._signum is None:
            return
        self.message_reader.is_waiting = False
        self.logger.error("Stopped by signal %d; writing what was read first.", self._signum)
        self._end_turn()
        self.drain_all(is_endofpipe=True)
        sys.exit(128 + self._signum)

    def _end_turn(self) -> None:
        if self._turn is not None:
            turns.end(self._turn)

    @override
    @classmethod
    def invoke(
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Run the command line; every failure ends with one sentence."""
        if about:
            super().invoke(about=about, about_format=about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        try:
            target = cls(
                config=config.config if config else {},
                validate_config=True,
                parse_env_config=bool(config and config.parse_env),
            )
            target.message_reader.before_waiting = target._stop
            with target.alone():
                target.listen(file_input)
        except (LoadError, psycopg.Error, sa.exc.DBAPIError) as error:
            cls.logger.critical("%s", error if isinstance(error, LoadError) else explained(error))
            sys.exit(1)


def occupied(schema: str, holder: turns.Holder) -> LoadError:
    """Return an error that names who is loading into a schema."""
    return LoadError(
        f"Another run is loading into schema '{schema}': {holder}. Nothing was loaded; wait until"
        " it has ended, and run again."
    )


def _nothing() -> None:
    pass


def main() -> None:
    """Run the target on the command line."""
    # A batch consists of many small objects, all in use: collecting garbage meanwhile is useless.
    gc.set_threshold(100_000)
    ExactTarget.cli()

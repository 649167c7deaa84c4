"""The connection of target-postgres-exact, and the types of its columns."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from target_postgres.connector import PostgresConnector
from typing_extensions import override

from target_postgres_exact.errors import LoadError
from target_postgres_exact.locks import BRIEF_WAIT, LONGEST_WAIT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg
    from singer_sdk.sql.connector import JSONSchemaToSQL

_COLUMNS = sa.text("""
    select c.relname as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = to_regnamespace(quote_ident(:schema)) and c.relkind in ('r', 'p')
        and a.attnum > 0 and not a.attisdropped
""")

_encode = msgspec.json.Encoder(decimal_format="number").encode


class ExactConnector(PostgresConnector):
    """Writes JSON columns with msgspec; every list is a JSON column; prepares each table once."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Start without any table.

        Args:
            args: target-postgres's own.
            options: its own, too.
        """
        super().__init__(*args, **options)
        self._prepared: dict[str, tuple[dict[str, Any], sa.Table]] = {}
        self._columns: dict[str, dict[tuple[str, str], str]] = {}
        """The types of all columns, by schema, as they were when the run began."""

    @cached_property
    @override
    def jsonschema_to_sql(self) -> JSONSchemaToSQL:
        """The types of columns; a list is JSONB even if the SCHEMA declares its items.

        target-postgres would create an array, and fail if the column is already JSONB because an
        earlier SCHEMA did not declare the items.
        """
        types: JSONSchemaToSQL = super().jsonschema_to_sql
        types.register_type_handler("array", JSONB)
        return types

    @override
    def get_sqlalchemy_url(self, config: Mapping[str, Any]) -> str:
        given: str = super().get_sqlalchemy_url(config)
        try:
            url = sa.make_url(given)
            url.get_dialect()
        except (ValueError, sa.exc.ArgumentError):
            msg = (
                "The setting 'sqlalchemy_url' is not a URL like postgresql+exact://USER:PASSWORD"
                "@HOST:PORT/DATABASE; percent-encode characters such as @ : / % in the password."
            )
            raise LoadError(msg) from None
        if url.host and url.host.startswith("/"):
            # The folder of a socket, which a URL can only contain as an option.
            url = url.set(host="").update_query_dict({"host": url.host})
            return url.render_as_string(hide_password=False)
        return given

    @override
    def create_engine(self) -> sa.Engine:
        engine: sa.Engine = super().create_engine()
        sa.event.listen(engine, "connect", _prepare)
        return engine

    def is_ready(self, schema: str, table: str, properties: Mapping[str, Any]) -> bool:
        """Tell whether a table was there, with all columns, when this run began.

        One query answers for all tables; target-postgres asks a dozen for each of them.

        Args:
            schema: the table's schema.
            table: its name.
            properties: the JSON schemas of its columns, by name.
        """
        if schema not in self._columns:
            with self._connect() as connection:
                rows = connection.execute(_COLUMNS, {"schema": schema})
                self._columns[schema] = {(row.table, row.name): row.type for row in rows}
        there, dialect = self._columns[schema], self._engine.dialect
        types = ((name, self.to_sql_type(each)) for name, each in properties.items())
        return all(
            # PostgreSQL says numeric where SQLAlchemy says DECIMAL.
            there.get((table, name)) == type_.compile(dialect).lower().replace("decimal", "numeric")
            for name, type_ in types
        )

    @override
    def prepare_table(
        self,
        full_table_name: str,
        schema: dict[str, Any],
        primary_keys: Sequence[str],
        connection: sa.Connection,
        **options: Any,
    ) -> sa.Table:
        """Prepare a table for its first batch; until the run ends, nobody else may change it."""
        name, properties = str(full_table_name), schema["properties"]
        if name in self._prepared and self._prepared[name][0] == properties:
            return self._prepared[name][1]
        table: sa.Table = super().prepare_table(
            full_table_name, schema, primary_keys, connection, **options
        )
        if properties.keys() <= set(table.columns.keys()):  # it was read before columns were added
            self._prepared[name] = properties, table
        return table

    @override
    def _create_empty_column(self, *, connection: sa.Connection, **names: Any) -> None:
        """Add a column without making readers wait: see `locks`."""
        connection.execute(sa.text(f"set local lock_timeout = '{BRIEF_WAIT}'"))
        super()._create_empty_column(connection=connection, **names)

    @override
    def serialize_json(self, obj: object) -> str:
        if isinstance(obj, dict | list):
            with suppress(TypeError, ValueError):
                text = _encode(obj).decode()
                if "null" not in text:  # which may stand for NaN: then the SDK must refuse it
                    return text
        # Not `super()`: psycopg reports a function with a closure as a leak.
        return PostgresConnector.serialize_json(self, obj)  # type: ignore[no-any-return]


def _prepare(connection: psycopg.Connection, _record: object) -> None:
    """Refuse a database that cannot hold every text, and limit every wait for a lock."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        msg = (
            f"The database '{connection.info.dbname}' is encoded in {encoding}, which cannot hold"
            " every text from the source. Create another one: CREATE DATABASE … ENCODING 'UTF8'"
            " TEMPLATE template0."
        )
        raise LoadError(msg)
    connection.execute(f"set lock_timeout = '{LONGEST_WAIT}'".encode())
    connection.commit()

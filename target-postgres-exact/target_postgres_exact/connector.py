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
    from collections.abc import Mapping

    import psycopg
    from singer_sdk.sql.connector import JSONSchemaToSQL

_encode = msgspec.json.Encoder(decimal_format="number").encode


class ExactConnector(PostgresConnector):
    """Writes JSON columns with msgspec; every list is a JSON column."""

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

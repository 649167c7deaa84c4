"""How target-postgres-exact connects, and which types it gives to columns."""

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
    def get_sqlalchemy_url(self, config: Mapping[str, Any]) -> str:
        given: str = super().get_sqlalchemy_url(config)
        try:
            url = sa.make_url(given)
            url.get_dialect()
        except (ValueError, sa.exc.ArgumentError):
            msg = (
                "The setting 'sqlalchemy_url' is no URL like postgresql+exact://USER:PASSWORD@HOST"
                ":PORT/DATABASE; characters such as @ : / % in the password are percent-encoded."
            )
            raise LoadError(msg) from None
        if url.host and url.host.startswith("/"):
            # The folder of a socket, which a URL written out can hold as an option only.
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
        """Add a column, without keeping readers waiting: see `locks`."""
        connection.execute(sa.text(f"set local lock_timeout = '{BRIEF_WAIT}'"))
        super()._create_empty_column(connection=connection, **names)

    @override
    def serialize_json(self, obj: object) -> str:
        if isinstance(obj, dict | list):
            with suppress(TypeError, ValueError):
                text = _encode(obj).decode()
                if "null" not in text:  # which may stand for NaN: the SDK refuses it
                    return text
        # Not `super()`: psycopg takes a function with a closure for a leak, and says so.
        return PostgresConnector.serialize_json(self, obj)  # type: ignore[no-any-return]


def _prepare(connection: psycopg.Connection, _record: object) -> None:
    """Refuse a database that cannot hold every text, and wait for nobody without an end."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        msg = (
            f"The database '{connection.info.dbname}' is encoded in {encoding}, and not every text"
            " of the source can be written in it. Make another one: CREATE DATABASE … ENCODING"
            " 'UTF8' TEMPLATE template0."
        )
        raise LoadError(msg)
    connection.execute(f"set lock_timeout = '{LONGEST_WAIT}'".encode())
    connection.commit()

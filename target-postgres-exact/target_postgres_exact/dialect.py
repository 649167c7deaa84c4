"""The SQLAlchemy dialect `postgresql+exact`: psycopg, without floats."""

from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg


class ExactDialect(PGDialect_psycopg):
    """Declares that psycopg accepts decimals.

    target-postgres prepares the rows of a COPY with SQLAlchemy's generic types, which turn a
    decimal into a float unless the dialect declares this.
    """

    supports_native_decimal = True
    supports_statement_cache = True

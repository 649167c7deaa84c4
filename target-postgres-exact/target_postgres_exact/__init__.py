"""The SQLAlchemy dialect `postgresql+exact`: psycopg, without floats."""

from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg


class ExactDialect(PGDialect_psycopg):
    """Says of psycopg what is true: it takes decimals as they are.

    target-postgres prepares the rows of a COPY with SQLAlchemy's generic types, and those turn a
    decimal into a float for every dialect that does not say so.
    """

    supports_native_decimal = True
    supports_statement_cache = True

"""What went wrong in PostgreSQL, in one sentence that shows nothing of a row.

PostgreSQL quotes the row that it refuses, and names the temporary table that a batch goes through.
Of both only the place is said: the table, the column, the line of the batch.
"""

from __future__ import annotations

import re

import psycopg
import sqlalchemy as sa

_PLACE = re.compile(r"COPY .+?, line (\d+)(?:, column (.+?))?(?::|$)", re.MULTILINE)


class LoadError(Exception):
    """Nothing more can be loaded; its text is a sentence for whoever runs the pipeline."""


def cause(error: BaseException) -> BaseException:
    """Return what the driver said, without what SQLAlchemy wraps around it."""
    return error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error


def explained(error: BaseException, table: str | None = None) -> LoadError | None:
    """Say what an error means; None if it is none of PostgreSQL's, nor of what is sent to it.

    Args:
        error: as it was raised.
        table: the one that was written to.
    """
    error = cause(error)
    place = f"Table '{table}'" if table else "PostgreSQL"
    if isinstance(error, psycopg.Error):
        return LoadError(_explained(error, place, table))
    if isinstance(error, UnicodeError):
        return LoadError(f"{place}: a text holds half of a surrogate pair, which is no UTF-8.")
    if isinstance(error, NotImplementedError):  # the sentence of target-postgres names columns only
        return LoadError(f"{place}: {_unquoted(str(error))}. Nothing of this batch was loaded.")
    if isinstance(error, ValueError | TypeError | ArithmeticError):
        return LoadError(
            f"{place}: a value cannot be written ({_unquoted(str(error))}). Nothing of this batch"
            " was loaded."
        )
    return None


def _explained(error: psycopg.Error, place: str, table: str | None) -> str:
    diagnosis = error.diag
    if diagnosis.sqlstate is None and isinstance(error, psycopg.OperationalError):
        is_lost = bool(table) and "failed: " not in str(error)
        happened = ": the connection to PostgreSQL was lost" if is_lost else " can't be reached"
        return f"{place if is_lost else 'PostgreSQL'}{happened}: {_reason(error)}."
    found = _PLACE.search(diagnosis.context or "")
    column = diagnosis.column_name or (found and found[2])
    if column:
        place += f", column '{column}'"
    if found:
        place += f", line {found[1]} of the batch"
    message = diagnosis.message_primary or str(error)
    if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
        message = _unquoted(message)
    message = message.splitlines()[0].rstrip(".")
    if not table:
        return f"PostgreSQL: {message}."
    return f"{place}: {message}. Nothing of this batch was loaded."


def _unquoted(message: str) -> str:
    """Leave out the value that stands behind a colon."""
    return re.split(r":\s", message, maxsplit=1)[0].rstrip(".")


def _reason(error: psycopg.Error) -> str:
    """Take the cause out of libpq's message, which may try several addresses."""
    lines = str(error).strip().splitlines() or ["it says nothing"]
    line = next((line for line in lines if "failed: " in line), lines[0])
    return line.rsplit("failed: ", 1)[-1].removeprefix("FATAL:").strip().rstrip(".")

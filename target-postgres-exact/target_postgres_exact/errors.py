"""Errors of PostgreSQL in one sentence that shows no row contents.

PostgreSQL quotes the row that it refuses, and names the temporary table that holds a batch. Our
sentences only name the place: the table, the column, the line of the batch.
"""

from __future__ import annotations

import re

import psycopg
import sqlalchemy as sa

_PLACE = re.compile(r"COPY .+?, line (\d+)(?:, column (.+?))?(?::|$)", re.MULTILINE)


class LoadError(Exception):
    """Nothing more can be loaded; the text is a sentence for whoever runs the pipeline."""


def cause(error: BaseException) -> BaseException:
    """Return the driver's error, without SQLAlchemy's wrapper."""
    return error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error


def explained(error: BaseException, table: str | None = None) -> LoadError | None:
    """Explain an error; None if neither PostgreSQL nor the data sent to it caused it.

    Args:
        error: the error as it was raised.
        table: the table that was being written.
    """
    error = cause(error)
    place = f"Table '{table}'" if table else "PostgreSQL"
    if isinstance(error, psycopg.Error):
        return LoadError(_explained(error, place, table))
    if isinstance(error, UnicodeError):
        return LoadError(
            f"{place}: a text contains half of a surrogate pair, which is not valid UTF-8."
        )
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
    """Drop the value after a colon."""
    return re.split(r":\s", message, maxsplit=1)[0].rstrip(".")


def _reason(error: psycopg.Error) -> str:
    """Extract the cause from libpq's message, which may cover several addresses."""
    lines = str(error).strip().splitlines() or ["no reason given"]
    line = next((line for line in lines if "failed: " in line), lines[0])
    return line.rsplit("failed: ", 1)[-1].removeprefix("FATAL:").strip().rstrip(".")

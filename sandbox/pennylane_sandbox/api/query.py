"""Reading the parameters of a request, and refusing those that the API refuses."""

from datetime import date, datetime
from typing import Final

from pennylane_sandbox.api.errors import refuse, refuse_malformed

Query = dict[str, str]

DEFAULT_LIMIT: Final = 20
# If an endpoint does not accept these, they are refused: silently ignored, they would make a client
# read the wrong rows without noticing.
TELLING: Final = ("filter", "sort", "start_date", "include")


def refuse_undeclared(query: Query, declared: tuple[str, ...]) -> None:
    """Refuse an important parameter that the endpoint does not have."""
    for name in TELLING:
        if name in query and name not in declared:
            refuse(400, f"{name} is not a parameter of this endpoint")


def limit(query: Query, most: int) -> int:
    """Return the maximum number of items per page."""
    return number(query, "limit", DEFAULT_LIMIT, most)


def number(query: Query, name: str, default: int, most: int | None = None) -> int:
    """Return a number, at least 1."""
    text = query.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        refuse_malformed(f"{name} is not an integer: {text!r}", "ValidateError")
    if value < 1:
        refuse_malformed(f"{name} {value} is less than 1", "LessThanMinimum")
    if most is not None and value > most:
        refuse_malformed(f"{name} {value} is more than {most}", "MoreThanMaximum")
    return value


def sort(query: Query, sorts: tuple[str, ...], default: str) -> tuple[str, bool]:
    """Return the field to sort by, and whether descending."""
    text = query.get("sort", default)
    field = text.removeprefix("-")
    if field not in sorts and text != default:
        refuse(400, f"Invalid sort: {text!r}; available fields: {', '.join(sorts)}")
    return field, text.startswith("-")


def day(query: Query, name: str) -> str:
    """Return a required date."""
    text = query.get(name)
    if text is None:
        refuse_malformed(f"missing required parameter {name}", "NotExistRequiredKey")
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        refuse_malformed(f"{name} is not a date: {text!r}", "InvalidDateFormat")


def flag(query: Query, name: str) -> bool:
    """Return a boolean, false by default."""
    text = query.get(name, "false")
    if text not in {"true", "false"}:
        refuse_malformed(f"{name} is neither true nor false: {text!r}", "ValidateError")
    return text == "true"


def micros(query: Query, name: str) -> int | None:
    """Return an RFC 3339 instant in microseconds, if given."""
    text = query.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    # A date alone, or an instant without its offset from UTC, is not RFC 3339.
    if moment is None or moment.tzinfo is None:
        refuse_malformed(f"{name} is not an RFC 3339 instant: {text!r}", "InvalidDateTimeFormat")
    return round(moment.timestamp() * 1_000_000)

"""The `filter` parameter: which conditions an endpoint takes, and which rows meet them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import orjson

from pennylane_sandbox.api.errors import ApiError, refusal

RANGE: Final = ("lt", "lteq", "gt", "gteq")
EQUALITY: Final = ("eq", "not_eq", "in", "not_in")
ALL: Final = RANGE + EQUALITY
LISTS: Final = frozenset({"in", "not_in"})


@dataclass(frozen=True, slots=True)
class Field:
    """A field that an endpoint filters by."""

    operators: tuple[str, ...]
    kind: str
    get: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a filter."""

    field: str
    operator: str
    value: Any


Fields = Mapping[str, Field]
Conditions = tuple[Condition, ...]


def parse(text: str, fields: Fields) -> Conditions:
    """Read a filter that the endpoint takes, or refuse it."""
    try:
        clauses = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _refused("filter is not valid JSON") from None
    if not isinstance(clauses, list):
        raise _refused("filter must be an array of conditions")
    return tuple(_condition(clause, fields) for clause in clauses)


def _condition(clause: object, fields: Fields) -> Condition:
    if not isinstance(clause, dict) or set(clause) != {"field", "operator", "value"}:
        raise _refused("a condition has exactly the keys field, operator and value")
    name, operator, value = clause["field"], clause["operator"], clause["value"]
    field = fields.get(name) if isinstance(name, str) else None
    if field is None:
        raise _refused(f"cannot filter by {name!r}; available fields: {', '.join(fields)}")
    if operator not in field.operators:
        raise _refused(
            f"{name} does not take {operator!r}; available operators: {', '.join(field.operators)}"
        )
    if operator in LISTS:
        if not isinstance(value, list):
            raise _refused(f"{operator} takes an array of values")
        return Condition(name, operator, frozenset(_value(one, name, field.kind) for one in value))
    return Condition(name, operator, _value(value, name, field.kind))


def _value(value: object, name: str, kind: str) -> object:  # noqa: PLR0911 - one return a kind
    match kind, value:
        case ("id" | "ids"), bool():
            pass
        case ("id" | "ids"), int():
            return value
        case ("id" | "ids"), str() if value.isascii() and value.isdigit():
            return int(value)
        case "date", str():
            try:
                return date.fromisoformat(value).isoformat()
            except ValueError:
                pass
        case "bool", bool():
            return value
        case "bool", ("true" | "false"):
            return value == "true"
        case ("text" | "texts"), str():
            return value
    raise _refused(f"{value!r} is not a value of {name}")


def _refused(text: str) -> ApiError:
    return refusal(400, f"Invalid filter: {text}")


_TESTS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "lt": lambda own, value: own is not None and own < value,
    "lteq": lambda own, value: own is not None and own <= value,
    "gt": lambda own, value: own is not None and own > value,
    "gteq": lambda own, value: own is not None and own >= value,
    "eq": lambda own, value: own == value,
    "not_eq": lambda own, value: own != value,
    "in": lambda own, value: own in value,
    "not_in": lambda own, value: own not in value,
    "start_with": lambda own, value: own is not None and own.startswith(value),
}


def predicate(conditions: Conditions, fields: Fields) -> Callable[[Any], bool]:
    """Compile conditions into one test of a row; all must hold."""
    tests = [_test(condition, fields[condition.field]) for condition in conditions]
    if len(tests) == 1:
        return tests[0]
    return lambda row: all(test(row) for test in tests)


def _test(condition: Condition, field: Field) -> Callable[[Any], bool]:
    get, value = field.get, condition.value
    if field.kind in {"ids", "texts"}:
        return lambda row: not value.isdisjoint(get(row))
    test = _TESTS[condition.operator]
    return lambda row: test(get(row), value)

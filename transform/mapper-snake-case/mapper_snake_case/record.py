"""One stream's schema, compiled into what is done to each of its records."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.schema import resolve_schema_references

from mapper_snake_case.naming import renamed
from mapper_snake_case.text import branches, is_free_text, is_nullable, types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mapper_snake_case.text import Tidying

    Change = Callable[[Any], Any]


@dataclass(frozen=True)
class Rules:
    """What the settings say of names and texts."""

    fail: bool
    undeclared: bool
    tidying: Tidying


class StreamMap:
    """A stream as it leaves the mapper."""

    def __init__(self, message: dict[str, Any], rules: Rules) -> None:
        """Compile a SCHEMA message.

        Args:
            message: It, as the tap sent it.
            rules: What the settings say.

        Raises:
            CollisionError: Two names would become the same, and the settings refuse that.
        """
        self.stream = message["stream"]
        self.rules = rules
        # References are resolved, and each place gets a copy of its own, since it is changed in place.
        schema = (
            resolve_schema_references(message["schema"])
            if _refers(message["schema"])
            else message["schema"]
        )
        self.schema: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(schema))
        keys: list[str] = message.get("key_properties") or []
        bookmarks: list[str] = message.get("bookmark_properties") or []
        shapes = list(branches(self.schema))
        self._names = renamed([*_declared(shapes), *keys, *bookmarks], fail=rules.fail)
        self._texts = self._tidied(shapes, untouched={*keys, *bookmarks})
        self._nested = self._changes(shapes)
        _rename(shapes, self._names)
        self._renames = any(name != target for name, target in self._names.items())
        self._rename_undeclared = rules.undeclared and not _described(shapes)
        self._undeclared = lru_cache(1000)(self._undeclared_names)
        self.keys = keys
        self.message = {**message, "schema": self.schema}
        for word, columns in (("key_properties", keys), ("bookmark_properties", bookmarks)):
            if columns:
                self.message[word] = [self._names[column] for column in columns]

    def apply(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a record as it leaves; the given one is used up."""
        for column, tidy in self._texts:
            value = record.get(column)
            if value.__class__ is str:
                record[column] = tidy(value)
        for column, change in self._nested:
            value = record.get(column)
            if value.__class__ is dict or value.__class__ is list:
                record[column] = change(value)
        names = self._names
        if not record.keys() <= names.keys():
            names = names | self._undeclared(tuple(sorted(record.keys() - names.keys())))
        elif not self._renames:
            return record
        return {names[column]: value for column, value in record.items()}

    def _undeclared_names(self, columns: tuple[str, ...]) -> dict[str, str]:
        targets = self._names.values()
        if self._rename_undeclared:
            return renamed(columns, targets, fail=self.rules.fail)
        return _kept(columns, targets)

    def _tidied(
        self, shapes: list[dict[str, Any]], untouched: set[str]
    ) -> list[tuple[str, Callable[[str], str | None]]]:
        """The columns whose texts are tidied, and how. Keys are not: two rows could become one."""
        tidying = self.rules.tidying
        texts = []
        for column, definitions in _declared(shapes).items():
            if column in untouched or not all(map(is_free_text, definitions)):
                continue
            if not tidying.covers(self.stream, column, self._names[column]):
                continue
            for definition in definitions if tidying.empty_to_null else ():
                if types(definition) and not is_nullable(definition):
                    definition["type"] = [*types(definition), "null"]
            nullable = all(is_nullable(d) or not types(d) for d in definitions)
            texts.append((column, tidying.tidier(nullable=nullable)))
        return texts

    def _changes(self, shapes: list[dict[str, Any]]) -> list[tuple[str, Change]]:
        """The columns that hold objects or lists in which there is something to change."""
        tidying = self.rules.tidying
        found = []
        for column, definitions in _declared(shapes).items():
            clean = tidying.nested and tidying.covers(self.stream, column, self._names[column])
            if change := _change(definitions, self.rules, clean=clean):
                found.append((column, change))
        return found


def _refers(schema: object) -> bool:
    """Whether there is a `$ref` in it."""
    if isinstance(schema, dict):
        return "$ref" in schema or any(map(_refers, schema.values()))
    return isinstance(schema, list) and any(map(_refers, schema))


def _declared(shapes: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The properties that any of the shapes names, and all that they say of each."""
    found: dict[str, list[dict[str, Any]]] = {}
    for shape in shapes:
        for name, definition in shape.get("properties", {}).items():
            # `true` and `false` are schemas, too.
            found.setdefault(name, []).extend(
                [definition] if isinstance(definition, dict) else [{}]
            )
    return found


def _rename(shapes: Iterable[dict[str, Any]], names: dict[str, str]) -> None:
    """Rename what shapes of the same object say of its properties."""
    for shape in shapes:
        for word in ("properties", "dependentRequired", "dependentSchemas"):
            if isinstance(shape.get(word), dict):
                shape[word] = {names.get(name, name): value for name, value in shape[word].items()}
        if isinstance(shape.get("required"), list):
            shape["required"] = [names.get(name, name) for name in shape["required"]]
        for name, others in shape.get("dependentRequired", {}).items():
            shape["dependentRequired"][name] = [names.get(other, other) for other in others]


def _change(definitions: list[dict[str, Any]], rules: Rules, *, clean: bool) -> Change | None:
    """What is done to a value below the columns, given all that the schema says of it.

    The schema's own names are changed on the way. None: nothing is ever to be done.
    """
    shapes = [shape for definition in definitions for shape in branches(definition)]
    of_object = _object_change(shapes, rules, clean=clean)
    of_items = _list_change(shapes, rules, clean=clean)
    tidy = None
    if clean and all(map(is_free_text, definitions)):
        tidy = rules.tidying.tidier(
            nullable=all(is_nullable(d) or not types(d) for d in definitions)
        )
    if not (of_object or of_items or tidy):
        return None

    def change(value: Any) -> Any:
        if value.__class__ is dict:
            return of_object(value) if of_object else value
        if value.__class__ is list:
            return of_items(value) if of_items else value
        return tidy(value) if tidy and value.__class__ is str else value

    return change


def _list_change(shapes: list[dict[str, Any]], rules: Rules, *, clean: bool) -> Change | None:
    if not _may_be(shapes, "array"):
        return None
    items = [shape["items"] for shape in shapes if isinstance(shape.get("items"), dict)]
    for word in ("items", "prefixItems"):
        items += [s for shape in shapes if isinstance(shape.get(word), list) for s in shape[word]]
    each = _change(items, rules, clean=clean) if items else _free_change(rules, clean=clean)
    return each and (lambda values: [each(value) for value in values])


def _object_change(shapes: list[dict[str, Any]], rules: Rules, *, clean: bool) -> Change | None:
    if not _may_be(shapes, "object"):
        return None
    declared = _declared(shapes)
    names = renamed(declared, fail=rules.fail)
    changes = {
        name: change
        for name, definitions in declared.items()
        if (change := _change(definitions, rules, clean=clean))
    }
    _rename(shapes, names)
    described = _described(shapes)
    other = (
        _change(described, rules, clean=clean) if described else _free_change(rules, clean=clean)
    )
    rename_others = rules.undeclared and not described
    if all(map(str.__eq__, names, names.values())) and not (changes or other or rename_others):
        return None

    def change(value: dict[str, Any]) -> dict[str, Any]:
        own = names
        if unknown := value.keys() - names.keys():
            targets = names.values()
            own = names | (
                renamed(unknown, targets, fail=rules.fail)
                if rename_others
                else _kept(unknown, targets)
            )
        return {
            own[name]: do(inner)
            if (do := changes.get(name, None if name in names else other))
            else inner
            for name, inner in value.items()
        }

    return change


def _described(shapes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the schema says of keys that it does not name: these are data, like a list's codes."""
    found = []
    for shape in shapes:
        rest = shape.get("additionalProperties")
        found += [
            *shape.get("patternProperties", {}).values(),
            *([rest] if isinstance(rest, dict) else []),
        ]
    return [definition for definition in found if definition]


def _kept(unknown: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Keys that stay as they are, but for those that a declared name now has."""
    clash = [name for name in unknown if name in taken]
    return {name: name for name in unknown} | renamed(clash, {*taken, *unknown})


def _may_be(shapes: list[dict[str, Any]], kind: str) -> bool:
    named = {name for shape in shapes for name in types(shape)}
    return not named or kind in named


def _free_change(rules: Rules, *, clean: bool) -> Change | None:
    """What is done to a value of which the schema says nothing."""
    if not (rules.undeclared or clean):
        return None
    tidy = rules.tidying.tidier(nullable=True) if clean else None

    def change(value: Any) -> Any:
        if value.__class__ is dict:
            names = (
                renamed(value, fail=rules.fail)
                if rules.undeclared
                else dict(zip(value, value, strict=True))
            )
            return {names[name]: change(inner) for name, inner in value.items()}
        if value.__class__ is list:
            return [change(inner) for inner in value]
        return tidy(value) if tidy and value.__class__ is str else value

    return change

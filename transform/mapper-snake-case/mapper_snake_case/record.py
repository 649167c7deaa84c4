"""One stream's schema, compiled into the changes to each of its records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mapper_snake_case import schema
from mapper_snake_case.naming import Names
from mapper_snake_case.text import is_free_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from mapper_snake_case.text import Tidying

    Shapes = list[dict[str, Any]]
    Change = Callable[[Any], Any]


@dataclass(frozen=True)
class Rules:
    """The settings for names and texts."""

    fail: bool
    undeclared: bool
    tidying: Tidying

    def names(self, shapes: Shapes) -> Names:
        """The names of an object with these schemas."""
        rename_others = self.undeclared and not schema.described(shapes)
        return Names(schema.declared(shapes), rename_others=rename_others, fail=self.fail)


class StreamMap:
    """A stream as the mapper passes it on."""

    def __init__(self, message: dict[str, Any], rules: Rules) -> None:
        """Compile a SCHEMA message.

        Args:
            message: The message as the tap sent it.
            rules: What the settings say.

        Raises:
            CollisionError: Two names would become the same, and the settings refuse that.
        """
        self.keys: list[str] = message.get("key_properties") or []
        """The key, with the tap's names."""
        bookmarks: list[str] = message.get("bookmark_properties") or []
        root = schema.own_copy(message["schema"])
        shapes = list(schema.branches(root))
        self._names = rules.names(
            [*shapes, {"properties": dict.fromkeys([*self.keys, *bookmarks])}]
        )
        self._texts: list[tuple[str, Callable[[str], str | None]]] = []
        self._nested: list[tuple[str, Change]] = []
        for column, definitions in schema.declared(shapes).items():
            clean = rules.tidying.covers(message["stream"], column, self._names.declared[column])
            # Keys are not cleaned: two rows could become one.
            if clean and column not in {*self.keys, *bookmarks} and is_free_text(definitions):
                if rules.tidying.empty_to_null:
                    schema.allow_null(definitions)
                tidier = rules.tidying.tidier(nullable=schema.is_nullable(definitions))
                self._texts.append((column, tidier))
            if change := _change(definitions, rules, clean=clean and rules.tidying.nested):
                self._nested.append((column, change))
        names = self._names.declared
        schema.rename(shapes, names)
        self.message = {**message, "schema": root}
        for word in ("key_properties", "bookmark_properties"):
            if columns := message.get(word):
                self.message[word] = [names[column] for column in columns]

    def apply(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a record as it is passed on; the given one is modified."""
        for column, tidy in self._texts:
            value = record.get(column)
            if value.__class__ is str:
                record[column] = tidy(value)
        for column, change in self._nested:
            value = record.get(column)
            if value.__class__ is dict or value.__class__ is list:
                record[column] = change(value)
        names = self._names.of(record)
        return {names[column]: value for column, value in record.items()} if names else record


def _change(definitions: Shapes, rules: Rules, *, clean: bool) -> Change | None:
    """The change to a value below the columns, given all its schemas; None if nothing ever changes.

    Also renames the properties in the schemas.
    """
    shapes = [shape for definition in definitions for shape in schema.branches(definition)]
    of_object = (
        _object_change(shapes, rules, clean=clean) if schema.may_be(shapes, "object") else None
    )
    of_list = _list_change(shapes, rules, clean=clean) if schema.may_be(shapes, "array") else None
    tidy = None
    if clean and is_free_text(definitions):
        tidy = rules.tidying.tidier(nullable=schema.is_nullable(definitions))
    if not (of_object or of_list or tidy):
        return None

    def change(value: Any) -> Any:  # noqa: ANN401
        if value.__class__ is dict:
            return of_object(value) if of_object else value
        if value.__class__ is list:
            return of_list(value) if of_list else value
        return tidy(value) if tidy and value.__class__ is str else value

    return change


def _list_change(shapes: Shapes, rules: Rules, *, clean: bool) -> Change | None:
    items = schema.items(shapes)
    each = _change(items, rules, clean=clean) if items else _free_change(rules, clean=clean)
    return each and (lambda values: [each(value) for value in values])


def _object_change(shapes: Shapes, rules: Rules, *, clean: bool) -> Change | None:
    names = rules.names(shapes)
    changes: dict[str, Change | None] = {
        name: _change(definitions, rules, clean=clean)
        for name, definitions in schema.declared(shapes).items()
    }
    schema.rename(shapes, names.declared)
    others = schema.described(shapes)
    other = _change(others, rules, clean=clean) if others else _free_change(rules, clean=clean)
    if names.steady and not other and not any(changes.values()):
        return None

    def change(value: dict[str, Any]) -> dict[str, Any]:
        for name, inner in value.items():
            if do := changes.get(name, other):
                value[name] = do(inner)
        new = names.of(value)
        return {new[name]: inner for name, inner in value.items()} if new else value

    return change


def _free_change(rules: Rules, *, clean: bool) -> Change | None:
    """The change to a value that the schema does not describe."""
    if not (rules.undeclared or clean):
        return None
    names = rules.names([])
    tidy = rules.tidying.tidier(nullable=True) if clean else None

    def change(value: Any) -> Any:  # noqa: ANN401
        if value.__class__ is dict:
            for name, inner in value.items():
                value[name] = change(inner)
            new = names.of(value)
            return {new[name]: inner for name, inner in value.items()} if new else value
        if value.__class__ is list:
            return [change(inner) for inner in value]
        return tidy(value) if tidy and value.__class__ is str else value

    return change

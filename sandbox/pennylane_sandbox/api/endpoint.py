"""The types of endpoints."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pennylane_sandbox.api.filters import Field
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.model import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address that can be read with any one of the scopes."""

    path: str
    scopes: tuple[str, ...]
    # The default size of pages that are numbered; others are continued with a cursor.
    page_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Endpoint):
    """A list of a collection."""

    collection: str
    show: Callable[[Any], Json]
    max_limit: int = 100
    fields: Mapping[str, Field] = field(default_factory=dict)
    sorts: tuple[str, ...] = ()
    default_sort: str = "-id"
    # Four more keys, always null, that the real API has been seen to send on some lists.
    page_keys: bool = False
    # If requested, leaves out closed fiscal years unless the filter contains a date.
    may_hide_closed_years: bool = False
    includes: bool = False
    # False: the list takes no parameters and is returned in one answer.
    pages: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sublist(Endpoint):
    """A list that belongs to one record of another collection."""

    parent: str
    items: Callable[[Books, Any], list[Json]]
    fields: Mapping[str, Field] = field(default_factory=dict)
    sorts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SublistSingle(Endpoint):
    """One record of a list that belongs to one record of another collection."""

    parent: str
    items: Callable[[Books, Any], list[Json]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Single(Endpoint):
    """One record of a collection."""

    collection: str
    show: Callable[[Any], Json]
    only: Callable[[Any], bool] = lambda _: True


@dataclass(frozen=True, slots=True, kw_only=True)
class Changelog(Endpoint):
    """The recent changes of a resource."""

    resource: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Special(Endpoint):
    """A special endpoint, answered by its own function."""

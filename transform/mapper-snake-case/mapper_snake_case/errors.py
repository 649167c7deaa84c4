"""The errors that stop the mapper, each a sentence without a full stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class MapperError(Exception):
    """The messages cannot be mapped."""


class CollisionError(MapperError):
    """Two names would become the same, which the settings forbid."""

    def __init__(self, names: Sequence[str], target: str) -> None:
        """Name them."""
        *others, last = (repr(name) for name in names)
        if others:
            what = f"{', '.join(others)} and {last} would each become {target!r}"
        else:
            what = f"{last} would become {target!r}, which another name has already become"
        super().__init__(
            f"{what}, and the target's existing column {target!r} could change its meaning;"
            " select only one of them in the tap, or set 'on_collision' to 'suffix': then a name"
            f" that already is {target!r} keeps it, and the others get suffixes"
        )

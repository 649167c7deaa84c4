"""What stops the mapper: each of them a sentence, without a full stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class MapperError(Exception):
    """The messages can't be mapped."""


class CollisionError(MapperError):
    """Two names would become the same, and the settings refuse that."""

    def __init__(self, names: Sequence[str], target: str) -> None:
        """Name them."""
        *others, last = (repr(name) for name in names)
        if others:
            what = f"{', '.join(others)} and {last} would each become {target!r}"
        else:
            what = f"{last} would become {target!r}, as another one does"
        super().__init__(
            f"{what}, and what a target has as {target!r} already could change its meaning;"
            " select one of them in the tap, or set 'on_collision' to 'suffix': then"
            f" {target!r} is what the tap itself calls so, and the others get suffixes"
        )

"""What the state remembers of a stream; `docs/state.md` shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_pennylane.api.events import Position  # noqa: TC001 - msgspec reads it
from tap_pennylane.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
"""Of the bookmarks that this version writes."""


class Range(msgspec.Struct, omit_defaults=True):
    """What is left to read: ids above `after` and up to `until`, or dates from `after` on."""

    after: int | str
    until: int | None = None


class Progress(msgspec.Struct, omit_defaults=True):
    """How far a read of the whole collection has come that has not reached its end."""

    began: str
    """By the server's clock, in UTC."""
    version: int
    """Of the table, for ACTIVATE_VERSION."""
    left: list[Range] | None = None
    """What was not delivered yet; None is all."""


class Bookmark(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What was read of a stream, for whom, and what is left."""

    format: int
    company: int
    """The id that `/me` answered."""
    start_date: str | None = None
    undated: bool = False
    """Whether the read took in records without a date, of a stream that may have them."""
    unlisted: bool = False
    """Whether the list was found to leave out records that other streams refer to."""
    columns: str
    """Fingerprint of the selected columns: a new one needs the old rows again."""
    version: int | None = None
    """Of the table, since the last completed scan."""
    read_at: str | None = None
    """When the last completed read of the whole collection began."""
    changes: dict[str, Position] = {}
    """By changelog: how far it was consumed."""
    scan: Progress | None = None

    @classmethod
    def load(cls, state: Mapping[str, Any], stream: str, company: int) -> Bookmark | None:
        """Read a stream's state.

        Args:
            state: The stream's part of the Singer state.
            stream: Its name.
            company: The company of the token.

        Returns:
            The bookmark; None where there is none, or one of before bookmarks had a format.

        Raises:
            FatalError: The state is another company's, or of a newer version.
        """
        if "format" not in state:
            return None
        if state["format"] != FORMAT:
            msg = (
                f"The state of '{stream}' has the format {state['format']!r}; this version of "
                f"tap-pennylane reads {FORMAT}. Use the version that wrote it, or start over "
                "with `meltano run --full-refresh …`"
            )
            raise FatalError(msg)
        try:
            bookmark = msgspec.convert(dict(state), cls)
        except msgspec.ValidationError as error:
            msg = (
                f"The state of '{stream}' is damaged: {error}. Put a good copy of it back, or "
                "start over with `meltano run --full-refresh …`"
            )
            raise FatalError(msg) from error
        if bookmark.company != company:
            msg = (
                f"The state of '{stream}' is of company {bookmark.company}, but the token is of "
                f"company {company}: their books would mix. Put a token of company "
                f"{bookmark.company} back, or load company {company} into a database of its own"
            )
            raise FatalError(msg)
        return bookmark

    def dump(self) -> dict[str, Any]:
        """Return the JSON that `load` reads."""
        state: dict[str, Any] = msgspec.to_builtins(self)
        return state

"""A stream's bookmark in the Singer state, documented in `docs/state.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_pennylane.api.events import Position  # noqa: TC001 - msgspec reads it
from tap_pennylane.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
"""The format of the bookmarks that this version writes."""


class Range(msgspec.Struct, omit_defaults=True):
    """A range left to read: ids above `after` up to `until`, or dates from `after` on."""

    after: int | str
    until: int | None = None
    days: int | None = None
    """The length of the next window of dates."""


class Progress(msgspec.Struct, omit_defaults=True):
    """The progress of an unfinished full read."""

    began: str
    """When it began, by the server's clock, in UTC."""
    version: int
    """The table version, for ACTIVATE_VERSION."""
    left: list[Range] | None = None
    """The ranges not yet delivered; None means everything."""
    records: int = 0
    """How many records were delivered so far."""


class Part(msgspec.Struct, omit_defaults=True):
    """One fiscal year of the trial balance: how it was last read."""

    until: str
    """The last day of the fiscal year."""
    read_at: str
    """When the run began that read it."""
    pages: int
    """How many pages it had."""
    is_open: bool = True
    """Whether the fiscal year accepts changes, as far as known."""


class Bookmark(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What was read of a stream, for which company and settings, and what is left."""

    format: int
    company: int
    """The company's id from `/me`."""
    start_date: str | None = None
    undated: bool = False
    """Whether records without a date were read, if the stream may have them."""
    unlisted: bool = False
    """Whether the API's list omitted records that other streams refer to."""
    columns: str
    """Fingerprint of the selected columns; if it changes, all rows must be read again."""
    version: int | None = None
    """The table version, from the last completed scan."""
    read_at: str | None = None
    """When the last completed full read began."""
    scanned_until: str | None = None
    """When the last complete read ended, if it was no verification."""
    records: int | None = None
    """How many records that read delivered."""
    changes: dict[str, Position] = {}
    """How far each changelog was consumed, by path."""
    scan: Progress | None = None
    verification: Progress | None = None
    """The progress of a verification: a full read in small parts, while changes are followed."""
    moved: dict[str, str] = {}
    """When runs began that delivered changes. For lines: by the first day of the fiscal year; the
    empty key stands for unknown fiscal years, and for all other collections."""
    followed_at: str | None = None
    """Up to which run a collection followed the one that it derives from, or its changelogs, if
    they are not followed in every run."""
    parts: dict[str, Part] = {}
    """For the trial balance: its fiscal years, by their first day."""
    behind: list[str] = []
    """The fiscal years whose balance is older than the lines, by their first day."""

    @classmethod
    def load(cls, state: Mapping[str, Any], stream: str, company: int) -> Bookmark | None:
        """Read a stream's bookmark.

        Args:
            state: The stream's part of the Singer state.
            stream: Its name.
            company: The id of the token's company.

        Returns:
            The bookmark; None if there is none. State that predates bookmark formats is ignored.

        Raises:
            FatalError: The state belongs to another company, was written by a newer version, or is
                damaged.
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
                f"The state of '{stream}' is damaged: {error}. Restore an intact copy, or "
                "start over with `meltano run --full-refresh …`"
            )
            raise FatalError(msg) from error
        if bookmark.company != company:
            msg = (
                f"The state of '{stream}' belongs to company {bookmark.company}, but the token "
                f"belongs to company {company}: their books would be mixed. Use a token of company "
                f"{bookmark.company} again, or load company {company} into its own database"
            )
            raise FatalError(msg)
        return bookmark

    def dump(self) -> dict[str, Any]:
        """Return the JSON that `load` reads."""
        state: dict[str, Any] = msgspec.to_builtins(self)
        return state

"""The Singer state of a firm: in each stream's bookmark, one partition per company."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tap_pennylane.messages import LivingState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from singer_sdk.helpers.types import TapState
    from singer_sdk.singerlib.encoding.base import GenericSingerWriter

    from tap_pennylane.companies import Company

PARTITIONS, CONTEXT, COMPANY_ID = "partitions", "context", "company_id"
"""Where the Singer SDK keeps the bookmarks of a stream's parts, and what names a part."""

LOG = "sync_log"
"""The stream whose partitions say when each company was last read, and what its name was."""


class FirmState:
    """The tap's state, divided by company."""

    def __init__(self, state: TapState, writer: GenericSingerWriter[Any, Any]) -> None:
        """Index the state.

        Args:
            state: The tap's state, which is changed in place.
            writer: Writes the STATE messages.
        """
        self._writer = writer
        self._whole = state
        self._places: defaultdict[int, dict[str, int]] = defaultdict(dict)
        """The places of each company's partitions, by stream."""
        for stream, bookmark in state.get("bookmarks", {}).items():
            for place, partition in enumerate(bookmark.get(PARTITIONS, ())):
                self._places[partition[CONTEXT][COMPANY_ID]][stream] = place

    def of(self, company: Company) -> dict[str, Any]:
        """Return a company's state, as if it were the only one."""
        bookmarks = {
            stream: {name: one for name, one in bookmark.items() if name != CONTEXT}
            for stream, bookmark in self._partitions(company.id).items()
            if stream != LOG
        }
        return {"bookmarks": bookmarks}

    def need(self, company: Company) -> tuple[bool, str, int]:
        """Return by what companies are sorted: never loaded completely, and when last read."""
        last = self._partitions(company.id).get(LOG, {}).get("read_at", "")
        return not self.is_loaded(company), last, company.id

    def is_loaded(self, company: Company) -> bool:
        """Return whether a company was loaded completely."""
        bookmarks = self._partitions(company.id)
        return LOG in bookmarks and not any(one.get("scan") for one in bookmarks.values())

    def names(self) -> dict[int, str]:
        """Return the names of the companies that were there in the last run, by id."""
        found = {identity: self._partitions(identity).get(LOG) for identity in self._places}
        return {one: log["name"] for one, log in found.items() if log and not log.get("gone")}

    def note_gone(self, identity: int) -> None:
        """Note that a company is no longer there, so that this is said once."""
        self._replace(identity, LOG, {**self._partitions(identity)[LOG], "gone": True})

    def note_read(self, company: Company, began: datetime) -> None:
        """Note that a company was read, or tried, in a run that began at that time."""
        self.remember(company, {LOG: {"name": company.name, "read_at": began.isoformat()}})

    def remember(self, company: Company, bookmarks: Mapping[str, Mapping[str, Any]]) -> None:
        """Take over a company's bookmarks, and write STATE if it is due.

        Each is replaced in one step, because a signal may have the state written at any time.
        """
        for stream, bookmark in bookmarks.items():
            if not bookmark:
                continue
            self._replace(company.id, stream, bookmark)
        self._writer.write_message(LivingState(value=self._whole))

    def _replace(self, identity: int, stream: str, bookmark: Mapping[str, Any]) -> None:
        partition = {CONTEXT: {COMPANY_ID: identity}, **bookmark}
        known = self._whole.setdefault("bookmarks", {}).setdefault(stream, {})
        partitions = known.setdefault(PARTITIONS, [])
        place = self._places[identity].setdefault(stream, len(partitions))
        partitions[place : place + 1] = [partition]

    def _partitions(self, identity: int) -> dict[str, dict[str, Any]]:
        bookmarks = self._whole.get("bookmarks", {})
        places = self._places.get(identity, {})
        return {stream: bookmarks[stream][PARTITIONS][place] for stream, place in places.items()}

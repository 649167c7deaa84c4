"""The record of runs: what each stream of a run did, and how it ended."""

from __future__ import annotations

import logging
import os
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_pennylane.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pennylane.api.client import Client

LOGGER = logging.getLogger("tap-pennylane")

ALWAYS_LOGGED = "ledger_entry_lines"
"""The stream whose entry a firm's log always has for each company."""


@dataclass
class Entry:
    """One stream's part of a run: a row of the stream `sync_log`."""

    stream: str
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended_at: datetime | None = None
    mode: str | None = None
    """scan, resumed scan, changelog, expired→scan, derived, or not due."""
    records: int = 0
    tombstones: int = 0
    requests: int = 0
    rate_limited: int = 0
    seconds_waited: float = 0.0
    status: str = "interrupted"
    """success, failed or skipped; interrupted until the stream has ended."""
    error: str | None = None
    verified_at: datetime | None = None
    """When the last complete read or verification began."""
    verified_share: float | None = None
    """How much of the collection the verification under way has read, from 0 to 1."""
    verified_records: int = 0
    """The records that the verification read in this run."""

    @property
    def says_something(self) -> bool:
        """Whether the stream had anything to deliver, or failed."""
        counts = self.records or self.tombstones or self.verified_records
        return bool(counts) or self.status != "success"

    def skip(self, reason: str) -> None:
        """Record why the stream was not read."""
        self.status, self.error = "skipped", reason

    def fail(self, error: str) -> None:
        """Record why the stream was not delivered completely."""
        self.status, self.error = "failed", error

    def add_to(self, earlier: Entry) -> Entry:
        """Return the entry of a stream that was read twice in a run: what both did together."""
        counts = {
            name: value + getattr(earlier, name)
            for name, value in vars(self).items()
            if isinstance(value, int | float) and name != "verified_share"
        }
        return replace(self, **counts, started_at=earlier.started_at, mode=earlier.mode)


class SyncLog:
    """The entries of one run."""

    def __init__(self, client: Client) -> None:
        """Begin a run, with Meltano's run id if Meltano started it, otherwise with a new one."""
        self.run_id = os.environ.get("MELTANO_RUN_ID") or str(uuid.uuid4())
        self.entries: list[Entry] = []
        self._client = client

    @contextmanager
    def entry(self, stream: str) -> Iterator[Entry]:
        """Add an entry for a stream, complete it when the stream has ended, and log it."""
        entry = Entry(stream)
        self.entries.append(entry)
        before = self._client.usage
        try:
            yield entry
            if entry.status == "interrupted":
                entry.status = "success"
        finally:
            used = self._client.usage - before
            entry.requests, entry.rate_limited = used.requests, used.rate_limited
            entry.seconds_waited = round(used.seconds_waited, 3)
            entry.ended_at = datetime.now(UTC)
            entry.error = redacted(entry.error) if entry.error else None
            self._report(entry)

    @contextmanager
    def verifying(self, stream: str) -> Iterator[Entry]:
        """Complete the entry of a stream that is verified after it was read, and log it."""
        entry = next(one for one in self.entries if one.stream == stream)
        before, verified_at = self._client.usage, entry.verified_at
        try:
            yield entry
        finally:
            used = self._client.usage - before
            entry.requests += used.requests
            entry.rate_limited += used.rate_limited
            entry.seconds_waited = round(entry.seconds_waited + used.seconds_waited, 3)
            entry.ended_at = datetime.now(UTC)
            LOGGER.info(
                "Verified '%s': %d records, %d requests, %s",
                stream,
                entry.verified_records,
                used.requests,
                f"{entry.verified_share or 0:.0%} of the collection so far"
                if entry.verified_at == verified_at
                else "complete",
            )

    def _report(self, entry: Entry) -> None:
        """Log how a stream ended, as a sentence and as fields of structured logs.

        The error is only a field, because it was already logged when it occurred.
        """
        took = (entry.ended_at or entry.started_at) - entry.started_at
        facts = {
            **{name: value for name, value in vars(entry).items() if not name.endswith("_at")},
            "seconds": round(took.total_seconds(), 3),
            "sync_log_run_id": self.run_id,
        }
        LOGGER.info(
            "Ended '%s': %s (%s), %d records, %d deletions, %d requests, %.1f s of waiting",
            entry.stream,
            entry.status,
            entry.mode or "not read",
            entry.records,
            entry.tombstones,
            entry.requests,
            entry.seconds_waited,
            extra=facts,
        )

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the entries as records."""
        return map(self.row, self.entries)

    def row(self, entry: Entry) -> dict[str, Any]:
        """Return an entry as a record."""
        values = vars(entry)
        moments = {
            name: value.isoformat() if value else None
            for name, value in values.items()
            if name.endswith("_at")
        }
        return {"run_id": self.run_id, **values, **moments}


class FirmLog(SyncLog):
    """The entries of a firm's run: its own, and those of each company."""

    def __init__(self, client: Client) -> None:
        """Begin a run."""
        super().__init__(client)
        self._of_companies: dict[tuple[int, str], Entry] = {}
        self._new: set[tuple[int, str]] = set()
        """The entries of companies that `rows` has not yielded as they are now."""

    def add(self, company_id: int, log: SyncLog) -> None:
        """Add the entries of a company whose streams have ended.

        They are left out if they say nothing: otherwise, a thousand companies would add some ten
        thousand rows per run. The entry of the lines is always there: it says that the company was
        read, and has the requests of those that were left out.
        """
        quiet: list[Entry] = []
        for entry in log.entries:
            key = company_id, entry.stream
            earlier = self._of_companies.get(key)
            if earlier or entry.stream == ALWAYS_LOGGED or entry.says_something:
                self._of_companies[key] = entry.add_to(earlier) if earlier else entry
                self._new.add(key)
            else:
                quiet.append(entry)
        if always := self._of_companies.get((company_id, ALWAYS_LOGGED)):
            always.requests += sum(one.requests for one in quiet)
            always.rate_limited += sum(one.rate_limited for one in quiet)
            always.seconds_waited += sum(one.seconds_waited for one in quiet)

    @override
    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the entries as records; of companies, those that are new or have changed."""
        new, self._new = self._new, set()
        yield from ({"company_id": 0, **row} for row in super().rows())
        for company_id, stream in sorted(new):
            entry = self._of_companies[company_id, stream]
            yield {"company_id": company_id, **self.row(entry)}

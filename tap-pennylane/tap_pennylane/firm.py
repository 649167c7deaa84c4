"""Reads the companies of an accounting firm, one after another, with the firm's one token."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

from singer_sdk.helpers._state import StateWriter
from typing_extensions import override

from tap_pennylane.errors import CompanyRefusedError, FatalError
from tap_pennylane.firm_state import FirmState
from tap_pennylane.reading import ReadingTap
from tap_pennylane.replication.budget import Budget
from tap_pennylane.run import CompanyRun, FirmRun
from tap_pennylane.streams import FIRM_STREAMS
from tap_pennylane.streams.firm import Companies
from tap_pennylane.sync_log import ALWAYS_LOGGED
from tap_pennylane.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk import Stream
    from singer_sdk.helpers.types import TapState

    from tap_pennylane.companies import Company
    from tap_pennylane.replication.stream_maps import StreamMapper

LOGGER = logging.getLogger("tap-pennylane")


class CompanyTap(ReadingTap):
    """The tap of one company: its messages go out through the firm's."""

    name = "tap-pennylane"

    def __init__(self, firm: Firm, company: Company) -> None:
        """Prepare it; nothing is sent yet.

        Args:
            firm: The firm that the company is a client of.
            company: The company.
        """
        self._firm = firm
        self._run = CompanyRun(firm.run, company, firm.between_pages)
        super().__init__(
            config=dict(firm.tap.config),
            catalog=firm.tap.input_catalog,
            state=firm.state.of(company),
            message_writer=firm.tap.message_writer,
        )
        self._state_writer = _StateWriter(firm, company)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        return []  # the firm's tap has done it

    @override
    def discover_streams(self) -> list[Stream]:
        return [stream(self) for stream in FIRM_STREAMS if stream is not Companies]

    @property
    @override
    def run(self) -> CompanyRun:
        return self._run

    @property
    @override
    def verification_budget(self) -> Budget:
        """The budget of all companies: the first whose verification is due is verified first."""
        return self._firm.verification_budget

    @override
    def setup_mapper(self) -> None:
        self.mapper = self._firm.tap.mapper

    @property
    @override
    def stream_maps(self) -> StreamMapper:
        return self._firm.tap.stream_maps


class _StateWriter(StateWriter):
    """Writes a company's state as a part of the firm's."""

    def __init__(self, firm: Firm, company: Company) -> None:
        super().__init__(firm.tap.message_writer)
        self._state = firm.state
        self._company = company

    @override
    def write_state(self, state: TapState) -> None:
        self._state.remember(self._company, state.get("bookmarks", {}))


class Firm:
    """The companies of one firm, and what became of them in this run."""

    def __init__(self, tap: ReadingTap) -> None:
        """Prepare it; nothing is sent yet.

        Args:
            tap: The firm's own tap, with the streams that a catalog selects.
        """
        if not isinstance(run := tap.run, FirmRun):
            msg = "the tap's run is not that of a firm"
            raise TypeError(msg)
        self.tap = tap
        self.run = run
        self.state = FirmState(tap.state, tap.message_writer)
        self.failed: list[Company] = []
        """The companies that were not delivered completely."""
        self.verification_budget = tap.verification_budget
        """The requests that verifications may cost until the companies' next turn."""
        self._turns: Turns[Company] | None = None

    @cached_property
    def companies(self) -> Sequence[Company]:
        """The companies in the order of need.

        Raises:
            PennylaneError: They can't be read.
        """
        return sorted(self.run.companies.all(), key=self.state.need)

    def read(self) -> None:
        """Read the selected streams of all companies."""
        self._tell_changes()
        for stream in self.tap.selected:
            if isinstance(stream, Companies):
                stream.sync()
        new = [one for one in self.companies if not self.state.is_loaded(one)]
        self._turns = Turns(
            [one for one in self.companies if one not in new],
            new,
            self._read,
            follow_seconds=60 * self.tap.config["follow_minutes"],
        )
        self._turns.take()
        self._log_turns()

    def between_pages(self) -> None:
        """Read the loaded companies again, if a first load takes long."""
        if self._turns and self._turns.are_due():
            LOGGER.info("The companies that are loaded are read before this first load goes on.")
            self.verification_budget = Budget(self.tap.config["verify_requests"])
            self._turns.follow()
            self._log_turns()

    def _log_turns(self) -> None:
        """Deliver the record of what was read since this was called last."""
        self.tap.streams["sync_log"].sync()

    def try_streams(self) -> None:
        """Read one record of every selected stream of one company."""
        for company in self.companies[:1]:
            LOGGER.info("Trying %s.", company)
            tap = CompanyTap(self, company)
            tap.try_streams()
            self._note_failures(company, tap.run)

    def _read(self, company: Company) -> None:
        if self.run.fatal:
            return
        number = self.companies.index(company) + 1
        LOGGER.info("Reading %s: %d of %d.", company, number, len(self.companies))
        tap = CompanyTap(self, company)
        run = tap.run
        try:
            tap.check_state()
        except FatalError as error:  # of this company alone: the others are read
            refused = CompanyRefusedError(f"{company} is not read: {error}")
            with run.log.entry(ALWAYS_LOGGED) as entry:
                entry.fail(str(refused))
            run.fail("state", refused)
        else:
            tap.read_streams()
            self.state.note_read(company, run.began)
        self.run.log.add(company.id, run.log)
        self._note_failures(company, run)

    def _note_failures(self, company: Company, run: CompanyRun) -> None:
        self.run.is_retry_useful |= run.is_retry_useful
        if run.fatal and not isinstance(run.fatal, CompanyRefusedError):
            self.run.fatal = run.fatal
        if company in self.failed:  # in an earlier turn
            self.failed.remove(company)
        if run.failures:
            self.failed.append(company)

    def _tell_changes(self) -> None:
        """Name the companies that appeared, that disappeared, or that do not exist."""
        before, now = self.state.names(), {one.id: one for one in self.companies}
        if new := [str(one) for one in now.values() if before and one.id not in before]:
            LOGGER.info("New: %s.", ", ".join(sorted(new)))
        for identity in sorted(before.keys() - now.keys()):
            LOGGER.warning(
                "The company '%s' (%d) is no longer among the companies that the token sees and "
                "the settings choose: its rows stay as they are.",
                before[identity],
                identity,
            )
            self.state.note_gone(identity)
        if unknown := self.run.companies.unknown():
            LOGGER.warning(
                "Setting 'company_ids' names companies that the token does not see: %s.",
                ", ".join(map(str, unknown)),
            )

    def report(self, code: int) -> None:
        """Log which companies were not delivered completely."""
        LOGGER.error(
            "%d of %d companies were not delivered completely (%s); the others were. Exit code %d.",
            len(self.failed),
            len(self.companies),
            ", ".join(str(company) for company in self.failed) or "the list itself",
            code,
        )

"""Ledger entries and their lines."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from tap_pennylane.replication.ledger import EntriesSource, LinesSource
from tap_pennylane.streams.base import PennylaneStream

if TYPE_CHECKING:
    from collections.abc import Sequence


class LedgerEntryLines(PennylaneStream):
    """Lines of the ledger entries: debits and credits."""

    name = "ledger_entry_lines"
    path = "/ledger_entry_lines"
    changelog = "/changelogs/ledger_entry_lines"
    link_changelogs: ClassVar[Sequence[tuple[str, str]]] = (
        ("/changelogs/ledger_entry_lines_categories", "ledger_entry_line"),
    )
    dated = True
    opening_pages = 2

    @cached_property
    @override
    def source(self) -> LinesSource:
        balances = self.tap.streams.get("trial_balance")
        uses_years = bool(balances and balances.selected)
        return self.source_of(
            LinesSource, self.run.fiscal_years.first_day_of if uses_years else lambda _: None
        )


class LedgerEntries(PennylaneStream):
    """Ledger entries, including drafts, entries without a date and those of closed years."""

    name = "ledger_entries"
    path = "/ledger_entries"
    changelog = LedgerEntryLines.changelog
    link_changelogs: ClassVar[Sequence[tuple[str, str]]] = (
        ("/changelogs/ledger_entry_lines_categories", "ledger_entry"),
        ("/changelogs/ledger_entries_categories", "ledger_entry"),
    )
    order = 1
    verify_days = 1  # a deleted line does not say which entry it belonged to
    dated = True
    may_lack_date = True
    once_lacked_undated = True  # that version always filtered by date

    @cached_property
    @override
    def source(self) -> EntriesSource:
        lines: LedgerEntryLines = self.tap.streams[LedgerEntryLines.name]
        return self.source_of(EntriesSource, lines.source, lambda: self.run.began)

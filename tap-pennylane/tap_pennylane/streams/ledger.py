"""Ledger entries and their lines."""

from __future__ import annotations

from functools import cached_property

from typing_extensions import override

from tap_pennylane.replication.ledger import EntriesSource, LinesSource
from tap_pennylane.streams.base import PennylaneStream


class LedgerEntryLines(PennylaneStream):
    """Lines of the ledger entries: debits and credits."""

    name = "ledger_entry_lines"
    path = "/ledger_entry_lines"
    changelog = "/changelogs/ledger_entry_lines"
    link_changelogs = (("/changelogs/ledger_entry_lines_categories", "ledger_entry_line"),)
    dated = True
    opening_pages = 2

    @cached_property
    @override
    def source(self) -> LinesSource:
        return self.source_of(LinesSource)


class LedgerEntries(PennylaneStream):
    """Ledger entries, including drafts, entries without a date and those of closed years."""

    name = "ledger_entries"
    path = "/ledger_entries"
    changelog = LedgerEntryLines.changelog
    link_changelogs = (
        ("/changelogs/ledger_entry_lines_categories", "ledger_entry"),
        ("/changelogs/ledger_entries_categories", "ledger_entry"),
    )
    order = 1
    dated = True
    may_lack_date = True
    once_lacked_undated = True  # that version always filtered by date

    @cached_property
    @override
    def source(self) -> EntriesSource:
        lines: LedgerEntryLines = self.tap.streams[LedgerEntryLines.name]
        return self.source_of(EntriesSource, lines.source)

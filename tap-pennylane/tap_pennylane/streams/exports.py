"""The exports: complete ledgers in files that Pennylane creates on request. Off by default."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from tap_pennylane.exports import fec, xlsx
from tap_pennylane.exports.files import ExportFiles
from tap_pennylane.streams.base import PennylaneStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_pennylane.api.collection import Collection
    from tap_pennylane.exports.table import FileFormat


class ExportStream(PennylaneStream):
    """One file per fiscal year, one row per line of the file.

    Lines have only a position, no id: if new rows overwrote old ones, the table would be a mixture
    until the last row. So the rows alternate between two copies, and the old copy stays until the
    new one is complete.
    """

    primary_keys = ("period_start", "period_end", "copy", "line")
    largest_page = None
    sort = None
    refresh_hours = 24
    selected_by_default = False
    opening_pages = 0
    order = 2  # creating the file takes time; the other streams need not wait for it

    file_format: ClassVar[FileFormat] = xlsx

    required: ClassVar[Sequence[str] | None] = ("date", "account", "debit", "credit")
    """The columns that a file must have; None for all."""

    @cached_property
    @override
    def collection(self) -> Collection:
        return self.collection_of(
            ExportFiles,
            self.file_format,
            self.own_keys,
            self.required,
            lambda: (self.output.version or 0) % 2,
            self.run.fiscal_years,
            self.config.get("start_date"),
        )


class Fec(ExportStream):
    """The FEC (fichier des écritures comptables), one row per line."""

    name = "fec"
    path = "/exports/fecs"
    file_format: ClassVar[FileFormat] = fec
    required = None


class GeneralLedgerExport(ExportStream):
    """The general ledger (grand livre), one row per line."""

    name = "general_ledger_export"
    path = "/exports/general_ledgers"


class AnalyticalGeneralLedgerExport(ExportStream):
    """The analytical general ledger (grand livre analytique), one row per line and category."""

    name = "analytical_general_ledger_export"
    path = "/exports/analytical_general_ledgers"

"""The exports: whole ledgers in files that Pennylane makes on order. Off by default."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_pennylane import fec, xlsx
from tap_pennylane.errors import PennylaneError, RecordError
from tap_pennylane.exports import exported
from tap_pennylane.record import RecordReader
from tap_pennylane.streams.base import PennylaneStream, schema_file
from tap_pennylane.table import Columns, FileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_pennylane.table import FileFormat

PAGE = 1000


class ExportStream(PennylaneStream):
    """A file for each fiscal year, a row a line of it.

    Lines have no id, only a place: new ones over old ones would be a mixture until the last. So
    there are two copies in turn, and the old one stays until the new one is whole.
    """

    primary_keys = ("period_start", "period_end", "copy", "line")
    largest_page = None
    sort = None
    refresh_hours = 24
    selected_by_default = False
    begins_with_itself = False
    order = 2  # the others need not wait until it is made

    file_format: ClassVar[FileFormat] = xlsx

    required: ClassVar[Sequence[str] | None] = ("date", "account", "debit", "credit")
    """The columns that a file must have; None for all."""

    @cached_property
    def _columns(self) -> Columns:
        schema = schema_file(self.name)
        keys = type(self).primary_keys
        required = self.required or [name for name in schema["properties"] if name not in keys]
        return Columns(schema, required)

    @property
    @override
    def readers(self) -> int:
        """While one file is read, the next one is made; more at once would only take room."""
        return min(2, super().readers)

    @override
    def slices(self) -> Iterable[dict[str, str]]:
        return self.fiscal_years()

    @override
    def pages(self, parameters: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        period = f"{parameters['period_start']} to {parameters['period_end']}"
        keys = {**parameters, "copy": (self._stream_version or 0) % 2}
        reader = RecordReader(schema_file(self.name), self.primary_keys)
        with exported(self.tap.client, self.path, parameters, self.file_format.check) as file:
            try:
                for item in self._items(file, keys):  # nothing of a file with a bad line is sent
                    reader.read(item)
                file.seek(0)
                items = self._items(file, keys)
                while page := list(islice(items, PAGE)):
                    yield page
            except (FileError, RecordError) as error:
                msg = f"The file of {self.path} for {period} can't be read: {error}"
                raise PennylaneError(msg) from error

    def _items(self, file: IO[bytes], keys: dict[str, Any]) -> Iterator[dict[str, Any]]:
        rows = enumerate(self.file_format.rows(file, self._columns), 1)
        return ({**row, **keys, "line": line} for line, row in rows)


class Fec(ExportStream):
    """The FEC (fichier des écritures comptables), a row a line."""

    name = "fec"
    path = "/exports/fecs"
    file_format: ClassVar[FileFormat] = fec
    required = None


class GeneralLedgerExport(ExportStream):
    """The general ledger (grand livre), a row a line."""

    name = "general_ledger_export"
    path = "/exports/general_ledgers"


class AnalyticalGeneralLedgerExport(ExportStream):
    """The analytical general ledger (grand livre analytique), a row a line and category."""

    name = "analytical_general_ledger_export"
    path = "/exports/analytical_general_ledgers"

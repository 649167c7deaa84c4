"""The files of one export as a collection: one file per fiscal year."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from typing_extensions import override

from tap_pennylane.errors import PennylaneError, RecordError
from tap_pennylane.exports.order import exported
from tap_pennylane.exports.table import Columns, FileError
from tap_pennylane.fiscal_years import ByFiscalYear
from tap_pennylane.record import RecordReader
from tap_pennylane.schemas import schema_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_pennylane.api.collection import Items
    from tap_pennylane.exports.table import FileFormat

PAGE = 1000
"""Rows per page handed on."""


class ExportFiles(ByFiscalYear):
    """Files that are ordered, downloaded, and read row by row."""

    def __init__(
        self,
        file_format: FileFormat,
        keys: Sequence[str],
        required: Sequence[str] | None,
        copy: Callable[[], int],
        *arguments: Any,
        **options: Any,
    ) -> None:
        """Prepare them; nothing is ordered yet.

        Args:
            file_format: Reads the files.
            keys: The columns that identify a row; the files do not contain them.
            required: The columns that a file must have; None for all.
            copy: Returns which of the two alternating copies the rows belong to, 0 or 1.
            arguments: Passed to `ByFiscalYear`.
            options: Passed to `ByFiscalYear`.
        """
        super().__init__(*arguments, **options)
        self._file_format = file_format
        self._keys = keys
        self._required = required
        self._copy = copy

    @property
    @override
    def readers(self) -> int:
        """At most two: the next file is created while one is read; more would only take space."""
        return min(2, super().readers)

    @cached_property
    def _columns(self) -> Columns:
        schema = schema_file(self.name)
        others = [name for name in schema["properties"] if name not in self._keys]
        return Columns(schema, self._required or others)

    @override
    def read_part(self, part: Mapping[str, Any]) -> Iterator[Items]:
        period = f"{part['period_start']} to {part['period_end']}"
        keys = {**part, "copy": self._copy()}
        reader = RecordReader(schema_file(self.name), self._keys)
        with exported(self.client, self.path, part, self._file_format.check) as file:
            try:
                for item in self._rows(file, keys):  # if a line is bad, nothing is sent
                    reader.read(item)
                file.seek(0)
                rows = self._rows(file, keys)
                while page := list(islice(rows, PAGE)):
                    yield page
            except (FileError, RecordError) as error:
                msg = f"The file of {self.path} for {period} can't be read: {error}"
                raise PennylaneError(msg) from error

    def _rows(self, file: IO[bytes], keys: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        rows = enumerate(self._file_format.rows(file, self._columns), 1)
        return ({**row, **keys, "line": line} for line, row in rows)

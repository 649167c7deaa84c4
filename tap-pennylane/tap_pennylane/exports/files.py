"""The files of one export as a collection: a file per fiscal year."""

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
"""Rows that are handed on at once."""


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
        """Describe them; nothing is ordered yet.

        Args:
            file_format: Reads the files.
            keys: The columns that identify a row; no file has them.
            required: The columns that a file must have; None for all.
            copy: Which of the two copies in turn the rows are of, 0 or 1.
            arguments: A collection's, and what it takes to be asked for by fiscal year.
            options: A collection's.
        """
        super().__init__(*arguments, **options)
        self._file_format = file_format
        self._keys = keys
        self._required = required
        self._copy = copy

    @property
    @override
    def readers(self) -> int:
        """While one file is read, the next one is made; more at once would only take room."""
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
                for item in self._rows(file, keys):  # nothing of a file with a bad line is sent
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

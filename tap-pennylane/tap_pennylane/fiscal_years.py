"""The company's fiscal years (exercices): several streams are read by them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_pennylane.api.collection import Collection
from tap_pennylane.errors import PennylaneError
from tap_pennylane.record import RecordReader
from tap_pennylane.schemas import schema_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_pennylane.api.collection import Items

PATH = "/fiscal_years"


class FiscalYears(Collection):
    """The list of fiscal years, read once per run."""

    @cached_property
    def _pages(self) -> list[Items]:
        return list(super().read_part({}))

    @override
    def read_part(self, part: Mapping[str, Any]) -> Iterator[Items]:
        return iter(self._pages)

    def periods(self, since: str | None) -> Iterator[dict[str, str]]:
        """The fiscal years that end on a day or later, as `period_start` and `period_end`.

        Raises:
            PennylaneError: They can't be read.
        """
        for year in self._records():
            if not since or year["finish"] >= since:
                yield {"period_start": year["start"], "period_end": year["finish"]}

    def first_day(self) -> str | None:
        """The day on which the oldest fiscal year begins; None if that can't be told."""
        try:
            return min((year["start"] for year in self._records()), default=None)
        except PennylaneError:  # reported by the stream of fiscal years itself
            return None

    def _records(self) -> list[dict[str, Any]]:
        reader = RecordReader(schema_file(self.name), keys=("start", "finish"))
        return [reader.read(item) for items in self._pages for item in items]


class ByFiscalYear(Collection):
    """A list, or a file, that is asked for one fiscal year at a time."""

    def __init__(
        self, years: FiscalYears, first_date: str | None, *arguments: Any, **options: Any
    ) -> None:
        """Describe it; nothing is sent yet.

        Args:
            years: The company's fiscal years.
            first_date: The fiscal years that end before are left out; None for all there are.
            arguments: A collection's.
            options: A collection's.
        """
        super().__init__(*arguments, **options)
        self._years = years
        self._first_date = first_date[:10] if first_date else None

    @override
    def parts(self) -> Iterator[dict[str, Any]]:
        return self._years.periods(self._first_date)

"""The company's fiscal years (exercices); several streams are read one year at a time."""

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

CLOSED = {"closed", "frozen"}
"""The statuses of fiscal years whose lines can't change; any other is taken for open."""


class FiscalYears(Collection):
    """The list of fiscal years, requested once per run, even if it can't be read."""

    @cached_property
    def _answer(self) -> list[Items] | PennylaneError:
        try:
            return list(super().read_part({}))
        except PennylaneError as error:
            return error

    @property
    def _pages(self) -> list[Items]:
        if isinstance(self._answer, PennylaneError):
            raise self._answer
        return self._answer

    @override
    def read_part(self, part: Mapping[str, Any]) -> Iterator[Items]:
        return iter(self._pages)

    def periods(self, since: str | None) -> Iterator[dict[str, str]]:
        """Yield `period_start` and `period_end` of each fiscal year that ends on a day or later.

        Args:
            since: The day, YYYY-MM-DD; None for all fiscal years.

        Raises:
            PennylaneError: The fiscal years can't be read.
        """
        for year in self._records:
            if not since or year["finish"] >= since:
                yield {"period_start": year["start"], "period_end": year["finish"]}

    @property
    def is_read(self) -> bool:
        """Whether the list was read in this run, so that it costs no request."""
        return isinstance(vars(self).get("_answer"), list)

    def are_open(self) -> dict[str, bool]:
        """Return whether each fiscal year accepts changes, by its first day.

        Raises:
            PennylaneError: The fiscal years can't be read.
        """
        return {year["start"]: year["status"] not in CLOSED for year in self._records}

    def first_day_of(self, day: str) -> str | None:
        """Return the first day of a date's fiscal year; None if it is unknown.

        Args:
            day: The date, YYYY-MM-DD.
        """
        try:
            years = self._records
        except PennylaneError:  # the stream `fiscal_years` reports it
            return None
        return next((one["start"] for one in years if one["start"] <= day <= one["finish"]), None)

    def first_day(self) -> str | None:
        """Return the first day of the oldest fiscal year, YYYY-MM-DD; None if it is unknown."""
        try:
            return min((year["start"] for year in self._records), default=None)
        except PennylaneError:  # the stream `fiscal_years` reports it
            return None

    @cached_property
    def _records(self) -> list[dict[str, Any]]:
        reader = RecordReader(schema_file(self.name), keys=("start", "finish"))
        return [reader.read(item) for items in self._pages for item in items]


class ByFiscalYear(Collection):
    """A list, or a file, that is requested for one fiscal year at a time."""

    def __init__(
        self, years: FiscalYears, first_date: str | None, *arguments: Any, **options: Any
    ) -> None:
        """Prepare it; nothing is sent yet.

        Args:
            years: The company's fiscal years.
            first_date: Fiscal years that end before this date are omitted; None for all.
            arguments: Passed to `Collection`.
            options: Passed to `Collection`.
        """
        super().__init__(*arguments, **options)
        self._years = years
        self._first_date = first_date[:10] if first_date else None

    @override
    def parts(self) -> Iterator[dict[str, Any]]:
        return self._years.periods(self._first_date)

"""What the address may say, and what is answered if it says something else."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from pennylane_dashboard import filters
from pennylane_dashboard.troubles import UnknownValueError

YEARS = filters.years(
    [
        {"start_date": date(2025, 7, 1), "end_date": date(2026, 6, 30)},
        {"start_date": date(2024, 2, 10), "end_date": date(2025, 6, 30)},
        {"start_date": date(2023, 1, 1), "end_date": date(2023, 12, 31)},
    ]
)


def test_a_fiscal_year_is_named_by_its_months_if_it_is_no_calendar_year() -> None:
    assert [year.label for year in YEARS] == ["07/2025–06/2026", "02/2024–06/2025", "2023"]


def test_the_year_of_today_comes_first_or_else_the_latest() -> None:
    assert filters.current(YEARS, date(2025, 1, 1)) is YEARS[1]
    assert filters.current(YEARS, date(2030, 1, 1)) is YEARS[0]


def test_the_periods_of_a_long_year_cover_it_once() -> None:
    whole, *rest = filters.periods(YEARS[1], "en")
    assert (whole.value, whole.since, whole.until) == ("", date(2024, 2, 10), date(2025, 6, 30))
    months = [each for each in rest if ".." not in each.value]
    quarters = [each for each in rest if ".." in each.value]
    assert [len(months), len(quarters)] == [17, 6]
    for parts in (months, quarters):
        assert parts[0].since == whole.since
        assert parts[-1].until == whole.until
        for one, following in pairwise(parts):
            assert (following.since - one.until).days == 1


def test_what_is_unknown_is_refused() -> None:
    assert filters.chosen(YEARS, None, YEARS[0]) is YEARS[0]
    assert filters.chosen(YEARS, "2023-01-01", YEARS[0]) is YEARS[2]
    with pytest.raises(UnknownValueError) as caught:
        filters.chosen(YEARS, "1999", YEARS[0], filters.NO_YEAR)
    assert (
        caught.value.words("fr", value=caught.value.value)
        == "L'adresse désigne un exercice que cette société n'a pas : 1999."
    )
    with pytest.raises(UnknownValueError):
        filters.language({"lang": "de"}, "fr")

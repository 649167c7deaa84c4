"""The filters: what the address says of them, and what the page shows for choosing them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pennylane_dashboard import formats
from pennylane_dashboard.database import Row
from pennylane_dashboard.troubles import UnknownValueError
from pennylane_dashboard.words import LANGUAGES, Language, Words

NO_COMPANY = Words(
    "L'adresse désigne une société que vous ne pouvez pas voir : {value}.",
    "The address names a company that you cannot see: {value}.",
)
NO_YEAR = Words(
    "L'adresse désigne un exercice que cette société n'a pas : {value}.",
    "The address names a fiscal year that this company does not have: {value}.",
)
NO_PERIOD = Words(
    "L'adresse désigne une période qui n'est pas dans cet exercice : {value}.",
    "The address names a period that is not in this fiscal year: {value}.",
)
NO_LANGUAGE = Words(
    "L'adresse désigne une langue inconnue : {value}.",
    "The address names an unknown language: {value}.",
)
NO_OPTION = Words(
    "L'adresse désigne une valeur de filtre inconnue : {value}.",
    "The address names an unknown filter value: {value}.",
)
WHOLE_YEAR = Words("Tout l'exercice", "Whole year")
QUARTER = Words("Trim. {number}", "Quarter {number}")
MONTHS_OF_A_QUARTER = 3


@dataclass(frozen=True)
class Option:
    """A value that a filter can have.

    Attributes:
        value: as the address has it.
        label: as the page shows it.
        since: first day, of a year or period.
        until: last day.
    """

    value: str
    label: str
    since: date = date.min
    until: date = date.max


def language(parameters: Mapping[str, str], default: Language) -> Language:
    """Return the language that the address names, or the browser's.

    Raises:
        UnknownValueError: it names another.
    """
    given = parameters.get("lang")
    if given is None:
        return default
    for each in LANGUAGES:
        if each == given:
            return each
    raise UnknownValueError(NO_LANGUAGE, given)


def chosen(
    options: Sequence[Option], given: str | None, default: Option, unknown: Words = NO_OPTION
) -> Option:
    """Return the option that the address names.

    Args:
        options: what there is.
        given: what the address says.
        default: the option if it says nothing.
        unknown: the sentence if it names something else.

    Raises:
        UnknownValueError: it names something else.
    """
    if given is None:
        return default
    for option in options:
        if option.value == given:
            return option
    raise UnknownValueError(unknown, given)


def companies(found: Sequence[Row]) -> list[Option]:
    """Return the companies, by name."""
    return [Option(str(row["company_id"]), row["company_name"]) for row in found]


def years(found: Sequence[Row]) -> list[Option]:
    """Return the fiscal years, the latest first."""
    options = []
    for row in found:
        since, until = row["start_date"], row["end_date"]
        label = str(since.year)
        if (since.month, since.day, until.month, until.day) != (1, 1, 12, 31):
            label = f"{since:%m/%Y}–{until:%m/%Y}"
        options.append(Option(since.isoformat(), label, since, until))
    return options


def current(options: Sequence[Option], today: date) -> Option:
    """Return the fiscal year of a day, or else the latest."""
    return next((each for each in options if each.since <= today <= each.until), options[0])


def periods(year: Option, language: Language) -> list[Option]:
    """Return the periods of a fiscal year: all of it, its quarters, its months."""
    months = []
    first = year.since
    while first <= year.until:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        last = min(following - timedelta(days=1), year.until)
        months.append(Option(f"{first:%Y-%m}", formats.month(first, language), first, last))
        first = following
    quarters = []
    for place in range(0, len(months), MONTHS_OF_A_QUARTER):
        part = months[place : place + MONTHS_OF_A_QUARTER]
        name = QUARTER(language, number=place // MONTHS_OF_A_QUARTER + 1)
        label = f"{name} ({part[0].label} – {part[-1].label})"
        value = f"{part[0].value}..{part[-1].value}"
        quarters.append(Option(value, label, part[0].since, part[-1].until))
    whole = Option("", WHOLE_YEAR(language), year.since, year.until)
    return [whole, *quarters, *months]

"""What is looked at: a company, a fiscal year, a period; and links that keep them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from pennylane_dashboard.words import Language, Words

FIRST = "overview"
"""The page of a company that is shown first."""


@dataclass(frozen=True)
class View:
    """What the filters say.

    Attributes:
        language: in which everything is written.
        company: its id.
        company_name: its name.
        year_start: first day of the fiscal year.
        year_end: last day of the fiscal year.
        since: first day of the period.
        until: last day of the period.
        today: the day in France.
        kept: the address's parameters that links to other pages keep.
        first: the page that is shown first: Streamlit gives it no name in the address.
    """

    language: Language
    company: int
    company_name: str
    year_start: date
    year_end: date
    since: date
    until: date
    today: date
    kept: Mapping[str, str]
    first: str = FIRST

    @property
    def values(self) -> dict[str, object]:
        """What queries are given, by name."""
        return {
            "company": self.company,
            "year_start": self.year_start,
            "year_end": self.year_end,
            "since": self.since,
            "until": self.until,
            "today": self.today,
        }

    def say(self, words: Words, /, **values: object) -> str:
        """Return a text in the language of the view."""
        return words(self.language, **values)

    def parameters(self, **changed: object) -> dict[str, str]:
        """Return the parameters of a link to another page: the same company, year and language.

        Args:
            changed: further parameters; None leaves one out.
        """
        merged: dict[str, object] = {**self.kept, **changed}
        return {name: str(value) for name, value in merged.items() if value is not None}

    def address(self, page: str, **changed: object) -> str:
        """Return the address of another page.

        Args:
            page: its name in the address; the first page has none.
            changed: further parameters; None leaves one out.
        """
        query = urlencode(self.parameters(**changed))
        path = "./" if page == self.first else page
        return f"{path}?{query}" if query else path

    def here(self, **changed: object) -> str:
        """Return the address of this page with other parameters.

        Args:
            changed: further parameters; None leaves one out.
        """
        return f"?{urlencode(self.parameters(**changed))}"

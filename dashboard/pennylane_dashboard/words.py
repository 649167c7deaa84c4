"""Everything that is said in two languages."""

from dataclasses import dataclass
from typing import Literal

Language = Literal["fr", "en"]
LANGUAGES: tuple[Language, ...] = ("fr", "en")


@dataclass(frozen=True)
class Words:
    """The same text in French and in English."""

    fr: str
    en: str

    def __call__(self, language: Language, /, **values: object) -> str:
        """Return the text in a language.

        Args:
            language: which one.
            values: for the text's placeholders.
        """
        text = self.fr if language == "fr" else self.en
        return text.format(**values) if values else text


def preferred(locale: str | None) -> Language:
    """Return the language for a browser's locale: French unless it asks for another language."""
    return "fr" if not locale or locale.lower().startswith("fr") else "en"

"""How amounts, dates and numbers are written in each language. Amounts stay exact."""

import re
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from pennylane_dashboard.words import Language

NARROW_SPACE = "\u202f"
SPACE = "\u00a0"
AMOUNT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,10})?")
MONTHS = {
    "fr": [
        *("janv.", "févr.", "mars", "avr.", "mai", "juin"),
        *("juil.", "août", "sept.", "oct.", "nov.", "déc."),
    ],
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
}


def number(value: Decimal | int, language: Language, *, decimals: int = 0) -> str:
    """Write a number with its thousands separated.

    Args:
        value: the number.
        language: whose separators to use.
        decimals: how many to show; rounded half up, as accountants do.
    """
    exact = Decimal(value).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    if not exact:
        exact = abs(exact)  # no "-0"
    text = f"{exact:,.{decimals}f}"
    if language == "fr":
        return text.replace(",", NARROW_SPACE).replace(".", ",")
    return text


def amount(
    value: Decimal | int, language: Language, *, decimals: int = 2, currency: str = "EUR"
) -> str:
    """Write an amount of money: `1 234 567,89 €` or `€1,234,567.89`.

    Args:
        value: the amount.
        language: in which it is written.
        decimals: how many to show.
        currency: code of the currency.
    """
    text = number(value, language, decimals=decimals)
    if currency != "EUR":
        return f"{text}{SPACE}{currency}"
    if language == "fr":
        return f"{text}{SPACE}€"
    return f"-€{text[1:]}" if text.startswith("-") else f"€{text}"


def change(now: Decimal, before: Decimal, language: Language) -> str | None:
    """Write by how many percent an amount changed; None if that says nothing.

    Args:
        now: the amount.
        before: what it was.
        language: in which it is written.
    """
    if before == 0 or (now < 0) != (before < 0):
        return None
    percent = (now - before) * 100 / abs(before)
    sign = "+" if percent > 0 else ""
    space = SPACE if language == "fr" else ""
    return f"{sign}{number(percent, language, decimals=1)}{space}%"


def day(value: date, language: Language) -> str:
    """Write a date: 31/12/2025 or 31 Dec 2025."""
    if language == "fr":
        return f"{value:%d/%m/%Y}"
    return f"{value.day} {MONTHS['en'][value.month - 1]} {value.year}"


def month(value: date, language: Language) -> str:
    """Write a month: déc. 2025 or Dec 2025."""
    return f"{MONTHS[language][value.month - 1]}{SPACE}{value.year}"


def moment(value: datetime, language: Language) -> str:
    """Write a time to the minute."""
    return f"{day(value, language)} {value:%H:%M}"


def parsed_amount(text: str) -> Decimal | None:
    """Read an amount as either language writes it; None if it is none.

    Args:
        text: such as `1 234,50 €` or `1,234.50`.
    """
    kept = "".join(text.split()).replace("-€", "-", 1).strip("€")
    if "," in kept and "." in kept:
        # The separator of the decimals comes last.
        thousands = "," if kept.rfind(".") > kept.rfind(",") else "."
        kept = kept.replace(thousands, "")
    plain = kept.replace(",", ".")
    return Decimal(plain) if AMOUNT.fullmatch(plain) else None

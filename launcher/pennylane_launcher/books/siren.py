"""The SIREN: the nine digits that identify a French company."""

import re

_SIREN_OR_SIRET = re.compile(r"\d{9}(\d{5})?", re.ASCII)


def of(registration: str | None) -> str | None:
    """Return the SIREN in a registration number, a SIREN or a SIRET; None if it has none.

    Args:
        registration: as people write it, with spaces or dots.
    """
    digits = re.sub(r"[\s.\u00a0-]", "", registration or "")
    found = digits[:9] if _SIREN_OR_SIRET.fullmatch(digits) else ""
    return found if is_valid(found) else None


def is_valid(siren: str) -> bool:
    """Tell whether a number has nine digits, and the last one checks the others (Luhn)."""
    if not re.fullmatch(r"\d{9}", siren, re.ASCII) or siren == "000000000":
        return False
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(siren))
    return sum(number - 9 * (number > 9) for number in doubled) % 10 == 0  # noqa: PLR2004

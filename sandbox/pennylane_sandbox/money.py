"""Amounts: integer cents inside, decimal strings outside."""

from decimal import ROUND_HALF_UP, Decimal


def plain(cents: int) -> str:
    """Always two decimals, as in ledger lines."""
    sign = "-" if cents < 0 else ""
    units, rest = divmod(abs(cents), 100)
    return f"{sign}{units}.{rest:02}"


def short(cents: int) -> str:
    """At least one decimal and no unnecessary zeros, as in documents."""
    text = plain(cents)
    return text.removesuffix("0")


def share(cents: int, rate: int) -> int:
    """A share of an amount, at a rate in hundred-thousandths, rounded half up."""
    sign = -1 if cents < 0 else 1
    return sign * ((abs(cents) * rate * 2 + 100_000) // 200_000)


def convert(cents: int, rate: str) -> int:
    """The same amount in euros."""
    return int((cents * Decimal(rate)).quantize(Decimal(1), ROUND_HALF_UP))

"""Tokens and their scopes."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows; `company_id` is the company that a company token sees."""

    scopes: tuple[str, ...]
    company_id: int | None


class Tokens:
    """The tokens of one API, with their scopes."""

    def __init__(self, scopes: Iterable[str]) -> None:
        """Start with all existing scopes."""
        self.all_scopes = tuple(sorted(set(scopes)))
        self._granted: dict[str, Grant] = {}

    def grant(
        self, token: str, scopes: Iterable[str] | None = None, company_id: int | None = None
    ) -> tuple[str, ...]:
        """Add a token with these scopes, or with all scopes."""
        granted = self.all_scopes if scopes is None else tuple(sorted(set(scopes)))
        self._granted[token] = Grant(granted, company_id)
        return granted

    def grant_without(
        self, token: str, families: Iterable[str], company_id: int | None = None
    ) -> tuple[str, ...]:
        """Add a token with all scopes except those of some families."""
        left_out = set(families)
        scopes = (one for one in self.all_scopes if one.partition(":")[0] not in left_out)
        return self.grant(token, scopes, company_id)

    def find(self, token: str) -> Grant | None:
        """Return what a token allows; None for an unknown token."""
        return self._granted.get(token)

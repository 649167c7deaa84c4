"""Tokens and their scopes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows, and until when; `company_id` is what a company token sees."""

    scopes: tuple[str, ...]
    company_id: int | None
    expires: float


class Tokens:
    """The tokens of one API, with their scopes."""

    def __init__(self, scopes: Iterable[str], now: Callable[[], float]) -> None:
        """Start with all existing scopes, by this clock."""
        self._now = now
        self.all_scopes = tuple(sorted(set(scopes)))
        self._granted: dict[str, Grant] = {}

    def grant(
        self,
        token: str,
        scopes: Iterable[str] | None = None,
        company_id: int | None = None,
        expires: float = inf,
    ) -> tuple[str, ...]:
        """Add a token with these scopes, or with all scopes."""
        granted = self.all_scopes if scopes is None else tuple(sorted(set(scopes)))
        self._granted[token] = Grant(granted, company_id, expires)
        return granted

    def grant_without(
        self, token: str, families: Iterable[str], company_id: int | None = None
    ) -> tuple[str, ...]:
        """Add a token with all scopes except those of some families."""
        left_out = set(families)
        scopes = (one for one in self.all_scopes if one.partition(":")[0] not in left_out)
        return self.grant(token, scopes, company_id)

    def find(self, token: str) -> Grant | None:
        """Return what a token allows; None for an unknown or expired token."""
        grant = self._granted.get(token)
        return grant if grant and self._now() < grant.expires else None

    def revoke(self, token: str) -> None:
        """Let a token allow nothing any more."""
        self._granted.pop(token, None)

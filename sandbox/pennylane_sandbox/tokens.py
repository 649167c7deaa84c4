"""Tokens and their scopes."""

from collections.abc import Iterable


class Tokens:
    """The tokens that the sandbox knows, with their scopes."""

    def __init__(self, scopes: Iterable[str]) -> None:
        """Start with all existing scopes."""
        self.all_scopes = tuple(sorted(set(scopes)))
        self._granted: dict[str, tuple[str, ...]] = {}

    def grant(self, token: str, scopes: Iterable[str] | None = None) -> tuple[str, ...]:
        """Add a token with these scopes, or with all scopes."""
        granted = self.all_scopes if scopes is None else tuple(sorted(set(scopes)))
        self._granted[token] = granted
        return granted

    def grant_without(self, token: str, families: Iterable[str]) -> tuple[str, ...]:
        """Add a token with all scopes except those of some families."""
        left_out = set(families)
        return self.grant(
            token, (one for one in self.all_scopes if one.partition(":")[0] not in left_out)
        )

    def scopes(self, token: str) -> tuple[str, ...] | None:
        """Return a token's scopes; None for an unknown token."""
        return self._granted.get(token)

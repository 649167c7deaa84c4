"""A pair of OAuth tokens, and what is asked of the place that holds it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from tap_pennylane.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

SIGN_IN = "sign in with the command tap-pennylane-login"


@dataclass(frozen=True)
class Pair:
    """An access token, until when it is valid, and the refresh token that replaces both."""

    client_id: str
    access_token: str
    refresh_token: str
    expires_at: str
    """The time in ISO format, so that people can read it."""

    def __post_init__(self) -> None:
        """Hide the tokens in all output."""
        redact(self.access_token)
        redact(self.refresh_token)

    def __repr__(self) -> str:
        """Return a text without the tokens."""
        return f"{type(self).__name__}(expires_at={self.expires_at!r})"

    def is_valid_for(self, seconds: float) -> bool:
        """Return whether the access token is still valid after so many seconds."""
        left = datetime.fromisoformat(self.expires_at).astimezone(UTC) - datetime.now(UTC)
        return left.total_seconds() > seconds


def parsed(found: Mapping[str, object]) -> Pair | None:
    """Return the pair with these values; None if it is not complete."""
    names = ("client_id", "access_token", "refresh_token", "expires_at")
    try:
        values = [found[name] for name in names]
        is_whole = all(isinstance(value, str) and value for value in values)
        datetime.fromisoformat(str(found["expires_at"])).astimezone(UTC)
    except (ValueError, LookupError, TypeError, OverflowError):
        return None
    return Pair(*map(str, values)) if is_whole else None


class Credentials(Protocol):
    """A place for a pair, which several processes share."""

    @property
    def setting(self) -> str:
        """The setting that says where it is."""

    @property
    def label(self) -> str:
        """What messages call it, after "the"."""

    @property
    def settling(self) -> float:
        """For how many seconds a process that no longer holds the lock may still write."""

    def prepare(self, patience: float) -> None:
        """Make sure that a first pair can be written, before anybody signs in.

        Args:
            patience: For how many seconds to wait for another process.

        Raises:
            TransientError: A retry may succeed.
            FatalError: It can't be written.
        """

    def read(self) -> Pair:
        """Return the pair, without waiting for the lock.

        Raises:
            TransientError: A retry may succeed.
            FatalError: There is none, others can read it, or it is damaged.
        """

    def locked(self, patience: float) -> AbstractContextManager[None]:
        """Be the only process that may replace the pair.

        Args:
            patience: For how many seconds to wait for another process.

        Raises:
            TransientError: Another process still replaces it, or a retry may succeed.
            FatalError: It can't be locked.
        """

    def replacement(self) -> AbstractContextManager[Callable[[Pair], None]]:
        """Prepare to replace the pair, and yield what does so; the caller holds the lock.

        Whatever keeps a new pair from being written is found out here as far as possible, while
        the old one is still valid. When the function returns, the new pair survives a crash.

        Raises:
            TransientError: A retry may succeed.
            FatalError: It can't be written.
        """

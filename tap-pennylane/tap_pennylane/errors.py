"""Errors; their messages are sentences for the person who runs the tap, without a full stop."""

from __future__ import annotations


class PennylaneError(Exception):
    """One stream can't be read completely; the others continue."""


class RefusedError(PennylaneError):
    """The API refuses a request, and would refuse it again."""

    def __init__(self, message: str, status: int, words: str = "") -> None:
        """Keep the HTTP status and the API's own error message."""
        super().__init__(message)
        self.status = status
        self.words = words


class FatalError(PennylaneError):
    """No stream can be read, for example because the token is refused; ends the run."""


class UnauthorizedError(FatalError):
    """The API refuses the token."""


class SignInEndedError(FatalError):
    """Pennylane refuses the refresh token: the user must sign in again."""


class UnreachableError(FatalError):
    """Nothing can be read at the moment, because Pennylane does not respond; a retry may help."""


class CompanyRefusedError(FatalError):
    """None of a firm's company can be read; the other companies are."""


class UnavailableError(PennylaneError):
    """A request kept failing, and its retries are used up; a later run may succeed."""


class RecordError(PennylaneError):
    """A record's value does not fit its schema."""


class ExpiredError(PennylaneError):
    """The bookmark is older than the oldest event that the changelog keeps."""


class TransientError(Exception):
    """An attempt failed, and a retry may succeed."""

    def __init__(self, cause: str, retry_after: float | None = None) -> None:
        """Keep the cause, and how many seconds the server asks to wait."""
        super().__init__(cause)
        self.retry_after = retry_after

"""What can go wrong, as sentences for the person who runs the tap."""

from __future__ import annotations


class PennylaneError(Exception):
    """One stream can't be read whole; the others go on."""


class RefusedError(PennylaneError):
    """The API does not answer a request, and would not if it came again."""

    def __init__(self, message: str, status: int, words: str = "") -> None:
        """Note the HTTP status, and the API's own words."""
        super().__init__(message)
        self.status = status
        self.words = words


class FatalError(PennylaneError):
    """Nothing can be read, nor by trying again: a refused token, another company's state."""


class UnreachableError(FatalError):
    """Nothing can be read now; it may heal by itself: Pennylane does not answer."""


class UnavailableError(PennylaneError):
    """A request kept failing in ways that may heal."""


class RecordError(PennylaneError):
    """A value of a record can't be what its schema promises."""


class UntraceableError(PennylaneError):
    """The changelogs don't say which records changed: the collection must be read whole."""


class ExpiredError(UntraceableError):
    """The bookmark is older than what the changelogs keep."""


class TransientError(Exception):
    """An attempt failed in a way that may heal."""

    def __init__(self, cause: str, retry_after: float | None = None) -> None:
        """Note the cause, and the seconds to wait that the server asks for."""
        super().__init__(cause)
        self.retry_after = retry_after

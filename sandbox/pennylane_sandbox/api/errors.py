"""The API's refusals, in the shapes of its document."""

from typing import Any


class ApiError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        """Keep what to answer."""
        super().__init__(status, body)
        self.status = status
        self.body = body


def refusal(status: int, text: str) -> ApiError:
    """Refuse in the ordinary shape."""
    return ApiError(status, {"error": text, "status": status})


def invalid(message: str, code: str | None = None) -> ApiError:
    """Refuse a malformed request, in the shape of the API's request validation."""
    body = {"message": message}
    return ApiError(400, body | {"code": code} if code else body)


def not_found() -> ApiError:
    """Refuse an address that leads nowhere."""
    return refusal(404, "Not Found")

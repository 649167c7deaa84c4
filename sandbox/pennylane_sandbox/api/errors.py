"""The API's refusals, in the shapes of its document."""

from typing import Any, NoReturn


class ApiError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        """Keep what to answer."""
        super().__init__(status, body)
        self.status = status
        self.body = body


def refuse(status: int, text: str) -> NoReturn:
    """Refuse in the ordinary shape."""
    raise ApiError(status, {"error": text, "status": status})


def refuse_malformed(message: str, code: str | None = None) -> NoReturn:
    """Refuse a malformed request, in the shape of the API's request validation."""
    body = {"message": message}
    raise ApiError(400, body | {"code": code} if code else body)


def refuse_unknown() -> NoReturn:
    """Refuse an address that leads nowhere."""
    refuse(404, "Not Found")

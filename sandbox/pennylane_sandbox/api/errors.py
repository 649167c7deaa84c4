"""The API's error answers, in the formats of its document."""

from typing import Any, NoReturn


class ApiError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        """Store the answer."""
        super().__init__(status, body)
        self.status = status
        self.body = body


def refuse(status: int, text: str) -> NoReturn:
    """Refuse in the usual format."""
    raise ApiError(status, {"error": text, "status": status})


def refuse_malformed(message: str, code: str | None = None) -> NoReturn:
    """Refuse a malformed request, in the format of the API's request validation."""
    body = {"message": message}
    raise ApiError(400, body | {"code": code} if code else body)


def refuse_unknown() -> NoReturn:
    """Refuse an unknown address."""
    refuse(404, "Not Found")

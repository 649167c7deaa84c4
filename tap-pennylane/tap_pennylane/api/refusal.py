"""Turns a refused request into an error that says what to do."""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import urlsplit

from tap_pennylane.errors import FatalError, PennylaneError, RefusedError, UnauthorizedError

WHERE_TOKENS_ARE = "in Pennylane under Settings → Connectivity → Developers"

_REDIRECTS = range(300, 400)
_REPORT = "look for a newer version of tap-pennylane, and report this message if there is none"


def refusal(path: str, status: int, words: str, location: str | None = None) -> PennylaneError:
    """Return the error for a response that a retry would not change.

    Args:
        path: The requested path.
        status: The HTTP status, neither 429 nor 5xx.
        words: The response's error message.
        location: The target of a redirect.
    """
    cause = f"HTTP {status}: {words}"
    if status == HTTPStatus.UNAUTHORIZED:
        return UnauthorizedError(
            "Pennylane refuses the token (401): it is wrong, expired or revoked. "
            f"Create a new one {WHERE_TOKENS_ARE} and set it as 'api_token'"
        )
    if status in _REDIRECTS and location:
        parts = urlsplit(location)
        return FatalError(
            f"{path} is redirected ({cause}) to {parts.scheme}://{parts.hostname}. "
            "Set 'api_url' to a host that does not redirect"
        )
    if status == HTTPStatus.BAD_REQUEST and "https port" in words.lower():
        return FatalError(f"The server expects https ({cause}). Use https:// in 'api_url'")
    if status == HTTPStatus.FORBIDDEN:
        advice = f"Give the token that scope {WHERE_TOKENS_ARE}, or deselect the stream"
        return RefusedError(f"Pennylane refuses {path} ({cause}). {advice}", status, words)
    return RefusedError(
        f"Pennylane rejects {path} ({cause}). {_advice(status, words)}", status, words
    )


def _advice(status: int, words: str) -> str:
    if status == HTTPStatus.NOT_FOUND:
        return f"If it is not part of this company's plan, deselect the stream; otherwise {_REPORT}"
    if status == HTTPStatus.BAD_REQUEST and re.search(r"\blimit\b", words):
        return "Set 'page_size' to a number that the API allows"
    if status == HTTPStatus.BAD_REQUEST and re.search(r"\bdate\b", words):
        return f"Check the setting 'start_date'; if it is right, {_REPORT}"
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
        return f"Retrying will not help: {_REPORT}"
    return f"Run again; if the error persists, {_REPORT}"


def allowed_limit(error: RefusedError, asked: object) -> int | None:
    """Return the largest page size that the API allows, if its error message names it.

    Args:
        error: The API's error, such as "limit must be between 1 and 100".
        asked: The `limit` of the request.
    """
    if error.status != HTTPStatus.BAD_REQUEST or not isinstance(asked, int):
        return None
    if not re.search(r"\blimit\b", error.words):
        return None
    numbers = (int(number) for number in re.findall(r"\d+", error.words))
    return max((number for number in numbers if 0 < number < asked), default=None)

"""What it means that Pennylane refuses a request, and what to do about it."""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import urlsplit

from tap_pennylane.errors import FatalError, PennylaneError, RefusedError

WHERE_TOKENS_ARE = "in Pennylane under Settings → Connectivity → Developers"

_REDIRECTS = range(300, 400)
_REPORT = "look for a newer version of tap-pennylane, and report this message if there is none"


def refusal(path: str, status: int, words: str, location: str | None = None) -> PennylaneError:
    """The error for an answer that will not change when the request is repeated.

    Args:
        path: What was asked for.
        status: The HTTP status, neither 429 nor 5xx.
        words: What the answer says.
        location: Where a redirect leads to.
    """
    said = f"HTTP {status}: {words}"
    if status == HTTPStatus.UNAUTHORIZED:
        return FatalError(
            "Pennylane refuses the token (401): it is wrong, expired or revoked. "
            f"Create one {WHERE_TOKENS_ARE} and set it as 'api_token'"
        )
    if status in _REDIRECTS and location:
        parts = urlsplit(location)
        return FatalError(
            f"{path} is redirected ({said}) to {parts.scheme}://{parts.hostname}. "
            "Set 'api_url' to the host that answers itself"
        )
    if status == HTTPStatus.BAD_REQUEST and "https port" in words.lower():
        return FatalError(f"The server expects https ({said}). Write https:// in 'api_url'")
    if status == HTTPStatus.FORBIDDEN:
        advice = f"Give the token that scope {WHERE_TOKENS_ARE}, or deselect the stream"
        return RefusedError(f"Pennylane refuses {path} ({said}). {advice}", status, words)
    return RefusedError(
        f"Pennylane rejects {path} ({said}). {_advice(status, words)}", status, words
    )


def _advice(status: int, words: str) -> str:
    if status == HTTPStatus.NOT_FOUND:
        return (
            "It may not be part of this company's plan: then deselect the stream; "
            f"or else {_REPORT}"
        )
    if status == HTTPStatus.BAD_REQUEST and re.search(r"\blimit\b", words):
        return "Set 'page_size' to a number that it allows"
    if status == HTTPStatus.BAD_REQUEST and re.search(r"\bdate\b", words):
        return f"Check the setting 'start_date'; if it is right, {_REPORT}"
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
        return f"Repeating it is of no use: {_REPORT}"
    return f"Run again; if the message stays the same, {_REPORT}"


def allowed_limit(error: RefusedError, asked: object) -> int | None:
    """The largest page that a refused request could have asked for, if the refusal names it.

    Args:
        error: What the API answered, such as "limit must be between 1 and 100".
        asked: The `limit` of the request.
    """
    if error.status != HTTPStatus.BAD_REQUEST or not isinstance(asked, int):
        return None
    if not re.search(r"\blimit\b", error.words):
        return None
    numbers = (int(number) for number in re.findall(r"\d+", error.words))
    return max((number for number in numbers if 0 < number < asked), default=None)

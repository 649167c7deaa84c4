"""Sends an alert as JSON to an HTTP address."""

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pennylane_launcher.errors import LauncherError

TIMEOUT = 10
"""Seconds to wait for the receiver, at each step."""


class NotSentError(Exception):
    """The receiver did not accept it."""

    def __init__(self, reason: str) -> None:
        """Keep the reason, without the address, which often is a secret."""
        super().__init__(reason)


class _NoRedirects(HTTPRedirectHandler):
    """Refuses redirects: a redirected POST would arrive empty."""

    def redirect_request(
        self,
        _request: Request,
        _file: IO[bytes],
        _code: int,
        _msg: str,
        _headers: object,
        _url: str,
    ) -> None:
        """Follow no redirect, so that its status is an error."""


def checked(url: str) -> str:
    """Return the address if it is valid.

    Raises:
        LauncherError: it is not an HTTP address.
    """
    if url and not url.startswith(("https://", "http://")):
        msg = "ALERT_WEBHOOK_URL does not begin with https:// or http://."
        raise LauncherError(msg)
    return url


def post(url: str, payload: Mapping[str, Any]) -> None:
    """Send one alert.

    Args:
        url: the receiver's address.
        payload: what is sent, as JSON.

    Raises:
        NotSentError: it was not accepted.
    """
    try:
        request = Request(  # noqa: S310 - `checked` saw the scheme
            url,
            data=json.dumps(payload).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "pennylane-launcher"},
        )
        with build_opener(_NoRedirects).open(request, timeout=TIMEOUT):
            return
    except HTTPError as error:
        error.close()
        reason = f"HTTP {error.code}"
    except URLError as error:
        cause = error.reason
        reason = (cause.strerror if isinstance(cause, OSError) else "") or type(cause).__name__
    except (OSError, HTTPException, ValueError) as error:
        reason = type(error).__name__
    raise NotSentError(reason)

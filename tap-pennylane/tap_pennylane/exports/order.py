"""Orders and downloads exports, files to which Pennylane gives a signed link for a limited time."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from http import HTTPStatus
from itertools import count
from typing import IO, TYPE_CHECKING, Any

import requests

from tap_pennylane.api.answer import connection_trouble
from tap_pennylane.errors import PennylaneError, TransientError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_pennylane.api.client import Client

PATIENCE = 3600.0
"""Maximum seconds until an export must be ready."""

LONGEST_POLL = 15.0
"""Maximum seconds between two checks of an export's status."""

CHUNK = 1 << 20


@contextmanager
def exported(
    client: Client, path: str, order: Mapping[str, str], check: Callable[[IO[bytes]], None]
) -> Iterator[IO[bytes]]:
    """Order an export, wait for it, and provide its file.

    The temporary file has no name, so it disappears even if the process is killed.

    Args:
        client: Sends the requests.
        path: The endpoint that takes orders.
        order: The body of the order: the period.
        check: Raises `TransientError` for an incomplete file.

    Yields:
        The complete file, at its beginning.

    Raises:
        PennylaneError: The export failed, or could not be downloaded completely.
    """
    answer = client.post(path, order)
    number = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(number, int):
        msg = f"{path} did not return an 'id' for the order"
        raise PennylaneError(msg)
    address = f"{path}/{number}"
    with tempfile.TemporaryFile(prefix="tap-pennylane-") as file:
        try:
            client.persistent(_fetch)(address, client, file, check)
        except TransientError as error:
            msg = (
                f"The download of {address} kept failing; last error: {error}. "
                "Nothing is lost: run again later"
            )
            raise UnavailableError(msg) from error
        file.seek(0)
        yield file


def _fetch(
    address: str, client: Client, file: IO[bytes], check: Callable[[IO[bytes]], None]
) -> None:
    """Try once, with a new link, because older ones may have expired."""
    link = _link(client, address)
    file.seek(0)
    file.truncate()
    try:
        _download(client, link, file)
    except requests.RequestException as error:
        raise TransientError(_trouble(error)) from None  # its message may contain the link
    except OSError as error:
        msg = f"The file of {address} can't be saved in {tempfile.gettempdir()}: {error.strerror}"
        raise PennylaneError(msg) from error
    file.seek(0)
    check(file)


def _link(client: Client, address: str) -> str:
    """Check an export's status, less and less often, until it is ready; return its link."""
    deadline = time.monotonic() + PATIENCE
    for attempt in count():
        answer = client.get(address)
        export: dict[str, Any] = answer if isinstance(answer, dict) else {}
        status, link = export.get("status"), export.get("file_url")
        if status == "error":
            msg = f"Pennylane could not create the export {address}. Run again later"
            raise PennylaneError(msg)
        if status not in {"pending", "ready"}:
            msg = f"{address} did not return the status of the export"
            raise PennylaneError(msg)
        if status == "ready" and link is not None:
            if isinstance(link, str) and link.startswith(("https://", "http://")):
                return link
            msg = f"{address} returned a 'file_url' that is not a link"
            raise PennylaneError(msg)
        wait = min(LONGEST_POLL, 2.0**attempt)
        if time.monotonic() + wait > deadline:
            break
        time.sleep(wait)
    msg = f"The export {address} is not ready after {PATIENCE / 60:.0f} minutes. Run again later"
    raise PennylaneError(msg)


def _download(client: Client, link: str, file: IO[bytes]) -> None:
    """Download from a signed link, without the token: the link may lead to another host."""
    with requests.Session() as session:
        session.headers.update({"User-Agent": client.user_agent, "Accept-Encoding": "identity"})
        session.auth = _no_credentials
        with client.budget_for(link):
            answer = session.get(link, stream=True, timeout=client.timeout)
        with answer:
            if answer.status_code != HTTPStatus.OK:
                msg = f"HTTP {answer.status_code} for the link"
                raise TransientError(msg)
            for chunk in answer.iter_content(CHUNK):
                file.write(chunk)


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Prevent requests from reading a netrc file."""
    return request


def _trouble(error: requests.RequestException) -> str:
    trouble = connection_trouble(error)
    return type(error).__name__ if "://" in trouble or "?" in trouble else trouble

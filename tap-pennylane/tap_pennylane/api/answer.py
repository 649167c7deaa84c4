"""What an HTTP response contains: JSON, the rate limit's state, the time, an error message."""

from __future__ import annotations

import json
import socket
import time
import zlib
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3

from tap_pennylane.errors import PennylaneError, TransientError

LONGEST_PAUSE = 300.0
"""Maximum seconds to wait if the server asks for it: a longer wait would look like a hang."""

LARGEST = 64 << 20
"""Maximum bytes of a response, decompressed."""

CHUNK = 1 << 16
"""Maximum bytes per read."""

_GZIP = 16 + zlib.MAX_WBITS
"""The window size that makes zlib expect gzip's format."""

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def body(response: requests.Response, path: str, deadline: float) -> bytes:
    """Read and decompress a response's body.

    Args:
        response: A response whose body was not read yet.
        path: The requested path, for errors.
        deadline: When the body must be complete, by the monotonic clock.

    Raises:
        TransientError: It was not complete by the deadline, or is truncated.
        PennylaneError: It is larger than any response of the API.
        requests.RequestException: The connection failed.
    """
    packed = response.headers.get("content-encoding", "identity") != "identity"
    unpacker = zlib.decompressobj(_GZIP) if packed else None
    found = bytearray()
    try:
        while data := response.raw.read1(CHUNK, decode_content=False):
            room = LARGEST + 1 - len(found)
            found += unpacker.decompress(data, room) if unpacker else data
            if len(found) > LARGEST:
                msg = (
                    f"{path} returned more than {LARGEST >> 20} MiB, which no page of a list has. "
                    "Check that 'api_url' is Pennylane's; if it is, run again later"
                )
                raise PennylaneError(msg)
            if time.monotonic() > deadline:
                msg = "the response was not complete in time"
                raise TransientError(msg)
    except (urllib3.exceptions.HTTPError, zlib.error) as error:
        raise requests.exceptions.ConnectionError(error, request=response.request) from error
    if unpacker and not unpacker.eof:
        msg = f"the response of {len(found)} bytes is truncated"
        raise TransientError(msg)
    return bytes(found)


def document(content: bytes) -> object:
    """Decode a body's JSON; numbers with a fraction become `Decimal`.

    Raises:
        TransientError: The response is truncated or not JSON.
    """
    try:
        found = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:  # Python's own parser is slower, but accepts lone surrogates.
            found = json.loads(content, parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            msg = f"the response of {len(content)} bytes is truncated or not JSON"
            raise TransientError(msg) from error
        return _storable(found)
    return _storable(found) if b"\\u0000" in content else found


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _storable(value: object) -> object:
    """Replace NUL and lone surrogates, which databases cannot store as text, with U+FFFD."""
    if isinstance(value, str):
        text = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value


def budget(response: requests.Response | None) -> tuple[int | None, float | None]:
    """Return the rate limit's state: requests left, and seconds until the limit resets.

    `ratelimit-reset` is Unix time by the server's clock, so it is compared with the response's
    `Date`.
    """
    if response is None:
        return None, None
    remaining = _number(response.headers.get("ratelimit-remaining"))
    reset = _number(response.headers.get("ratelimit-reset"))
    if remaining is None:
        return None, None
    if reset is None:
        return int(remaining), None
    now = date(response) or datetime.now(UTC)
    return int(remaining), max(0.0, reset - now.timestamp())


def date(response: requests.Response) -> datetime | None:
    """Return the time of the response by the server's clock; None if it has no valid `Date`."""
    try:
        return parsedate_to_datetime(response.headers.get("date", "")).astimezone(UTC)
    except ValueError:
        return None


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds to wait that the response asks for; None if it names none."""
    return _number(response.headers.get("retry-after"))


def _number(header: str | None) -> float | None:
    try:
        number = float(header) if header is not None else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None


def words(content: bytes, reason: str) -> str:
    """Return a response's error message; the API has several formats for errors.

    Args:
        content: The body.
        reason: The reason phrase of the status line, for a body without a message.
    """
    try:
        found = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if isinstance(found, dict):
        for key in ("message", "error"):
            if isinstance(found.get(key), str):
                return _short(found[key])
    return _short(content.decode("utf-8", "replace")) or reason


def _short(text: str) -> str:
    return " ".join(text.split())[:300].rstrip(".")


def connection_trouble(error: requests.RequestException) -> str:
    """Describe the innermost cause, without the object addresses in urllib3's messages."""
    if isinstance(error, requests.Timeout):
        return "no response in time"
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__  # type: ignore[assignment]
    if isinstance(cause, socket.gaierror):
        host = urlsplit(str(error.request.url)).hostname if error.request else ""
        return f"the host name {host} cannot be resolved; check it and this machine's network"
    return f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__


def tls_trouble(url: str, error: requests.exceptions.SSLError) -> str:
    """Describe why a TLS connection failed."""
    if any(sign in str(error) for sign in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")):
        return f"{url} responds in plain http, not https. Use http:// in 'api_url'"
    return f"The certificate of {url} can't be verified: {error}. Check 'api_url'"

"""Keeps the token out of the log, even if a server echoes it."""

from __future__ import annotations

import json
import logging
from html import escape
from urllib.parse import quote, quote_plus

_FORMATTER = logging.Formatter()


class Redaction(logging.Filter):
    """Replaces a secret in messages and stack traces."""

    def __init__(self, secret: str) -> None:
        """Filter out this secret."""
        super().__init__()
        self._secret = secret

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the secret; let every record pass."""
        message = record.getMessage()
        if self._secret in message:
            record.msg, record.args = message.replace(self._secret, "[secret]"), None
        if record.exc_info:
            trace = record.exc_text or _FORMATTER.formatException(record.exc_info)
            if self._secret in trace:
                record.exc_text = trace.replace(self._secret, "[secret]")
                record.exc_info = None
        for name, value in vars(record).items():
            if isinstance(value, str) and name != "msg" and self._secret in value:
                setattr(record, name, value.replace(self._secret, "[secret]"))
        return True


SHORTEST = 6
"""Shorter secrets are not hidden: no token is that short, and ordinary words would contain them."""

_secrets: set[str] = set()


def forms(secret: str) -> set[str]:
    """Return a secret as it is, and as JSON, Python, URLs and HTML encode it."""
    as_json = {json.dumps(secret, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False)}
    as_url = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    return {secret, *as_json, *as_url, repr(secret)[1:-1], escape(secret)}


def redacted(text: str) -> str:
    """Return the text with every secret that `redact` knows replaced."""
    for secret in sorted(_secrets, key=len, reverse=True):  # one may begin with another
        text = text.replace(secret, "[secret]")
    return text


def redact(secret: str) -> None:
    """Hide `secret` in everything that the root logger's handlers write from now on."""
    if len(secret) < SHORTEST:
        return
    found = sorted(forms(secret), key=len, reverse=True)
    _secrets.update(found)
    for handler in logging.getLogger().handlers:
        for form in found:
            handler.addFilter(Redaction(form))

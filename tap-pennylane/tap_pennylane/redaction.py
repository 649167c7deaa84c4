"""Keeps the token out of everything that is logged, whatever a server echoes."""

from __future__ import annotations

import json
import logging
from html import escape
from urllib.parse import quote, quote_plus

_FORMATTER = logging.Formatter()


class Redaction(logging.Filter):
    """Replaces a secret in messages and stack traces."""

    def __init__(self, secret: str) -> None:
        """Remember what must not be shown."""
        super().__init__()
        self._secret = secret

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the secret; every record passes."""
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
"""No token is shorter, and a shorter text would be found in innocent words."""

_secrets: set[str] = set()


def forms(secret: str) -> set[str]:
    """A secret as it is, and as JSON, Python, a URL or HTML write it."""
    as_json = {json.dumps(secret, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False)}
    as_url = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    return {secret, *as_json, *as_url, repr(secret)[1:-1], escape(secret)}


def redacted(text: str) -> str:
    """The text without the secrets that `redact` was told of."""
    for secret in sorted(_secrets, key=len, reverse=True):  # one may be the beginning of another
        text = text.replace(secret, "[secret]")
    return text


def redact(secret: str) -> None:
    """Keep `secret` out of what the process's log handlers write from now on."""
    if len(secret) < SHORTEST:
        return
    found = sorted(forms(secret), key=len, reverse=True)
    _secrets.update(found)
    for handler in logging.getLogger().handlers:
        for form in found:
            handler.addFilter(Redaction(form))

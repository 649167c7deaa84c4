"""Keeps secrets, and amounts, out of a text that somebody will be sent."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

SECRET = re.compile(r"TOKEN|PASSWORD|SECRET|CREDENTIAL|WEBHOOK|(_|^)KEY(_|$)", re.IGNORECASE)
URL = re.compile(r"(_|^)(URL|URI|CONN)$", re.IGNORECASE)
SHORTEST = 6
"""What is shorter would be found in innocent words."""
NAMES = "tap-pennylane target-postgresql mapper-snake-case meltano localhost"
"""A password like one of these words would hide what a line is about, and is known to everybody."""
AMOUNT = re.compile(r"(?<![\w.:/-])[-+]?\d+(?:[  \u202f,.']\d{3})*[.,]\d{1,6}(?![\w.:])")
LONGEST = 240


class Secrets:
    """Replaces the secrets of the settings in a text."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        """Learn the secrets.

        Args:
            settings: environment variables, those of `.env` included.
        """
        found: set[str] = set()
        for name, value in settings.items():
            if URL.search(name) and "WEBHOOK" not in name.upper():
                found |= _passwords(value)
            elif SECRET.search(name) and not Path(value).is_absolute():
                found.add(value)
        found |= {secret.strip().removeprefix("Bearer ").strip() for secret in found}
        found |= {quote(secret, safe="") for secret in found}
        found |= {json.dumps(secret)[1:-1] for secret in found}
        secrets = (text for text in found if len(text) >= SHORTEST and text not in NAMES)
        self._secrets = sorted(secrets, key=len, reverse=True)

    def hide(self, text: str) -> str:
        """Return the text without the secrets, as they are or as URLs and JSON write them."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


class Redaction:
    """Replaces the secrets of the settings, and any amount, in a text made one short line."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        """Learn the secrets.

        Args:
            settings: environment variables, those of `.env` included.
        """
        self._secrets = Secrets(settings)

    def __call__(self, text: str, longest: int = LONGEST) -> str:
        """Return the text as one line without secrets and amounts, cut to a length."""
        text = self._secrets.hide(text)
        text = AMOUNT.sub("…", " ".join(text.split()))
        return text if len(text) <= longest else text[: longest - 1] + "…"


def _passwords(url: str) -> set[str]:
    try:
        parts = urlsplit(url)
        found = {parts.password or "", *parse_qs(parts.query).get("password", ())}
    except ValueError:
        return set()
    return found | {unquote(password) for password in found}

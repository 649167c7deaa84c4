"""Keeps secrets, and amounts, out of a text that somebody will be sent."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

SECRET = re.compile(r"TOKEN|PASSWORD|SECRET|CREDENTIAL|WEBHOOK|(_|^)KEY(_|$)", re.IGNORECASE)
URL = re.compile(r"(_|^)(URL|URI)$", re.IGNORECASE)
SHORTEST = 6
"""What is shorter would be found in innocent words."""
NAMES = "tap-pennylane target-postgresql mapper-snake-case meltano localhost"
"""A password like one of these words would hide what a line is about, and is known to everybody."""
AMOUNT = re.compile(r"(?<![\w.:/-])[-+]?\d+(?:[  \u202f,.']\d{3})*[.,]\d{1,6}(?![\w.:])")
LONGEST = 240


class Redaction:
    """Replaces the secrets of the settings, and any amount, in a text made one short line."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        """Learn the secrets.

        Args:
            settings: environment variables, those of `.env` included.
        """
        found: set[str] = set()
        for name, value in settings.items():
            if URL.search(name) and "WEBHOOK" not in name.upper():
                found.add(_password(value))
            elif SECRET.search(name) and not Path(value).is_absolute():
                found.add(value)
        found |= {quote(secret, safe="") for secret in found}
        secrets = (text for text in found if len(text) >= SHORTEST and text not in NAMES)
        self.secrets = sorted(secrets, key=len, reverse=True)

    def __call__(self, text: str, longest: int = LONGEST) -> str:
        """Return the text as one line without secrets and amounts, cut to a length."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        text = AMOUNT.sub("…", " ".join(text.split()))
        return text if len(text) <= longest else text[: longest - 1] + "…"


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""

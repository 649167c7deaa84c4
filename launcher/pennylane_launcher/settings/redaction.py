"""Keeps secrets out of the terminal, the log and alerts, and amounts out of alerts."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

from pennylane_launcher.errors import SettingsError
from pennylane_launcher.settings import companies, envfile
from pennylane_launcher.settings.vocabulary import vocabulary

SECRET = re.compile(r"TOKEN|PASSWORD|SECRET|CREDENTIAL|WEBHOOK|(_|^)KEY$", re.IGNORECASE)
PATH = re.compile(r"_(FILE|PATH|DIR)$", re.IGNORECASE)
URL = re.compile(r"(_|^)(URL|URI|CONN)$", re.IGNORECASE)
SHORTEST = 6
AMOUNT = re.compile(r"(?<![\w.:/-])[-+]?\d+(?:[  \u202f,.']\d{3})*[.,]\d{1,6}(?![\w.:])")
LONGEST = 240


class Secrets:
    """Hides the secrets among the settings; nothing else decides what a secret is."""

    def __init__(self, project: Path, settings: Mapping[str, str]) -> None:
        """Learn the secrets.

        Args:
            project: the project's folder.
            settings: environment variables, those of `.env` included.
        """
        self._names = vocabulary(project, settings)
        tokens = companies.tokens(project, settings).items()
        settings = {**settings, **{f"company {name} TOKEN": token for name, token in tokens}}
        self.found = {
            name: values for name, value in settings.items() if (values := _secrets(name, value))
        }
        """By setting: its value, or the passwords in a URL."""
        hidden = {
            form
            for secrets in self.found.values()
            for secret in secrets
            if not self.weakness(secret)
            for form in _forms(secret)
        }
        self._hidden = sorted(hidden, key=len, reverse=True)

    @classmethod
    def of(cls, project: Path) -> Self:
        """Return the secrets of a project; only the environment's if `.env` cannot be read."""
        try:
            return cls(project, envfile.variables(project))
        except SettingsError:
            return cls(project, os.environ)

    def hide(self, text: str) -> str:
        """Return the text without the secrets, plain or as encoded in URLs and JSON."""
        for secret in self._hidden:
            text = text.replace(secret, "***")
        return text

    def weakness(self, secret: str) -> str:
        """Say why hiding a secret would hide parts of innocent words; empty if it would not."""
        if len(secret) < SHORTEST:
            return f"is shorter than {SHORTEST} characters"
        if any(secret.casefold() in name for name in self._names):
            return "is a name that messages need, or a part of one"
        return ""


class Redaction:
    """Turns a text into one short line without secrets and amounts."""

    def __init__(self, secrets: Secrets) -> None:
        """Learn the secrets.

        Args:
            secrets: the secrets to hide.
        """
        self._secrets = secrets

    def __call__(self, text: str, longest: int = LONGEST) -> str:
        """Return the text as one line without secrets and amounts, truncated to a length."""
        text = self._secrets.hide(text)
        text = AMOUNT.sub("…", " ".join(text.split()))
        return text if len(text) <= longest else text[: longest - 1] + "…"


def _secrets(name: str, value: str) -> set[str]:
    """Return the secrets in a setting; none in an ordinary one, or in the path of a secret."""
    if URL.search(name) and "WEBHOOK" not in name.upper():
        return _passwords(value)
    if not SECRET.search(name) or PATH.search(name):
        return set()
    bare = value.strip().removeprefix("Bearer ").strip()
    return {bare} if bare else set()


def _passwords(url: str) -> set[str]:
    try:
        parts = urlsplit(url)
        found = {parts.password or "", *parse_qs(parts.query).get("password", ())}
    except ValueError:
        return set()
    return {form for password in found if password for form in (password, unquote(password))}


def _forms(secret: str) -> set[str]:
    """Return a secret in each form: plain, and as encoded in URLs and JSON."""
    forms = {secret, quote(secret, safe=""), quote(secret)}
    return forms | {json.dumps(form)[1:-1] for form in forms}

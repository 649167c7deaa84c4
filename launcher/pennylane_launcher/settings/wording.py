"""Rewrites the tap's messages for the terminal: no secrets, settings named as in `.env`."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import yaml

from pennylane_launcher import meltano
from pennylane_launcher.settings.companies import Company
from pennylane_launcher.settings.redaction import Secrets

PREFIX = "TAP_PENNYLANE_"


def wording(
    project: Path, settings: Mapping[str, str], company: Company | None = None
) -> Callable[[str], str]:
    """Return the function that rewrites a message of a run for the terminal.

    Args:
        project: the project's folder.
        settings: environment variables, those of `.env` included.
        company: the one that is loaded, if each has a token of its own.
    """
    places = {"api_token": company.place} if company else {}
    names, secrets = SettingsNames(_of_the_tap(project), places), Secrets(project, settings)
    return lambda text: names(secrets.hide(text))


def _of_the_tap(project: Path) -> list[str]:
    """Return the names of the tap's settings, as `meltano.yml` declares them."""
    plugins = yaml.safe_load((project / "meltano.yml").read_text(encoding="utf-8"))["plugins"]
    return [
        setting["name"]
        for tap in plugins.get("extractors", ())
        if tap["name"] == meltano.TAP
        for setting in tap.get("settings", ())
    ]


class SettingsNames:
    """Replaces the setting names that the tap's messages quote with their variables."""

    def __init__(self, names: Iterable[str], places: Mapping[str, str] | None = None) -> None:
        """Learn the names.

        Args:
            names: of the tap's settings.
            places: by name, where those are set that have no variable of their own.
        """
        self._places = places or {}
        options = "|".join(map(re.escape, names))
        # An empty alternative would match everywhere.
        self._quoted = re.compile(rf"(?:\b[Tt]he setting |\b[Ss]etting )?'({options})'(?!\w)")
        self._is_empty = not options

    def __call__(self, text: str) -> str:
        """Return the text with each quoted setting replaced by its variable and where to set it."""
        return text if self._is_empty else self._quoted.sub(self._place, text)

    def _place(self, found: re.Match[str]) -> str:
        return self._places.get(found[1]) or _variable(found[1])


def _variable(setting: str) -> str:
    name = PREFIX + setting.upper()
    # The environment wins over the file.
    return f"the environment variable {name}" if name in os.environ else f"{name} in `.env`"

"""Messages as a person may and can read them: no secrets, and settings as `.env` names them."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import yaml

from pennylane_launcher import meltano
from pennylane_launcher.settings.redaction import Secrets

PREFIX = "TAP_PENNYLANE_"


def wording(project: Path, settings: Mapping[str, str]) -> Callable[[str], str]:
    """Return what puts a message of a run into words for the terminal.

    Args:
        project: the project's folder.
        settings: environment variables, those of `.env` included.
    """
    names, secrets = SettingsNames(_of_the_tap(project)), Secrets(project, settings)
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
    """Puts variables in the place of the names that the tap's messages quote."""

    def __init__(self, names: Iterable[str]) -> None:
        """Learn the names.

        Args:
            names: of the tap's settings.
        """
        options = "|".join(map(re.escape, names))
        # A name for itself, or none: without settings nothing is to be found.
        self._quoted = re.compile(rf"(?:\b[Tt]he setting |\b[Ss]etting )?'({options})'(?!\w)")
        self._is_empty = not options

    def __call__(self, text: str) -> str:
        """Return the text with each quoted setting as the variable that sets it, and where."""
        return text if self._is_empty else self._quoted.sub(_variable, text)


def _variable(found: re.Match[str]) -> str:
    name = PREFIX + found[1].upper()
    # What the environment says stands above the file.
    return f"the environment variable {name}" if name in os.environ else f"{name} in `.env`"

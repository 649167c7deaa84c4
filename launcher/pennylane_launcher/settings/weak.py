"""Secrets that cannot be hidden: a token is refused, a password causes a warning."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pennylane_launcher import meltano
from pennylane_launcher.errors import SettingsError
from pennylane_launcher.settings.companies import Access
from pennylane_launcher.settings.redaction import Secrets

TOKEN = "TAP_PENNYLANE_API_TOKEN"  # noqa: S105 - a name
OURS = (*meltano.OURS, "ALERT_", "SMTP_")


def refuse_token(project: Path, settings: Mapping[str, str]) -> None:
    """Refuse a token that messages could not hide.

    Args:
        project: the project's folder.
        settings: environment variables, those of `.env` included.

    Raises:
        SettingsError: it cannot be a Pennylane token.
    """
    secrets = Secrets(project, settings)
    for token in secrets.found.get(TOKEN, ()):
        if weakness := secrets.weakness(token):
            msg = (
                f"{TOKEN} {weakness}: that is not a Pennylane token, and messages and logs could"
                " not hide it. Copy the whole token from Pennylane into `.env`."
            )
            raise SettingsError(msg)


def refuse_tokens(project: Path, settings: Mapping[str, str], chosen: Iterable[Access]) -> None:
    """Refuse companies' tokens that messages could not hide.

    Args:
        project: the project's folder.
        settings: environment variables, those of `.env` included.
        chosen: the companies.

    Raises:
        SettingsError: one cannot be a Pennylane token.
    """
    secrets = Secrets(project, settings)
    for access in chosen:
        if weakness := secrets.weakness(access.token):
            msg = (
                f"The token of company '{access.company.name}' {weakness}: that is not a Pennylane"
                " token, and messages and logs could not hide it. Copy the whole token from"
                f" Pennylane: {access.company.place}."
            )
            raise SettingsError(msg)


def warnings(project: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each reason why messages and logs cannot hide a password.

    Args:
        project: the project's folder.
        settings: environment variables, those of `.env` included.
    """
    secrets = Secrets(project, settings)
    weak: dict[str, list[str]] = {}
    for name, values in secrets.found.items():
        if name.startswith(OURS) and name != TOKEN:
            for weakness in {secrets.weakness(value) for value in values} - {""}:
                weak.setdefault(weakness, []).append(name)
    for weakness, names in weak.items():
        yield (
            f"Warning: messages and logs cannot hide the password in {' and '.join(names)}: it"
            f" {weakness}. Choose another one."
        )

"""Starts Streamlit, with a sign-in if the settings describe one.

Run in the folder `dashboard`: `python -m pennylane_dashboard.start [OPTIONS OF STREAMLIT]`.
"""

import hashlib
import hmac
import json
import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

LOOPBACK = ("", "127.0.0.1", "::1", "[::1]", "localhost")
SETTINGS = (
    "DASHBOARD_URL",
    "DASHBOARD_OIDC_METADATA_URL",
    "DASHBOARD_OIDC_CLIENT_ID",
    "DASHBOARD_OIDC_CLIENT_SECRET",
)
SIGN_IN_IS_ON = "DASHBOARD_HAS_SIGN_IN"
"""The variable that tells the app so."""
OWN_SECRETS = Path(".streamlit/secrets.toml")
"""Where Streamlit looks for a sign-in that was set up in its own way."""


class SettingsError(Exception):
    """The settings cannot work; says what to do."""


def main(arguments: Sequence[str]) -> int:
    """Serve the dashboard until it is stopped.

    Args:
        arguments: options of Streamlit.
    """
    with ExitStack() as stack:
        try:
            secrets = sign_in(os.environ)
            has_sign_in = bool(secrets) or _is_set_up(OWN_SECRETS)
            refuse_strangers(os.environ, has_sign_in=has_sign_in)
        except SettingsError as error:
            print(error, file=sys.stderr)  # noqa: T201 - for the person at the terminal
            return 78
        from streamlit.web import cli  # noqa: PLC0415 - it takes a second

        os.environ[SIGN_IN_IS_ON] = "yes" if has_sign_in else "no"
        options = list(arguments)
        if secrets:
            file = Path(stack.enter_context(TemporaryDirectory())) / "secrets.toml"
            file.touch(mode=0o600)
            file.write_text(secrets, encoding="utf-8")
            options.append(f"--secrets.files={file}")
        cli.main(["run", "app.py", *options], prog_name="streamlit", standalone_mode=False)
    return 0


def sign_in(settings: Mapping[str, str]) -> str | None:
    """Return Streamlit's secrets for a sign-in by OpenID Connect; None if there is none.

    Args:
        settings: environment variables.

    Raises:
        SettingsError: only a part of it is there.
    """
    given = {name: settings.get(name, "").strip() for name in SETTINGS}
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(SETTINGS):
        return None
    if missing:
        msg = f"The sign-in is not described completely: set {', '.join(missing)} in `.env`."
        raise SettingsError(msg)
    url, metadata, client, secret = given.values()
    # Whoever has it could sign in as anybody: as secret as the client's, and as lasting.
    cookies = hmac.new(secret.encode(), b"pennylane dashboard's cookies", hashlib.sha256)
    values = {
        "redirect_uri": f"{url.rstrip('/')}/oauth2callback",
        "cookie_secret": cookies.hexdigest(),
        "client_id": client,
        "client_secret": secret,
        "server_metadata_url": metadata,
    }
    # A string of JSON is one of TOML.
    lines = (f"{name} = {json.dumps(value)}" for name, value in values.items())
    return "\n".join(["[auth]", *lines, ""])


def _is_set_up(secrets: Path) -> bool:
    """Tell whether somebody set up a sign-in in Streamlit's own way."""
    try:
        return "auth" in tomllib.loads(secrets.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        msg = f"dashboard/{secrets} cannot be read: {error}."
        raise SettingsError(msg) from error


def refuse_strangers(settings: Mapping[str, str], *, has_sign_in: bool) -> None:
    """Refuse to be reached from other machines without a sign-in.

    Args:
        settings: environment variables.
        has_sign_in: whether people have to sign in.

    Raises:
        SettingsError: others would see everything.
    """
    address = settings.get("DASHBOARD_ADDRESS", "").strip()
    if address not in LOOPBACK and not has_sign_in:
        msg = (
            f"DASHBOARD_ADDRESS={address} would open the dashboard to other machines without a"
            f" sign-in. Set {', '.join(SETTINGS)} in `.env`, or remove it."
        )
        raise SettingsError(msg)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Which parts of a text are hidden, and which secrets are refused or cause a warning."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from pennylane_launcher.errors import SettingsError
from pennylane_launcher.running.progress import Progress
from pennylane_launcher.settings import weak
from pennylane_launcher.settings.redaction import Redaction, Secrets
from pennylane_launcher.settings.wording import wording

ROOT = Path(__file__).parents[2]
PASSWORD = "p@ss:w/rd%é"  # noqa: S105


def shown(event: str, **settings: str) -> str | None:
    """Return what the progress shows of a Meltano error."""
    progress = Progress(wording(ROOT, settings))
    return progress.feed(json.dumps({"event": event, "level": "error"}))


def test_what_is_no_secret_stays() -> None:
    redaction = Redaction(
        Secrets(
            ROOT,
            {
                "A_TOKEN": "tok-123",
                "A_URL": "https://me:pw-456@host/",
                "POSTGRES_PASSWORD": "pennylane",
                "KEY_FILE": "/etc/key",
                "TAP_PENNYLANE_FLATTENING_MAX_KEY_LENGTH": "41100020",
            },
        )
    )
    text = "HTTP 403 at 127.0.0.1:5432 on 2026-01-31 v4.4.1 /etc/key pennylane.journals 41100020"
    assert redaction(text) == text
    assert redaction("tok-123 pw-456 12.50 1 234,56 -0.99") == "*** *** … … …"


@pytest.mark.parametrize(
    "settings",
    [
        {"TARGET_POSTGRES_PASSWORD": PASSWORD},
        {"POSTGRES_PASSWORD": f" {PASSWORD}\n"},
        {"TARGET_POSTGRES_SQLALCHEMY_URL": f"postgresql://me:{quote(PASSWORD, safe='')}@host/db"},
        {"MELTANO_DATABASE_URI": f"postgresql://@/db?password={quote(PASSWORD, safe='')}"},
        {"TAP_PENNYLANE_CREDENTIALS_URL": f"postgresql://me:{quote(PASSWORD, safe='')}@host/db"},
        {"TAP_PENNYLANE_API_TOKEN": f"Bearer {PASSWORD}"},
        {"TAP_PENNYLANE_API_TOKEN": "/begins-like-a-path"},
    ],
)
def test_the_progress_hides_a_secret_wherever_it_is_set(settings: dict[str, str]) -> None:
    token = settings.get("TAP_PENNYLANE_API_TOKEN", "")
    secret = token if token.startswith("/") else PASSWORD
    for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
        assert shown(f"refused: {form}", **settings) == "meltano: refused: ***"


@pytest.mark.parametrize("secret", ["t", "postgres", "Customers", "ledger_entry_lines", "billing"])
def test_a_secret_like_an_innocent_word_is_not_half_hidden(secret: str) -> None:
    text = "meltano: role postgres may not write billing, Customers and ledger_entry_lines"
    for name in ("TAP_PENNYLANE_API_TOKEN", "POSTGRES_PASSWORD"):
        assert shown(text, **{name: secret}) == f"meltano: {text}"


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("t", "is shorter than 6 characters"),
        (" Bearer abc\n", "is shorter than 6 characters"),
        ("meltano", "is a name that messages need"),
        ("customer_invoices", "is a name that messages need"),
        ("books_of_2026", "is a name that messages need"),
    ],
)
def test_such_a_token_is_refused(token: str, why: str) -> None:
    settings = {"TAP_PENNYLANE_API_TOKEN": token, "POSTGRES_DB": "books_of_2026"}
    with pytest.raises(SettingsError, match=f"TAP_PENNYLANE_API_TOKEN {why}"):
        weak.refuse_token(ROOT, settings)
    weak.refuse_token(ROOT, settings | {"TAP_PENNYLANE_API_TOKEN": "sandbox-token"})


def test_such_a_password_is_warned_of_once() -> None:
    settings = {
        "POSTGRES_PASSWORD": "postgres",
        "MELTANO_DATABASE_URI": "postgresql://me:postgres@host/books",
        "SMTP_PASSWORD": "abc",
        "PGADMIN_PASSWORD": "long-and-strong",
        "TAP_PENNYLANE_FLATTENING_MAX_KEY_LENGTH": "63",
        "TOKENIZERS_PARALLELISM": "false",
    }
    named, short = weak.warnings(ROOT, settings)
    assert named == (
        "Warning: messages and logs cannot hide the password in POSTGRES_PASSWORD and"
        " MELTANO_DATABASE_URI: it is a name that messages need, or a part of one. Choose another"
        " one."
    )
    assert short == (
        "Warning: messages and logs cannot hide the password in SMTP_PASSWORD: it is shorter than"
        " 6 characters. Choose another one."
    )
    assert list(weak.warnings(ROOT, {"POSTGRES_PASSWORD": "", "SMTP_PASSWORD": PASSWORD})) == []

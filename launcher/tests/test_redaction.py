"""What a text that somebody is sent does not hold."""

from pennylane_launcher.settings.redaction import Redaction


def test_what_is_no_secret_stays() -> None:
    redaction = Redaction(
        {
            "A_TOKEN": "tok-123",
            "A_URL": "https://me:pw-456@host/",
            "POSTGRES_PASSWORD": "pennylane",
            "KEY_FILE": "/etc/key",
        }
    )
    text = "HTTP 403 at 127.0.0.1:5432 on 2026-01-31 v4.4.1 /etc/key pennylane.journals 41100020"
    assert redaction(text) == text
    assert redaction("tok-123 pw-456 12.50 1 234,56 -0.99") == "*** *** … … …"

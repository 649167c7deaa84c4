"""The sign-in that the settings describe, and who may reach the dashboard without one."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from pennylane_dashboard.start import SETTINGS, SettingsError, main, refuse_strangers, sign_in

if TYPE_CHECKING:
    from pathlib import Path

GIVEN = {
    "DASHBOARD_URL": "https://books.example/",
    "DASHBOARD_OIDC_METADATA_URL": "https://id.example/.well-known/openid-configuration",
    "DASHBOARD_OIDC_CLIENT_ID": "books",
    "DASHBOARD_OIDC_CLIENT_SECRET": 'a "secret"\\',
}


def test_the_settings_become_streamlits_secrets() -> None:
    found = tomllib.loads(sign_in(GIVEN) or "")["auth"]
    assert found.pop("cookie_secret") != GIVEN["DASHBOARD_OIDC_CLIENT_SECRET"]
    assert found == {
        "redirect_uri": "https://books.example/oauth2callback",
        "client_id": "books",
        "client_secret": 'a "secret"\\',
        "server_metadata_url": GIVEN["DASHBOARD_OIDC_METADATA_URL"],
    }


def test_all_settings_or_none() -> None:
    assert sign_in({}) is None
    assert sign_in(dict.fromkeys(SETTINGS, "")) is None
    for name in SETTINGS:
        with pytest.raises(SettingsError, match=f"set {name} in"):
            sign_in({**GIVEN, name: ""})


def test_without_a_sign_in_only_this_machine_reaches_it() -> None:
    for address in ("", "127.0.0.1", "localhost"):
        refuse_strangers({"DASHBOARD_ADDRESS": address}, has_sign_in=False)
    for address in ("0.0.0.0", "::", "192.168.1.7"):  # noqa: S104
        refuse_strangers({"DASHBOARD_ADDRESS": address}, has_sign_in=True)
        with pytest.raises(SettingsError, match="to other machines without a sign-in"):
            refuse_strangers({"DASHBOARD_ADDRESS": address}, has_sign_in=False)


def test_it_does_not_start_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DASHBOARD_ADDRESS", "0.0.0.0")  # noqa: S104
    assert main([]) == 78
    assert "to other machines without a sign-in" in capsys.readouterr().err
    secrets = tmp_path / ".streamlit" / "secrets.toml"
    secrets.parent.mkdir()
    for text, sentence in (("[other]", "without a sign-in"), ("[auth", "cannot be read")):
        secrets.write_text(text, encoding="utf-8")
        assert main([]) == 78
        assert sentence in capsys.readouterr().err

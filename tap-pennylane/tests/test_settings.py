"""Each wrong setting is reported in one sentence that names it and says what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from singer_sdk.exceptions import ConfigValidationError
from tap_pennylane.settings import problems
from tap_pennylane.tap import TapPennylane

TOKEN = "a-secret-token"  # noqa: S105 - of nobody


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("api_url", "app.pennylane.com", "scheme and host"),
        ("api_url", "https://app.pennylane.com/api/external/v2", "scheme and host"),
        ("api_url", "https://app.pennylane.com:port", "scheme and host"),
        ("api_url", "ftp://app.pennylane.com", "scheme and host"),
        ("start_date", "31/01/2024", "2024-01-31"),
        ("start_date", "2024-02-31", "2024-01-31"),
        ("page_size", 0, "1 to 1000"),
        ("page_size", 1001, "1 to 1000"),
        ("page_size", "many", "1 to 1000"),
        ("requests_per_window", 0, "at least 1"),
        ("window_seconds", 0, "above 0"),
        ("window_seconds", "soon", "above 0"),
        ("request_timeout", -1, "above 0"),
        ("max_retries", -1, "0 to 100"),
        ("refresh_hours", {"journals": -1}, "streams and hours"),
        ("refresh_hours", {"jurnals": 1}, "streams and hours"),
        ("user_agent", "naïve", "ASCII"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_do(name: str, value: object, remedy: str) -> None:
    with pytest.raises(ConfigValidationError) as caught:
        TapPennylane(config={"api_token": TOKEN, name: value})
    (sentence,) = caught.value.errors
    assert re.match(rf"Setting '{name}' can't be .*: .*{remedy}", sentence)
    assert TOKEN not in sentence


@pytest.mark.parametrize("config", [{}, {"api_token": ""}, {"api_token": None}])
def test_without_a_token_the_sentence_says_where_to_get_one(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigValidationError) as caught:
        TapPennylane(config=config)
    (sentence,) = caught.value.errors
    assert sentence.startswith("Setting 'api_token' is missing")
    assert "Settings → Connectivity → Developers" in sentence


@pytest.mark.parametrize(
    ("config", "sentences"),
    [
        ({"api_token": TOKEN, "client_id": "a", "client_secret": "b"}, ["exclude each other"]),
        ({"client_id": "an-id"}, ["'client_secret' is missing", "'credentials_file' is missing"]),
        ({"credentials_file": "a", "client_id": "b"}, ["'client_secret' is missing"]),
        ({"credentials_file": "a", "client_id": "b", "client_secret": TOKEN + "é"}, ["no token"]),
        ({"credentials_file": "a", "client_id": "b", "client_secret": TOKEN}, []),
        ({"client_id": "a", "client_secret": TOKEN, "credentials_url": "postgresql://h/d"}, []),
        ({"client_id": "a", "client_secret": TOKEN}, ["or set 'credentials_url'"]),
        (
            {
                "client_id": "a",
                "client_secret": TOKEN,
                "credentials_file": "a",
                "credentials_url": f"postgresql://me:{TOKEN}@host/books",
            },
            ["remove 'credentials_url' to keep the tokens in the file"],
        ),
        (
            {
                "client_id": "a",
                "client_secret": TOKEN,
                "credentials_file": "a",
                "credentials_name": "dupont",
            },
            ["'credentials_name' needs 'credentials_url'"],
        ),
        ({"api_token": TOKEN, "credentials_url": f"postgresql://me:{TOKEN}@h/d"}, ["exclude each"]),
    ],
)
def test_there_is_exactly_one_way_to_get_a_token(
    config: dict[str, Any], sentences: list[str]
) -> None:
    errors = problems(config, [])
    assert len(errors) == len(sentences)
    for error, sentence in zip(errors, sentences, strict=True):
        assert sentence in error
        assert TOKEN not in error


def test_blank_settings_have_their_defaults() -> None:
    tap = TapPennylane(config={"api_token": TOKEN, "start_date": "", "api_url": ""})
    assert tap.config["api_url"] == "https://app.pennylane.com"
    assert tap.config["page_size"] == 1000
    assert "start_date" not in tap.config


def test_numbers_may_come_from_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_PENNYLANE_API_TOKEN", TOKEN)
    monkeypatch.setenv("TAP_PENNYLANE_WINDOW_SECONDS", "2.5")
    monkeypatch.setenv("TAP_PENNYLANE_PAGE_SIZE", "50")
    tap = TapPennylane(parse_env_config=True)
    assert tap.config["window_seconds"] == 2.5
    assert tap.config["page_size"] == 50
    monkeypatch.setenv("TAP_PENNYLANE_REFRESH_HOURS", '{"journals": 5}')
    assert TapPennylane(parse_env_config=True).config["refresh_hours"] == {"journals": 5}
    monkeypatch.setenv("TAP_PENNYLANE_REFRESH_HOURS", "5")
    with pytest.raises(ConfigValidationError) as caught:
        TapPennylane(parse_env_config=True)
    assert "Setting 'refresh_hours' can't be '5'" in caught.value.errors[0]
    monkeypatch.setenv("TAP_PENNYLANE_REFRESH_HOURS", "{}")
    monkeypatch.setenv("TAP_PENNYLANE_PAGE_SIZE", "fifty")
    with pytest.raises(ConfigValidationError) as caught:
        TapPennylane(parse_env_config=True)
    assert "Setting 'page_size' can't be 'fifty'" in caught.value.errors[0]


@pytest.mark.parametrize(
    "given", [f"{TOKEN}\n", f"  {TOKEN} ", f"Bearer {TOKEN}", f"bearer  {TOKEN}\r\n"]
)
def test_a_token_is_taken_without_what_was_copied_along(given: str) -> None:
    assert TapPennylane(config={"api_token": given}).config["api_token"] == TOKEN


@pytest.mark.parametrize("given", ["two secret-words", "secret\nwords", "secret-café", "Bearer"])
def test_a_token_that_no_header_can_hold_is_refused_without_being_shown(given: str) -> None:
    with pytest.raises(ConfigValidationError) as caught:
        TapPennylane(config={"api_token": given})
    (sentence,) = caught.value.errors
    assert sentence.startswith("Setting 'api_token' ")
    assert "Settings → Connectivity → Developers" in sentence
    assert "secret" not in sentence


@pytest.mark.parametrize(
    "url", ["https://me:hush@host", "https://me:hush/@hush@host:99", "//me:hush@h"]
)
def test_the_password_of_a_url_is_never_shown(url: str) -> None:
    with pytest.raises(ConfigValidationError) as caught:
        TapPennylane(config={"api_token": TOKEN, "api_url": url})
    (sentence,) = caught.value.errors
    assert sentence.startswith("Setting 'api_url' can't be ")
    assert "hush" not in sentence


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:hush@host/books",
        "https://me:hush@host/books",
        "host=db password=hush",
        "postgresql://me:hush@hush@host/books",
        "postgresql://me:hu/sh@host/books",
        "postgresql://me:hu?sh@host/books",
        "postgresql://me:hu#sh@host/books",
        "postgresql://me:hu sh@host/books",
        "postgresql://me:hush@host/books ",
    ],
)
def test_a_url_of_which_libpq_might_show_the_password_is_refused(url: str) -> None:
    config = {"client_id": "a", "client_secret": TOKEN, "credentials_url": url}
    (sentence,) = problems(config, [])
    assert sentence.startswith("Setting 'credentials_url' is not the URL of a PostgreSQL database")
    assert "percent-encode" in sentence
    assert "hu" not in sentence


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///books",
        "postgres://me:pass%40word@db.example:5432/books?sslmode=verify-full",
        "postgresql://me:pa:ss@[::1]:5432,other:5433/books?target_session_attrs=read-write",
        "postgresql://postgres@/books?host=/home/me/.embedded/run",
    ],
)
def test_a_url_may_be_what_libpq_understands(url: str) -> None:
    assert problems({"client_id": "a", "client_secret": TOKEN, "credentials_url": url}, []) == []


def test_numbers_and_objects_may_come_as_text() -> None:
    config = {"page_size": "50", "window_seconds": "2.5", "refresh_hours": '{"journals": 5}'}
    tap = TapPennylane(config={"api_token": TOKEN, **config})
    assert tap.config["page_size"] == 50
    assert tap.config["window_seconds"] == 2.5
    assert tap.config["refresh_hours"] == {"journals": 5}
    with pytest.raises(ConfigValidationError) as caught:
        TapPennylane(config={"api_token": TOKEN, "refresh_hours": "5 hours"})
    assert caught.value.errors[0].startswith("Setting 'refresh_hours' can't be '5 hours'")


def test_a_mistyped_variable_is_named_with_the_one_that_is_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TAP_PENNYLANE__SELECT", "[]")  # Meltano's own
    monkeypatch.setenv("TAP_PENNYLANE_UNRELATED_THING", "1")  # another program's
    TapPennylane(config={"api_token": TOKEN})
    monkeypatch.setenv("TAP_PENNYLANE_STARTDATE", "2024-01-01")
    with pytest.raises(ConfigValidationError) as caught:
        TapPennylane(config={"api_token": TOKEN})
    (sentence,) = caught.value.errors
    assert sentence.startswith(
        "There is no setting TAP_PENNYLANE_STARTDATE: rename it to TAP_PENNYLANE_START_DATE"
    )

"""Secrets that the commands must not show: in errors, and in what the plugins say."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pennylane_launcher.postgres import embedded

    from conftest import SmallProject

TOKEN = "a-very-secret-token"  # noqa: S105
SETTINGS = {"TAP_PENNYLANE_API_TOKEN": TOKEN, "TAP_PENNYLANE_API_URL": "http://environment"}
PRINTING_TARGET = f"""#!{sys.executable}
import os, sys
print("password:", os.environ["TARGET_POSTGRES_PASSWORD"], file=sys.stderr)
for line in sys.stdin:
    pass
"""


def test_no_password_is_shown_by_a_run_that_fails(
    small: SmallProject, postgres: embedded.Server
) -> None:
    small.behave("print('encoded p%40ss-word-9, plain p@ss-word-9', file=sys.stderr); sys.exit(1)")
    host = postgres.url("secrets").partition("host=")[2]
    result = small.launch("run",
        MELTANO_ENVIRONMENT="prod",
        TAP_PENNYLANE_API_TOKEN=f"Bearer {TOKEN}\n",
        TAP_PENNYLANE_API_URL="http://environment",
        TARGET_POSTGRES_SQLALCHEMY_URL=f"postgresql://postgres:p%40ss-word-9@/secrets?host={host}",
    )  # fmt: skip
    assert result.returncode == 1
    printed = result.stdout + result.stderr
    assert "encoded ***, plain ***" in printed
    assert "ss-word" not in printed
    assert TOKEN not in printed


def test_a_url_that_is_none_is_not_shown(small: SmallProject) -> None:
    result = small.launch("run",
        TAP_PENNYLANE_API_TOKEN=TOKEN,
        TARGET_POSTGRES_SQLALCHEMY_URL="postgresql://me:se:cret/word@host/books",
    )  # fmt: skip
    assert result.returncode == os.EX_CONFIG
    assert (
        "TARGET_POSTGRES_SQLALCHEMY_URL is not a URL that PostgreSQL understands" in result.stderr
    )
    assert "cret" not in result.stderr


@pytest.mark.parametrize("token", ["t", "meltano"])
def test_a_token_that_could_not_be_hidden_is_refused(small: SmallProject, token: str) -> None:
    for command in (["run"], ["step", "tap-pennylane target-postgres"]):
        result = small.launch(*command, TAP_PENNYLANE_API_TOKEN=token)
        assert result.returncode == os.EX_CONFIG
        assert result.stdout == ""
        assert result.stderr.startswith("TAP_PENNYLANE_API_TOKEN is ")
        assert result.stderr.count("\n") == 1
    assert not (small.folder / ".embedded").exists()


def test_a_password_that_cannot_be_hidden_is_warned_of_once_and_used(
    small: SmallProject, postgres: embedded.Server
) -> None:
    postgres.url("weak")
    small.behave("print('schema pennylane, role postgres', file=sys.stderr)")
    settings = {
        **SETTINGS,
        "MELTANO_ENVIRONMENT": "prod",
        "POSTGRES_HOST": str(postgres.sockets),
        "POSTGRES_USER": "postgres",
        "POSTGRES_PASSWORD": "postgres",
        "POSTGRES_DB": "weak",
    }
    result = small.launch("run", **settings)
    assert result.returncode == 0, result.stderr
    assert result.stderr == (
        "Warning: messages and logs cannot hide the password in POSTGRES_PASSWORD: it is a name"
        " that messages need, or a part of one. Choose another one.\n"
    )
    assert "schema pennylane, role postgres" in result.stdout
    assert "user postgres" in result.stdout
    warning = result.stderr
    assert warning in small.launch("check-health", **settings).stderr
    # Airflow takes this command's output on stderr for a failure.
    assert small.launch("check-health", "--changes", **settings).stderr == ""


def test_the_target_s_own_password_is_hidden_in_what_the_plugins_say(
    small: SmallProject, postgres: embedded.Server
) -> None:
    postgres.url("own_password")
    (small.folder / "target").write_text(PRINTING_TARGET)
    result = small.launch(
        "run",
        **SETTINGS,
        MELTANO_ENVIRONMENT="prod",
        POSTGRES_HOST=str(postgres.sockets),
        POSTGRES_USER="postgres",
        POSTGRES_DB="own_password",
        TARGET_POSTGRES_PASSWORD="known-to-the-target",  # noqa: S106
    )
    assert "password: ***" in result.stdout
    assert "known-to" not in result.stdout + result.stderr

"""The PostgreSQL that `.env` names: found, and tried for real."""

import socket
from pathlib import Path

import psycopg
import pytest
from pennylane_launcher import meltano
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.postgres import warehouse
from pennylane_launcher.postgres.embedded import Server
from pennylane_launcher.settings import envfile
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url

ODD = "p@ss:w/o%r d?#&é$HOME"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MELTANO_ENVIRONMENT", "POSTGRES_HOST", "TARGET_POSTGRES_SQLALCHEMY_URL"):
        monkeypatch.delenv(name, raising=False)


def settings(**given: str) -> dict[str, str]:
    complete = {"HOST": "db.example", "USER": "me", "PASSWORD": ODD, "DB": "books"}
    return {f"POSTGRES_{name}": value for name, value in (complete | given).items()}


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("POSTGRES_HOST=file\nPOSTGRES_DB=file\n")
    monkeypatch.setenv("POSTGRES_HOST", "environment")
    found = envfile.variables(tmp_path)
    assert (found["POSTGRES_HOST"], found["POSTGRES_DB"]) == ("environment", "file")


def test_without_a_name_it_is_the_embedded_one() -> None:
    assert warehouse.url({}) is None
    assert warehouse.url(settings(HOST="")) is None
    assert warehouse.url(settings() | {"MELTANO_ENVIRONMENT": "dev"}) is None


def test_any_password_can_stand_in_the_url() -> None:
    url = warehouse.url(settings())
    assert url is not None
    assert conninfo_to_dict(url) == {
        "host": "db.example", "port": "5432", "user": "me", "password": ODD, "dbname": "books",
    }  # fmt: skip
    for text in (meltano.sqlalchemy(url), meltano.system_database(url)):
        parsed = make_url(text)
        assert (parsed.password, parsed.database) == (ODD, "books")
        # Meltano would take it for a variable.
        assert "$" not in text


def test_the_target_s_own_variables_win() -> None:
    given = settings() | {"TARGET_POSTGRES_HOST": "other", "TARGET_POSTGRES_DATABASE": "there"}
    assert "@/there?host=other&" in (warehouse.url(given) or "")
    given["TARGET_POSTGRES_SQLALCHEMY_URL"] = "postgresql+psycopg://u@h/d"
    assert warehouse.url(given) == "postgresql://u@h/d"


def test_what_is_missing_is_named() -> None:
    with pytest.raises(LauncherError, match=r"POSTGRES_USER, POSTGRES_DB in `\.env`"):
        warehouse.url(settings(USER="", DB=""))


def test_a_closed_port_is_one_sentence_without_the_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        url = warehouse.url(settings(HOST="127.0.0.1", PORT=str(port)))
        with pytest.raises(LauncherError) as caught:
            warehouse.prepare(url or "", "pennylane")
    said = str(caught.value)
    assert f"127.0.0.1 port {port}" in said
    assert "Connection refused" in said
    assert ODD not in said
    assert "\n" not in said


def test_a_missing_database_is_said(postgres: Server) -> None:
    url = postgres.url("books").replace("/books?", "/nothing?")
    with pytest.raises(LauncherError, match='database "nothing" does not exist'):
        warehouse.prepare(url, "pennylane")


def test_the_schemas_are_made_once(postgres: Server) -> None:
    url = postgres.url("prepared")
    with psycopg.connect(url) as connection:
        connection.execute("drop schema meltano")
    for _ in range(2):
        warehouse.prepare(url, "my books")
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select nspname from pg_namespace where nspname in ('meltano', 'my books')"
        )
        assert found.rowcount == 2


def test_a_role_without_rights_is_told_what_to_ask_for(postgres: Server) -> None:
    url = postgres.url("rights")
    with psycopg.connect(url) as connection:
        connection.execute("create role reader login")
        connection.execute("create schema pennylane authorization reader")
        connection.execute("drop schema meltano")
    reader = url.replace("postgres@", "reader@")
    with pytest.raises(LauncherError, match=r"may not create .*\(meltano, and") as caught:
        warehouse.prepare(reader, "pennylane")
    remedy = str(caught.value).split("`")[1]
    with psycopg.connect(url) as connection:
        connection.execute(remedy.encode())
    warehouse.prepare(reader, "pennylane")


def test_a_database_that_is_not_utf8_is_refused(postgres: Server) -> None:
    url = postgres.url("books")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create database latin encoding 'LATIN1' locale 'C' template template0")
    with pytest.raises(LauncherError, match=r"database latin .* is encoded in LATIN1, which"):
        warehouse.prepare(url.replace("/books?", "/latin?"), "pennylane")

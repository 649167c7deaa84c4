"""The login that the dashboard gets: the reader's, wherever its password is known."""

from __future__ import annotations

from pennylane_launcher.books.dashboard import login

SERVER = {"POSTGRES_HOST": "h", "POSTGRES_USER": "owner", "POSTGRES_DB": "d"}
SECRET = {"POSTGRES_READER_PASSWORD": "reader's"}


def test_with_its_password_the_dashboard_logs_in_as_the_reader() -> None:
    assert login(SERVER | SECRET) == {"PGUSER": "pennylane_reader", "PGPASSWORD": "reader's"}


def test_without_it_or_on_the_embedded_server_it_takes_on_the_role() -> None:
    assert login(SERVER) == {}
    assert login(SECRET) == {}

"""The login that the dashboard gets: the reader's, wherever its password is known."""

from __future__ import annotations

from pennylane_launcher.books.dashboard import login

SERVER = {"POSTGRES_HOST": "h", "POSTGRES_USER": "owner", "POSTGRES_DB": "d"}
OTHER = {"DBT_PENNYLANE_READER_ROLE": "analysts"}
SECRET = {"POSTGRES_READER_PASSWORD": "reader's"}


def test_with_its_password_the_dashboard_logs_in_as_the_reader() -> None:
    for setting, role in (({}, "pennylane_reader"), (OTHER, "analysts")):
        assert login(SERVER | SECRET | setting) == {
            "DASHBOARD_ROLE": role,
            "PGUSER": role,
            "PGPASSWORD": "reader's",
        }


def test_without_it_or_on_the_embedded_server_it_takes_on_the_role() -> None:
    assert login(SERVER) == login(SECRET) == {"DASHBOARD_ROLE": "pennylane_reader"}
    assert login(SERVER | OTHER) == {"DASHBOARD_ROLE": "analysts"}

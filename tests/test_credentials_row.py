"""OAuth's tokens in a row of a database: shared by machines, never lost, never shown."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import requests
from pennylane_sandbox.pytest_plugin import CLIENT, running
from psycopg.conninfo import conninfo_to_dict
from tap_pennylane.api.credential_row import TABLE, CredentialRow
from tap_pennylane.errors import FatalError, TransientError, UnavailableError

from signed_in import DAY, PASSWORD, SIGN_IN, SignedIn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_launcher.postgres import embedded
    from pennylane_sandbox.pytest_plugin import Sandbox

    from pipelines import Databases, Pipeline

PROCESSES = 50
MACHINE = "credentials_machine"
"""A role with a password, and with the rights that a test grants."""


@pytest.fixture(scope="module")
def _server() -> Iterator[Sandbox]:
    with running("--size", "100", "--rate-limit", "none") as server:
        yield server


@pytest.fixture
def server(_server: Sandbox) -> Iterator[Sandbox]:
    """A small company, whose clock the tests advance."""
    yield _server
    _server.clear_faults()


@pytest.fixture
def url(postgres: embedded.Server, databases: Databases) -> str:
    """A new database."""
    return databases.create(postgres)


@pytest.fixture
def signed_in(server: Sandbox, url: str) -> SignedIn:
    """A user who has signed in."""
    return SignedIn(server, url)


@pytest.fixture
def machine(url: str) -> Iterator[str]:
    """The database's URL for a role with a password and no rights."""
    with psycopg.connect(url, autocommit=True) as connection:
        _drop(connection)
        connection.execute(f"CREATE ROLE {MACHINE} LOGIN PASSWORD '{PASSWORD}'".encode())
        yield url.replace("postgres@", f"{MACHINE}:{PASSWORD}@")
        _drop(connection)


def _drop(connection: psycopg.Connection) -> None:
    with suppress(psycopg.errors.UndefinedObject):
        connection.execute(f"DROP OWNED BY {MACHINE} CASCADE".encode())
        connection.execute(f"DROP ROLE {MACHINE}".encode())


@pytest.fixture
def nowhere() -> str:
    """The URL of a database that nobody serves."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    return f"postgresql://{MACHINE}:{PASSWORD}@127.0.0.1:{port}/books"


@pytest.fixture
def login(server: Sandbox) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command that signs in; it is ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(url: str, *options: str, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tap_pennylane.login", "--no-browser", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **_settings(server, url), **variables},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _settings(server: Sandbox, url: str) -> dict[str, str]:
    return {
        "TAP_PENNYLANE_API_URL": server.url,
        "TAP_PENNYLANE_API_TOKEN": "",
        "TAP_PENNYLANE_CLIENT_ID": CLIENT["client_id"],
        "TAP_PENNYLANE_CLIENT_SECRET": CLIENT["client_secret"],
        "TAP_PENNYLANE_CREDENTIALS_URL": url,
    }


def _follow(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Sign in at the address that the command prints; its output and errors."""
    assert process.stdout
    address = next((line.strip() for line in process.stdout if line.startswith("http")), "")
    if address:
        requests.get(address, timeout=30)
    return process.communicate(timeout=60)


def test_the_pipeline_runs_with_a_pair_that_the_command_wrote(
    login: Callable[..., subprocess.Popen[str]],
    server: Sandbox,
    pipeline_of: Callable[[Sandbox], Pipeline],
    url: str,
    machine: str,
) -> None:
    name = conninfo_to_dict(url)["dbname"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"GRANT CREATE ON DATABASE {name} TO {MACHINE}".encode())
        connection.execute("DROP ROLE IF EXISTS credentials_reader")
        connection.execute("CREATE ROLE credentials_reader")
        connection.execute(
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {MACHINE} "
            "GRANT SELECT ON TABLES TO credentials_reader".encode()
        )
    output, errors = _follow(login(machine))
    assert f"The tokens are in the row 'company' of {TABLE}." in output, errors
    with psycopg.connect(url, autocommit=True) as connection:
        (first,) = connection.execute(
            "SELECT array[access_token, refresh_token] FROM tap_pennylane_oauth.tokens"
        )
        reads = "SELECT has_table_privilege('credentials_reader', %s, 'SELECT')"
        assert connection.execute(reads, [TABLE]).fetchone() == (False,)
        usage = "SELECT has_schema_privilege('credentials_reader', 'tap_pennylane_oauth', 'USAGE')"
        assert connection.execute(usage).fetchone() == (False,)

    server.control("POST", "clock", advance_seconds=DAY + 1)
    pipeline = pipeline_of(server)
    variables = {
        **_settings(server, machine),
        "TAP_PENNYLANE__SELECT": '["customers.*", "sync_log.*"]',
    }
    done = pipeline.run(**variables)
    assert done.returncode == 0, done.stdout
    assert pipeline.live("customers")
    with psycopg.connect(url) as connection:
        (second,) = connection.execute(
            "SELECT array[access_token, refresh_token] FROM tap_pennylane_oauth.tokens"
        )
        connection.execute(
            f"DROP OWNED BY {MACHINE} CASCADE; DROP ROLE credentials_reader".encode()
        )
    assert not {*first[0]} & {*second[0]}
    for secret in (*first[0], *second[0], CLIENT["client_secret"], PASSWORD):
        assert secret not in output + errors + done.stdout


README = Path(__file__).parents[1] / "tap-pennylane" / "README.md"
BROWSER = f'{sys.executable} -c "import sys, urllib.request as r; r.urlopen(sys.argv[1])" %s'


def test_the_commands_of_the_tap_s_readme_share_the_tokens(
    server: Sandbox, url: str, machine: str
) -> None:
    page = README.read_text(encoding="utf-8").partition("### Several machines")[2]
    (statements,) = re.findall(r"```postgresql\n(.*?)```", page, re.DOTALL)
    (commands, *_) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    with psycopg.connect(url) as connection:
        connection.execute(statements.replace("TO pennylane", f"TO {MACHINE}").encode())
    done = subprocess.run(
        ["bash", "-euc", re.sub("'postgresql://.*'", f"'{machine}'", commands)],
        env={
            **_settings(server, ""),
            "BROWSER": BROWSER,
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "TAP_PENNYLANE_REQUESTS_PER_WINDOW": "1000",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Signed in to the company" in done.stdout
    assert '"type":"RECORD"' in done.stdout.replace(" ", "")
    assert PASSWORD not in done.stdout + done.stderr


def test_the_readme_has_the_table_that_the_command_creates(url: str) -> None:
    page = README.read_text(encoding="utf-8").partition("### Several machines")[2]
    (statements,) = re.findall(r"```postgresql\n(.*?)GRANT", page, re.DOTALL)
    columns = (
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute "
        "WHERE attrelid = 'tap_pennylane_oauth.tokens'::regclass AND attnum > 0 ORDER BY attnum"
    )
    with psycopg.connect(url) as connection:
        connection.execute(statements.encode())
        told = connection.execute(columns).fetchall()
        connection.rollback()
    CredentialRow(url, "company", 5).prepare(5)
    with psycopg.connect(url) as connection:
        assert connection.execute(columns).fetchall() == told


def test_several_sign_ins_share_a_database(
    login: Callable[..., subprocess.Popen[str]], url: str
) -> None:
    for name in ("dupont", "martin"):
        output, errors = _follow(login(url, "--credentials-name", name))
        assert f"The tokens are in the row '{name}' of {TABLE}." in output, errors
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT name FROM tap_pennylane_oauth.tokens ORDER BY name"
        ).fetchall()
    assert rows == [("dupont",), ("martin",)]


def test_signing_in_fails_with_a_sentence_before_anybody_opens_the_browser(
    login: Callable[..., subprocess.Popen[str]], url: str, machine: str, nowhere: str
) -> None:
    found = {
        f"The table {TABLE} can't be created: permission denied for database": login(machine),
        "the database of 'credentials_url' does not answer: connection": login(nowhere),
        "Setting 'credentials_url' is not the URL of a PostgreSQL database": login(
            f"postgresql://me:{PASSWORD}/@host/books"
        ),
        "Setting 'credentials_url' can't be read as a URL": login(
            f"postgresql://me:{PASSWORD}%zz@host/books"
        ),
        "Settings 'credentials_file' and 'credentials_url' exclude each other": login(
            url, "--credentials-file", "tokens.json"
        ),
        "Setting 'credentials_file' is missing": login(""),
        "Setting 'credentials_file' is missing: ": login("", "--credentials-name", "dupont"),
    }
    for sentence, process in found.items():
        output, errors = process.communicate(timeout=60)
        assert errors.startswith(sentence)
        assert errors.count("\n") == 1
        assert PASSWORD not in errors
        assert not output
        assert process.returncode == (1 if "does not answer" in sentence else os.EX_CONFIG)


def test_machines_refresh_once(signed_in: SignedIn) -> None:
    machines = [signed_in.client() for _ in range(3)]
    for client in machines:
        client.get("/me")
    signed_in.server.control("POST", "clock", advance_seconds=DAY + 1)
    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(lambda client: client.get("/me"), machines))
    assert signed_in.refreshes == 1
    assert signed_in.works()


@pytest.mark.parametrize("version", ["15", "17", "18"])
def test_other_versions_of_postgresql_do_as_well(
    server: Sandbox,
    postgres_of: Callable[[str], embedded.Server],
    databases: Databases,
    version: str,
) -> None:
    signed_in = SignedIn(server, databases.create(postgres_of(version)))
    signed_in.write(expires_in=0)
    assert signed_in.client().get("/me")
    assert signed_in.refreshes == 1
    assert signed_in.works()


def test_first_sign_ins_at_the_same_time_create_one_table(url: str) -> None:
    places = [CredentialRow(url, name, 5) for name in ("dupont", "martin", "durand", "petit")]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda place: place.prepare(10), places)) == [None] * 4


def test_time_limits_of_the_server_do_not_end_a_refresh(signed_in: SignedIn) -> None:
    name = conninfo_to_dict(signed_in.url)["dbname"]
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
        signed_in.execute(f"ALTER DATABASE {name} SET {limit} = '500ms'")
    signed_in.write(expires_in=0)
    with signed_in.while_pennylane_is_asked():
        time.sleep(1)
        with psycopg.connect(signed_in.url) as connection:
            (holders,) = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name = 'tap-pennylane' AND state = 'idle in transaction'"
            )
        assert holders == (1,)
    assert signed_in.refreshes == 1
    assert signed_in.works()


SWARM = """
import json, os, signal, sys

from tap_pennylane.api.client import Client
from tap_pennylane.api.credential_row import CredentialRow
from tap_pennylane.api.limiter import Limiter
from tap_pennylane.api.oauth import Application, OAuth

url, database, client_id, client_secret, deadly, count, marker = sys.argv[1:]


def die(event):
    if event == deadly:
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


class Mortal(CredentialRow):
    def _commit(self, connection, pair):
        die("answered")
        super()._commit(connection, pair)
        die("committed")


def live(gate):
    agent = "tap-pennylane/test"
    application = Application(url, client_id, client_secret, 60, agent)
    auth = OAuth(application, Mortal(database, "company", 3))
    api = url + "/api/external/v2"
    client = Client(api, auth, Limiter(1000, 1), timeout=60, max_retries=8, user_agent=agent)
    client.renew = auth.renew
    os.read(gate, 1)
    try:
        client.get("/me")
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "read"


gate, opener = os.pipe()
children = {}
for _ in range(int(count)):
    result, told = os.pipe()
    child = os.fork()
    if not child:
        os.close(opener)
        os.write(told, live(gate).encode())
        os._exit(0)
    os.close(told)
    children[child] = result
os.close(opener)
outcomes = []
for child, result in children.items():
    with os.fdopen(result) as file:
        text = file.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    outcomes.append(text or status)
print(json.dumps(outcomes))
"""


@pytest.mark.parametrize("killed_when", ["never", "answered", "committed"])
def test_many_processes_refresh_once_and_one_that_is_killed_costs_a_sentence_at_most(
    signed_in: SignedIn, tmp_path: Path, killed_when: str
) -> None:
    signed_in.write(expires_in=0)
    arguments = [signed_in.server.url, signed_in.url, *CLIENT.values()]
    done = subprocess.run(
        [sys.executable, "-c", SWARM, *arguments, killed_when, str(PROCESSES), tmp_path / "victim"],
        capture_output=True,
        text=True,
        check=True,
    )
    outcomes = json.loads(done.stdout)
    assert len(outcomes) == PROCESSES
    assert len([one for one in outcomes if one == -9]) == (killed_when != "never")
    others = {one for one in outcomes if one != -9}
    if killed_when == "answered":  # the answer had come, and nothing was written
        (sentence,) = others
        assert re.match("SignInEndedError: Pennylane no longer accepts this sign-in", sentence)
        assert SIGN_IN in sentence
        assert "Pennylane refuses the refresh token; waiting 3 s, in case another" in done.stderr
    else:
        assert others == {"read"}
        assert signed_in.refreshes == 1
        assert signed_in.works()
    signed_in.assert_hidden_in(done.stdout, done.stderr)


def test_nobody_waits_for_the_lock_to_read_a_valid_pair(signed_in: SignedIn) -> None:
    with psycopg.connect(signed_in.url) as other:
        other.execute("SELECT FROM tap_pennylane_oauth.tokens FOR UPDATE")
        assert signed_in.client().get("/me")


def test_a_machine_that_hangs_is_reported(signed_in: SignedIn) -> None:
    place = CredentialRow(signed_in.url, "company", 5)
    with psycopg.connect(signed_in.url) as other:
        other.execute("SELECT FROM tap_pennylane_oauth.tokens FOR UPDATE")
        sentence = f"another process has held the lock on the row 'company' of {TABLE} for 0.2 s"
        with pytest.raises(TransientError, match=sentence), place.locked(0.2):
            pass


def _spoil(signed_in: SignedIn, kind: str) -> None:
    """Spoil the row, or what a role may do with it."""
    statements = {
        "no table": "DROP TABLE tap_pennylane_oauth.tokens",
        "no row": "DELETE FROM tap_pennylane_oauth.tokens",
        "damaged": "UPDATE tap_pennylane_oauth.tokens SET access_token = ''",
        "endless": "UPDATE tap_pennylane_oauth.tokens SET expires_at = 'infinity'",
        "another client": "UPDATE tap_pennylane_oauth.tokens SET client_id = 'another-client'",
        "public": "GRANT SELECT ON tap_pennylane_oauth.tokens TO PUBLIC",
        "reader": "GRANT SELECT ON tap_pennylane_oauth.tokens TO pg_monitor",
        "other columns": "ALTER TABLE tap_pennylane_oauth.tokens DROP COLUMN refresh_token",
    }
    signed_in.execute(statements[kind])


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("no table", f"There is no table {TABLE} in the database of 'credentials_url'"),
        ("no row", f"There is no row 'company' of {TABLE}"),
        ("damaged", f"The row 'company' of {TABLE} is damaged"),
        ("endless", f"The row 'company' of {TABLE} is damaged"),
        ("another client", "belongs to another client, another-client: .*or 'credentials_url'"),
        ("public", f"Other roles can read {TABLE}: REVOKE ALL ON {TABLE} FROM PUBLIC, or"),
        ("reader", f"Other roles can read {TABLE}: REVOKE ALL ON {TABLE} FROM pg_monitor, or"),
        ("other columns", f"The row 'company' of {TABLE} can't be used: column .*does not exist"),
    ],
)
def test_whoever_must_act_is_told_in_one_sentence(
    signed_in: SignedIn, kind: str, sentence: str
) -> None:
    client = signed_in.client()
    _spoil(signed_in, kind)
    with pytest.raises(FatalError, match=sentence) as caught:
        client.get("/me")
    assert SIGN_IN in str(caught.value).lower() or kind == "other columns"
    signed_in.assert_hidden_in(str(caught.value))


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("SELECT", "can't be used: permission denied for table tokens. Check that its role has"),
        ("read-only", "can't be written: .* in a read-only transaction. Give the URL of the prim"),
    ],
)
def test_what_can_not_be_written_is_found_out_before_the_old_tokens_are_given_up(
    signed_in: SignedIn, machine: str, kind: str, sentence: str
) -> None:
    signed_in.execute(f"GRANT USAGE ON SCHEMA tap_pennylane_oauth TO {MACHINE}")
    signed_in.execute(f"GRANT SELECT ON tap_pennylane_oauth.tokens TO {MACHINE}")
    if kind == "read-only":
        signed_in.execute(f"GRANT INSERT, UPDATE ON tap_pennylane_oauth.tokens TO {MACHINE}")
        signed_in.execute(f"ALTER ROLE {MACHINE} SET default_transaction_read_only = on")
    assert signed_in.client(machine).get("/me")
    signed_in.write(expires_in=0)
    with pytest.raises(FatalError, match=sentence) as caught:
        signed_in.client(machine).get("/me")
    assert signed_in.refreshes == 0
    assert signed_in.works()
    signed_in.assert_hidden_in(str(caught.value))

    signed_in.execute(f"GRANT INSERT, UPDATE ON tap_pennylane_oauth.tokens TO {MACHINE}")
    signed_in.execute(f"ALTER ROLE {MACHINE} RESET default_transaction_read_only")
    assert signed_in.client(machine).get("/me")
    assert signed_in.refreshes == 1


def test_members_of_a_role_that_was_granted_the_table_may_read_it(
    signed_in: SignedIn, machine: str
) -> None:
    signed_in.execute(f"GRANT pg_monitor TO {MACHINE}")
    signed_in.execute("GRANT USAGE ON SCHEMA tap_pennylane_oauth TO pg_monitor")
    signed_in.execute("GRANT SELECT, INSERT, UPDATE ON tap_pennylane_oauth.tokens TO pg_monitor")
    signed_in.write(expires_in=0)
    assert signed_in.client(machine).get("/me")
    assert signed_in.refreshes == 1


def test_a_database_that_is_down_is_asked_again(signed_in: SignedIn, nowhere: str) -> None:
    sentence = "kept failing; .*the database of 'credentials_url' does not answer: .*refused"
    with pytest.raises(UnavailableError, match=sentence) as caught:
        signed_in.client(nowhere, retries=1).get("/me")
    signed_in.assert_hidden_in(str(caught.value))


def test_the_client_library_is_needed_only_with_the_setting(url: str) -> None:
    without = "import sys; sys.modules['psycopg'] = None; import runpy; sys.argv[0] = 'tap'; "
    program = f"{without}runpy.run_module('tap_pennylane', run_name='__main__')"
    settings = {**CLIENT, "credentials_url": url}
    told = subprocess.run(
        [sys.executable, "-c", program, "--config", "/dev/stdin"],
        input=json.dumps(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == os.EX_CONFIG
    assert "Setting 'credentials_url' needs psycopg (" in told.stderr
    assert "install the tap with its extra, as tap-pennylane[postgres]." in told.stderr
    discovered = subprocess.run(
        [sys.executable, "-c", program, "--discover"], capture_output=True, check=True
    )
    assert json.loads(discovered.stdout)["streams"]


def test_a_backup_has_no_tokens_and_a_restore_keeps_them(
    pipeline: Pipeline, server: Sandbox, tmp_path: Path
) -> None:
    signed_in = SignedIn(server, pipeline.url)
    pair, file = signed_in.pair, tmp_path / "pennylane.dump"
    # A prefix that the schema of the tokens has, too.
    schema = {"TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": "tap_pennylane"}
    pipeline.execute("CREATE SCHEMA tap_pennylane; CREATE TABLE tap_pennylane.customers (id int)")
    pipeline.execute("INSERT INTO tap_pennylane.customers VALUES (1)")
    done = pipeline.launch("backup", str(file), **schema)
    assert done.returncode == 0, done.stdout
    assert "oauth" not in done.stdout
    content = file.read_bytes()
    assert b"tap_pennylane" in content
    assert b"tap_pennylane_oauth" not in content
    done = pipeline.launch("restore", str(file), "--yes", **schema)
    assert done.returncode == 0, done.stdout
    assert signed_in.pair == pair

"""OAuth 2.0: signing in, refreshing once whoever asks, and never losing or showing the tokens."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from pennylane_sandbox.pytest_plugin import CLIENT, running
from tap_pennylane.api.client import Client
from tap_pennylane.api.credential_file import CredentialFile
from tap_pennylane.api.limiter import Limiter
from tap_pennylane.api.oauth import Application, OAuth
from tap_pennylane.errors import FatalError
from tap_pennylane.run import API

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

README = Path(__file__).parents[1] / "README.md"
DAY = 86_400
PROCESSES = 50
REFRESH = "/oauth/token"
SIGN_IN = "tap-pennylane-login"


@pytest.fixture(scope="module")
def _server() -> Iterator[Sandbox]:
    with running("--size", "100", "--rate-limit", "none") as server:
        yield server


@pytest.fixture
def server(_server: Sandbox) -> Sandbox:
    """A small company, whose clock the tests advance."""
    _server.clear_faults()
    _server.control("DELETE", "stats")
    return _server


class SignedIn:
    """A credential file, and every token that it ever held."""

    def __init__(self, server: Sandbox, path: Path) -> None:
        self.server, self.path = server, path
        self.tokens: set[str] = set()
        self.write(expires_in=DAY)
        server.control("DELETE", "stats")

    def write(self, *, expires_in: float, mode: int = 0o600, **changes: str) -> None:
        """Write a new pair, whose access token seems to expire then."""
        pair = self.server.sign_in()
        expires_at = datetime.now(UTC) + timedelta(seconds=expires_in)
        content = {
            "client_id": CLIENT["client_id"],
            "access_token": pair["access_token"],
            "refresh_token": pair["refresh_token"],
            "expires_at": expires_at.isoformat(),
            **changes,
        }
        self.path.write_text(json.dumps(content), encoding="utf-8")
        self.path.chmod(mode)
        self.server.control("DELETE", "stats")
        _ = self.pair

    @property
    def pair(self) -> dict[str, str]:
        """What the file holds."""
        pair: dict[str, str] = json.loads(self.path.read_text(encoding="utf-8"))
        self.tokens |= {pair["access_token"], pair["refresh_token"]}
        return pair

    @property
    def settings(self) -> dict[str, Any]:
        """The tap's settings."""
        return {**CLIENT, "credentials_file": str(self.path), "api_url": self.server.url}

    @property
    def refreshes(self) -> int:
        """How many requests for tokens the server received."""
        return int(self.server.stats["requests"].get(REFRESH, 0))

    def works(self) -> bool:
        """Whether the server accepts the access token in the file."""
        headers = {"Authorization": f"Bearer {self.pair['access_token']}"}
        url = f"{self.server.url}{API}/me"
        return requests.get(url, headers=headers, timeout=30).status_code == 200

    def assert_hidden_in(self, *texts: str) -> None:
        """No token was ever written."""
        _ = self.pair
        for secret in (*self.tokens, CLIENT["client_secret"]):
            assert not [text for text in texts if secret in text]

    def client(self, **changes: str) -> Client:
        """A client that uses the file."""
        registered = {**CLIENT, **changes}
        application = Application(
            self.server.url, **registered, timeout=30, user_agent="tap-pennylane/test"
        )
        auth = OAuth(application, CredentialFile(self.path))
        client = Client(
            self.server.url + API,
            auth,
            Limiter(1000, 1),
            timeout=30,
            max_retries=2,
            user_agent="tap-pennylane/test",
        )
        client.renew = auth.renew
        return client


@pytest.fixture
def signed_in(server: Sandbox, tmp_path: Path) -> SignedIn:
    """A user who has signed in."""
    return SignedIn(server, tmp_path / "credentials.json")


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def login(server: Sandbox, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command that signs in; it is ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str, **variables: str) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "TAP_PENNYLANE_API_URL": server.url,
            "TAP_PENNYLANE_CLIENT_ID": CLIENT["client_id"],
            "TAP_PENNYLANE_CLIENT_SECRET": CLIENT["client_secret"],
            "TAP_PENNYLANE_CREDENTIALS_FILE": str(tmp_path / "credentials.json"),
            **variables,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tap_pennylane.login", "--no-browser", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    for line in process.stdout:
        if line.startswith("http"):
            return line.strip()
    pytest.fail(process.communicate()[1])


def test_the_command_makes_the_first_pair_and_the_tap_uses_it(
    login: Callable[..., subprocess.Popen[str]],
    server: Sandbox,
    tmp_path: Path,
    run_tap: Callable[..., Any],
) -> None:
    process = login()
    address = _address(process)
    assert "code_challenge_method=S256" in address
    redirect = requests.get(address, allow_redirects=False, timeout=30).headers["location"]
    forged = re.sub(r"state=[^&]*", "state=forged", redirect)
    assert requests.get(forged, timeout=30).status_code == 400
    assert requests.get(redirect, timeout=30).status_code == 200
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    company = server.get("/me")["company"]
    assert f"Signed in to the company {company['name']} ({company['id']})." in output

    path = tmp_path / "credentials.json"
    assert _mode(path) == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name, f"{path.name}.lock"]
    pair = json.loads(path.read_text(encoding="utf-8"))
    settings = {**CLIENT, "credentials_file": str(path), "api_url": server.url}
    run = run_tap(streams=["customers"], **settings)
    assert run.exit_code == 0, run.log
    assert run.records["customers"]
    for secret in (pair["access_token"], pair["refresh_token"], CLIENT["client_secret"]):
        assert secret not in output + errors + run.log


BROWSER = f'{sys.executable} -c "import sys, urllib.request as r; r.urlopen(sys.argv[1])" %s'


def test_the_command_of_the_readme_signs_in(server: Sandbox, tmp_path: Path) -> None:
    page = README.read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n([^`]*tap-pennylane-login\n)```", page)
    for value in CLIENT.values():
        block = block.replace("…", value, 1)
    done = subprocess.run(
        ["bash", "-ec", block],
        env={
            "BROWSER": BROWSER,
            "HOME": str(tmp_path),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "TAP_PENNYLANE_API_URL": server.url,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Signed in to the company" in done.stdout, done.stderr
    assert _mode(tmp_path / ".pennylane.json") == 0o600


def test_a_firm_signs_in_and_reads_its_companies(
    login: Callable[..., subprocess.Popen[str]], tmp_path: Path, run_tap: Callable[..., Any]
) -> None:
    with running("--companies", "2", "--size", "0", "--rate-limit", "none") as firm:
        for api, code in (("company", os.EX_CONFIG), ("firm", 0)):
            process = login("--api", api, TAP_PENNYLANE_API_URL=firm.url)
            requests.get(_address(process), timeout=30)
            output, errors = process.communicate(timeout=60)
            assert process.returncode == code, errors
        assert f"Signed in to the firm {firm.firm.get('/me')['company']['name']} (" in output
        path = str(tmp_path / "credentials.json")
        settings = {**CLIENT, "credentials_file": path, "api_url": firm.url, "api": "firm"}
        run = run_tap(requests_per_window=1000, **settings)
        assert run.exit_code == 0, run.log
        assert len(run.records["companies"]) == 2


def test_signing_in_fails_with_a_sentence(
    login: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    refused = login("--scopes", "no:such")
    requests.get(_address(refused), timeout=30)
    wrong = login(TAP_PENNYLANE_CLIENT_SECRET="another-secret")  # noqa: S106 - of nobody
    requests.get(_address(wrong), timeout=30)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        _, said = login("--port", str(port)).communicate(timeout=60)
    assert said.startswith(f"Port {port} of 127.0.0.1 can't be used: Address already in use.")
    found = {
        "Pennylane did not grant access (invalid_scope": refused,
        "Pennylane refuses the client (invalid_client)": wrong,
        "Setting 'api_url' can't be 'localhost'": login("--api-url", "localhost"),
        "Setting 'client_secret' is missing": login(TAP_PENNYLANE_CLIENT_SECRET=""),
        "The credential file": login(TAP_PENNYLANE_CREDENTIALS_FILE=f"{tmp_path}/none/file"),
        "Nobody signed in within 0.01 minutes": login("--minutes", "0.01"),
    }
    for sentence, process in found.items():
        _, errors = process.communicate(timeout=60)
        assert errors.startswith(sentence)
        assert errors.count("\n") == 1
        assert "secret" not in errors.replace("'client_secret'", "")
        assert process.returncode == os.EX_CONFIG
    assert not (tmp_path / "credentials.json").exists()


@pytest.mark.parametrize("is_known", [True, False])
def test_an_expired_token_is_refreshed_once_and_the_run_goes_on(
    signed_in: SignedIn,
    run_tap: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_known: bool,
) -> None:
    monkeypatch.setenv("TAP_PENNYLANE_LOGLEVEL", "DEBUG")
    before = signed_in.pair
    if is_known:
        signed_in.write(expires_in=60)
        before = signed_in.pair
    else:  # by the server's clock alone
        signed_in.server.control("POST", "clock", advance_seconds=DAY + 1)
    run = run_tap(streams=["customers", "suppliers"], **signed_in.settings)
    assert run.exit_code == 0, run.log
    assert run.records["customers"]
    assert signed_in.refreshes == 1
    after = signed_in.pair
    assert not {before["access_token"], before["refresh_token"]} & {*after.values()}
    assert signed_in.works()
    assert _mode(signed_in.path) == 0o600
    signed_in.assert_hidden_in(run.log, json.dumps(run.messages, default=str))


def test_threads_whose_token_is_refused_refresh_once(signed_in: SignedIn) -> None:
    client = signed_in.client()
    client.get("/me")
    signed_in.server.control("POST", "clock", advance_seconds=DAY + 1)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.get("/me"), range(16)))
    assert all(answers)
    assert signed_in.refreshes == 1


def test_a_token_that_another_process_replaced_is_read_again(signed_in: SignedIn) -> None:
    one, other = signed_in.client(), signed_in.client()
    for client in (one, other):
        client.get("/me")
    signed_in.server.control("POST", "clock", advance_seconds=DAY + 1)
    for client in (one, other, one):
        client.get("/me")
    assert signed_in.refreshes == 1


def test_a_refresh_is_repeated_if_the_server_is_down(signed_in: SignedIn) -> None:
    signed_in.write(expires_in=0)
    signed_in.server.fault(REFRESH, "status", times=1)
    signed_in.client().get("/me")
    assert signed_in.refreshes == 2
    assert signed_in.works()


def test_a_token_that_is_refused_at_once_ends_the_run(signed_in: SignedIn) -> None:
    signed_in.server.fault("/me", "status", status=401)
    with pytest.raises(FatalError, match=f"although it was just refreshed.*{SIGN_IN}"):
        signed_in.client().get("/me")
    assert signed_in.refreshes == 1


def test_a_run_that_is_stopped_meanwhile_writes_the_new_pair_first(
    signed_in: SignedIn, tmp_path: Path
) -> None:
    signed_in.write(expires_in=0)
    before = signed_in.pair
    signed_in.server.fault(REFRESH, "latency", times=1, seconds=3)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(signed_in.settings), encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "tap_pennylane", "--config", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        while not signed_in.refreshes:
            time.sleep(0.05)
        for _ in range(2):  # as a terminal and Meltano both send one
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
        process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert signed_in.pair != before
    assert signed_in.works()


SWARM = """
import json, os, signal, sys

from tap_pennylane.api.client import Client
from tap_pennylane.api.credential_file import CredentialFile
from tap_pennylane.api.limiter import Limiter
from tap_pennylane.api.oauth import Application, OAuth

url, path, client_id, client_secret, deadly, count = sys.argv[1:]


def die(event, _):
    if event == deadly:
        try:
            os.close(os.open(f"{path}.victim", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def live(gate):
    sys.addaudithook(die)
    agent = "tap-pennylane/test"
    auth = OAuth(Application(url, client_id, client_secret, 60, agent), CredentialFile(path))
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


@pytest.mark.parametrize("killed_at", ["nothing", "os.truncate", "os.rename"])
def test_many_processes_refresh_once_and_one_that_is_killed_costs_a_sentence_at_most(
    signed_in: SignedIn, killed_at: str
) -> None:
    signed_in.write(expires_in=0)
    arguments = [signed_in.server.url, str(signed_in.path), *CLIENT.values()]
    done = subprocess.run(
        [sys.executable, "-c", SWARM, *arguments, killed_at, str(PROCESSES)],
        capture_output=True,
        text=True,
        check=True,
    )
    outcomes = json.loads(done.stdout)
    assert len(outcomes) == PROCESSES
    killed = [one for one in outcomes if one == -9]
    assert len(killed) == (killed_at != "nothing")
    others = {one for one in outcomes if one != -9}
    if killed_at == "os.truncate":  # the answer had come, and nothing was written
        (sentence,) = others
        assert re.match("SignInEndedError: Pennylane no longer accepts this sign-in", sentence)
        assert SIGN_IN in sentence
    else:
        assert others == {"read"}
        assert signed_in.refreshes == 1
        assert signed_in.works()
        assert _mode(signed_in.path) == 0o600
    assert not signed_in.path.with_name("credentials.json.new").exists()
    signed_in.assert_hidden_in(done.stdout, done.stderr)


def test_a_file_that_a_killed_process_left_never_replaces_a_newer_one(signed_in: SignedIn) -> None:
    left = signed_in.path.with_name("credentials.json.new")
    left.write_text(signed_in.path.read_text(encoding="utf-8"), encoding="utf-8")
    os.utime(left, (1, 1))
    signed_in.write(expires_in=0)
    signed_in.client().get("/me")
    assert signed_in.works()
    assert not left.exists()


def _spoil(signed_in: SignedIn, kind: str) -> None:
    match kind:
        case "readable":
            signed_in.path.chmod(0o604)
        case "missing":
            signed_in.path.unlink()
        case "damaged":
            signed_in.path.write_text('{"client_id": "sandbox-client"}', encoding="utf-8")
        case "another":
            signed_in.write(expires_in=DAY, client_id="another-client")
        case "revoked":
            form = {**CLIENT, "token": signed_in.pair["refresh_token"]}
            requests.post(f"{signed_in.server.url}/oauth/revoke", data=form, timeout=30)
        case "lost":
            signed_in.write(expires_in=0)
            signed_in.server.fault(REFRESH, "truncate", times=1)
        case "strange":
            signed_in.write(expires_in=0)
            signed_in.server.fault(REFRESH, "body", body='{"access_token": "only"}')


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("readable", r"Other users can read the credential file '.*' \(mode 0604\): chmod 600"),
        ("missing", "There is no credential file"),
        ("damaged", "The credential file '.*' is damaged"),
        ("another", "belongs to another client, another-client"),
        ("revoked", r"Pennylane no longer accepts this sign-in \(invalid_grant\)"),
        ("lost", r"Pennylane no longer accepts this sign-in \(invalid_grant\)"),
        ("strange", "did not return a pair of tokens"),
    ],
)
def test_whoever_must_act_is_told_in_one_sentence(
    signed_in: SignedIn, kind: str, sentence: str
) -> None:
    client = signed_in.client()
    _spoil(signed_in, kind)
    with pytest.raises(FatalError, match=sentence) as caught:
        client.get("/me")
    assert SIGN_IN in str(caught.value).lower()
    if kind not in {"missing", "damaged"}:
        signed_in.assert_hidden_in(str(caught.value))


def test_an_ended_sign_in_ends_the_run(signed_in: SignedIn, run_tap: Callable[..., Any]) -> None:
    _spoil(signed_in, "revoked")
    run = run_tap(streams=["customers"], **signed_in.settings)
    assert run.exit_code == os.EX_CONFIG
    (line,) = [one for one in run.log.splitlines() if "invalid_grant" in one]
    assert f"Sign in with the command {SIGN_IN}." in line
    assert not run.records
    signed_in.assert_hidden_in(run.log)


def test_a_wrong_secret_is_told_and_costs_nothing(signed_in: SignedIn) -> None:
    signed_in.write(expires_in=0)
    with pytest.raises(FatalError, match=r"\(invalid_client\)\. Check 'client_id'") as caught:
        signed_in.client(client_secret="another-secret").get("/me")  # noqa: S106 - of nobody
    assert "another-secret" not in str(caught.value)
    assert signed_in.works()


def test_a_full_disk_is_found_out_before_the_old_tokens_are_given_up(
    signed_in: SignedIn, run_tap: Callable[..., Any]
) -> None:
    signed_in.write(expires_in=0)
    small = ("bash", "-c", 'ulimit -f 8 && exec "$@"', "-")
    run = run_tap(streams=["customers"], through=small, **signed_in.settings)
    assert run.exit_code == os.EX_CONFIG
    assert f"The credential file '{signed_in.path}' can't be used: File too large" in run.log
    assert signed_in.refreshes == 0
    assert signed_in.works()
    assert not signed_in.path.with_name("credentials.json.new").exists()

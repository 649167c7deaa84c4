"""How alerts are sent: by webhook and mail, later if necessary, and without secrets."""

from __future__ import annotations

import email
import email.policy
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from pennylane_launcher.errors import LauncherError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aiosmtpd.smtp import Envelope

    from conftest import Books, Check

SECRET = "hook-secret-7f3a"  # noqa: S105


@dataclass
class Receiver:
    """The receiver of a webhook, which can be made to refuse."""

    url: str
    status: int = 200
    received: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if there.status == 200:
                there.received.append(json.loads(body))
            self.send_response(there.status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there = Receiver(f"http://127.0.0.1:{server.server_port}/{SECRET}")
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield there
        server.shutdown()
        thread.join()


@dataclass
class Mails:
    """A mail server that keeps what it receives, and can be made to refuse."""

    port: int
    received: list[EmailMessage] = field(default_factory=list)
    answer: str = "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail, or not."""
        if self.answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            self.received.append(mail)
        return self.answer

    async def handle_RCPT(  # noqa: N802
        self,
        _server: object,
        _session: object,
        envelope: Envelope,
        address: str,
        _options: Any,  # noqa: ANN401
    ) -> str:
        """Take a recipient, unless nobody knows them."""
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def settings(self) -> dict[str, str]:
        """Return the settings for this server."""
        return {
            "ALERT_EMAIL_TO": "books@example.com, boss@example.com",
            "ALERT_EMAIL_FROM": "pennylane@example.com",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.port),
            "SMTP_STARTTLS": "false",
        }


@pytest.fixture
def mails() -> Iterator[Mails]:
    """A mail server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        there = Mails(probe.getsockname()[1])
    controller = Controller(there, hostname="127.0.0.1", port=there.port)
    controller.start()
    yield there
    controller.stop()


def test_secrets_and_amounts_of_an_error_are_not_shown(
    books: Books, check: Check, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", receiver.url)
    monkeypatch.setenv("POSTGRES_PASSWORD", "pass/word ü")
    error = (
        f"refused {books.sandbox.token}, pass/word ü, pass%2Fword%20%C3%BC, {receiver.url}"
        f" for 1 234,56 and -99.50{' and so on' * 100}"
    )
    last = (
        "stream = 'journals' and started_at = (select max(started_at) from pennylane.sync_log"
        " where stream = 'journals')"
    )
    with books.changed(
        f"update pennylane.sync_log set status = 'failed', error = '{error}' where {last}",  # noqa: S608
        f"update pennylane.sync_log set status = 'success', error = null where {last}",  # noqa: S608
    ):
        _, (line,) = check()
        check(changes=False)
    everything = line + json.dumps(receiver.received, ensure_ascii=False)
    assert "The last run failed for journals: refused ***, ***, ***, ***" in line
    assert len(line) < 300
    for secret in (books.sandbox.token, "pass", "%2F", SECRET, "234,56", "99.5"):
        assert secret not in everything


def test_a_webhook_gets_each_change_once_and_late_if_it_was_down(
    check: Check, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", receiver.url)
    code, lines = check("sync=failed")
    assert (code, lines) == (1, ["The job sync failed: its log says why."])
    check("sync=failed")
    ((first),) = receiver.received
    company = first["company"]
    assert first["host"].startswith(f"{socket.gethostname()}, ")
    assert first["text"] == (
        f"🔴 Pennylane → PostgreSQL ({company}): The job sync failed: its log says why."
    )
    assert {name: first[name] for name in ("event", "key", "kind", "tables", "closed_at")} == {
        "event": "opened", "key": "job:sync", "kind": "job:sync", "tables": [], "closed_at": None,
    }  # fmt: skip
    # A redirect is not a delivery: the redirected request is empty.
    for receiver.status in (500, 302):
        _, lines = check(f"job {receiver.status}=failed")
        assert lines[0] == f"The job job {receiver.status} failed: its log says why."
    assert not any("http" in line or SECRET in line for line in lines)
    code, lines = check("sync=success")
    assert (code, lines[0].startswith("Resolved: ")) == (1, True)
    receiver.status = 200
    code, lines = check()
    assert (code, len(lines)) == (1, 1)
    assert "Resolved: " in lines[0]
    assert "webhook" in lines[0]
    later = [(change["event"], change["key"]) for change in receiver.received[1:]]
    assert later == [("opened", "job:job 500"), ("opened", "job:job 302"), ("closed", "job:sync")]
    check("job 500=success", "job 302=success")
    assert [change["event"] for change in receiver.received[4:]] == ["closed", "closed"]


def test_a_webhook_that_is_not_there_hides_nothing(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/{SECRET}"
        monkeypatch.setenv("ALERT_WEBHOOK_URL", address)
        code, lines = check("a=failed")
        assert (code, lines[0]) == (1, "The job a failed: its log says why.")
        assert lines[1].startswith("The webhook does not accept alerts (Connection refused): ")
        assert check() == (1, [])
        check("a=success")
        monkeypatch.delenv("ALERT_WEBHOOK_URL")
        code, (line,) = check()
        assert (code, line.startswith("Resolved: ")) == (0, True)


def test_two_callers_at_once_send_one_alert(
    books: Books, receiver: Receiver, mails: Mails, tmp_path: Path
) -> None:
    settings = {
        "ALERT_WEBHOOK_URL": receiver.url,
        "HEALTH_INCIDENTS_FILE": str(tmp_path / "incidents.json"),
        "HEALTH_MAX_AGE_HOURS": "0.0001",
        **mails.settings(),
    }

    def call(_: int) -> str:
        return books.launch("check-health", "--changes", **settings).stdout

    with ThreadPoolExecutor() as pool:
        said = "".join(pool.map(call, range(4)))
    assert said.count("\n") == 1
    assert len(receiver.received) == len(mails.received) == 1


def test_a_mail_for_each_incident_and_one_when_it_is_over(
    books: Books, check: Check, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in mails.settings().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEALTH_TIMEZONE", "Asia/Kolkata")
    with books.wrong_debit():
        _, (line,) = check("sync=failed")
        check()
    ((company,),) = books.execute("select company_name from pennylane.company")
    (alert,) = mails.received
    assert alert["Subject"] == f"Pennylane, {company}: the trial balance does not agree"
    assert alert["To"] == "books@example.com, boss@example.com"
    body = alert.get_content()
    assert body.splitlines()[0] == line
    assert f"Company:  {company}" in body
    assert f"Machine:  {socket.gethostname()}, {books.folder}" in body
    assert "(IST)" in body
    check("sync=success")
    check()
    (_, clear) = mails.received
    assert clear["Subject"] == f"Resolved: {alert['Subject']}"
    assert clear["In-Reply-To"] == alert["Message-ID"]
    assert clear.get_content().splitlines()[0] == f"Resolved: {line}"


def test_a_mail_that_no_server_took_is_sent_later_and_secrets_are_not_said(
    check: Check, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = mails.settings()
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    mails.answer = "451 try again"
    _, lines = check("a=failed")
    assert lines == [
        "The job a failed: its log says why.",
        "The mail server does not accept alerts (SMTP 451): they are kept, and sent later.",
    ]
    # A different failure is the same incident.
    monkeypatch.setenv("SMTP_HOST", "")
    assert check() == (1, [])
    monkeypatch.setenv("SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("SMTP_USER", "me")
    monkeypatch.setenv("SMTP_PASSWORD", SECRET)
    assert check() == (1, [])
    monkeypatch.delenv("SMTP_USER")
    assert mails.received == []
    mails.answer = "250 OK"
    _, (over,) = check()
    assert over.startswith("Resolved: The mail server does not accept alerts")
    assert [mail["Subject"].rpartition(": ")[2] for mail in mails.received] == ["the job a failed"]
    # Some of several recipients receive it.
    monkeypatch.setenv("ALERT_EMAIL_TO", "nobody@example.com,books@example.com")
    _, lines = check("a=success")
    assert "refuses some recipients of ALERT_EMAIL_TO: nobody@example.com." in lines[-1]
    assert len(mails.received) == 2
    monkeypatch.setenv("SMTP_PORT", "mail")
    with pytest.raises(LauncherError, match="SMTP_PORT is not a number"):
        check()

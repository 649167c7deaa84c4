"""Sends an alert by e-mail."""

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from email.message import EmailMessage
from email.utils import formatdate
from hashlib import sha256
from typing import Any

from pennylane_launcher.errors import LauncherError
from pennylane_launcher.monitoring import moments

TIMEOUT = 10
"""Seconds to wait for the server, at each step."""
TLS_PORT = 465
"""The port on which TLS is used from the first byte."""


class NotMailedError(Exception):
    """The server did not accept it; the reason contains no secret."""


@dataclass(frozen=True)
class Account:
    """The recipients of mails, and the server that sends them.

    Attributes:
        to: the recipients.
        sender: the address in the From header.
        host: the server; empty if it is not set.
        port: its port.
        user: the account on it, if it requires one.
        password: of that account.
        starttls: whether to encrypt the connection first.
    """

    to: tuple[str, ...]
    sender: str
    host: str
    port: int
    user: str
    password: str
    starttls: bool


def account(settings: Mapping[str, str]) -> Account | None:
    """Return the account in the settings; None if no one is to receive mails.

    Args:
        settings: environment variables, those of `.env` included.

    Raises:
        LauncherError: a setting is invalid.
    """
    to = tuple(
        one.strip() for one in (settings.get("ALERT_EMAIL_TO") or "").split(",") if one.strip()
    )
    if not to:
        return None
    port = settings.get("SMTP_PORT") or "587"
    if not port.isdecimal():
        msg = f"SMTP_PORT is not a number: {port}"
        raise LauncherError(msg)
    return Account(
        to=to,
        sender=settings.get("ALERT_EMAIL_FROM") or "pennylane@localhost",
        host=settings.get("SMTP_HOST") or "",
        port=int(port),
        user=settings.get("SMTP_USER") or "",
        password=settings.get("SMTP_PASSWORD") or "",
        starttls=(settings.get("SMTP_STARTTLS") or "true").lower() not in {"false", "0", "no"},
    )


def send(account: Account, payload: Mapping[str, Any], where: tzinfo | None) -> list[str]:
    """Send one alert, or one all-clear.

    Args:
        account: recipients and server.
        payload: the same as for the webhook (docs/alerts.md).
        where: the time zone of the mail; None is this machine's.

    Returns:
        The recipients that the server refused; the others received it.

    Raises:
        NotMailedError: the server accepted it for no recipient.
    """
    if not account.host:
        msg = "SMTP_HOST is not set"
        raise NotMailedError(msg)
    try:
        with _connected(account) as server:
            if account.starttls and account.port != TLS_PORT:
                server.starttls(context=ssl.create_default_context())
            if account.user:
                server.login(account.user, account.password)
            return list(server.send_message(_message(account, payload, where)))
    except smtplib.SMTPResponseException as error:
        msg = f"SMTP {error.smtp_code}"
        raise NotMailedError(msg) from error
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise NotMailedError(getattr(error, "strerror", None) or type(error).__name__) from error


def _connected(account: Account) -> smtplib.SMTP:
    if account.port == TLS_PORT:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(account.host, account.port, timeout=TIMEOUT, context=context)
    return smtplib.SMTP(account.host, account.port, timeout=TIMEOUT)


def _message(account: Account, payload: Mapping[str, Any], where: tzinfo | None) -> EmailMessage:
    is_over = payload["event"] == "closed"
    company = payload["company"]
    mail = EmailMessage()
    mail["From"], mail["To"] = account.sender, ", ".join(account.to)
    mail["Date"] = formatdate(localtime=True)
    subject = f"Pennylane{f', {company}' if company else ''}: {payload['title']}"
    mail["Subject"] = f"Resolved: {subject}" if is_over else subject
    # The all-clear replies to its alert, so that mail programs show them together.
    name = sha256(f"{payload['key']} {payload['opened_at']}".encode()).hexdigest()[:24]
    mail["Message-ID"] = f"<{name}.{payload['event']}@pennylane.invalid>"
    if is_over:
        mail["In-Reply-To"] = mail["References"] = f"<{name}.opened@pennylane.invalid>"
    facts = {
        "Company": company or "unknown: the database has never been reached",
        "Machine": payload["host"],
        "Since": _local(payload["opened_at"], where),
        "Until": _local(payload["closed_at"], where) if is_over else "",
    }
    lines = [f"{name + ':':<9} {value}" for name, value in facts.items() if value]
    first = f"Resolved: {payload['message']}" if is_over else payload["message"]
    hint = "`make check-health` in that folder says what is wrong now; docs/alerts.md, what to do."
    mail.set_content("\n".join([first, "", *lines, "", hint, ""]))
    return mail


def _local(moment: str, where: tzinfo | None) -> str:
    return moments.local(datetime.fromisoformat(moment), where)

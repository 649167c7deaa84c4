"""Sends each change once to every receiver; what is not accepted is kept for the next call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

from pennylane_launcher.monitoring import incidents, mail, moments, webhook
from pennylane_launcher.monitoring.health import Health
from pennylane_launcher.monitoring.incidents import Change, Memory
from pennylane_launcher.monitoring.problem import Problem

Payload = dict[str, Any]


class UndeliveredError(Exception):
    """It was not accepted; the reason contains no secret."""


@dataclass(frozen=True)
class Way:
    """A way of sending changes: mail or webhook.

    Attributes:
        kind: of the problem to report if it does not work.
        name: what a person calls it.
        unsent: the part of the memory that it still has to send.
        send: sends one change, and returns a complaint if it was accepted only in part; None if
            this way is not set up.
    """

    kind: str
    name: str
    unsent: list[Payload]
    send: Callable[[Payload], str] | None


class Delivery:
    """The ways that the settings name."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        """Read the settings.

        Args:
            settings: environment variables, those of `.env` included.

        Raises:
            LauncherError: one is invalid.
        """
        self._url = webhook.checked(settings.get("ALERT_WEBHOOK_URL", ""))
        self._account = mail.account(settings)
        self._where = moments.zone(settings)

    def send(self, payloads: list[Payload], memory: Memory, path: Path) -> list[Change]:
        """Send what could not be sent before, then what is new.

        Args:
            payloads: what is new.
            memory: what is open and unsent.
            path: the memory's file, written after each change that was accepted.

        Returns:
            Which ways have stopped or started working.
        """
        ways = [
            Way("mail", "mail server", memory.unmailed, _mailing(self._account, self._where)),
            Way("webhook", "webhook", memory.unsent, _posting(self._url)),
        ]
        # Without a receiver nothing is kept.
        for way in ways:
            way.unsent[:] = [*way.unsent, *payloads] if way.send else []
        incidents.write(path, memory)
        changed: list[Change] = []
        for way in ways:
            changed += memory.take(_deliver(way, memory, path), self._where)
        if changed:
            incidents.write(path, memory)
        return changed


def _deliver(way: Way, memory: Memory, path: Path) -> Health:
    """Send by one way, and judge whether it works, unless there was nothing to send."""
    if way.send and not way.unsent:
        return Health([], frozenset())
    complaint = ""
    try:
        while way.send and way.unsent:
            complaint = way.send(way.unsent[0]) or complaint
            del way.unsent[0]
            incidents.write(path, memory)
    except UndeliveredError as error:
        complaint = f"does not accept alerts ({error}): they are kept, and sent later"
    problems = [
        Problem(way.kind, {"": f"The {way.name} {text}."}, title=f"the {way.name} fails")
        for text in [complaint]
        if text
    ]
    return Health(problems, frozenset({way.kind}))


def _mailing(account: mail.Account | None, where: tzinfo | None) -> Callable[[Payload], str] | None:
    if account is None:
        return None

    def send(payload: Payload) -> str:
        try:
            refused = mail.send(account, payload, where)
        except mail.NotMailedError as error:
            raise UndeliveredError(*error.args) from error
        return f"refuses some recipients of ALERT_EMAIL_TO: {', '.join(refused)}" if refused else ""

    return send


def _posting(url: str) -> Callable[[Payload], str] | None:
    if not url:
        return None

    def send(payload: Payload) -> str:
        try:
            webhook.post(url, payload)
        except webhook.NotSentError as error:
            raise UndeliveredError(*error.args) from error
        return ""

    return send

"""One company's run: the objects that its streams share."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from singer_sdk.authenticators import BearerTokenAuthenticator

from tap_pennylane import fiscal_years
from tap_pennylane.api.ahead import EagerClient
from tap_pennylane.api.events import Changelogs
from tap_pennylane.api.limiter import Limiter
from tap_pennylane.errors import (
    FatalError,
    PennylaneError,
    RefusedError,
    UnavailableError,
    UnreachableError,
)
from tap_pennylane.meter import RequestMeter
from tap_pennylane.sync_log import SyncLog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tap_pennylane.fiscal_years import FiscalYears
    from tap_pennylane.sync_log import Entry

LOGGER = logging.getLogger("tap-pennylane")

API = "/api/external/v2"


class Run:
    """The client, the clock, the changelogs, the record of the run, and its failures."""

    def __init__(self, config: Mapping[str, Any], version: int) -> None:
        """Prepare a run; nothing is sent yet.

        Args:
            config: The tap's settings, with defaults.
            version: The table version (of ACTIVATE_VERSION) of this run's full reads.
        """
        self._config = config
        self.version = version
        self.meter = RequestMeter()
        self.client = EagerClient(
            config["api_url"].rstrip("/") + API,
            BearerTokenAuthenticator(token=config["api_token"]),
            Limiter(config["requests_per_window"], config["window_seconds"]),
            timeout=config["request_timeout"],
            max_retries=config["max_retries"],
            user_agent=config["user_agent"],
            connections=config["concurrency"],
        )
        self.client.on_request = self.meter.sent
        self.failures: dict[str, str] = {}
        """The streams that were not delivered completely, and why."""
        self.fatal: FatalError | None = None
        """The error because of which no further stream is read."""
        self.is_cost_logged = False
        """Whether the duration of the child streams was logged."""
        self.is_retry_useful = False
        """Whether a retry may help at least one of the failures."""

    @cached_property
    def me(self) -> dict[str, Any]:
        """The company, user and scopes of the token: the response of `/me`."""
        answer = self.client.get("/me")
        if not isinstance(answer, dict):
            msg = "/me did not return an object"
            raise PennylaneError(msg)
        return answer

    @property
    def company_id(self) -> int:
        """The id of the token's company."""
        company = self.me.get("company")
        number = company.get("id") if isinstance(company, dict) else None
        if not isinstance(number, int):
            msg = "/me does not say which company the token belongs to"
            raise FatalError(msg)
        return number

    @cached_property
    def began(self) -> datetime:
        """When this run began, by the server's clock: before any stream was read."""
        return self.client.now()

    @cached_property
    def changelogs(self) -> Changelogs:
        """The changelogs, each read once for all streams."""
        return Changelogs(self.client)

    @cached_property
    def fiscal_years(self) -> FiscalYears:
        """The company's fiscal years, read once for all streams."""
        query = {"limit": min(self._config["page_size"], 100), "sort": "id"}
        path = fiscal_years.PATH
        return fiscal_years.FiscalYears(self.client, "fiscal_years", path, query)

    @cached_property
    def log(self) -> SyncLog:
        """The record of this run."""
        return SyncLog(self.client)

    @contextmanager
    def guarded(self, entry: Entry) -> Iterator[None]:
        """Record and log an error inside the block, so that the other streams continue.

        Args:
            entry: The entry, in the record of runs, of the stream that is read.
        """
        try:
            yield
        except PennylaneError as error:
            entry.fail(str(error))
            self.fail(entry.stream, error)
        except BrokenPipeError:
            raise  # the target has ended, so no other stream can be delivered
        except Exception as error:  # a bug must not affect the other streams
            LOGGER.exception("Unexpected error in '%s'", entry.stream)
            entry.fail(f"{type(error).__name__}: {error}")
            self.fail(entry.stream, error)

    def fail(self, stream: str, error: Exception) -> None:
        """Record and log that a stream was not delivered completely.

        Args:
            stream: Its name.
            error: What happened and what to do, without a full stop; a `FatalError` ends the run.
        """
        self.failures[stream] = str(error)
        is_forbidden = isinstance(error, RefusedError) and error.status == HTTPStatus.FORBIDDEN
        self.is_retry_useful |= not is_forbidden
        if isinstance(error, UnavailableError) and not self.client.answers():
            # Each of the other streams would use up its retries in vain.
            error = UnreachableError(f"Pennylane no longer responds: {error}")
        if isinstance(error, FatalError):
            self.fatal = error
            self.client.abandon()
            LOGGER.critical("%s.", error)
        else:
            LOGGER.error("Stream '%s' failed: %s.", stream, error)

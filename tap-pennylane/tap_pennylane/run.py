"""One company's run: what its streams share."""

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
    """The client, the clock, the changelogs, the record of the run, and what failed."""

    def __init__(self, config: Mapping[str, Any], version: int) -> None:
        """Begin; nothing is sent yet.

        Args:
            config: The tap's settings, with their defaults.
            version: Of the tables that are read whole in this run.
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
        """Streams that were not delivered whole, and why."""
        self.fatal: FatalError | None = None
        """Why no further stream is read."""
        self.is_cost_said = False
        """Whether the user was told how long the child streams will take."""
        self.is_retry_useful = False
        """Whether something failed that may succeed when it is tried again."""

    @cached_property
    def me(self) -> dict[str, Any]:
        """Company, user and scopes of the token."""
        answer = self.client.get("/me")
        if not isinstance(answer, dict):
            msg = "/me does not answer an object"
            raise PennylaneError(msg)
        return answer

    @property
    def company_id(self) -> int:
        """The company of the token."""
        company = self.me.get("company")
        number = company.get("id") if isinstance(company, dict) else None
        if not isinstance(number, int):
            msg = "/me does not say which company the token is of"
            raise FatalError(msg)
        return number

    @cached_property
    def began(self) -> datetime:
        """When this run began, by the server's clock. Nothing of any stream was read before."""
        return self.client.now()

    @cached_property
    def changelogs(self) -> Changelogs:
        """What changed, read once for all streams."""
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
        """Note and report what fails inside, so that the other streams go on.

        Args:
            entry: Of the stream that is read.
        """
        try:
            yield
        except PennylaneError as error:
            entry.fail(str(error))
            self.fail(entry.stream, error)
        except BrokenPipeError:
            raise  # the target is gone: nobody is left to go on for
        except Exception as error:  # a bug here must not take the other streams down
            LOGGER.exception("Unexpected error in '%s'", entry.stream)
            entry.fail(f"{type(error).__name__}: {error}")
            self.fail(entry.stream, error)

    def fail(self, stream: str, error: Exception) -> None:
        """Note that a stream was not delivered whole.

        Args:
            stream: Its name.
            error: What happened and what to do, without a full stop; a `FatalError` ends the run.
        """
        self.failures[stream] = str(error)
        is_forbidden = isinstance(error, RefusedError) and error.status == HTTPStatus.FORBIDDEN
        self.is_retry_useful |= not is_forbidden
        if isinstance(error, UnavailableError) and not self.client.answers():
            # One by one the other streams would wait as long, for nothing.
            error = UnreachableError(f"Pennylane does not answer any more: {error}")
        if isinstance(error, FatalError):
            self.fatal = error
            self.client.abandon()
            LOGGER.critical("%s.", error)
        else:
            LOGGER.error("Stream '%s' failed: %s.", stream, error)

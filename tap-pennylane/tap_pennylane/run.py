"""One company's run: the objects that its streams share."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from singer_sdk.authenticators import BearerTokenAuthenticator
from typing_extensions import override

from tap_pennylane import fiscal_years
from tap_pennylane.api.ahead import EagerClient
from tap_pennylane.api.credential_file import CredentialFile
from tap_pennylane.api.events import Changelogs
from tap_pennylane.api.limiter import Limiter
from tap_pennylane.api.oauth import Application, OAuth
from tap_pennylane.companies import PATH, Companies
from tap_pennylane.errors import (
    CompanyRefusedError,
    FatalError,
    PennylaneError,
    RefusedError,
    UnavailableError,
    UnreachableError,
)
from tap_pennylane.sync_log import FirmLog, SyncLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from tap_pennylane.api.credentials import Credentials
    from tap_pennylane.companies import Company
    from tap_pennylane.fiscal_years import FiscalYears
    from tap_pennylane.meter import RequestMeter
    from tap_pennylane.sync_log import Entry

LOGGER = logging.getLogger("tap-pennylane")

API = "/api/external/v2"
FIRM_API = "/api/external/firm/v1"

WITHOUT_ACCESS = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
"""How the API refuses a company that the token does not, or no longer, see."""


def connect(config: Mapping[str, Any], meter: RequestMeter) -> EagerClient:
    """Prepare a client for one token; nothing is sent yet.

    Args:
        config: The tap's settings, with defaults.
        meter: Counts the requests.
    """
    api = FIRM_API if config["api"] == "firm" else API
    auth = _authenticator(config)
    client = EagerClient(
        config["api_url"].rstrip("/") + api,
        auth,
        Limiter(config["requests_per_window"], config["window_seconds"]),
        timeout=config["request_timeout"],
        max_retries=config["max_retries"],
        user_agent=config["user_agent"],
        connections=config["concurrency"],
    )
    client.on_request = meter.sent
    if isinstance(auth, OAuth):
        client.renew = auth.renew
    return client


def _authenticator(config: Mapping[str, Any]) -> BearerTokenAuthenticator | OAuth:
    """Return what adds the token to requests."""
    if "api_token" in config:
        return BearerTokenAuthenticator(token=config["api_token"])
    application = Application(
        config["api_url"].rstrip("/"),
        config["client_id"],
        config["client_secret"],
        timeout=config["request_timeout"],
        user_agent=config["user_agent"],
    )
    return OAuth(application, credentials(config))


def credentials(config: Mapping[str, Any]) -> Credentials:
    """Return the place of OAuth's tokens.

    Args:
        config: The settings, with defaults.

    Raises:
        FatalError: It is a database, and the client library is missing, or the URL is wrong.
    """
    if "credentials_file" in config:
        return CredentialFile(config["credentials_file"])
    try:
        from tap_pennylane.api.credential_row import (  # noqa: PLC0415 - needs an optional library
            CredentialRow,
        )
    except ImportError as error:
        msg = (
            f"Setting 'credentials_url' needs psycopg ({error}): install the tap with its extra, "
            "as tap-pennylane[postgres]"
        )
        raise FatalError(msg) from error
    name = config.get("credentials_name", config["api"])
    return CredentialRow(config["credentials_url"], name, config["request_timeout"])


class Run:
    """The client, the clock, the changelogs, the record of the run, and its failures."""

    def __init__(self, config: Mapping[str, Any], version: int, client: EagerClient) -> None:
        """Prepare a run; nothing is sent yet.

        Args:
            config: The tap's settings, with defaults.
            version: The table version (of ACTIVATE_VERSION) of this run's full reads.
            client: Sends the requests.
        """
        self.config = config
        self.version = version
        self.client = client
        self.failures: dict[str, str] = {}
        """The streams that were not delivered completely, and why."""
        self.fatal: FatalError | None = None
        """The error because of which no further stream is read."""
        self.introduced: set[str] = set()
        """The streams whose SCHEMA message was written for an earlier company."""
        self.is_cost_logged = False
        """Whether the duration of the child streams was logged."""
        self.is_retry_useful = False
        """Whether a retry may help at least one of the failures."""
        self.between_pages: Callable[[], None] = lambda: None
        """Called in a full read after each page."""

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
        return self._fiscal_years({"limit": self._year_page, "sort": "id"})

    @property
    def _year_page(self) -> int:
        size: int = self.config["page_size"]
        return min(size, 100)

    def _fiscal_years(self, query: Mapping[str, Any]) -> FiscalYears:
        path = fiscal_years.PATH
        return fiscal_years.FiscalYears(self.client, "fiscal_years", path, query)

    @cached_property
    def companies(self) -> Companies:
        """The companies of a firm, requested once."""
        return Companies(self.client, self.config)

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
            self.fail(entry.stream, error)
            entry.fail(self.failures[entry.stream])
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
        self.is_retry_useful |= not (is_forbidden or isinstance(error, CompanyRefusedError))
        if isinstance(error, UnavailableError) and not self.client.answers():
            # Each of the other streams would use up its retries in vain.
            error = UnreachableError(f"Pennylane no longer responds: {error}")
        if isinstance(error, FatalError):
            self.fatal = error
            self.client.abandon()
            LOGGER.critical("%s.", error)
        else:
            LOGGER.error("Stream '%s' failed: %s.", stream, error)


class FirmRun(Run):
    """The run of an accounting firm: its list of companies, and what happened to each."""

    @property
    @override
    def company_id(self) -> int:
        """0: the list of companies belongs to none of them."""
        return 0

    @cached_property
    @override
    def log(self) -> FirmLog:
        return FirmLog(self.client)


class CompanyRun(Run):
    """The run of one company of a firm, which shares the firm's connections and limit."""

    def __init__(self, firm: FirmRun, company: Company, between_pages: Callable[[], None]) -> None:
        """Prepare it; nothing is sent yet.

        Args:
            firm: The firm's run.
            company: The company.
            between_pages: Called in a full read after each page.
        """
        client = firm.client.below(f"{PATH}/{company.id}")
        super().__init__(firm.config, firm.version, client)
        self.company = company
        self.introduced = firm.introduced
        self.between_pages = between_pages

    @property
    @override
    def company_id(self) -> int:
        return self.company.id

    @cached_property
    @override
    def fiscal_years(self) -> FiscalYears:
        return self._fiscal_years({"per_page": self._year_page})

    @override
    def fail(self, stream: str, error: Exception) -> None:
        """Record a failure; if the company itself is refused, none of its other streams is read."""
        if isinstance(error, RefusedError) and not self.failures and self._is_refused(error):
            error = CompanyRefusedError(f"Pennylane refuses {self.company}: {error.words}")
        super().fail(stream, error)

    def _is_refused(self, error: RefusedError) -> bool:
        """Return whether a stream's error is about the company: another list has the same one.

        If a scope is missing, the API names it.
        """
        if error.status in WITHOUT_ACCESS:
            try:
                self.client.get(fiscal_years.PATH, {"per_page": 1})
            except RefusedError as other:
                return other.status == error.status and other.words == error.words
            except PennylaneError:
                pass  # that says nothing about the company
        return False

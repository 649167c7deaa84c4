"""The tap: its settings, its streams, and its exit code."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.tap_base import CliTestOptionValue
from typing_extensions import override

from tap_pennylane import inputs, selection, settings
from tap_pennylane.errors import (
    FatalError,
    PennylaneError,
    UnavailableError,
    UnreachableError,
)
from tap_pennylane.firm import Firm
from tap_pennylane.messages import MessageWriter
from tap_pennylane.meter import RequestMeter
from tap_pennylane.reading import ReadingTap
from tap_pennylane.redaction import redact
from tap_pennylane.run import FirmRun, Run, connect
from tap_pennylane.streams import FIRM_STREAMS, STREAMS
from tap_pennylane.streams.firm import FirmSyncLog
from tap_pennylane.streams.sync_log import SyncLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from singer_sdk import Stream


class TapPennylane(ReadingTap):
    """Singer tap for Pennylane, the French accounting platform."""

    name = "tap-pennylane"
    config_jsonschema = settings.SCHEMA
    message_writer_class = MessageWriter
    message_writer: MessageWriter
    capabilities = [  # noqa: RUF012 - declared by the SDK as it is
        TapCapabilities.CATALOG,
        TapCapabilities.DISCOVER,
        TapCapabilities.STATE,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, **options: Any) -> None:
        """Validate the settings; nothing is sent yet.

        Args:
            options: The arguments of the SDK's `Tap`.

        Raises:
            ConfigValidationError: A setting is wrong; its `errors` are sentences.
        """
        if options.get("parse_env_config") and (errors := settings.environment_problems()):
            raise ConfigValidationError(errors[0], errors=errors)
        super().__init__(**options)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self.append_builtin_config(self.config_jsonschema)
        self._config = settings.with_types(settings.without_blanks(self._config))
        for name in ("api_token", "client_secret", "credentials_url"):
            if isinstance(secret := self._config.get(name), str):
                redact(secret)
        kinds = FIRM_STREAMS if self.is_firm else STREAMS
        names = {vars(stream)["name"] for stream in kinds}
        errors = [*settings.misspelt_variables(), *settings.problems(self._config, names)]
        if unknown := settings.unknown(self._config):
            self.logger.warning("Unknown settings, which are ignored: %s.", ", ".join(unknown))
        if errors and raise_errors:
            raise ConfigValidationError(errors[0], errors=errors)
        self._config = settings.with_defaults(self._config)
        return errors

    @override
    def discover_streams(self) -> list[Stream]:
        if self.is_firm:
            return [*(stream(self) for stream in FIRM_STREAMS), FirmSyncLog(self)]
        return [*(stream(self) for stream in STREAMS), SyncLog(self)]

    @property
    def is_firm(self) -> bool:
        """Whether the token is that of an accounting firm."""
        return bool(self.config.get("api") == "firm")

    @cached_property
    def run(self) -> Run:
        """The objects that the company's streams share."""
        kind = FirmRun if self.is_firm else Run
        return kind(self.config, self.initialized_at, connect(self.config, self.meter))

    @cached_property
    def meter(self) -> RequestMeter:
        """Counts the requests."""
        return RequestMeter()

    @cached_property
    def firm(self) -> Firm:
        """Reads the companies of an accounting firm."""
        return Firm(self)

    def check_selection(self) -> None:
        """Check the selection before anything is sent.

        Raises:
            FatalError: It selects nothing, or something that does not exist.
        """
        if self._selection_warning:
            self.logger.warning("%s.", self._selection_warning)
        if complaints := list(selection.problems(self.input_catalog, self.streams)):
            raise FatalError(". ".join(complaints))

    def check_access(self) -> None:
        """Request `/me`, or a firm's companies, and check the state before any stream is read.

        Raises:
            FatalError: The token is refused, Pennylane can't be reached, or the state belongs to
                another company.
        """
        try:
            _ = self.firm.companies if self.is_firm else self.run.me
        except FatalError:
            raise
        except PennylaneError as error:
            msg = f"Can't start: {error}; also check the setting 'api_url'"
            is_retry_useful = isinstance(error, UnavailableError)
            raise (UnreachableError if is_retry_useful else FatalError)(msg) from error
        if not self.is_firm:
            self.check_state()

    def read(self) -> None:
        """Read the selected streams, of the company or of each of the firm's."""
        if self.is_firm:
            self.firm.read()
        else:
            self.read_streams()

    def execute(self, sync: Callable[[], object]) -> int:
        """Check selection and token, read the streams, and log the outcome.

        Args:
            sync: Reads the streams.

        Returns:
            The exit code: 0 only if every selected stream was delivered completely; 78 (EX_CONFIG)
            if a retry would not help; otherwise 1.
        """
        try:
            self.check_selection()
            self.check_access()
            sync()
            self.message_writer.flush()
        except FatalError as error:
            self.logger.critical("%s.", error)
            return _exit_code(error)
        except BrokenPipeError:
            self.logger.critical("The target stopped reading: see its own log.")
            # The buffered output has no reader; without this, Python reports an error at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        finally:
            self.meter.flush()
        return self._outcome()

    def _outcome(self) -> int:
        """Log what failed.

        Returns:
            The exit code, as `execute` returns it: 78 if a person must act, for example because the
            token lacks a scope.
        """
        failures = self.run.failures
        if self.run.fatal:
            return _exit_code(self.run.fatal)
        if not failures and not (self.is_firm and self.firm.failed):
            return 0
        code = 1 if self.run.is_retry_useful else os.EX_CONFIG
        if self.is_firm:
            self.firm.report(code)
            return code
        self.logger.error(
            "%d of %d streams failed (%s); the others were delivered completely. Exit code %d.",
            len(failures),
            sum(stream.selected for stream in self.streams.values()),
            ", ".join(failures),
            code,
        )
        return code

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Stop. The last state written stays valid; the exit code reports the interruption."""
        del frame
        self.logger.error("Stopped by signal %d before the end; the next run resumes.", signum)
        self.message_writer.stop(128 + signum)

    @override
    @classmethod
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,
        state: str | None = None,
        catalog: str | None = None,
    ) -> None:
        """Run the command line; the SDK's own version cannot set the exit code."""
        if about:
            cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        try:
            tap = cls(
                config=config.config if config else {},
                state=inputs.read_state(state) if state else None,
                catalog=inputs.read_catalog(catalog) if catalog else None,
                parse_env_config=bool(config and config.parse_env),
            )
        except ConfigValidationError as error:
            cls._log(error)
            sys.exit(os.EX_CONFIG)
        sys.exit(tap.execute(tap.read))

    @classmethod
    def _log(cls, error: ConfigValidationError) -> None:
        for sentence in error.errors:
            cls.logger.critical("%s.", sentence)

    @override
    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Return the SDK's command; `inputs` reads its files, so that errors are sentences."""
        command = super().get_singer_command()
        for parameter in command.params:
            if parameter.name in {"state", "catalog"}:
                parameter.type = click.STRING
        return command

    @override
    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Read the settings from files and, with `ENV`, from the environment."""
        try:
            files = [inputs.read_config(path) for path in value if path != "ENV"]
        except ConfigValidationError as error:
            cls._log(error)
            ctx.exit(os.EX_CONFIG)
        found = super().cb_config(ctx, param, ("ENV",) if "ENV" in value else ())
        found.config = {name: one for file in files for name, one in file.items()}
        return found

    @override
    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Read one record of every selected stream, and exit with an error if one can't be read."""
        try:
            if value != CliTestOptionValue.All.value:
                super().cb_test(ctx, param, value)
                return
            given = ctx.params["config"]
            tap = cls(config=given.config, parse_env_config=given.parse_env)
        except ConfigValidationError as error:
            cls._log(error)
            ctx.exit(os.EX_CONFIG)
        ctx.exit(tap.execute(tap.firm.try_streams if tap.is_firm else tap.try_streams))


def _exit_code(error: FatalError) -> int:
    return 1 if isinstance(error, UnreachableError) else os.EX_CONFIG

"""The mapper: its settings, and how it handles each type of message."""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk import typing as th
from singer_sdk.helpers.capabilities import PluginCapabilities
from singer_sdk.mapper_base import InlineMapper
from typing_extensions import override

from mapper_snake_case.duplicates import Duplicates
from mapper_snake_case.errors import CollisionError, MapperError
from mapper_snake_case.messages import MessageReader, MessageWriter, Passed, encode
from mapper_snake_case.naming import snake_case
from mapper_snake_case.record import Rules, StreamMap
from mapper_snake_case.text import Tidying

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

SETTINGS = th.PropertiesList(
    th.Property(
        "on_collision",
        th.StringType(allowed_values=["suffix", "fail"]),
        default="fail",
        description="If names would become the same: stop and name them, or add suffixes",
    ),
    th.Property(
        "rename_undeclared",
        th.BooleanType,
        default=True,
        description="Also rename keys that the schema does not declare",
    ),
    th.Property(
        "rename_streams",
        th.BooleanType,
        default=False,
        description="Also convert stream names, which become table names, to snake_case",
    ),
    th.Property(
        "trim",
        th.BooleanType,
        default=True,
        description="Remove white space at both ends of texts",
    ),
    th.Property(
        "collapse_whitespace",
        th.BooleanType,
        default=True,
        description="Replace each run of blanks, tabs and no-break spaces with one space",
    ),
    th.Property(
        "empty_to_null",
        th.BooleanType,
        default=True,
        description="Turn empty texts into null",
    ),
    th.Property(
        "clean_nested",
        th.BooleanType,
        default=False,
        description="Also clean texts within objects and lists",
    ),
    th.Property(
        "clean_except",
        th.ArrayType(th.StringType),
        default=[],
        description="Columns whose texts stay unchanged: `stream.column`, with `*` and `?`",
    ),
    th.Property(
        "remember_keys",
        th.IntegerType(minimum=0),
        default=100_000,
        description="Drop a record that is the same as the last one of its key, for so many keys; "
        "0: drop none",
    ),
).to_dict()
_DEFAULTS = {name: definition["default"] for name, definition in SETTINGS["properties"].items()}


class MapperSnakeCase(InlineMapper):
    """Singer mapper that converts names to snake_case and cleans texts, after any tap."""

    name = "mapper-snake-case"
    config_jsonschema = SETTINGS
    message_reader_class = MessageReader
    message_writer_class = MessageWriter
    message_writer: MessageWriter
    capabilities = [  # noqa: RUF012 - as the SDK declares it
        PluginCapabilities.ABOUT,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, **options: Any) -> None:
        """Validate the settings.

        Args:
            options: The SDK's own.
        """
        super().__init__(**options)
        self._config = {**_DEFAULTS, **self._config}
        self._rules = Rules(
            fail=self.config["on_collision"] == "fail",
            undeclared=self.config["rename_undeclared"],
            tidying=Tidying.from_settings(self.config),
        )
        self._streams: dict[str, StreamMap] = {}
        self._schemas: dict[str, bytes] = {}
        self._versions: dict[str, int | None] = {}
        self._targets: dict[str, str] = {}
        self._duplicates = Duplicates(self.config["remember_keys"])

    @override
    def map_schema_message(self, message_dict: dict[str, Any]) -> Iterable[Passed]:
        stream, schema = message_dict["stream"], encode(message_dict)
        if self._schemas.get(stream) != schema:
            try:
                self._streams[stream] = StreamMap(message_dict, self._rules)
            except CollisionError as error:
                msg = f"Stream {stream!r}: {error}"
                raise MapperError(msg) from error
            self._schemas[stream] = schema
            self._duplicates.forget(stream)
        yield Passed({**self._streams[stream].message, "stream": self._target(stream)})

    @override
    def map_record_message(self, message_dict: dict[str, Any]) -> Iterable[Passed]:
        stream, record = message_dict["stream"], message_dict["record"]
        known = self._streams.get(stream)
        if not known:
            msg = f"Stream {stream!r} has a record before its SCHEMA: the tap is out of order"
            raise MapperError(msg)
        if record.__class__ is not dict:
            msg = f"Stream {stream!r} has a record that is not an object"
            raise MapperError(msg)
        if (version := message_dict.get("version")) != self._versions.get(stream):
            self._versions[stream] = version
            self._duplicates.forget(stream)
        key = tuple([record.get(column) for column in known.keys])
        try:
            record = known.apply(record)
        except CollisionError as error:
            msg = f"Stream {stream!r}: {error}"
            raise MapperError(msg) from error
        if key and self._duplicates.wanted and None not in key:
            body = encode(record)
            if self._duplicates.seen(stream, key, body):
                return
            record = msgspec.Raw(body)
        message_dict["record"] = record
        message_dict["stream"] = self._target(stream)
        yield Passed(message_dict)

    @override
    def map_state_message(self, message_dict: dict[str, Any]) -> Iterable[Passed]:
        # It belongs to the tap, which must get it back unchanged.
        yield Passed(message_dict)

    @override
    def map_activate_version_message(self, message_dict: dict[str, Any]) -> Iterable[Passed]:
        stream = message_dict["stream"]
        self._duplicates.forget(stream)
        yield Passed({**message_dict, "stream": self._target(stream)})

    @override
    def map_batch_message(self, message_dict: dict[str, Any]) -> Iterable[Passed]:
        msg = (
            f"Stream {message_dict['stream']!r} comes in BATCH messages, which point to files: "
            "turn 'batch_config' off in the tap"
        )
        raise MapperError(msg)

    def _target(self, stream: str) -> str:
        """The name under which a stream is passed on."""
        if stream not in self._targets:
            target = snake_case(stream) if self.config["rename_streams"] else stream
            if twin := next((s for s, t in self._targets.items() if t == target), None):
                # Their order could change: a suffix would then send rows to the wrong table.
                msg = f"The streams {twin!r} and {stream!r} would both be called {target!r}"
                raise MapperError(msg)
            self._targets[stream] = target
        return self._targets[stream]

    def run(self, file_input: IO[Any] | None = None) -> int:
        """Map all messages.

        Args:
            file_input: The input, if not standard input.

        Returns:
            The exit code: 0 only if the entire input was read and passed on.
        """
        try:
            self.listen(file_input)
        except MapperError as error:
            self.logger.critical("%s.", error)
        except BrokenPipeError:
            self.logger.critical("The target stopped reading: see its own log.")
            # The remaining buffer has no reader; without this, Python reports an error at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        else:
            return 0
        return 1

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Stop between two messages; the exit code says that the output is incomplete."""
        del frame
        self.logger.error("Stopped by signal %d before the end.", signum)
        self.message_writer.stop(128 + signum)

    @override
    @classmethod
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Run the command line. The SDK's own version cannot set the exit code."""
        if about:
            cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        mapper = cls(
            config=config.config if config else {},
            parse_env_config=bool(config and config.parse_env),
        )
        sys.exit(mapper.run(file_input))

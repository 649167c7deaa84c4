"""Writes a stream's messages: RECORD, through the user's stream maps; ACTIVATE_VERSION; STATE.

Only this file uses the SDK's methods for writing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk.mapper import RemoveRecordTransform
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from tap_pennylane.errors import PennylaneError
from tap_pennylane.record import DELETED_AT
from tap_pennylane.replication.stream_maps import broken_expression, mapped_tombstone

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from singer_sdk.helpers.types import Context

    from tap_pennylane.replication.stream_maps import StreamMapper


_NO_KEY = {"integer": 0, "number": 0, "string": "", "date": "0001-01-01"}
"""Values that no record's key has, by type."""


class Output:
    """Writes the messages of one stream."""

    def __init__(
        self,
        stream: WritingStream,
        mapper: StreamMapper,
        refusal: str | None = None,
        company: Mapping[str, int] | None = None,
    ) -> None:
        """Prepare it; nothing is written yet.

        Args:
            stream: The stream whose records are sent.
            mapper: The stream maps of the run.
            refusal: Why nothing can be sent; None if it can.
            company: The key column and the id of the company that the records belong to, if the
                table has those of others as well.
        """
        self._company = company or {}
        self._writer = stream
        self._mapper = mapper
        self._stream = stream.name
        self._keys = tuple(stream.primary_keys)
        self._maps = list(
            zip(mapper.stream_maps[stream.name], mapper.definitions(stream.name), strict=False)
        )
        self._sends_deletions = DELETED_AT in stream.schema["properties"]
        self._is_begun = False
        self.version: int | None = None
        """The table version that the records belong to."""
        self.is_whole = True
        """Whether all records are sent, so that ACTIVATE_VERSION may mark all others as deleted."""
        self.refusal = refusal or mapper.refusals.get(stream.name) or self._impossible_deletion()
        """Why nothing, or nothing more, can be sent; None if it can."""

    @property
    def is_selected(self) -> bool:
        """Whether the stream is selected."""
        return bool(self._writer.selected)

    @property
    def is_wanted(self) -> bool:
        """Whether the stream is selected and its records can be sent."""
        return self.is_selected and not self.refusal

    def begin(self, version: int, *, is_whole: bool) -> None:
        """Send records with this table version from now on.

        Args:
            version: The version; it must never decrease.
            is_whole: Whether all records are sent, or only the changed ones.
        """
        self._writer._stream_version = self.version = version  # noqa: SLF001 - no public one
        self.is_whole = is_whole

    def activate_version(self, version: int) -> None:
        """Write ACTIVATE_VERSION: the version is complete, so older rows are deleted.

        That message is about a whole table. If the table has other companies' rows, a tombstone
        without a record's id takes its place: it says the same about one company.
        """
        if self.is_selected and self._company:
            for _ in self.send([self._end_of_version()]):
                pass
        elif self.is_selected:
            self._introduce()
            self._writer._write_activate_version_message(version)  # noqa: SLF001

    def _end_of_version(self) -> dict[str, Any]:
        schema = self._writer.schema["properties"]
        keys = {key: _NO_KEY[schema[key].get("format", schema[key]["type"])] for key in self._keys}
        now = datetime.now(UTC).isoformat()
        return {**dict.fromkeys(schema), **keys, **self._company, DELETED_AT: now}

    def remember(self, bookmark: Mapping[str, Any]) -> None:
        """Write a bookmark. The records that it counts as delivered must already be written."""
        state = self._writer.stream_state
        state.clear()
        state.update(bookmark)
        self._writer.state_manager.is_flushed = False
        self._writer._write_state_message()  # noqa: SLF001

    def send(self, records: Iterable[dict[str, Any]]) -> Iterator[None]:
        """Write records outside the SDK's own loop over a stream's records.

        Args:
            records: The records of an included child stream.

        Yields:
            Once after each written record.

        Raises:
            PennylaneError: A stream map could not be applied, or `records` raised it.
        """
        self._introduce()
        for record in records:
            self._writer._write_record_message(record)  # noqa: SLF001
            self.confirm()
            yield

    def _introduce(self) -> None:
        """Write the SCHEMA message, unless it has been written."""
        if not self._is_begun:
            self._is_begun = True
            self._writer._write_schema_message()  # noqa: SLF001

    def columns(self) -> list[str]:
        """Return the selected columns, and a fingerprint of their stream maps.

        The deletion column is omitted: bookmarks that predate it stay valid.
        """
        selected = [
            name
            for name in self._writer.effective_schema["properties"]
            if name != DELETED_AT and self._writer.mask[("properties", name)]
        ]
        maps = self._mapper.fingerprint(self._stream)
        return [*selected, *([maps] if maps else [])]

    def confirm(self) -> None:
        """Check that the last record was sent: an error in the SDK's loop would end the entire run.

        Raises:
            PennylaneError: It was not, because a stream map could not be applied.
        """
        if self.refusal:
            raise PennylaneError(self.refusal)

    def confirmed(self, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield records to the SDK, and check that it sent each.

        Raises:
            PennylaneError: One was not sent, because a stream map could not be applied.
        """
        self.confirm()
        self._is_begun = True  # the SDK has written the SCHEMA message
        for record in records:
            yield record
            self.confirm()

    def messages(
        self,
        record: dict[str, Any],
        mapped: Callable[[dict[str, Any]], Iterable[RecordMessage]],
    ) -> Iterator[RecordMessage]:
        """Yield the messages of a record; none if a stream map fails, which `confirm` then raises.

        Args:
            record: A record or a tombstone.
            mapped: The SDK's method that makes the messages of a live record.
        """
        if self.refusal:
            return
        try:
            found = list(
                self._tombstones(record) if record.get(DELETED_AT) else self._live(record, mapped)
            )
        except PennylaneError as error:
            self.refusal = str(error)
        except Exception:  # noqa: BLE001 - an expression may raise anything
            self.refusal = self._complaint(record)
        else:
            yield from found

    def _impossible_deletion(self) -> str | None:
        """Return why deletions cannot be sent, before anything is read; None if they can."""
        if self._sends_deletions:
            try:
                list(self._tombstones({**dict.fromkeys(self._keys, 0), DELETED_AT: ""}))
            except PennylaneError as error:
                return str(error)
        return None

    def _live(
        self,
        record: dict[str, Any],
        mapped: Callable[[dict[str, Any]], Iterable[RecordMessage]],
    ) -> Iterator[RecordMessage]:
        whole = record.copy() if self._sends_deletions and not self.is_whole else None
        sent = list(mapped(record))
        for message in sent:
            if self._sends_deletions:
                message.record.setdefault(DELETED_AT, None)
            yield message
        if whole and len(sent) < len(self._maps):
            # The record may have passed the filter before it changed.
            yield from self._gone_by_filter(whole)

    def _gone_by_filter(self, record: dict[str, Any]) -> Iterator[RecordMessage]:
        keys = {key: record[key] for key in self._keys}
        tombstone = {**keys, DELETED_AT: datetime.now(UTC).isoformat()}
        for message, (stream_map, _) in zip(
            self._tombstones(tombstone), self._written(), strict=True
        ):
            if not stream_map.get_filter_result(record):
                yield message

    def _tombstones(self, tombstone: Mapping[str, Any]) -> Iterator[RecordMessage]:
        for stream_map, definition in self._written():
            yield RecordMessage(
                stream=stream_map.stream_alias,
                record=mapped_tombstone(stream_map, definition, tombstone),
                version=self.version,
                time_extracted=datetime.now(UTC),
            )

    def _written(self) -> Iterator[tuple[Any, Mapping[str, Any]]]:
        return (one for one in self._maps if not isinstance(one[0], RemoveRecordTransform))

    def _complaint(self, record: Mapping[str, Any]) -> str:
        """Return the error for a record that an expression fails on."""
        which = ", ".join(f"{key} {record[key]}" for key in self._keys if key in record)
        for stream_map, definition in self._maps:
            for name, expression, kind in broken_expression(stream_map, definition, record):
                return (
                    f"in the setting 'stream_maps' the expression `{expression}` of '{name}' can't "
                    f"be applied to {which} ({kind}): make it handle null, "
                    "as in `name.upper() if name else None`"
                )
        return f"the setting 'stream_maps' can't be applied to {which}"


class WritingStream(Stream):
    """A stream whose records go out through an `Output`."""

    @property
    def output(self) -> Output:
        """Writes the stream's messages."""
        raise NotImplementedError

    @property
    def introduced(self) -> set[str]:
        """The streams whose SCHEMA message was written before this one's."""
        return set()

    @override
    def _write_schema_message(self) -> None:
        if self.name not in self.introduced:
            self.introduced.add(self.name)
            super()._write_schema_message()

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """False: the SDK would send the message before the first record.

        Targets would then mark all older rows as deleted, and a failure would leave them so.
        """
        return False

    @override
    def generate_child_contexts(
        self, record: dict[str, Any], context: Context | None
    ) -> Iterable[Context | None]:
        """Return none: no stream has children in the SDK's sense, and it would filter twice."""
        return ()

    @override
    def _generate_record_messages(
        self, record: dict[str, Any]
    ) -> Generator[RecordMessage, None, None]:
        yield from self.output.messages(record, super()._generate_record_messages)

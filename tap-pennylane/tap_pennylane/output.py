"""What a stream's records become on their way out: RECORD messages, by the user's stream maps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import RemoveRecordTransform
from singer_sdk.singerlib import RecordMessage

from tap_pennylane.errors import PennylaneError
from tap_pennylane.record import DELETED_AT
from tap_pennylane.stream_maps import broken_expression, mapped_tombstone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from singer_sdk import Stream

    from tap_pennylane.stream_maps import StreamMapper


class Output:
    """The RECORD messages of one stream."""

    def __init__(self, stream: Stream, mapper: StreamMapper) -> None:
        """Belong to a stream.

        Args:
            stream: Whose records are sent.
            mapper: The stream maps of the run.
        """
        self._stream = stream.name
        self._keys = tuple(stream.primary_keys)
        self._maps = list(
            zip(mapper.stream_maps[stream.name], mapper.definitions(stream.name), strict=False)
        )
        self._sends_deletions = DELETED_AT in stream.schema["properties"]
        self.version: int | None = None
        """Of the table that the records belong to."""
        self.is_whole = True
        """Whether all records are sent, so that a target is told at the end which ones are gone."""
        self.refusal = mapper.refusals.get(stream.name) or self._impossible_deletion()
        """Why nothing can be sent, or no more; None where it can."""

    def confirm(self) -> None:
        """Make sure that the last record was sent: an error there would end the whole run.

        Raises:
            PennylaneError: It was not; a stream map could not be applied.
        """
        if self.refusal:
            raise PennylaneError(self.refusal)

    def messages(
        self,
        record: dict[str, Any],
        mapped: Callable[[dict[str, Any]], Iterable[RecordMessage]],
    ) -> Iterator[RecordMessage]:
        """The messages of one record; none where a stream map fails, which `confirm` then raises.

        Args:
            record: A record, or a tombstone.
            mapped: The SDK's way to the messages of a live record.
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
        """Why a deletion could not be told, found out before anything is read."""
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
            # It may have passed the filter before it changed.
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
        """What the user is told of a record that an expression can't deal with."""
        which = ", ".join(f"{key} {record[key]}" for key in self._keys if key in record)
        for stream_map, definition in self._maps:
            for name, expression, kind in broken_expression(stream_map, definition, record):
                return (
                    f"in the setting 'stream_maps' the expression `{expression}` of '{name}' can't "
                    f"be applied to {which} ({kind}): let it deal with null, "
                    "like `name.upper() if name else None`"
                )
        return f"the setting 'stream_maps' can't be applied to {which}"

"""The deliveries of one run: what it began with, what it changed, and what it may confirm."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from target_postgres_exact.deliveries import Deliveries
from target_postgres_exact.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import sqlalchemy as sa
    from target_postgres.sinks import PostgresSink
    from target_postgres.target import TargetPostgres

REMEDY = (
    "The stream must be read whole again: `meltano run sync` does that by itself, and"
    " `meltano run --full-refresh …` reads everything."
)


class Ledger:
    """Holds the tables against the bookmarks that a run begins with, and notes what it delivers.

    The SDK's taps send the state that they were given before anything else. A stream that this
    state speaks of is continued, so its table must hold what was delivered up to there.
    """

    def __init__(self, target: TargetPostgres) -> None:
        """Know nothing yet.

        Args:
            target: whose run it is.
        """
        self._target = target
        self._given: Mapping[str, Any] | None = None
        self._checked: set[str] = set()
        self._lost: dict[str, str] = {}
        """Tables that lack rows, of streams without a bookmark of their own."""
        self._changed: set[str] = set()
        self._versions: dict[str, int] = {}

    def begin(self, state: Mapping[str, Any], *, is_first: bool) -> None:
        """Take note of a state.

        Args:
            state: of the tap.
            is_first: whether no stream was spoken of before: then it is what the tap was given.
        """
        if self._given is not None:
            return
        self._given = (state.get("bookmarks") or {}) if is_first else {}
        if self._given and (schema := self._target.config.get("default_target_schema")):
            with self._transaction() as connection:
                Deliveries(connection, schema).adopt(self._given, empty_too=True)

    def check(self, sink: PostgresSink) -> None:
        """Hold a table against its bookmark, before anything is made or changed.

        Args:
            sink: of the table.

        Raises:
            LoadError: it does not hold what the bookmark says.
        """
        stream, schema = sink.stream_name, sink.schema_name
        if stream in self._checked or not schema:
            return
        self._checked.add(stream)
        bookmark = (self._given or {}).get(stream)
        with self._transaction() as connection:
            reason = Deliveries(connection, schema).misfit(sink.table_name, bookmark)
        if reason and bookmark:
            msg = f"Stream '{stream}' cannot go on from its bookmark: {reason}. {REMEDY}"
            raise LoadError(msg)
        if reason:
            self._lost[stream] = reason

    def changed(self, sink: PostgresSink, version: int | None = None) -> None:
        """Note that a table got rows.

        Args:
            sink: of the table.
            version: if it is now whole.
        """
        self._changed.add(sink.stream_name)
        if version is not None:
            self._versions[sink.stream_name] = version

    def remember(self, state: Mapping[str, Any], sinks: Mapping[str, PostgresSink]) -> None:
        """Write down what a state says was delivered.

        Args:
            state: all of it is in the tables.
            sinks: by stream, those of this run.
        """
        bookmarks = state.get("bookmarks") or {}
        with self._transaction() as connection:
            memories: dict[str, Deliveries] = {}
            for stream, sink in sinks.items():
                bookmark, schema = bookmarks.get(stream), sink.schema_name
                is_back = bool(bookmark) or stream in self._versions
                if not schema or (stream in self._lost and not is_back):
                    continue
                if schema not in memories:
                    memories[schema] = Deliveries(connection, schema)
                memories[schema].remember(
                    sink.table_name,
                    bookmark,
                    sink.schema["properties"],
                    version=self._versions.get(stream),
                    afresh=self._lost.pop(stream, None) is not None,
                    counts=stream in self._changed,
                    keeps_rows=not self._removes_rows,
                )
            self._changed.clear()

    def end(self) -> None:
        """Answer for the run.

        Raises:
            LoadError: a table lacks rows that no bookmark of its own would bring back.
        """
        if self._lost:
            said = "; ".join(f"'{stream}': {reason}" for stream, reason in self._lost.items())
            msg = f"Rows are missing, and this run did not bring them back: {said}. {REMEDY}"
            raise LoadError(msg)

    @property
    def _removes_rows(self) -> bool:
        config = self._target.config
        return bool(config.get("hard_delete")) or config.get("load_method") == "overwrite"

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        connector = self._target.target_connector
        with connector._connect() as connection, connection.begin():  # noqa: SLF001
            yield connection

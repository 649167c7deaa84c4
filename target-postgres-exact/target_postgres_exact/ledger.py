"""The deliveries of one run: what it started with, what it changed, and what it may confirm."""

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
    "The stream must be read completely again: `meltano run sync` does that automatically, and"
    " `meltano run --full-refresh …` reads everything."
)


class Ledger:
    """Checks the tables against the bookmarks that a run starts with, and records its deliveries.

    Taps built on the SDK first send the state that they were given. A stream in this state is
    continued, so its table must hold what was delivered up to its bookmark.
    """

    def __init__(self, target: TargetPostgres) -> None:
        """Start without any knowledge.

        Args:
            target: the target that runs.
        """
        self._target = target
        self._given: Mapping[str, Any] | None = None
        self._paths: dict[str, list[Mapping[str, Any] | None]] | None = None
        """The bookmarks that each stream went through, if it is known where it began."""
        self._checked: set[str] = set()
        self._found: Deliveries | None = None
        """What was delivered before this run."""
        self._lost: dict[str, str] = {}
        """Tables that lack rows, if their streams have no bookmark of their own."""
        self._changed: set[str] = set()
        self._versions: dict[str, int] = {}

    def begin(self, state: Mapping[str, Any], *, is_first: bool) -> None:
        """Note the state that the run starts with.

        Args:
            state: the tap's state.
            is_first: whether no stream came before it: then it is the state that the tap was given.
        """
        if self._given is not None:
            return
        self._given = (state.get("bookmarks") or {}) if is_first else {}
        self._paths = {} if is_first else None
        if self._given and (schema := self._target.config.get("default_target_schema")):
            with self._transaction() as connection:
                Deliveries(connection, schema).adopt(self._given, empty_too=True)

    def check(self, sink: PostgresSink) -> None:
        """Check a table against its bookmark, before anything is created or changed.

        Args:
            sink: the table's sink.

        Raises:
            LoadError: it does not hold what the bookmark says.
        """
        stream, schema = sink.stream_name, sink.schema_name
        if stream in self._checked or not schema:
            return
        self._checked.add(stream)
        bookmark = (self._given or {}).get(stream)
        with self._transaction() as connection:
            self._found = Deliveries(connection, schema, self._found)
            reason = self._found.misfit(sink.table_name, bookmark)
        if reason and bookmark:
            msg = f"Stream '{stream}' cannot continue from its bookmark: {reason}. {REMEDY}"
            raise LoadError(msg)
        if reason:
            self._lost[stream] = reason

    def changed(self, sink: PostgresSink, version: int | None = None) -> None:
        """Note that a table received rows.

        Args:
            sink: the table's sink.
            version: its version, if it is now complete.
        """
        self._changed.add(sink.stream_name)
        if version is not None:
            self._versions[sink.stream_name] = version

    def remember(self, state: Mapping[str, Any], sinks: Mapping[str, PostgresSink]) -> None:
        """Record what was delivered according to a state.

        Args:
            state: a state whose rows are all in the tables.
            sinks: this run's sinks, by stream.
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
                    self._path(stream, bookmark),
                    sink.schema["properties"],
                    version=self._versions.get(stream),
                    afresh=self._lost.pop(stream, None) is not None,
                    counts=stream in self._changed,
                    keeps_rows=not self._removes_rows,
                )
            self._changed.clear()

    def end(self) -> None:
        """End the run.

        Raises:
            LoadError: a table lacks rows, and no bookmark of its own would bring them back.
        """
        if self._lost:
            said = "; ".join(f"'{stream}': {reason}" for stream, reason in self._lost.items())
            msg = f"Rows are missing, and this run did not bring them back: {said}. {REMEDY}"
            raise LoadError(msg)

    def _path(
        self, stream: str, bookmark: Mapping[str, Any] | None
    ) -> list[Mapping[str, Any] | None]:
        """Return the bookmarks that led a stream to this one."""
        if self._paths is None:
            return [bookmark]
        path = self._paths.setdefault(stream, [(self._given or {}).get(stream)])
        if path[-1] != bookmark:
            path.append(bookmark)
        return path

    @property
    def _removes_rows(self) -> bool:
        config = self._target.config
        return bool(config.get("hard_delete")) or config.get("load_method") == "overwrite"

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        connector = self._target.target_connector
        with connector._connect() as connection, connection.begin():  # noqa: SLF001
            yield connection

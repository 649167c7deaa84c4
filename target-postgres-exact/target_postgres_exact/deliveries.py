"""What was delivered to each table, recorded in a table beside them.

A bookmark says how far a stream was read, not that the rows still exist. So each table has a row in
`_sdc_deliveries`: the bookmarks up to which it was filled, the delivered columns, the number of
rows, and when the latest row was loaded. A bookmark that does not fit is ignored.

It also has the latest bookmark itself: whoever runs the target may lose what it confirmed last.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

TABLE = "_sdc_deliveries"
BATCHED_AT, VERSION = "_sdc_batched_at", "_sdc_table_version"
MOST = 50
"""Bookmarks stored per table: after a kill, a run may resume from one before the last."""
LATER = {"bookmark": "jsonb", "led_here": "text[]"}
"""Columns that an earlier version did not create."""


class Content(NamedTuple):
    """The contents of a table."""

    columns: frozenset[str]
    rows: int
    batched_at: datetime | None
    """When the latest row was loaded, by the target's clock; None if the table does not say."""
    version: int | None
    """The latest version among the rows; None if the stream has no versions."""


class Deliveries:
    """The deliveries to one schema, over one connection."""

    def __init__(
        self, connection: sa.Connection, schema: str, found: Deliveries | None = None
    ) -> None:
        """Read them.

        Args:
            connection: in a transaction, if anything will be written.
            schema: the schema of the tables.
            found: what was read before, over another connection; it is read again if it is of
                another schema.
        """
        self._connection = connection
        self._schema = schema
        self.exists = False
        self._lacks: set[str] = set()
        self._known: Mapping[str, sa.Row[Any]] = {}
        self._table = sa.Table(
            TABLE,
            sa.MetaData(),
            sa.Column("table_name", sa.Text, primary_key=True),
            sa.Column("bookmarks", ARRAY(sa.Text), nullable=False),
            sa.Column("columns", ARRAY(sa.Text), nullable=False),
            sa.Column("rows", sa.BigInteger, nullable=False),
            sa.Column("batched_at", sa.TIMESTAMP),
            sa.Column("version", sa.BigInteger),
            sa.Column("delivered_at", sa.TIMESTAMP(timezone=True), server_default=sa.func.now()),
            sa.Column("bookmark", JSONB(none_as_null=True)),
            sa.Column("led_here", ARRAY(sa.Text)),
            schema=schema,
            comment="What the target delivered to each table; bookmarks are checked against it",
        )
        if found is None or found._schema != schema:  # noqa: SLF001 - of this class
            self._read()
        else:
            self.exists, self._lacks, self._known = found.exists, found._lacks, found._known  # noqa: SLF001

    def _read(self) -> None:
        there = self._columns(TABLE)
        self.exists, self._lacks = bool(there), LATER.keys() - there
        columns = [
            sa.null().label(column.name) if column.name in self._lacks else column
            for column in self._table.columns
        ]
        rows = self._connection.execute(sa.select(*columns)) if self.exists else ()
        self._known = {row.table_name: row for row in rows}

    def adopt(self, bookmarks: Mapping[str, Any], *, empty_too: bool = False) -> None:
        """Record tables that were filled before deliveries were recorded: they are trusted.

        Args:
            bookmarks: by stream.
            empty_too: also trust a table without rows, if another one has some.
        """
        if self.exists:
            return
        contents = {stream: self._content(stream) for stream in bookmarks if bookmarks[stream]}
        if not any(content and content.rows for content in contents.values()):
            return
        for stream, content in contents.items():
            if content and (content.rows or empty_too):
                columns = (name for name in content.columns if not name.startswith("_sdc_"))
                self.remember(stream, [bookmarks[stream]], columns)

    def newer(self, bookmarks: Mapping[str, Any]) -> dict[str, Any]:
        """Return the latest bookmarks of tables, by stream, if their run went on from these ones.

        Only a run that was interrupted leaves such bookmarks; the rows up to them are there.

        Args:
            bookmarks: by stream, as the next run would start with them.
        """
        found = {}
        for stream, known in self._known.items():
            given = _digest(bookmarks.get(stream))
            if (
                known.bookmark
                and given != _digest(known.bookmark)
                and given in (known.led_here or ())
                and self.misfit(stream, known.bookmark) is None
            ):
                found[stream] = known.bookmark
        return found

    def misfits(self, bookmarks: Mapping[str, Any]) -> dict[str, str]:
        """Return why tables do not hold what was delivered to them, by stream.

        Args:
            bookmarks: by stream, as the next run would start with them.
        """
        versioned = [name for name, known in self._known.items() if known.version is not None]
        found = {
            stream: self.misfit(stream, bookmarks.get(stream))
            for stream in sorted({*bookmarks, *versioned})
        }
        return {stream: reason for stream, reason in found.items() if reason}

    def misfit(self, stream: str, bookmark: Mapping[str, Any] | None) -> str | None:
        """Return why a table does not fit a bookmark; None if it does.

        Args:
            stream: the stream, which is also the table's name.
            bookmark: how far it was read. Without one, only tables with versions are checked,
                because the others were never guaranteed to be complete.
        """
        known = self._known.get(stream)
        if not bookmark and (known is None or known.version is None):
            return None
        content = self._content(stream)
        if content is None or known is None:
            missing = "its table is not there" if content is None else ""
            return missing or "nothing says what was delivered to its table"
        if bookmark and _digest(bookmark) not in known.bookmarks:
            return "its table was filled up to another bookmark than this one"
        return _shortfall(known, content)

    def remember(
        self,
        stream: str,
        path: Sequence[Mapping[str, Any] | None],
        columns: Iterable[str],
        *,
        version: int | None = None,
        afresh: bool = False,
        counts: bool = True,
        keeps_rows: bool = True,
    ) -> None:
        """Record what a table holds now.

        Args:
            stream: the stream, which is also the table's name.
            path: how far it was read: the bookmarks that the run went through, the latest one last.
            columns: the columns that its rows were delivered with.
            version: the table's version, if a full read ended; otherwise the earlier one stays.
            afresh: whether earlier bookmarks are no longer valid, because the rows were missing.
            counts: False if the rows have not changed.
            keeps_rows: False if rows are removed by design, so that their number proves little.
        """
        known = self._known.get(stream)
        content = self._content(stream) if counts or known is None else known
        if content is None:
            return
        self._prepare()
        earlier = list(known.bookmarks) if known and not afresh else []
        *led_here, latest = path
        digests = [_digest(latest)] if latest else []
        values = {
            "bookmarks": [*digests, *(one for one in earlier if one not in digests)][:MOST],
            "columns": sorted(columns),
            "rows": content.rows if keeps_rows else min(content.rows, 1),
            "batched_at": content.batched_at if keeps_rows else None,
            "version": version or (known and known.version) or content.version,
            "delivered_at": sa.func.now(),
            "bookmark": json.loads(json.dumps(_lasting(latest), default=float)),
            "led_here": [_digest(bookmark) for bookmark in led_here[-MOST:]],
        }
        statement = insert(self._table).values(table_name=stream, **values)
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=["table_name"], set_=values)
        )

    def removed(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Record that rows were removed on purpose: the tables fit these bookmarks, and no earlier.

        Args:
            states: the bookmarks by stream, of each state that the tables are loaded with.
        """
        for stream, known in self._known.items():
            bookmarks = [state[stream] for state in states if state.get(stream)]
            self.remember(
                stream,
                bookmarks[:1] or [None],
                known.columns,
                afresh=True,
                keeps_rows=known.batched_at is not None,
            )
            one = self._table.update().where(self._table.c.table_name == stream)
            self._connection.execute(one.values(bookmarks=[_digest(each) for each in bookmarks]))

    def _prepare(self) -> None:
        """Create the table, or the columns that it lacks."""
        if not self.exists:
            self._table.create(self._connection, checkfirst=True)
        elif self._lacks:
            added = ", ".join(f"add {name} {LATER[name]}" for name in sorted(self._lacks))
            table = self._connection.dialect.identifier_preparer.format_table(self._table)
            self._connection.execute(sa.text(f"alter table {table} {added}"))
        self.exists, self._lacks = True, set()

    def _columns(self, table: str) -> frozenset[str]:
        query = sa.text(
            "select attname from pg_attribute "
            "where attrelid = to_regclass(quote_ident(:schema) || '.' || quote_ident(:name)) "
            "and attnum > 0 and not attisdropped"
        )
        names = self._connection.scalars(query, {"schema": self._schema, "name": table})
        return frozenset(names)

    def _content(self, table: str) -> Content | None:
        """Count a table's rows; None if it does not exist."""
        columns = self._columns(table)
        if not columns:
            return None
        latest = [
            sa.func.max(sa.column(name)) if name in columns else sa.null()
            for name in (BATCHED_AT, VERSION)
        ]
        source = sa.table(table, schema=self._schema)
        query = sa.select(sa.func.count(), *latest).select_from(source)
        rows, batched_at, version = self._connection.execute(query).one()
        return Content(columns, rows, batched_at, version)


def _shortfall(known: sa.Row[Any], content: Content) -> str | None:
    """Return which part of what was delivered is missing."""
    if gone := sorted(set(known.columns) - content.columns):
        return f"columns of its table are gone: {', '.join(gone)}"
    if content.rows < known.rows:
        return f"its table has {content.rows:,} rows, and {known.rows:,} were delivered"
    if known.batched_at and (not content.batched_at or content.batched_at < known.batched_at):
        return "the rows of its table are older than what was delivered"
    return None


def _digest(bookmark: Mapping[str, Any] | None) -> str:
    """Return a digest of a bookmark, without the parts that the SDK drops when it reads a state.

    Without a bookmark, it is empty.
    """
    if not bookmark:
        return ""
    text = json.dumps(_lasting(bookmark), sort_keys=True, default=float)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _lasting(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: _lasting(one) for key, one in value.items() if key != "progress_markers"}
    return [_lasting(one) for one in value] if isinstance(value, list) else value

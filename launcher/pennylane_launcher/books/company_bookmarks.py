"""A company's part of Meltano's bookmarks, and of the bookmarks in the record of its runs."""

import json
from collections.abc import Mapping
from typing import Any

import psycopg

from pennylane_launcher.errors import LauncherError

_IS_HERE = (
    "select to_regclass('meltano.state') is not null and to_regclass('meltano.runs') is not null"
)
# Only a text that contains the id can have bookmarks of the company.
_STATES = """
select state_id, completed_state, partial_state from meltano.state
where state_id like '%%:tap-pennylane-to-target-postgres%%'
"""
_RUNS = """
select id, payload::text from meltano.runs
where job_name like '%%:tap-pennylane-to-target-postgres%%' and payload::text like %(text)s
"""


def forget(connection: psycopg.Connection, company: int) -> list[dict[str, Any]]:
    """Remove a company's bookmarks; a state of this company alone is deleted, with its runs.

    Args:
        connection: in a transaction.
        company: its id.

    Returns:
        The bookmarks that stay, of each state of a firm.

    Raises:
        LauncherError: Meltano keeps its states elsewhere.
    """
    row = connection.execute(_IS_HERE).fetchone()
    if not row or not row[0]:
        msg = (
            "Meltano's bookmarks are not in this database, so they cannot be made to match the"
            " tables. Remove MELTANO_DATABASE_URI, or delete the rows and bookmarks by hand."
        )
        raise LauncherError(msg)
    found = []
    for state_id, *texts in connection.execute(_STATES).fetchall():
        before = [_bookmarks(text) for text in texts]
        after = [_without(bookmarks, company) for bookmarks in before]
        if before != after and not any(_is_of_somebody(bookmarks) for bookmarks in after):
            connection.execute("delete from meltano.state where state_id = %s", [state_id])
            connection.execute("delete from meltano.runs where job_name = %s", [state_id])
            continue
        if before != after:
            connection.execute(
                "update meltano.state set completed_state = %s, partial_state = %s"
                " where state_id = %s",
                [*(_changed(text, company) for text in texts), state_id],
            )
        found += [bookmarks for bookmarks in after if _is_of_firm(bookmarks)]
    for run, text in connection.execute(_RUNS, {"text": f"%{company}%"}).fetchall():
        if (changed := _changed(text, company)) != text:
            connection.execute("update meltano.runs set payload = %s where id = %s", [changed, run])
    return found


def _bookmarks(text: str | None) -> dict[str, Any]:
    return ((json.loads(text) if text else {}).get("singer_state") or {}).get("bookmarks") or {}


def _changed(text: str | None, company: int) -> str | None:
    """Return a state, or a run's payload, without the company; the same text if it has none."""
    before = _bookmarks(text)
    after = _without(before, company)
    if not text or before == after:
        return text
    content = json.loads(text)
    content["singer_state"]["bookmarks"] = after
    return json.dumps(content)


def _without(bookmarks: Mapping[str, Any], company: int) -> dict[str, Any]:
    """Return the bookmarks without those of a company: a firm has one for each in a stream."""
    found = {}
    for stream, bookmark in bookmarks.items():
        if "partitions" in bookmark:
            kept = [
                part
                for part in bookmark["partitions"]
                if part.get("context", {}).get("company_id") != company
            ]
            found[stream] = {**bookmark, "partitions": kept}
        elif bookmark.get("company") != company:
            found[stream] = bookmark
    return found


def _is_of_somebody(bookmarks: Mapping[str, Any]) -> bool:
    """Tell whether any bookmark is of a company, or of a firm."""
    return any("partitions" in each or "company" in each for each in bookmarks.values())


def _is_of_firm(bookmarks: Mapping[str, Any]) -> bool:
    return any("partitions" in each for each in bookmarks.values())

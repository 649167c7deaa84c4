"""How a run ended: what was loaded and what changed, or why it failed."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import psycopg

from pennylane_launcher.books import report
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.running import changes
from pennylane_launcher.running.progress import Progress

LAST_GOOD = """
    select max(ended_at) from meltano.runs
    where state::text = 'SUCCESS' and job_name like '%tap-pennylane-to-target-postgres%'
"""


def read(
    url: str,
    schema: str,
    progress: Progress,
    *,
    code: int,
    seconds: float,
    since: date | None = None,
) -> report.Report:
    """Return what the tables hold after a run.

    Args:
        url: libpq URL of the database.
        schema: of the tables.
        progress: what the run said.
        code: its exit code.
        seconds: how long it took.
        since: ledger lines before this day were not loaded.

    Raises:
        LauncherError: the run failed, and PostgreSQL has gone.
    """
    try:
        return report.read(url, schema, since=since)
    except psycopg.OperationalError as error:
        if not code:
            raise
        reason = str(progress.reasons) or str(error).splitlines()[0]
        msg = (
            f"The run failed after {seconds:.0f} s: the connection to PostgreSQL was lost"
            f" ({reason.rstrip('.')}). Run again once it is back: nothing is lost."
        )
        raise LauncherError(msg) from error


def tell(
    url: str,
    result: report.Report,
    progress: Progress,
    *,
    code: int,
    seconds: float,
    before: Mapping[str, int],
) -> None:
    """Print the outcome of a run.

    Args:
        url: libpq URL of the database.
        result: what the tables hold after it.
        progress: what the run said.
        code: its exit code.
        seconds: how long it took.
        before: the rows of each table before it.

    Raises:
        LauncherError: the run failed; gives the reason.
    """
    # After a failed load, old and new rows are mixed: their totals would prove nothing.
    if result.rows and (progress.loaded or not code):
        print(f"\n{result}\n\n{changes.sentence(progress.ended, before, result.rows)}")
    if code:
        reason = str(progress.reasons) or (
            f"`meltano run` ended with exit code {code}, and none of its parts said why. Its whole"
            " output is in logs/tap-pennylane.log"
        )
        if progress.loaded:
            msg = f"The load is complete, but the views or their tests failed: {reason}"
            raise LauncherError(msg)
        print(_what_stands(url))
        msg = f"The run failed after {seconds:.0f} s: {reason}"
        raise LauncherError(msg)


def _what_stands(url: str) -> str:
    """Say of which moment the books are that the tables hold."""
    with psycopg.connect(url) as connection:
        exists = connection.execute("select to_regclass('meltano.runs')").fetchone()
        ended = connection.execute(LAST_GOOD).fetchone() if exists and exists[0] else None
    if ended is None or ended[0] is None:
        return "No load has ever completed here: the tables are incomplete."
    return f"The tables hold the books as of {_moment(ended[0])}, the last good load."


def _moment(ended: datetime) -> str:
    """Return a moment in UTC as local time, without the date if it is today."""
    local = ended.replace(tzinfo=UTC).astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M}" if today else f"{local:%Y-%m-%d %H:%M}"

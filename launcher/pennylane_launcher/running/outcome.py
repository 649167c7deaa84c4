"""How a run ended, told to the person who started it: what landed, what changed, or why not."""

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


def tell(
    url: str,
    schema: str,
    progress: Progress,
    *,
    code: int,
    seconds: float,
    before: Mapping[str, int],
    since: date | None = None,
) -> report.Report:
    """Print what a run brought.

    Args:
        url: libpq URL of the database.
        schema: of the tables.
        progress: what the run said.
        code: its exit code.
        seconds: how long it took.
        before: the rows of each table before it.
        since: ledger lines before this day were not loaded.

    Returns:
        The report that was printed.

    Raises:
        LauncherError: the run failed; gives the reason.
    """
    result = report.read(url, schema, since=since)
    # Where the load failed, old and new rows are side by side: their totals would prove nothing.
    if result.rows and (progress.loaded or not code):
        print(f"\n{result}\n\n{changes.sentence(progress.ended, before, result.rows)}")
    if code:
        reason = str(progress.reasons) or (
            f"`meltano run` ended with exit code {code}, and no part of it said why. All that it"
            " said is in logs/tap-pennylane.log"
        )
        if progress.loaded:
            msg = f"The load is complete, but the views or their tests failed: {reason}"
            raise LauncherError(msg)
        print(_what_stands(url))
        msg = f"The run failed after {seconds:.0f} s: {reason}"
        raise LauncherError(msg)
    return result


def _what_stands(url: str) -> str:
    """Say how old the books are that people see now."""
    with psycopg.connect(url) as connection:
        exists = connection.execute("select to_regclass('meltano.runs')").fetchone()
        ended = connection.execute(LAST_GOOD).fetchone() if exists and exists[0] else None
    if ended is None or ended[0] is None:
        return "No load was ever complete here: what the tables hold is not whole."
    return f"The tables hold the books as of {_moment(ended[0])}, the last good load."


def _moment(ended: datetime) -> str:
    """Return a moment, which is UTC, in this machine's time; of today the time alone."""
    local = ended.replace(tzinfo=UTC).astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M}" if today else f"{local:%Y-%m-%d %H:%M}"

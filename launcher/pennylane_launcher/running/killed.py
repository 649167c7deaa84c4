"""Whether a run that Meltano takes to be at work was killed."""

import time

import psycopg

SILENCE = 30.0
"""Seconds without a sign of life after which a run counts as killed; Meltano gives one a second."""

_SIGNS = """
select run_id, last_heartbeat_at from meltano.runs
where state = 'RUNNING' and last_heartbeat_at is not null
"""


def run(url: str, *, silence: float = SILENCE) -> bool:
    """Tell whether there are runs that never ended, and none of them gives a sign of life.

    Meltano itself believes in such a run for five minutes. It is watched, and no clock is asked:
    that of another machine may be wrong.

    Args:
        url: libpq URL of the database.
        silence: seconds to watch, if there is anything to be watched.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("select to_regclass('meltano.runs')").fetchone() == (None,):
            return False
        before = connection.execute(_SIGNS).fetchall()
        end = time.monotonic() + silence
        while before and time.monotonic() < end:
            time.sleep(1)
            now = connection.execute(_SIGNS).fetchall()
            if sorted(now, key=str) != sorted(before, key=str):
                # One is alive, or has just come to its end.
                return False
    return bool(before)

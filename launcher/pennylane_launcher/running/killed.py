"""Whether a run that Meltano believes to be running was killed."""

import time

import psycopg

SILENCE = 30.0
"""Seconds without a heartbeat after which a run counts as killed; Meltano writes one per second."""

_SIGNS = """
select run_id, last_heartbeat_at from meltano.runs
where state = 'RUNNING' and last_heartbeat_at is not null
"""


def run(url: str, *, silence: float = SILENCE) -> bool:
    """Tell whether there are runs that never ended, all of them without a heartbeat.

    Meltano itself waits five minutes before it gives such a run up. Heartbeats are watched rather
    than compared with a clock, because another machine's clock may be wrong.

    Args:
        url: libpq URL of the database.
        silence: seconds to watch, if there is such a run.
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
                # One is alive, or has just ended.
                return False
    return bool(before)

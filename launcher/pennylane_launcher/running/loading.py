"""`make demo` and `make run`: a load from its first line of output to its last."""

import os
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from pennylane_launcher import meltano, terminal
from pennylane_launcher.books import proof, report
from pennylane_launcher.claim import claim
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.lock import alone
from pennylane_launcher.postgres import embedded, warehouse
from pennylane_launcher.postgres.cluster import SUPERUSER
from pennylane_launcher.postgres.database import DEMO_DATABASE, database
from pennylane_launcher.running import outcome, pipeline
from pennylane_launcher.running.progress import Progress
from pennylane_launcher.running.sandbox import TOKEN, fingerprint, sandbox
from pennylane_launcher.settings import envfile, weak
from pennylane_launcher.settings.redaction import Secrets
from pennylane_launcher.settings.wording import wording

ACCESS = (weak.TOKEN, "TAP_PENNYLANE_CREDENTIALS_FILE", "TAP_PENNYLANE_CREDENTIALS_URL")
"""A token, or the place of those of OAuth: one of these variables is needed."""
WHERE_TOKENS_ARE = "Pennylane → Settings → Connectivity → Developers → Generate an API token"


def demo(project: Path, *, seed: int, size: int, until: date | None) -> int:
    """Load the sandbox's company into a database of its own, and print a report.

    Args:
        project: the project's folder.
        seed: of the sandbox.
        size: of the sandbox's company, in ledger entry lines.
        until: the last day of its books; None is today in France.

    Returns:
        0 if all was loaded and the books balance.

    Raises:
        LauncherError: something does not start, or the load failed.
    """
    day = until or datetime.now(ZoneInfo("Europe/Paris")).date()
    company = f"seed {seed}, size {size}, until {day}, sandbox {fingerprint()}"
    with alone(project):
        print("Starting PostgreSQL and the sandbox that stands in for Pennylane …")
        with (
            embedded.server(project / ".embedded") as postgres,
            sandbox(seed=seed, size=size, until=day) as api,
        ):
            url = _demo_database(postgres, company)
            print("meltano run sync …")
            before, begin = report.rows(url, meltano.SCHEMA), time.monotonic()
            progress = Progress(Secrets.of(project).hide)
            environment = meltano.environment(url, api_url=api.url, token=TOKEN)
            code = pipeline.run(
                environment,
                progress,
                env_file=Path(os.devnull),
                check=api.check,
            )
            code = code or pipeline.verify(environment, progress, env_file=Path(os.devnull))
            seconds = time.monotonic() - begin
            result = outcome.read(url, meltano.SCHEMA, progress, code=code, seconds=seconds)
            outcome.tell(url, result, progress, code=code, seconds=seconds, before=before)
            print(f"Took {seconds:.0f} s and {api.requests():,} requests of 25 per 5 s.")
    print(
        "See the figures in the browser: make dashboard ARGS=--demo\n"
        "Look inside: make psql ARGS=--demo\n"
        "Your own books: install -m 600 .env.example .env, put your token into it, make run\n"
        f"  ({WHERE_TOKENS_ARE})"
    )
    return 0 if result.balanced else 1


def run(project: Path, *, options: Sequence[str]) -> int:
    """Load the company whose token is in `.env`, and print a report.

    Args:
        project: the project's folder.
        options: of `meltano run`.

    Returns:
        0.

    Raises:
        LauncherError: no token, no database, something does not start, or the load failed.
    """
    settings = envfile.variables(project)
    if not any(map(settings.get, ACCESS)):
        msg = (
            f"There is no API token yet: create one in {WHERE_TOKENS_ARE}, and write it into `.env`"
            " as TAP_PENNYLANE_API_TOKEN=… (`install -m 600 .env.example .env` creates that file)."
        )
        raise LauncherError(msg)
    weak.refuse_token(project, settings)
    schema, first_day = warehouse.schema(settings), since(settings)
    with (
        database(project) as (url, environment),
        claim(url, schema, "make run", say=terminal.say) as turn,
        alone(project),
    ):
        print(f"Loading into {warehouse.name(url)}, schema {schema} …")
        before, begin = report.rows(url, schema), time.monotonic()
        progress = Progress(wording(project, settings))
        variables = environment | turn.variables
        code = pipeline.run(variables, progress, options=options, failed=turn.end)
        seconds = time.monotonic() - begin
        result = outcome.read(url, schema, progress, code=code, seconds=seconds, since=first_day)
        # Schedules test hourly. What needs it sooner: a first load, one of everything, or books
        # that seem not to balance, because they may have changed between two reads.
        is_new = "--full-refresh" in options or not result.balanced
        if not code and (is_new or is_untested(url, schema)):
            code = pipeline.verify(variables, progress)
        seconds = time.monotonic() - begin
        outcome.tell(url, result, progress, code=code, seconds=seconds, before=before)
    hint = " Look inside: make psql" if (project / "Makefile").exists() else ""
    print(f"Took {seconds:.0f} s.{hint}")
    return 0


def since(settings: Mapping[str, str]) -> date | None:
    """Return the day before which nothing is loaded; None if everything is.

    Args:
        settings: environment variables, those of `.env` included.

    Raises:
        LauncherError: it is not a date.
    """
    text = settings.get("TAP_PENNYLANE_START_DATE")
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError as error:
        msg = f"TAP_PENNYLANE_START_DATE is not a date like 2024-01-31: {text}"
        raise LauncherError(msg) from error


def is_untested(url: str, schema: str) -> bool:
    """Tell whether the books were never tested.

    Args:
        url: libpq URL of the database.
        schema: of the views, without its suffix.
    """
    with psycopg.connect(url) as connection:
        return proof.read(connection, schema).tested_at is None


def _demo_database(postgres: embedded.Server, content: str) -> str:
    """Return the URL of the demo's database, recreated if it holds another company."""
    url = postgres.url(DEMO_DATABASE)
    name = sql.Identifier(DEMO_DATABASE)
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select shobj_description(oid, 'pg_database') from pg_database where datname = %s",
            [DEMO_DATABASE],
        ).fetchone()
    if found == (content,):
        return url
    with psycopg.connect(postgres.url(SUPERUSER), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(name))
    url = postgres.url(DEMO_DATABASE)
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("comment on database {} is {}").format(name, content))
    return url

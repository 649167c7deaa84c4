"""Unattended runs: the steps that an orchestrator calls, and Airflow on one machine."""

import json
import os
import secrets
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess, run
from urllib.error import URLError

import psycopg
from dotenv import dotenv_values

from pennylane_launcher import meltano, terminal
from pennylane_launcher.claim import claim
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.lock import alone
from pennylane_launcher.postgres import warehouse
from pennylane_launcher.postgres.database import database, refuse_twin
from pennylane_launcher.running import pipeline
from pennylane_launcher.running.migrating import migrate
from pennylane_launcher.running.progress import Progress
from pennylane_launcher.running.services import Services
from pennylane_launcher.settings import companies, envfile, weak
from pennylane_launcher.settings.wording import wording

PROGRAM = Path(".cache/airflow/bin/airflow")
PAGE = ["api-server"]
"""The page, to which each step reports: a step that starts before it answers is lost."""
SERVICES = {
    "dag-processor": ["dag-processor"],
    # On one machine the web page reads the log files itself.
    "scheduler": ["scheduler", "--skip-serve-logs"],
}
JOBS = "4"
"""Companies that are loaded at the same time, unless SCHEDULE_JOBS says otherwise."""
AIRFLOWS = ("AIRFLOW_", "SCHEDULE_")
"""Prefixes of the variables that Airflow and the DAG file read at start, not for each step."""
PATIENCE = 180.0
"""Seconds that Airflow gets to start."""


def step(project: Path, blocks: Sequence[str], company: str | None = None) -> int:
    """Run one step of a job on the database of `.env`, or on the embedded one.

    Args:
        project: the project's folder.
        blocks: what `meltano run` gets.
        company: of companies.yml, whose token and schema it uses.

    Returns:
        Meltano's exit code; EX_CONFIG if a retry cannot succeed.

    Raises:
        LauncherError: no database, or another run is in progress.
    """
    settings = envfile.variables(project)
    weak.refuse_token(project, settings)
    chosen = companies.chosen(project, settings, [company]) if company else []
    weak.refuse_tokens(project, settings, chosen)
    one = chosen[0].company if chosen else None
    schema = one.schema if one else warehouse.schema(settings)
    variables = chosen[0].variables(project) if chosen else {}
    progress = Progress(wording(project, settings, one))
    with database(project) as (url, environment):
        if one:
            refuse_twin(project, url, one.name)
            warehouse.prepare(url, schema)
            migrate({**environment, **settings}["MELTANO_DATABASE_URI"])
        with (
            claim(url, schema, "step of a schedule", say=terminal.say) as turn,
            alone(project, Path(variables["MELTANO_SYS_DIR_ROOT"]) if one else None),
        ):
            code = pipeline.step(blocks, environment | variables | turn.variables, progress)
        if one:
            refuse_twin(project, url, one.name)
    if code and (reason := str(progress.reasons)):
        print(f"The step failed: {reason}", file=sys.stderr)
    return code


def schedule(project: Path) -> int:
    """Run the schedules of `meltano.yml`, until a signal ends it.

    Args:
        project: the project's folder.

    Returns:
        Only by an exception.

    Raises:
        LauncherError: Airflow does not start, or a part of it ended.
    """
    with database(project) as (url, environment):
        variables = airflow_variables(project, url, environment)
        home, address = Path(variables["AIRFLOW_HOME"]), _address(variables)
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)  # holds a password
        print("Making Airflow's tables ready …")
        airflow(variables, "db", "migrate")
        jobs = variables.get("SCHEDULE_JOBS") or JOBS
        airflow(variables, "pools", "set", "pipeline", jobs, "One run at a time per schema")
        with Services(home / "services") as services:
            print("Starting Airflow …")
            services.start("api-server", [str(PROGRAM.absolute()), *PAGE], variables)
            _wait(services, address)
            for name, arguments in SERVICES.items():
                services.start(name, [str(PROGRAM.absolute()), *arguments], variables)
            _wait(services, address, *SERVICES)
            print(
                f"Airflow runs the schedules until Ctrl-C: {address}\n"
                f"  user admin, password in {home / 'simple_auth_manager_passwords.json.generated'}"
                f"\n  its own logs: {home / 'services'}"
            )
            services.watch()
    return 0


def airflow_variables(project: Path, url: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return Airflow's variables: its own of `.env`, and the plugin's settings in meltano.yml.

    Args:
        project: the project's folder.
        url: libpq URL of the database; Airflow's own tables go to its schema `airflow`.
        environment: for a Meltano that works on that database.

    Raises:
        LauncherError: Meltano cannot print them.
    """
    done = run(  # noqa: S603
        meltano.command("--log-level", "error", "config", "print", "airflow", "--format=env"),
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    _check(done, "meltano config print airflow")
    plugin = dotenv_values(stream=StringIO(done.stdout), interpolate=False)
    settings = {name: value for name, value in plugin.items() if value and "AIRFLOW_" in name[:8]}
    # Each step reads `.env` itself, so that a new token is used: only Airflow's part is passed on.
    kept = {
        name: value
        for name, value in envfile.variables(project).items()
        if name in os.environ or name.startswith(AIRFLOWS)
    }
    found = meltano.python(kept) | settings
    address = _address(found)
    defaults = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _own_tables(url),
        # asyncpg does not know libpq's options.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": _own_tables(url, "psycopg"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        # New for each start: only this Airflow's own parts may call its API.
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
    }
    return defaults | found


def _own_tables(url: str, driver: str = "psycopg2") -> str:
    """Return the URL of Airflow's own tables, and create their schema next to the data."""
    with psycopg.connect(url) as connection:
        connection.execute("create schema if not exists airflow")
    separator = "&" if "?" in url else "?"
    return f"{meltano.sqlalchemy(url, driver)}{separator}options=-csearch_path%3Dairflow"


def _address(variables: Mapping[str, str]) -> str:
    host = variables["AIRFLOW__API__HOST"]
    host = "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - not bound here
    return f"http://{host}:{variables['AIRFLOW__API__PORT']}"


def airflow(variables: Mapping[str, str], *arguments: str) -> None:
    """Call Airflow's own command.

    Args:
        variables: all its environment variables.
        arguments: its arguments.

    Raises:
        LauncherError: it fails.
    """
    done = run(  # noqa: S603
        [str(PROGRAM.absolute()), *arguments],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    _check(done, f"airflow {' '.join(arguments[:2])}")


def _check(done: CompletedProcess[str], name: str) -> None:
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-2000:]
        msg = f"`{name}` failed with exit code {done.returncode}:\n{said}"
        raise LauncherError(msg)


def _wait(services: Services, address: str, *names: str) -> None:
    """Wait until the page answers and reports that these services are healthy."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        services.check()
        with (
            suppress(URLError, OSError, ValueError, KeyError),
            urllib.request.urlopen(f"{address}/api/v2/monitor/health", timeout=5) as answer,  # noqa: S310
        ):
            health = json.load(answer)
            if all(health[name.replace("-", "_")]["status"] == "healthy" for name in names):
                return
        time.sleep(0.5)
    msg = f"Airflow does not answer at {address}."
    raise LauncherError(msg)

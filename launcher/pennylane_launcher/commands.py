"""What each command does: the parts put in order, and what is said of it."""

import fcntl
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from pennylane_launcher import embedded, meltano, pipeline, report, warehouse
from pennylane_launcher.cluster import SUPERUSER
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.sandbox import TOKEN, fingerprint, sandbox

DATABASE = "pennylane"
DEMO_DATABASE = "pennylane_demo"
WHERE_TOKENS_ARE = "Pennylane → Settings → Connectivity → Developers → Generate an API token"


def demo(project: Path, *, seed: int, size: int) -> int:
    """Load the sandbox's company into a database of its own, and report.

    Args:
        project: the project's folder.
        seed: of the sandbox.
        size: of the sandbox's company, in ledger entry lines.

    Returns:
        0 if all was loaded and the books balance.

    Raises:
        LauncherError: something does not start.
    """
    with alone(project):
        print("Starting PostgreSQL and the sandbox that stands in for Pennylane …")
        with (
            embedded.server(project / ".embedded") as postgres,
            sandbox(seed=seed, size=size) as api,
        ):
            url = _demo_database(postgres, f"seed {seed}, size {size}, sandbox {fingerprint()}")
            print("meltano run sync …")
            begin = time.monotonic()
            code = pipeline.run(
                meltano.environment(url, api_url=api.url, token=TOKEN),
                # Nobody else works in this database: a run that still says so was killed.
                options=["--force"],
                env_file=Path(os.devnull),
                status=api.status,
            )
            seconds = time.monotonic() - begin
            if code:
                msg = f"The demo failed: `meltano run` ended with exit code {code}, see above."
                raise LauncherError(msg)
            result = report.read(url, meltano.SCHEMA)
            print(f"\nIn PostgreSQL, schema {meltano.SCHEMA}:\n\n{result}\n")
            print(f"Took {seconds:.0f} s and {api.requests():,} requests of 25 per 5 s.")
    print(
        "Look inside: make psql ARGS=--demo\n"
        "Your own books: cp .env.example .env, put your token into it, make run\n"
        f"  ({WHERE_TOKENS_ARE})"
    )
    return 0 if result.balanced else 1


def run(project: Path, *, options: Sequence[str]) -> int:
    """Load the company of the token in `.env`, and report.

    Args:
        project: the project's folder.
        options: of `meltano run`.

    Returns:
        Meltano's exit code.

    Raises:
        LauncherError: no token, no database, or something does not start.
    """
    settings = warehouse.variables(project)
    token = settings.get("TAP_PENNYLANE_API_TOKEN")
    if not token:
        msg = (
            f"There is no API token yet: create one in {WHERE_TOKENS_ARE}, and write it into `.env`"
            " as TAP_PENNYLANE_API_TOKEN=… (`cp .env.example .env` makes that file)."
        )
        raise LauncherError(msg)
    schema, since = warehouse.schema(settings), _since(settings)
    with alone(project), database(project) as (url, environment):
        print(f"Loading into {warehouse.name(url)}, schema {schema} …")
        begin = time.monotonic()
        secrets = [token, settings.get("POSTGRES_PASSWORD", "")]
        code = pipeline.run(environment, options=options, secrets=secrets)
        seconds = time.monotonic() - begin
        result = report.read(url, schema, since=since)
    if result.rows:
        hint = " Look inside: make psql" if (project / "Makefile").exists() else ""
        print(f"\n{result}\n\nTook {seconds:.0f} s.{hint}")
    if code:
        msg = (
            "Not everything was loaded, or a test of the views failed: `meltano run` ended with"
            f" exit code {code}, see above."
        )
        raise LauncherError(msg)
    return 0


def up(project: Path) -> int:
    """Make the database ready for Meltano by hand: start the embedded one, or prepare `.env`'s."""
    settings = warehouse.variables(project)
    if url := warehouse.url(settings):
        warehouse.prepare(url, warehouse.schema(settings))
        print(f"Ready: {warehouse.name(url)}")
        return 0
    directory = project / ".embedded"
    url = embedded.up(directory).url(DATABASE)
    print(f"PostgreSQL is up until `make down`: {url}")
    if embedded.direct(directory):
        print("Now for example: .venv/bin/meltano run sync")
    else:
        print("This folder's path can't stand in meltano.yml; for `meltano` by hand, first say")
        variables = {"MELTANO_DATABASE_URI": meltano.system_database(url), **meltano.target(url)}
        for name, value in variables.items():
            print(f"  export {name}='{value}'")
    return 0


def down(project: Path) -> int:
    """Stop the embedded PostgreSQL."""
    was_up = embedded.down(project / ".embedded")
    print("PostgreSQL is stopped; its data stays." if was_up else "PostgreSQL was not running.")
    return 0


def psql(project: Path, *, demo: bool, arguments: Sequence[str]) -> int:
    """Open psql on the data.

    Args:
        project: the project's folder.
        demo: on the demo's database.
        arguments: of psql.

    Returns:
        The exit code of psql.

    Raises:
        LauncherError: the database can't be used.
    """
    with _connection(project, demo=demo) as variables:
        return subprocess.call([embedded.program("psql"), *arguments], env=variables)  # noqa: S603


def call(project: Path, *, options: Sequence[str]) -> int:
    """Call Meltano on the data's database.

    Args:
        project: the project's folder.
        options: of Meltano.

    Returns:
        Meltano's exit code.

    Raises:
        LauncherError: the database can't be used.
    """
    with database(project) as (_, environment):
        return subprocess.call(meltano.command(*options), env=environment)  # noqa: S603


def notebook(project: Path, *, demo: bool, arguments: Sequence[str]) -> int:
    """Open the notebook on the data.

    Args:
        project: the project's folder.
        demo: on the demo's database.
        arguments: of Jupyter, in place of `lab notebook/books.ipynb`.

    Returns:
        The exit code of Jupyter.

    Raises:
        LauncherError: the database can't be used.
    """
    program = str(project / ".cache" / "notebook" / "bin" / "jupyter")
    command = [program, *(arguments or ["lab", "notebook/books.ipynb"])]
    with _connection(project, demo=demo) as variables:
        return subprocess.call(command, env=variables)  # noqa: S603


def clean(project: Path) -> int:
    """Delete the embedded PostgreSQL and its data."""
    embedded.remove(project / ".embedded")
    return 0


@contextmanager
def _connection(project: Path, *, demo: bool) -> Iterator[dict[str, str]]:
    """Have the variables with which libpq finds the data, for the length of the block."""
    with ExitStack() as stack:
        if demo:
            postgres = stack.enter_context(embedded.server(project / ".embedded"))
            url, schema = postgres.url(DEMO_DATABASE), meltano.SCHEMA
        else:
            url, _ = stack.enter_context(database(project))
            schema = warehouse.schema(warehouse.variables(project))
        schemas = f"{schema}_marts,{schema}_live,{schema},public"
        yield os.environ | {"PGOPTIONS": f"-csearch_path={schemas}"} | _libpq(url)


@contextmanager
def database(project: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Have the database of `.env`, or the embedded one, for the length of the block.

    Yields:
        Its libpq URL, and all the variables for a Meltano that works on it.

    Raises:
        LauncherError: it can't be used.
    """
    settings = warehouse.variables(project)
    if url := warehouse.url(settings):
        warehouse.prepare(url, warehouse.schema(settings))
        defaults = {"MELTANO_ENVIRONMENT": "prod", "POSTGRES_PORT": "5432"}
        if not (settings.get("TARGET_POSTGRES_PASSWORD") or settings.get("POSTGRES_PASSWORD")):
            # The target takes no empty password but in a URL.
            defaults |= meltano.target(url)
        yield url, _with_defaults(settings, url, defaults)
        return
    with embedded.server(project / ".embedded") as postgres:
        url = postgres.url(DATABASE)
        yield url, _with_defaults(settings, url, meltano.target(url))


def _with_defaults(
    settings: Mapping[str, str], url: str, defaults: Mapping[str, str]
) -> dict[str, str]:
    """Return this process's variables, and the defaults that neither they nor `.env` set."""
    defaults = {"MELTANO_DATABASE_URI": meltano.system_database(url), **defaults}
    missing = {name: value for name, value in defaults.items() if not settings.get(name)}
    return meltano.python(os.environ) | missing


def _demo_database(postgres: embedded.Server, content: str) -> str:
    """Return the URL of the demo's database, made anew if it holds another company."""
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


@contextmanager
def alone(project: Path) -> Iterator[None]:
    """Keep other runs out of this folder: Meltano's plugins would share their files.

    Raises:
        LauncherError: one is at work already.
    """
    folder = project / ".meltano"
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder / "launcher.lock", os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = "Another `make demo` or `make run` is at work in this folder; let it end first."
            raise LauncherError(msg) from error
        yield
    finally:
        os.close(descriptor)


def _since(settings: Mapping[str, str]) -> date | None:
    text = settings.get("TAP_PENNYLANE_START_DATE")
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError as error:
        msg = f"TAP_PENNYLANE_START_DATE is no date like 2024-01-31: {text}"
        raise LauncherError(msg) from error


def _libpq(url: str) -> dict[str, str]:
    """Return a URL as the variables that psql reads: a command line is open to everybody."""
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    parts = conninfo_to_dict(url)
    found = {f"PG{name}": str(parts[key]) for key, name in names.items() if key in parts}
    return found | {"PGDATABASE": str(parts.get("dbname", ""))}

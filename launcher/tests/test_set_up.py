"""Does what docs/set-up.md, docs/personal-data.md and the chapter on uninstalling say."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
import pytest
from pennylane_launcher.books import forgetting
from pennylane_launcher.postgres import embedded
from pennylane_launcher.postgres.cluster import SUPERUSER
from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running("--size", "100", "--rate-limit", "none") as api:
        yield api


def blocks(page: str, language: str, chapter: str) -> list[str]:
    """The fenced blocks of a chapter of a page."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    _, _, rest = text.partition(f"\n## {chapter}\n")
    found, _, _ = rest.partition("\n## ")
    pattern = rf"^ *```{language}\n(.*?)^ *```$"
    return re.findall(pattern, found, flags=re.MULTILINE | re.DOTALL)


def write_env(folder: Path, sandbox: Sandbox, *lines: str) -> None:
    """Fill in `.env` as a person does, and make the sandbox stand in for Pennylane."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    filled = example.replace(
        "TAP_PENNYLANE_API_TOKEN=\n", f"TAP_PENNYLANE_API_TOKEN={sandbox.token}\n"
    )
    assert filled != example
    stand_in = (
        f"TAP_PENNYLANE_API_URL={sandbox.url}",
        "TAP_PENNYLANE_REQUESTS_PER_WINDOW=100000",
    )
    (folder / ".env").write_text("\n".join([filled, *stand_in, *lines, ""]), encoding="utf-8")


def call(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project's folder with cron's few variables."""
    given = {"HOME": os.environ["HOME"], "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
    return subprocess.run(
        command,
        cwd=folder,
        env=given | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def launch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return call(folder, ".venv/bin/python", "-m", "pennylane_launcher", *arguments)


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def test_the_line_for_cron_works_with_the_env_of_make_run_and_after_a_crash(
    checkout: Path, sandbox: Sandbox, leave_out_views: Callable[[], None]
) -> None:
    write_env(checkout, sandbox)
    (hourly, tests) = blocks("set-up.md", "cron", "5. By itself")
    assert hourly.startswith("17 * * * * cd /srv/pennylane && ")
    assert "check-health --changes" in hourly
    assert "%" not in hourly + tests, "cron would read it as the end of the line"
    log = checkout / "logs" / "cron.log"

    def cron(line: str) -> str:
        """What cron does with a line; returns what was logged."""
        command = " ".join(line.split()[5:]).replace("/srv/pennylane", str(checkout))
        before = len(log.read_text(encoding="utf-8")) if log.exists() else 0
        done = call(Path("/"), "/bin/sh", "-c", command)
        said = log.read_text(encoding="utf-8")[before:]
        assert (done.returncode, done.stdout) == (0, ""), said
        assert "Traceback" not in said
        return said

    assert "customers" in cron(hourly)
    leave_out_views()
    # The machine goes down with the database up; its lock files stay.
    assert launch(checkout, "up").returncode == 0
    data = next(checkout.glob(".embedded/**/postmaster.pid"), None)
    place = data or (checkout / ".embedded" / "run").resolve().parent / "data" / "postmaster.pid"
    server = psutil.Process(int(place.read_text(encoding="utf-8").split()[0]))
    children = server.children()
    for process in [server, *children]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs([server, *children], 10)
    sandbox.change("customers", create=1)
    cron(hourly)
    cron(tests)
    with embedded.server(checkout / ".embedded") as postgres:
        ((count,),) = ask(
            postgres.url("pennylane"),
            "select count(*) from pennylane.customers where _sdc_deleted_at is null",
        )
    assert count == len(sandbox.state("customers"))
    done = call(Path("/"), "/bin/sh", "-c", unit_command("sync", checkout))
    assert done.returncode == 0, done.stdout
    assert "customers" in done.stdout
    done = call(Path("/"), "/bin/sh", "-c", unit_command("verify", checkout))
    assert done.returncode == 0, done.stdout


def unit_command(name: str, folder: Path) -> str:
    """What a unit of systemd starts, in its folder."""
    path = ROOT / "orchestrate" / "systemd" / f"pennylane-{name}.service"
    unit = path.read_text(encoding="utf-8").replace("\\\n", " ")
    (command,) = re.findall(r"^ExecStart=(.*)$", unit, flags=re.MULTILINE)
    return f"cd {folder} && {command}".replace("/opt/pennylane", str(folder))


def test_three_lines_make_a_plain_role_columns_are_erased_and_all_is_uninstalled(
    folder: Path,
) -> None:
    with embedded.server(folder / ".embedded", keep=False) as server:
        admin = server.url(SUPERUSER)
        (three_lines,) = blocks("set-up.md", "sql", "2. The database")
        run_sql(admin, three_lines)
        rights = (
            "select rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = 'pennylane'"
        )
        assert ask(admin, rights) == [(False, False, False)]
        books = re.sub(r"/x\?", "/pennylane?", server.url("x"))
        role = books.replace("postgres@", "pennylane@")
        run_sql(
            role,
            """
            create schema pennylane create table customers (id int, emails jsonb, name text);
            insert into pennylane.customers values (1, '[]', 'Jeanne'), (2, null, 'Paul');
            create schema pennylane_live create view customers as table pennylane.customers;
            grant usage on schema pennylane_live to pennylane_reader
            """,
        )
        personal = {("customers", "emails"), ("customers", "name"), ("quotes", "label")}
        with psycopg.connect(role, autocommit=True) as connection:
            filled = forgetting.filled(connection, "pennylane", personal)
            assert filled == {"customers": {"emails": 1, "name": 2}}
            forgetting.erase(connection, "pennylane", "customers", filled["customers"])
        assert ask(role, "table pennylane_live.customers") == [(1, None, None), (2, None, None)]

        first, second = blocks("operations.md", "sql", "Uninstall")
        run_sql(books, first)
        schemas = "select from pg_namespace where nspname !~ '^(pg_|information_schema|public)'"
        assert ask(books, schemas) == []
        run_sql(admin, second)
        assert ask(admin, "select from pg_roles where rolname ~ 'pennylane'") == []
        assert ask(admin, "select from pg_database where datname = 'pennylane'") == []


def run_sql(url: str, script: str) -> None:
    """Run a script as psql does: each statement by itself."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in filter(str.strip, re.sub(r"--.*", "", script).split(";")):
            connection.execute(statement.encode())

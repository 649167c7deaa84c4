"""What docs/set-up.md, docs/personal-data.md and the chapter on uninstalling tell people to do."""

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
from pennylane_launcher import embedded
from pennylane_launcher.cluster import SUPERUSER
from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

ROOT = Path(__file__).parents[2]
WANTED = ("customers.*", "suppliers.*", "journals.*", "sync_log.*")
LEFT_OUT = ("customers", "emails"), ("customers", "name"), ("suppliers", "iban")


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


@pytest.mark.timeout(900)
def test_the_line_for_cron_works_with_the_env_of_make_run_and_after_a_crash(
    checkout: Path, sandbox: Sandbox
) -> None:
    write_env(checkout, sandbox)
    (hourly, weekly) = blocks("set-up.md", "cron", "5. By itself")
    assert hourly.startswith("17 * * * * cd /srv/pennylane && ")
    assert "%" not in hourly + weekly, "cron would read it as the end of the line"
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
    cron(weekly)
    with embedded.server(checkout / ".embedded") as postgres:
        ((count,),) = ask(
            postgres.url("pennylane"),
            "select count(*) from pennylane.customers where _sdc_deleted_at is null",
        )
    assert count == len(sandbox.state("customers"))
    done = call(Path("/"), "/bin/sh", "-c", unit_command("sync", checkout))
    assert done.returncode == 0, done.stdout
    assert "customers" in done.stdout
    assert "pennylane_launcher run --full-refresh" in unit_command("full-refresh", checkout)


def unit_command(name: str, folder: Path) -> str:
    """What a unit of systemd starts, in its folder."""
    path = ROOT / "orchestrate" / "systemd" / f"pennylane-{name}.service"
    unit = path.read_text(encoding="utf-8").replace("\\\n", " ")
    (command,) = re.findall(r"^ExecStart=(.*)$", unit, flags=re.MULTILINE)
    return f"cd {folder} && {command}".replace("/opt/pennylane", str(folder))


@pytest.mark.timeout(900)
def test_a_plain_role_loads_forgets_and_is_uninstalled(checkout: Path, sandbox: Sandbox) -> None:
    with embedded.server(checkout / "server" / ".embedded", keep=False) as server:
        admin = server.url(SUPERUSER)
        (three_lines,) = blocks("set-up.md", "sql", "2. The database")
        assert len(three_lines.splitlines()) == 3
        run_sql(admin, three_lines)
        assert ask(
            admin,
            "select rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = 'pennylane'",
        ) == [(False, False, False)]
        host, _, port = server.url("x").partition("host=")[2].partition("&port=")
        lines = [
            "MELTANO_ENVIRONMENT=prod",
            f"POSTGRES_HOST={host}",
            *([f"POSTGRES_PORT={port}"] if port else []),
            "POSTGRES_USER=pennylane",
            "POSTGRES_PASSWORD=a password of your choice",
            "POSTGRES_DB=pennylane",
        ]
        chosen = ", ".join(f'"{rule}"' for rule in WANTED)
        write_env(checkout, sandbox, *lines, f"TAP_PENNYLANE__SELECT='[{chosen}]'")
        loaded = launch(checkout, "run")
        assert loaded.returncode == 0, loaded.stdout
        books = re.sub(r"/x\?", "/pennylane?", server.url("x"))
        run_sql(books, "set role pennylane_reader; select from pennylane_marts.general_ledger")

        forgotten(checkout, sandbox, books, lines)

        first, second = blocks("operations.md", "sql", "Uninstall")
        run_sql(books, first)
        schemas = (
            "select nspname from pg_namespace where nspname !~ '^(pg_|information_schema|public)'"
        )
        assert ask(books, schemas) == []
        run_sql(admin, second)
        assert ask(admin, "select from pg_roles where rolname ~ 'pennylane'") == []
        assert ask(admin, "select from pg_database where datname = 'pennylane'") == []


def forgotten(folder: Path, sandbox: Sandbox, books: str, lines: list[str]) -> None:
    """Personal columns are left out, erased, and stay so."""

    def held() -> list[int]:
        return [
            ask(books, f"select count({column}) from pennylane.{table}")[0][0]  # noqa: S608
            for table, column in LEFT_OUT
        ]

    def select(*rules: str) -> None:
        chosen = ", ".join(f'"{rule}"' for rule in rules)
        write_env(folder, sandbox, *lines, f"TAP_PENNYLANE__SELECT='[{chosen}]'")

    before = held()
    assert all(before)
    select("*.*")
    refused = launch(folder, "forget")
    assert refused.returncode == 1
    assert "Every personal column is still loaded" in refused.stdout
    select(*WANTED, *(f"!{table}.{column}" for table, column in LEFT_OUT))
    unasked = launch(folder, "forget")
    assert unasked.returncode == 1
    assert "make forget ARGS=--yes" in unasked.stdout
    assert held() == before
    names = ask(books, "select sum(hashtext(customer_type)) from pennylane.customers")
    done = launch(folder, "forget", "--yes")
    assert done.returncode == 0, done.stdout
    assert "rows of customers: emails, name" in done.stdout
    assert held() == [0, 0, 0]
    assert ask(books, "select count(*) from pennylane_live.customers where emails is not null") == [
        (0,)
    ]
    again = launch(folder, "run")
    assert again.returncode == 0, again.stdout
    assert "'customers' is read whole again" in again.stdout
    assert held() == [0, 0, 0]
    assert ask(books, "select sum(hashtext(customer_type)) from pennylane.customers") == names
    assert "nothing to erase" in launch(folder, "forget", "--yes").stdout


def run_sql(url: str, script: str) -> None:
    """Run a script as psql does: each statement by itself."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in filter(str.strip, re.sub(r"--.*", "", script).split(";")):
            connection.execute(statement.encode())

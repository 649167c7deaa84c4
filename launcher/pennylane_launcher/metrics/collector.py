"""Reads the warehouse whenever Prometheus scrapes the metrics."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pennylane_launcher.metrics import families
from pennylane_launcher.metrics.figures import Figures, Row, Runs, Tables
from pennylane_launcher.metrics.part import Part
from pennylane_launcher.monitoring import alerts, health, incidents
from pennylane_launcher.monitoring.health import Health
from pennylane_launcher.monitoring.incidents import Memory
from pennylane_launcher.monitoring.problem import NOTICES

KEEP = timedelta(minutes=5)
KEEP_FINDINGS = timedelta(minutes=15)
"""The controls read all books, which takes seconds where there are a million lines."""
UP = "Whether the database could be read."


class Warehouse(Collector):
    """Reads the warehouse whenever it is scraped."""

    def __init__(self, project: Path, settings: Mapping[str, str], figures: Figures) -> None:
        """Say which warehouse.

        Args:
            project: the project's folder.
            settings: environment variables, those of `.env` included, which name the database.
            figures: queries it.

        Raises:
            LauncherError: a setting is invalid.
        """
        self._project = project
        self._settings = settings
        self._figures = figures
        self._limits = {
            "table_age_limit_seconds": health.max_age(settings),
            "tests_age_limit_seconds": health.max_age(settings, *health.TESTS_MAX_AGE),
        }
        self._health: Part[Health] = Part("health", KEEP)
        self._tables: Part[Tables] = Part("tables", KEEP)
        self._findings: Part[list[Row]] = Part("controls", KEEP_FINDINGS)
        # Two scrapes at once must not ask the same costly questions twice.
        self._lock = Lock()

    def describe(self) -> Iterable[Metric]:
        """Describe nothing: else registering would read the warehouse."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Read the warehouse; if that fails, the metrics say so."""
        with self._lock:
            try:
                runs = self._figures.runs()
            except psycopg.Error:
                return [families.gauge("up", UP, 0), *self._incidents(None)]
            moment = (runs.latest, runs.is_running, runs.last and runs.last["run_id"])
            self._health.refresh(moment, lambda: health.check(self._project, self._settings))
            self._tables.refresh(moment, lambda: self._figures.tables(runs))
            self._findings.refresh(moment, self._figures.findings)
            return [*self._families(runs)]

    def _families(self, runs: Runs) -> Iterator[Metric]:
        yield families.gauge("up", UP, 1)
        yield families.gauge(
            "read_timestamp_seconds",
            "When the database was read, by its clock.",
            families.epoch(runs.now),
        )
        yield from self._parts()
        yield from families.of_runs(runs)
        for name, limit in self._limits.items():
            yield families.gauge(
                name,
                "The age above which `check-health` reports it.",
                limit.total_seconds(),
                runs.company,
            )
        checked = self._health.value
        yield from self._incidents(checked)
        if checked is not None:
            yield from families.of_health(checked, runs)
        if self._tables.value is not None:
            yield from families.of_tables(
                self._tables.value, runs, checked.found if checked else None
            )
        if self._findings.value is not None:
            yield from families.of_findings(self._findings.value)

    def _parts(self) -> Iterator[Metric]:
        parts: tuple[Part[Any], ...] = (self._health, self._tables, self._findings)
        for name, text, values in (
            (
                "success",
                "Whether this part of the figures could be read.",
                [part.value is not None for part in parts],
            ),
            (
                "duration_seconds",
                "How long it took to read this part.",
                [part.seconds for part in parts],
            ),
            ("age_seconds", "How long ago this part was read.", [part.age for part in parts]),
        ):
            family = GaugeMetricFamily(f"pennylane_part_{name}", text, labels=["part"])
            for part, value in zip(parts, values, strict=True):
                family.add_metric([part.name], value)
            yield family

    def _incidents(self, checked: Health | None) -> Iterator[Metric]:
        """Yield the open incidents; they are in a file, so they are known without the database."""
        memory = Memory()
        with suppress(OSError):
            memory = incidents.read(alerts.file(self._project, self._settings))
        kinds = Counter(each.kind for each in memory.incidents if each.kind not in NOTICES)
        family = GaugeMetricFamily(
            "pennylane_open_incidents",
            "Incidents that were reported and are not over.",
            labels=["kind"],
        )
        judged = (checked.judged if checked else frozenset()) - NOTICES
        for kind in sorted({*kinds, "database", *judged}):
            family.add_metric([kind], kinds[kind])
        yield family

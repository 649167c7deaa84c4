"""The model test: after any history, the live rows of every table equal the sandbox's.

A history is made from a seed: changes of all kinds, clocks that jump, faults, runs that are killed.
`MODEL_SEED` and `MODEL_STEPS` choose another one; a failure prints the seed and the last steps.
`MODEL_SURPRISES` names additional kinds of changes, or all of them with `*`.

A history of chosen length may be long: of its runs, most start the tap and the target as Meltano
does, but without Meltano (`without_meltano.py`). The first one, those after a run that was killed,
those with options, and a tenth of the others are Meltano's.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import time
from collections import deque
from contextlib import ExitStack
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests
from pennylane_launcher import meltano
from pennylane_sandbox.pytest_plugin import running
from tap_pennylane.streams.child import ChildStream, IncludedChildStream
from tap_pennylane.streams.exports import ExportStream
from tap_pennylane.tap import TapPennylane
from without_meltano import WithoutMeltano

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from pennylane_sandbox.pytest_plugin import Sandbox

    from pipelines import Pipeline

STREAMS = {
    name: stream
    for name, stream in TapPennylane(validate_config=False).streams.items()
    if name != "sync_log" and not isinstance(stream, ExportStream)
}
SEED = int(os.environ.get("MODEL_SEED", "20260701"))
STEPS = int(os.environ.get("MODEL_STEPS", "20"))
CHANGING = [
    "customer_invoices",
    "customers",
    "ledger_entries",
    "ledger_entry_lines",
    "products",
    "quotes",
    "supplier_invoices",
    "suppliers",
    "transactions",
    "bank_accounts",
    "categories",
    "category_groups",
    "commercial_documents",
    "journals",
    "ledger_accounts",
    "purchase_requests",
]
RECREATABLE = ["products", "suppliers", "customers", "quotes"]
SURPRISES: dict[str, list[str]] = {
    "rewrite": ["ledger_entries"],
    "relist": ["customers", "suppliers", "customer_invoices", "transactions", "ledger_entry_lines"],
    "vanish": ["ledger_entries", "ledger_entry_lines"],
    "silent": CHANGING,
}
"""Changes as Pennylane's users see them, beside plain ones, and the collections that have them."""
UNTOLD = {"relist", "vanish", "silent"}
"""Those that a verification finds, since no event names what has changed."""
WANTED = os.environ.get("MODEL_SURPRISES", "*").split()
FAULTS = ["status", "drop", "truncate", "html", "rate_limit"]
BALANCES, ENTRIES = "trial_balance", "ledger_entries"
REVISED = " — révision "
"""In the names that the sandbox edited: what follows is new."""
EVERY_RUN = json.dumps(dict.fromkeys(STREAMS.keys() - {BALANCES}, 0))
ALWAYS = json.dumps(dict.fromkeys(STREAMS, 0))
VERIFIED = [
    name
    for name, stream in STREAMS.items()
    if stream.changelog and not isinstance(stream, IncludedChildStream)
]
KILLED = ["bin/tap-pennylane", "bin/target-postgres-exact", "bin/meltano", ""]
"""Processes, by their command line; the empty one stands for all."""
HOUR, WEEK = 3600, 7 * 86_400


def plain(value: object) -> object:
    """A database value in the API's format, with numbers as numbers."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return value.isoformat()
    return value


def live(pipeline: Pipeline, name: str) -> Sequence[Mapping[str, Any]]:
    """The rows that the views show."""
    stream = STREAMS[name]
    if isinstance(stream, ChildStream):
        return pipeline.live_lists(name, stream.primary_keys[0])
    if name == BALANCES:
        return pipeline.live_balances()
    return pipeline.live_entries() if name == ENTRIES else pipeline.live(name)


def complaints(done: subprocess.CompletedProcess[str]) -> str:
    """What went wrong in a run, without Meltano's traceback."""
    lines = done.stdout.splitlines()
    return "\n".join(line for line in lines if line.strip()[:1] not in "│╭╰")[-5000:]


def assert_tables_equal(pipeline: Pipeline, *, raw: bool = False, named: bool = False) -> None:
    """Every row that the views show, or every live row of the tables, field by field.

    An account that was renamed keeps its old name in the trial balance until that is read again,
    which only a change of its lines brings about; `named` says that it has been.
    """
    for name, stream in STREAMS.items():
        keys = stream.primary_keys
        wanted = {tuple(row[k] for k in keys): row for row in pipeline.sandbox.rows(stream.path)}
        shown = pipeline.live(name) if raw and name == ENTRIES else live(pipeline, name)
        found = {tuple(plain(row[k]) for k in keys): row for row in shown}
        assert found.keys() == wanted.keys(), name
        for key, row in found.items():
            for column, definition in stream.schema["properties"].items():
                if column == "asked_at":  # the tap's own
                    assert row[column]
                    continue
                value, expected = plain(row[column]), wanted[key].get(column)
                if expected is not None and "number" in definition["type"]:
                    expected = Decimal(expected) if expected != "" else None
                elif expected is not None and definition.get("format") == "date-time":
                    expected = datetime.fromisoformat(expected)
                if (name, column) == (BALANCES, "label") and not named:
                    value, expected = (
                        str(text).partition(REVISED)[0] for text in (value, expected)
                    )
                assert value == expected, (name, key, column)


class History:
    """A company's life, and the runs that follow it."""

    def __init__(self, pipeline: Pipeline, seed: int, surprises: Collection[str] = ()) -> None:
        self.pipeline, self.sandbox = pipeline, pipeline.sandbox
        self.random = random.Random(seed)  # noqa: S311 - a history, not a secret
        self.gone: dict[str, list[int]] = {name: [] for name in RECREATABLE}
        self.steps: deque[str] = deque(maxlen=40)
        self.compared = 0
        self.is_untold = False
        """Whether something has changed since the last verification that no event tells."""
        self.without_meltano: WithoutMeltano | None = None
        self.needs_meltano = True
        """Whether only Meltano knows how to go on: it keeps what an interrupted run confirmed."""
        self.surprises = [one for one in SURPRISES if one in surprises or "*" in surprises]

    def step(self) -> None:
        """One event of the history."""
        kinds = [self.change, self.recreate, self.burst, self.pass_time, self.expire]
        kinds += [self.run, self.run_with_faults, self.run_failing, self.run_killed]
        weights = [60, 6, 1, 8, 0.5, 6, 4, 2, 3]
        kinds.append(self.surprise)
        weights.append(15 if self.surprises else 0)
        self.random.choices(kinds, weights)[0]()

    def note(self, text: str) -> None:
        """Record a step for the report."""
        self.steps.append(text)

    def change(self) -> None:
        name = self.random.choice(CHANGING)
        counts = {
            "create": self.random.randint(0, 4),
            "update": self.random.randint(0, 6),
            "delete": self.random.randint(0, 2) if self.random.random() < 0.5 else 0,
        }
        together = self.random.random() < 0.3
        self.note(f"change {name} {counts} at one instant: {together}")
        try:
            done = self.sandbox.change(name, **counts, at_same_instant=together)
        except requests.HTTPError:  # rows that others refer to cannot be deleted
            self.note("… refused")
            return
        if name in self.gone:
            self.gone[name] += done["deleted"]

    def surprise(self) -> None:
        """A change that Pennylane reports in an unusual way, or not at all."""
        kind = self.random.choice(self.surprises)
        name = self.random.choice(SURPRISES[kind])
        count = self.random.randint(1, 4)
        counts: dict[str, Any] = {"update": count} if kind == "silent" else {kind: count}
        if kind == "silent" and self.random.random() < 0.5:
            counts = {"delete": 1}
        self.note(f"{kind} {name} {counts}")
        self.is_untold |= kind in UNTOLD
        try:
            self.sandbox.change(name, **counts, silent=kind == "silent")
        except requests.HTTPError:  # too few rows that may go
            self.note("… refused")

    def recreate(self) -> None:
        name = self.random.choice(RECREATABLE)
        if self.gone[name]:
            again = self.gone[name].pop(self.random.randrange(len(self.gone[name])))
            self.note(f"recreate {name} {again}")
            self.sandbox.change(name, recreate=[again])

    def burst(self) -> None:
        self.note("burst of 1200 products at one instant")
        born = self.sandbox.change("products", create=1200, at_same_instant=True)["created"]
        self.sandbox.change("products", delete=born[:1100])
        self.gone["products"] += born[:3]

    def pass_time(self) -> None:
        seconds = self.random.choice([30, HOUR, 24 * HOUR, WEEK])
        self.note(f"{seconds} s pass")
        self.sandbox.control("POST", "clock", advance_seconds=seconds)

    def expire(self) -> None:
        self.note("five weeks pass")
        self.sandbox.control("POST", "clock", advance_seconds=5 * WEEK)

    def run(self, *options: str, retries: int = 5) -> None:
        """A run that must succeed and leave the tables correct."""
        self.sandbox.control("POST", "clock", advance_seconds=600)  # so that balances are due
        budget = self.random.choice([0, 2, 10, 100])
        self.note(f"run {options}, {budget} requests for verification")
        variables = {**self.variables(retries), "TAP_PENNYLANE_VERIFY_REQUESTS": str(budget)}
        done = self.load(*options, **variables)
        assert done.returncode == 0, complaints(done)
        self.is_untold &= "--full-refresh" not in options
        if self.is_untold:
            self.verify()
        assert_tables_equal(self.pipeline, named="--full-refresh" in options)
        self.compared += 1

    def load(self, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The job `sync` without the views."""
        if (
            self.without_meltano
            and not options
            and not self.needs_meltano
            and self.random.random() < 0.9
        ):
            return self.without_meltano.run(
                max_retries=int(variables["TAP_PENNYLANE_MAX_RETRIES"]),
                verify_requests=int(variables.get("TAP_PENNYLANE_VERIFY_REQUESTS", "100")),
            )
        self.needs_meltano = False
        steps = ("bookmarks:check", "tap-pennylane", "target-postgres")
        return self.pipeline.meltano("run", "--force", *options, *steps, **variables)

    def verify(self) -> None:
        """A whole cycle of verification: then the tables themselves are correct."""
        before = self.verified_at()
        variables = {**self.variables(5), "TAP_PENNYLANE_VERIFY_REQUESTS": "2000"}
        while any(
            moment <= before.get(name, moment) for name, moment in self.verified_at().items()
        ):
            self.note("run for verification")
            done = self.load(**variables)
            assert done.returncode == 0, complaints(done)
        self.sandbox.control("POST", "clock", advance_seconds=600)
        done = self.load(**variables)  # the balances that the lines moved
        assert done.returncode == 0, complaints(done)
        assert_tables_equal(self.pipeline, raw=True)
        self.is_untold = False

    def verified_at(self) -> dict[str, datetime]:
        """When each collection was last read completely, or its verification began."""
        rows = self.pipeline.query(
            "select stream, max(verified_at) as moment from pennylane.sync_log group by stream"
        )
        return {row["stream"]: row["moment"] for row in rows if row["stream"] in VERIFIED}

    def run_with_faults(self) -> None:
        for _ in range(self.random.randint(1, 3)):
            path = self.random.choice(["*", "/customers", "/changelogs/*", "/ledger_entry_lines"])
            kind = self.random.choice(FAULTS)
            skip = self.random.randint(0, 30)
            self.note(f"fault {kind} at {path} after {skip}")
            self.sandbox.fault(path, kind, times=1, skip=skip, seconds=0.2)
        self.run()
        self.sandbox.clear_faults()

    def run_failing(self) -> None:
        """A run that may fail at some point; the next one must correct it."""
        skip = self.random.randint(1, 40)
        self.note(f"run that is cut off for good after {skip} requests")
        self.sandbox.fault("*", "drop", skip=skip)
        options = ["--full-refresh"] if self.random.random() < 0.3 else []
        self.load(*options, **self.variables(0))
        self.sandbox.clear_faults()

    def run_killed(self) -> None:
        """A run whose tap, or whose entire process tree, is killed."""
        self.needs_meltano = True
        self.note("run that is killed")
        environment = meltano.environment(
            self.pipeline.url, api_url=self.sandbox.url, token=self.sandbox.token
        )
        command = meltano.command("run", "--force", "tap-pennylane", "target-postgres")
        with subprocess.Popen(
            [*command[:1], "--env-file", "/dev/null", *command[1:]],
            cwd=self.pipeline.project,
            env={**environment, **self.variables(5)},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            time.sleep(self.random.uniform(1.5, 4))
            if one := self.random.choice(KILLED):
                self.note(f"… {one}")
                subprocess.run(["pkill", "-KILL", "-s", str(process.pid), "-f", one], check=False)
                process.wait(timeout=600)  # it may have begun too late to be killed
            else:
                os.killpg(process.pid, signal.SIGKILL)

    def variables(self, retries: int) -> dict[str, str]:
        return {
            "TAP_PENNYLANE_MAX_RETRIES": str(retries),
            "TAP_PENNYLANE_ALL_STREAMS": "true",
            "TAP_PENNYLANE_REQUESTS_PER_WINDOW": "100000",
            "TAP_PENNYLANE_REFRESH_HOURS": EVERY_RUN,
            "TAP_PENNYLANE_VERIFY_DAYS": ALWAYS,
            "TAP_PENNYLANE__SELECT": json.dumps([f"{name}.*" for name in [*STREAMS, "sync_log"]]),
        }


@pytest.mark.timeout(0 if "MODEL_STEPS" in os.environ else 1200)
def test_any_history_ends_in_the_same_rows(pipeline_of: Callable[[Sandbox], Pipeline]) -> None:
    seed = str(SEED % 1000)
    with (
        running("--seed", seed, "--size", "100", "--rate-limit", "none") as sandbox,
        ExitStack() as stack,
    ):
        history = History(pipeline_of(sandbox), SEED, WANTED)
        if "MODEL_STEPS" in os.environ:
            programs = WithoutMeltano(history.pipeline, **history.variables(5))
            history.without_meltano = stack.enter_context(programs)
        try:
            for _ in range(STEPS):
                history.step()
            history.is_untold = True  # so that the run is verified, whatever happened last
            history.run()
            history.run("--full-refresh")
        except BaseException:
            logging.getLogger("model").exception(
                "MODEL_SEED=%d MODEL_STEPS=%d; the last steps were:\n%s",
                SEED,
                STEPS,
                "\n".join(history.steps),
            )
            raise
        assert history.compared > STEPS / 20

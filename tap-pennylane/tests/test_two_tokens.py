"""Runs with two companies' tokens, in any order and cut off anywhere, never mix their books."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

    from conftest import Run

LISTS = ["customers", "journals", "ledger_entry_lines"]
STEPS = int(os.environ.get("MODEL_STEPS", "10"))
REFUSED = 78


@pytest.fixture(scope="module")
def companies() -> Iterator[list[Sandbox]]:
    """Two companies, each with a token."""
    options = ("--size", "3000", "--rate-limit", "none")
    with running(*options, "--seed", "1") as one, running(*options, "--seed", "2") as other:
        yield [one, other]


class Tables:
    """What a target holds that has written what came before the STATE messages it confirmed."""

    def __init__(self) -> None:
        self.rows: defaultdict[str, dict[int, tuple[int, Sandbox]]] = defaultdict(dict)
        """By stream and id: the table version, and whose row it is."""
        self.state: dict[str, Any] | None = None

    def load(self, run: Run, company: Sandbox) -> None:
        messages = run.messages
        while messages and messages[-1]["type"] != "STATE":
            messages.pop()
        for message in messages:
            if message["type"] == "STATE":
                self.state = message["value"]
                continue
            table = self.rows[message["stream"]]
            if message["type"] == "RECORD" and message["stream"] in LISTS:
                record = message["record"]
                table[record["id"]] = (message["version"], company)
                if record.get("_sdc_deleted_at"):
                    del table[record["id"]]
            elif message["type"] == "ACTIVATE_VERSION":
                for key in [one for one, row in table.items() if row[0] < message["version"]]:
                    del table[key]

    def owners(self) -> list[Sandbox]:
        found = {id(row[1]): row[1] for table in self.rows.values() for row in table.values()}
        return list(found.values())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_books_never_mix(run_tap: Callable[..., Run], companies: list[Sandbox], seed: int) -> None:
    chance, tables = random.Random(seed), Tables()  # noqa: S311 - a history, not a secret
    complete = refused = 0
    for _ in range(STEPS):
        company = chance.choice(companies)
        company.change("customers", create=1, update=1)
        kill = ("timeout", "--signal", "KILL", f"{chance.uniform(0.5, 2.5):.2f}")
        run = run_tap(
            streams=[*LISTS, "sync_log"],
            state=tables.state,
            through=kill if chance.random() < 0.5 else (),
            api_token=company.token,
            api_url=company.url,
            requests_per_window=9999,
            page_size=20,
        )
        before = tables.owners()
        if before and before != [company]:
            assert not run.records
            refused += run.exit_code == REFUSED
        tables.load(run, company)
        assert len(tables.owners()) <= 1
        if run.exit_code == 0:
            complete += 1
            for name in LISTS:
                assert tables.rows[name].keys() == {row["id"] for row in company.state(name)}
    assert complete
    assert refused

"""The commands in the target's and the mapper's READMEs, unchanged, in new environments."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from pennylane_launcher import meltano

if TYPE_CHECKING:
    from pennylane_launcher.postgres import embedded

PROJECT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
SHELL = "set -euxo pipefail\n"
SCHEMA = {
    "type": "SCHEMA",
    "stream": "things",
    "schema": {"properties": {"Id": {"type": "integer"}, "netAmount": {"type": "number"}}},
    "key_properties": ["Id"],
}
# A float would not keep this amount.
RECORD = (
    '{"type": "RECORD", "stream": "things", "record": {"Id": 1, "netAmount": 0.10000000000000001}}'
)
MESSAGES = f"{json.dumps(SCHEMA)}\n{RECORD}\n"


def blocks(package: str) -> list[str]:
    """The commands in a README that install something."""
    page = (PROJECT / package / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^```sh\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    return [block for block in found if " install " in block]


def run(folder: Path, script: str, *, typed: str = "") -> None:
    """Run commands in a folder that has the packages in it, as a clone has."""
    for package in ("target-postgres-exact", "transform"):
        (folder / package).symlink_to(PROJECT / package)
    done = subprocess.run(
        ["bash", "-c", SHELL + script],
        cwd=folder,
        env={
            "UV_SYSTEM_CERTS": "true",
            **os.environ,
            "PATH": f"{folder / 'bin'}:{folder / 'environment/bin'}:/usr/bin:/bin",
        },
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def program(folder: Path, name: str, line: str) -> None:
    """Add a program with that name to the commands' PATH."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    (folder / "bin" / name).chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an empty environment, whose `pip` is uv's and uses uv's cache."""
    there = tmp_path / "environment"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, there], check=True)
    program(tmp_path, "pip", f'shift && exec {UV} pip install --python {there} "$@"')
    return tmp_path


@pytest.mark.parametrize("place", [0, 1], ids=["target-postgres", "target-postgres-exact"])
def test_the_target_keeps_amounts(place: int, postgres: embedded.Server, folder: Path) -> None:
    url = postgres.url(f"readme_{place}")
    config = {"sqlalchemy_url": meltano.sqlalchemy(url), "default_target_schema": "landed"}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    run(folder, blocks("target-postgres-exact")[place], typed=MESSAGES)
    with psycopg.connect(url) as connection:
        found = connection.execute('select "netAmount" from landed.things').fetchall()
    assert found == [(Decimal("0.10000000000000001"),)]


def test_the_mapper_stands_between_a_tap_and_a_target(folder: Path) -> None:
    program(folder, "some-tap", f"printf %s '{MESSAGES}'")
    program(folder, "some-target", "cat >landed")
    (folder / "mapper.json").write_text("{}", encoding="utf-8")
    (block,) = blocks("transform/mapper-snake-case")
    run(folder, block)
    landed = (folder / "landed").read_text(encoding="utf-8")
    assert '"net_amount":0.10000000000000001' in landed.replace(": ", ":")

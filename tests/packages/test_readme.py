"""The commands of the packages' READMEs, as they stand, in environments of their own."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from pennylane_launcher import meltano

if TYPE_CHECKING:
    from pennylane_launcher import embedded

PROJECT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
SHELL = """
set -euxo pipefail
trap 'kill $(jobs -p) 2>/dev/null' EXIT
"""
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
    """What a README tells people to type, where it installs something."""
    page = (PROJECT / package / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^```sh\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    return [block for block in found if " install " in block]


def run(folder: Path, script: str, *, typed: str = "", **variables: str) -> str:
    """Run commands in a folder that has the packages in it, as a clone has; what was printed."""
    for package in ("tap-pennylane", "sandbox", "postgresql-exact", "transform"):
        (folder / package).symlink_to(PROJECT / package)
    (folder / "bin").mkdir(exist_ok=True)
    given = {name: value for name, value in os.environ.items() if not name.startswith("TAP_")}
    done = subprocess.run(
        ["bash", "-c", SHELL + script],
        cwd=folder,
        env={
            "UV_SYSTEM_CERTS": "true",
            **given,
            "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
            **variables,
        },
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def program(folder: Path, name: str, line: str) -> None:
    """Have a program of that name among those that the commands find."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    (folder / "bin" / name).chmod(0o755)


def environment(folder: Path) -> dict[str, str]:
    """An empty environment, whose `pip` is uv's: it takes what is in uv's cache."""
    there = folder / "environment"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, there], check=True)
    program(folder, "pip", f'shift && exec {UV} pip install --python {there} "$@"')
    return {"PATH": f"{folder / 'bin'}:{there / 'bin'}:/usr/bin:/bin"}


@pytest.mark.timeout(900)
def test_the_tap_reads_the_sandbox(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program(tmp_path, "uv", f'exec {UV} "$@"')
    install, block = blocks("tap-pennylane")
    said = run(
        tmp_path,
        f"{install.splitlines()[0]}\n{block.replace('8787', str(port))}",
        UV_TOOL_DIR=str(tmp_path / "tools"),
        UV_TOOL_BIN_DIR=str(tmp_path / "bin"),
        TAP_PENNYLANE_REQUESTS_PER_WINDOW="100000",
    )
    assert "One record of each of " in said


@pytest.mark.timeout(900)
@pytest.mark.parametrize("place", [0, 1], ids=["target-postgres", "target-postgres-exact"])
def test_the_target_keeps_amounts(place: int, postgres: embedded.Server, tmp_path: Path) -> None:
    url = postgres.url(f"readme_{place}")
    config = {"sqlalchemy_url": meltano.sqlalchemy(url), "default_target_schema": "landed"}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    run(tmp_path, blocks("postgresql-exact")[place], typed=MESSAGES, **environment(tmp_path))
    with psycopg.connect(url) as connection:
        found = connection.execute('select "netAmount" from landed.things').fetchall()
    assert found == [(Decimal("0.10000000000000001"),)]


@pytest.mark.timeout(900)
def test_the_mapper_stands_between_a_tap_and_a_target(tmp_path: Path) -> None:
    program(tmp_path, "some-tap", f"echo '{MESSAGES}'")
    program(tmp_path, "some-target", "cat >landed")
    (tmp_path / "mapper.json").write_text("{}", encoding="utf-8")
    (block,) = blocks("transform/mapper-snake-case")
    run(tmp_path, block, **environment(tmp_path))
    landed = (tmp_path / "landed").read_text(encoding="utf-8")
    assert '"net_amount":0.10000000000000001' in landed.replace(": ", ":")
